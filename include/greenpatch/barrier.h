/* greenpatch/barrier.h - so many greenlets wait for each other.
 *
 * As Python's threading.Barrier over gevent's locks: the first parties - 1 that
 * come wait, the last one lets all go on. Then it may be used again; who comes
 * while the others leave waits until they have left. It breaks when the
 * deadline of one that waits has come, or by gp_barrier_abort(): then all who
 * wait, and all who come, get -EPIPE, until it is reset.
 *
 * A greenlet that is killed while it waits, or hit by a gp_timeout, is no
 * longer counted; the barrier does not break by that.
 *
 * A barrier belongs to the kernel thread (the hub) that made it; a call from
 * another one is -EINVAL, as is NULL.
 */
#ifndef GREENPATCH_BARRIER_H
#define GREENPATCH_BARRIER_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gp_barrier;

/* A barrier for that many greenlets, 1 to INT_MAX. action, unless NULL, is
 * called by the last one that comes, on its stack, before any goes on; it may
 * park, and must not use the barrier. If it returns other than 0 the barrier
 * breaks. NULL: no memory, or no such number. The caller owns it. Does not
 * park. */
struct gp_barrier *gp_barrier_new(unsigned parties, int (*action)(void *arg), void *arg);

/* Frees it. Who still waits gets -ESHUTDOWN. NULL is allowed; from another
 * kernel thread it does nothing. Does not park. */
void gp_barrier_free(struct gp_barrier *b);

/* Waits for the others: 0 to parties - 1, the place in the order of arrival.
 * -EPIPE: it is broken, or was reset. -ETIMEDOUT: the others did not come by
 * the deadline (GP_NEVER: none; one that has passed: at once if it would wait),
 * and the barrier is broken now, unless the caller still waited for others to
 * leave. What the action returned, if it is negative (else -EPIPE), in the
 * greenlet that called it. -ESHUTDOWN, -EINVAL, and what any call that parks
 * may return (greenlet.h). Parks, unless the caller is the last one. */
int gp_barrier_wait(struct gp_barrier *b, int64_t deadline);

/* Makes it whole and empty; who waits gets -EPIPE. 0, -EINVAL. Parks only while
 * an action runs: -EDEADLK from that action. */
int gp_barrier_reset(struct gp_barrier *b);
/* Breaks it. The same otherwise. */
int gp_barrier_abort(struct gp_barrier *b);

/* For how many it is; how many wait now; whether it is broken. */
int gp_barrier_parties(const struct gp_barrier *b);
int gp_barrier_waiting(const struct gp_barrier *b);
bool gp_barrier_broken(const struct gp_barrier *b);

#ifdef __cplusplus
}
#endif
#endif
