/* futex.h - waiting for a word of memory. */
#ifndef GP_PRELOAD_CALLS_FUTEX_H
#define GP_PRELOAD_CALLS_FUTEX_H

#include "preload/shim.h"

/* Wakes up to n greenlets that wait for the word; how many. */
long gp__futex_wake(unsigned long addr, int n, uint32_t bits);
/* A thread that ends: the kernel's walk of its robust list. */
void gp__robust_exit(struct gp_guest *me);
/* In the child of a fork: nobody waits. */
void gp__futex_forked(void);

#endif
