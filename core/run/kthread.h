/* kthread.h - a kernel thread of ours, that no program knows of. */
#ifndef GP_CORE_RUN_KTHREAD_H
#define GP_CORE_RUN_KTHREAD_H

#include "core/base.h"

/* Starts fn(arg) with all signals blocked; fn never returns but ends with
 * gp__kthread_exit(). 0 or a negative errno. Under the shim it is a raw clone
 * without a TLS, and fn calls nothing of libc. */
int gp__kthread_start(void (*fn)(void *arg), void *arg);
void gp__kthread_exit(void) GP_NORETURN;
#ifdef GP_SHIM
/* Runs fn(arg), which ends likewise, and waits for its end: fn's thread is what the
 * caller's is, but for what fn makes of it. 0 or a negative errno. */
int gp__kthread_run(void (*fn)(void *arg), void *arg);
#endif

#endif
