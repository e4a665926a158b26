/* greenpatch/semaphore.h - so many at a time.
 *
 * As gevent's Semaphore and BoundedSemaphore. It has a value: acquiring takes
 * one, and waits while there is none; releasing gives one back, and may be done
 * by any greenlet.
 *
 * A release does not hand over. Waiters are woken in the order of their
 * arrival when the turn of that wake-up comes, as long as the value lasts;
 * until then whoever asks first gets it, so a greenlet that releases and
 * acquires again at once keeps it.
 *
 * A semaphore belongs to the kernel thread (the hub) that made it; a call from
 * another one is -EINVAL, as is NULL.
 */
#ifndef GREENPATCH_SEMAPHORE_H
#define GREENPATCH_SEMAPHORE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gp_semaphore;

/* A semaphore with that value, 0 to INT_MAX. NULL: no memory, or a larger
 * value. The caller owns it. Does not park. */
struct gp_semaphore *gp_semaphore_new(unsigned value);
/* The same, whose value never exceeds that: a release too many is an error. */
struct gp_semaphore *gp_semaphore_new_bounded(unsigned value);

/* Frees it. Who still waits gets -ESHUTDOWN. NULL is allowed; from another
 * kernel thread it does nothing. Does not park. */
void gp_semaphore_free(struct gp_semaphore *s);

/* Takes one, waits for it if need be: 0. Does not park while there is one.
 * -ETIMEDOUT at the deadline (GP_NEVER: none; one that has passed: at once).
 * -ESHUTDOWN, -EINVAL, and what any call that parks may return (greenlet.h):
 * then nothing was taken. */
int gp_semaphore_acquire(struct gp_semaphore *s, int64_t deadline);

/* Takes one if there is one: 0, or -EAGAIN. Does not park. */
int gp_semaphore_try_acquire(struct gp_semaphore *s);

/* Gives one back: 0. -EOVERFLOW: one too many, for a bounded one above what it
 * was made with, for another above INT_MAX; nothing has changed. Does not park. */
int gp_semaphore_release(struct gp_semaphore *s);

/* Waits until there is one, without taking it: the value then, which may be 0
 * if others were faster. Errors as for acquire. */
int gp_semaphore_wait(struct gp_semaphore *s, int64_t deadline);

/* How many may acquire without waiting. */
int gp_semaphore_value(const struct gp_semaphore *s);
/* Whether that is none; false for NULL and elsewhere. */
bool gp_semaphore_locked(const struct gp_semaphore *s);

#ifdef __cplusplus
}
#endif
#endif
