/* futex.h - waiting for a word of memory. */
#ifndef GP_PRELOAD_CALLS_FUTEX_H
#define GP_PRELOAD_CALLS_FUTEX_H

#include "preload/shim.h"

#define GP__FUTEX_LOOK_AGAIN (2 * GP__MSEC) /* at a word that another process may wake */

/* One wait for one word, on the stack of whoever waits. */
struct gp_futex_wait {
	struct gp_list link;  /* in the queue of addr's bucket; alone when woken */
	struct gp_guest *g;   /* who waits */
	unsigned long addr;
	unsigned long lock;   /* FUTEX_WAIT_REQUEUE_PI: the word it is to be moved to; then 0 */
	uint32_t bits;        /* 0: it waits to be made the owner, and is not for FUTEX_WAKE */
	bool woken;           /* it was this wait that was ended */
};

/* futex.c. Before the first of them: 0 or -ENOMEM. */
int gp__futex_start(void);
/* The bucket of a word. */
struct gp_list *gp__futex_queue(unsigned long addr);
/* Joins the queue. The caller takes it out (gp__list_del) when it has waited. */
void gp__futex_enter(struct gp_futex_wait *w, struct gp_guest *me, unsigned long addr, uint32_t bits);
/* Parks. 0, -ETIMEDOUT, -EINTR, -ENOMEM. shared: others than greenlets may wake it. */
int gp__futex_park(struct gp_hub *h, struct gp_futex_wait *w, int64_t deadline, bool shared);
/* All three. */
int gp__futex_wait(struct gp_hub *h, struct gp_futex_wait *w, struct gp_guest *me, unsigned long addr, uint32_t bits, int64_t deadline,
                   bool shared);
/* Wakes up to n greenlets that wait for the word; how many. -EINVAL: one of them
 * waits to be the owner. */
long gp__futex_wake(unsigned long addr, int n, uint32_t bits);
/* The same, greenlets or not. flag: FUTEX_PRIVATE_FLAG of the call, which a wake
 * and a wait have in common. */
long gp__futex_wake_everywhere(unsigned long addr, int n, uint32_t bits, unsigned flag);
/* The word: 0, or -EFAULT if it can be no futex. One of the whole system's (no flag)
 * has to be in a page that can be written to, or in a file. */
long gp__futex_look(unsigned long addr, unsigned flag, uint32_t *value);
/* 0, or what the kernel says of a word that cannot be one: a private one need not
 * be there. op: the call's, with its flag. */
long gp__futex_bad_word(uint64_t addr, uint64_t op);
/* The same of both words of a call that has two. */
long gp__futex_bad_words(const struct gp_frame *f);
/* There is no futex_waitv: others cannot count those that wait. */
bool gp__futex_unwatched(void);
/* Whether somebody who is no greenlet may wait for the word or wake it: another
 * process, or a kernel thread of this one. */
bool gp__futex_outside(unsigned long addr, unsigned flag);

/* futex_pi.c */
long gp__futex_lock_pi(struct gp_hub *h, struct gp_guest *me, struct gp_frame *f, int64_t deadline, bool try);
long gp__futex_unlock_pi(struct gp_guest *me, struct gp_frame *f);
long gp__futex_wait_requeue_pi(struct gp_hub *h, struct gp_guest *me, struct gp_frame *f, int64_t deadline);
long gp__futex_requeue_pi(struct gp_hub *h, struct gp_frame *f);
/* One, greenlet or not, that waits without FUTEX_PRIVATE_FLAG: as the kernel
 * wakes when a thread has ended. */
void gp__futex_wake_joiner(unsigned long addr);
/* A thread that ends: the kernel's walk of its robust list. */
void gp__robust_exit(struct gp_guest *me);
/* All of them: the process ends. O(greenlets). */
void gp__robust_exit_all(struct gp_hub *h);
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
/* True: it was woken from outside, which is how the wait ends, whatever else has
 * ended it. taken: a greenlet's wake has; the one from outside goes to another. */
bool gp__futex_unwatch(struct gp_futex_watch *w, bool taken);
/* Wakes the greenlets whose words were woken; called by the hub. */
void gp__futex_collect(void);
bool gp__futex_watcher_runs(void);
/* Ends the kernel thread that watches, for a change of credentials; then starts
 * another one if it is needed. */
bool gp__futex_watcher_end(void);
void gp__futex_watcher_resume(void);
void gp__futex_shared_forked(void);

#endif
