/* greenpatch/condition.h - waiting for something that a lock guards.
 *
 * As Python's threading.Condition over gevent's locks. A greenlet that has the
 * lock looks at what it needs, and waits while it is not there; the wait gives
 * up the lock and has it again when it returns. Whoever changes something has
 * the lock, and notifies. A notified greenlet runs in a turn of its own, then
 * asks for the lock like everybody else: look again.
 *
 *	gp_lock_acquire(lock, GP_NEVER);
 *	while (!there && !r)
 *		r = gp_condition_wait(condition, deadline);
 *	...
 *	gp_lock_release(lock);
 *
 * A condition belongs to the kernel thread (the hub) that made it; a call from
 * another one is -EINVAL, as is NULL.
 */
#ifndef GREENPATCH_CONDITION_H
#define GREENPATCH_CONDITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gp_condition;
struct gp_lock;

/* A condition with that lock, which stays the caller's, may serve several
 * conditions, and must outlive them and those who wait there. NULL: no memory,
 * or lock is NULL or belongs to another kernel thread. The caller owns it. Does
 * not park. */
struct gp_condition *gp_condition_new(struct gp_lock *lock);

/* Frees it. Who still waits gets -ESHUTDOWN, with the lock. NULL is allowed;
 * from another kernel thread it does nothing. Does not park. */
void gp_condition_free(struct gp_condition *c);

/* Gives up the lock (entirely, if it is recursive), waits until notified, has
 * the lock again (as often): 0. -EPERM: the caller does not have the lock.
 * -ETIMEDOUT: not notified by the deadline (GP_NEVER: none; one that has
 * passed: at once, the lock stays the caller's). -ESHUTDOWN, -EINVAL, and what
 * any call that parks may return (greenlet.h).
 *
 * The caller has the lock again after an error as well: a kill ends the wait,
 * but not the wait for the lock, during which it stays pending. Only if the
 * lock is freed (-ESHUTDOWN), or if nothing can ever give it back to the main
 * greenlet (-EDEADLK), it does not. A notification that came together with a
 * kill or the deadline goes on to the next one that waits. */
int gp_condition_wait(struct gp_condition *c, int64_t deadline);

/* Waits until holds(arg), asked with the lock, is true: 0, or an error of
 * gp_condition_wait(). At the deadline it is asked once more. */
int gp_condition_wait_for(struct gp_condition *c, bool (*holds)(void *arg), void *arg, int64_t deadline);

/* Wakes n of those who wait, the first ones, or all. 0; -EPERM: the caller does
 * not have the lock. Does not park. O(number of them). */
int gp_condition_notify(struct gp_condition *c, size_t n);
int gp_condition_notify_all(struct gp_condition *c);

#ifdef __cplusplus
}
#endif
#endif
