/* greenpatch/timeout.h - a limit of time around several calls.
 *
 * A timeout belongs to the greenlet that starts it. When its time is up, the
 * call in which that greenlet waits returns the timeout's error (-ETIMEDOUT,
 * or a code of the caller's own); if it does not wait, the next call in which
 * it waits does so at once. That happens once. Code that goes on after it is
 * not disturbed again.
 *
 *	struct gp_timeout t;
 *
 *	gp_timeout_start(&t, 100 * GP_MSEC);
 *	r = talk_to(server);                    several calls that wait
 *	if (gp_timeout_stop(&t))                it was this limit that hit
 *		...
 *
 * Scopes nest: each start has its stop, the latest started is stopped first.
 * An inner scope that gets an error asks gp_timeout_hit(&inner), and hands the
 * error on if it was not its own limit.
 *
 * A timeout never ends a wait inside libc for a mutex or a semaphore; it stays
 * due until the next call that can be cancelled.
 */
#ifndef GREENPATCH_TIMEOUT_H
#define GREENPATCH_TIMEOUT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Lies where its scope lies: on the stack of the greenlet that starts it. It
 * may be copied or freed only while it is stopped. */
struct gp_timeout {
	uint64_t opaque[14];
};

/* From now on the caller has ns nanoseconds (0 or less: none; GP_NEVER: no
 * limit). 0, -ENOMEM, -EINVAL for NULL. Does not park. Start a running one only
 * after a stop. */
int gp_timeout_start(struct gp_timeout *t, int64_t ns);

/* The same with an error of the caller's own, a negative number; -EINVAL if it
 * is not negative. */
int gp_timeout_start_error(struct gp_timeout *t, int64_t ns, int error);

/* The same, but its stop does not tell (gevent's Timeout(seconds, False)): for
 * a block that simply ends early. */
int gp_timeout_start_silent(struct gp_timeout *t, int64_t ns);

/* The scope ends. 0 if the limit was not reached (or is a silent one);
 * otherwise its error. Stopping it twice gives the same answer. A limit whose
 * time was up but that had not ended a call yet counts as not reached. Does
 * not park. -EPERM from another hub. */
int gp_timeout_stop(struct gp_timeout *t);

/* Whether it has been started and has neither ended a call nor been stopped.
 * Only for one that was started, or is all zero. */
bool gp_timeout_pending(const struct gp_timeout *t);

/* Whether it has ended a call of its greenlet. Likewise. */
bool gp_timeout_hit(const struct gp_timeout *t);

/* Which timeout ended a call of this greenlet last; NULL: none that has not
 * been stopped. */
struct gp_timeout *gp_timeout_which(void);

/* Calls fn(arg) with that limit around it: 0, and its value in *value (unless
 * NULL); or -ETIMEDOUT when the limit ended a call in it, and *value stays
 * what it was: a stand-in. -EINVAL, -ENOMEM: fn was not called. Parks as fn
 * does. */
int gp_with_timeout(int64_t ns, void *(*fn)(void *arg), void *arg, void **value);

#ifdef __cplusplus
}
#endif
#endif
