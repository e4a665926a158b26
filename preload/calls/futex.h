/* futex.h - waiting for a word of memory. */
#ifndef GP_PRELOAD_CALLS_FUTEX_H
#define GP_PRELOAD_CALLS_FUTEX_H

#include "preload/shim.h"

/* Wakes up to n greenlets that wait for the word; how many. */
long gp__futex_wake(unsigned long addr, int n, uint32_t bits);
/* One, greenlet or not, that waits without FUTEX_PRIVATE_FLAG: as the kernel
 * wakes when a thread has ended. */
void gp__futex_wake_joiner(unsigned long addr);
/* A thread that ends: the kernel's walk of its robust list. */
void gp__robust_exit(struct gp_guest *me);
/* In the child of a fork: nobody waits. */
void gp__futex_forked(void);

/* futex_shared.c: a word that another process may wake. */
struct gp_futex_watch {
	struct gp_list link;   /* in the watcher's list */
	struct gp_greenlet *g; /* who waits */
	uint64_t addr;
	uint32_t value;        /* that it had */
	unsigned flag;         /* FUTEX_PRIVATE_FLAG, as in the call */
	bool fired;            /* the greenlet was woken because of it */
	bool woken;            /* by a wake; else the word should be looked at again */
};
/* False: it cannot be watched; look again from time to time. */
bool gp__futex_watch(struct gp_hub *h, struct gp_futex_watch *w);
void gp__futex_unwatch(struct gp_futex_watch *w);
/* Wakes the greenlets whose words were woken; called by the hub. */
void gp__futex_collect(void);
bool gp__futex_watcher_runs(void);
void gp__futex_shared_forked(void);

#endif
