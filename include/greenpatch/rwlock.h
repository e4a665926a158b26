/* greenpatch/rwlock.h - many readers, or one writer.
 *
 * gevent has none; the policy is that of a queue. Who comes while nobody waits
 * gets the lock if it is free for him: a reader if no writer has it, a writer
 * if nobody has it. Everybody else queues up, readers also behind a writer that
 * only waits, and is let in in the order of arrival, readers that stand next to
 * each other together. So neither writers nor readers starve, and who gives the
 * lock back and asks again stands behind those who waited.
 *
 * That is why a reader must not ask for the lock again while it has it: if a
 * writer waits in between, both wait for ever.
 *
 * A lock belongs to the kernel thread (the hub) that made it; a call from
 * another one is -EINVAL, as is NULL.
 */
#ifndef GREENPATCH_RWLOCK_H
#define GREENPATCH_RWLOCK_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gp_rwlock;

/* A lock that is free. NULL: no memory. The caller owns it. Does not park. */
struct gp_rwlock *gp_rwlock_new(void);

/* Frees it. Who still waits gets -ESHUTDOWN. NULL is allowed; from another
 * kernel thread it does nothing. Does not park. */
void gp_rwlock_free(struct gp_rwlock *l);

/* Takes it for reading or for writing, waits for it if need be: 0. -EDEADLK:
 * the caller writes (or nothing can ever wake the main greenlet). -ETIMEDOUT at
 * the deadline (GP_NEVER: none; one that has passed: at once), -ESHUTDOWN,
 * -EINVAL, and what any call that parks may return (greenlet.h). Parks only if
 * it waits. */
int gp_rwlock_read(struct gp_rwlock *l, int64_t deadline);
int gp_rwlock_write(struct gp_rwlock *l, int64_t deadline);

/* The same without waiting: -EAGAIN if it is not free for the caller, or if
 * somebody waits. */
int gp_rwlock_try_read(struct gp_rwlock *l);
int gp_rwlock_try_write(struct gp_rwlock *l);

/* Gives it back, whichever way it was taken: 0. -EPERM: another greenlet
 * writes, or nobody has it. Which greenlets read is not known: that a reader
 * gives back only what it has is its own affair. Does not park. */
int gp_rwlock_unlock(struct gp_rwlock *l);

/* How many read now; the number (gp_id) of the greenlet that writes, 0: none. */
int gp_rwlock_readers(const struct gp_rwlock *l);
unsigned long gp_rwlock_writer(const struct gp_rwlock *l);

#ifdef __cplusplus
}
#endif
#endif
