/* greenpatch/lock.h - one at a time, and it is known who.
 *
 * As gevent's locks: fair in the order of arrival, but a release does not hand
 * over; until the first waiter has its turn whoever asks gets it, also the one
 * that just released it. Other than in gevent only the greenlet that has the
 * lock may release it, also if the lock is not recursive, and asking for it
 * twice is an error then instead of a wait for ever.
 *
 * The lock of a greenlet that has ended stays locked: release it in a gp_defer().
 *
 * A lock belongs to the kernel thread (the hub) that made it; a call from
 * another one is -EINVAL, as is NULL.
 */
#ifndef GREENPATCH_LOCK_H
#define GREENPATCH_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gp_lock;

/* A lock that is free. NULL: no memory. The caller owns it. Does not park. */
struct gp_lock *gp_lock_new(void);
/* The same, but whoever has it may acquire it again, and releases it as often
 * (gevent's RLock). */
struct gp_lock *gp_lock_new_recursive(void);

/* Frees it. Who still waits gets -ESHUTDOWN. NULL is allowed; from another
 * kernel thread it does nothing. Does not park. */
void gp_lock_free(struct gp_lock *l);

/* Takes it, waits for it if need be: 0. Does not park while it is free.
 * -ETIMEDOUT at the deadline (GP_NEVER: none; one that has passed: at once).
 * -EDEADLK: the caller has it, and it is not recursive (or nothing can ever
 * wake the main greenlet); -EOVERFLOW: acquired 2^32 - 1 times. -ESHUTDOWN,
 * -EINVAL, and what any call that parks may return (greenlet.h): then the
 * caller does not have it, or not once more. */
int gp_lock_acquire(struct gp_lock *l, int64_t deadline);

/* Takes it if it is free: 0, or -EAGAIN, also for the caller's own if it is not
 * recursive. Does not park. */
int gp_lock_try_acquire(struct gp_lock *l);

/* Gives it back: 0. -EPERM: the caller does not have it. Does not park. */
int gp_lock_release(struct gp_lock *l);

/* The number (gp_id) of the greenlet that has it; 0: nobody. */
unsigned long gp_lock_owner(const struct gp_lock *l);
/* Whether somebody has it. */
bool gp_lock_locked(const struct gp_lock *l);

#ifdef __cplusplus
}
#endif
#endif
