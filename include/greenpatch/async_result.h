/* greenpatch/async_result.h - a value, or an error, that comes later.
 *
 * As gevent's AsyncResult: one greenlet fills it, any number of others get what
 * it holds, at once or when it has come. It cannot be emptied again.
 *
 * It belongs to the kernel thread (the hub) that made it; a call from another
 * one is -EINVAL, as is NULL.
 */
#ifndef GREENPATCH_ASYNC_RESULT_H
#define GREENPATCH_ASYNC_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gp_async_result;
struct gp_greenlet;

/* An empty one. NULL: no memory. The caller owns it. Does not park. */
struct gp_async_result *gp_async_result_new(void);

/* Frees it. Who still waits gets -ESHUTDOWN; a greenlet that was to fill it
 * forgets it. The value stays the caller's affair. NULL is allowed; from
 * another kernel thread it does nothing. Does not park. */
void gp_async_result_free(struct gp_async_result *r);

/* Gives it a value (NULL is one) and wakes all who wait, in the order of their
 * arrival; the caller goes on. Filling it again replaces what it holds for
 * whoever gets it from then on; a value outranks an error, whatever came first.
 * 0, -EINVAL. Does not park. */
int gp_async_result_set(struct gp_async_result *r, void *value);

/* The same with an error: a negative errno, or a number of the caller's own
 * that is not 0; message may be NULL and is copied. 0, -EINVAL, -ENOMEM: as it
 * was. */
int gp_async_result_set_error(struct gp_async_result *r, int error, const char *message);

/* When g ends (soon, if it has ended), r is filled with what it ended with:
 * its value, or its error and message. It holds a reference to g until then.
 * 0, -EINVAL; -EBUSY while it waits for another greenlet to end. Does not park. */
int gp_async_result_follow(struct gp_async_result *r, struct gp_greenlet *g);

/* Waits until it is filled: 0 and its value in *value (unless NULL), or the
 * error that it was filled with. Does not park if it is filled. -ETIMEDOUT at
 * the deadline (GP_NEVER: none; one that has passed: at once), -ESHUTDOWN,
 * -EINVAL, and what any call that parks may return (greenlet.h);
 * gp_async_result_ready() tells these from an error that it holds. */
int gp_async_result_get(struct gp_async_result *r, void **value, int64_t deadline);

/* The same without waiting: -EAGAIN when it is empty. */
int gp_async_result_try_get(struct gp_async_result *r, void **value);

/* Waits until it is filled, with a value or an error: 0. If it is filled and
 * its wake-up is pending the caller goes on behind those who waited longer.
 * Errors as for get. */
int gp_async_result_wait(struct gp_async_result *r, int64_t deadline);

/* Whether it is filled; whether it is, with a value. False for NULL. */
bool gp_async_result_ready(const struct gp_async_result *r);
bool gp_async_result_successful(const struct gp_async_result *r);

/* Its value, NULL while it has none; its error, 0 if it has none; the error's
 * message, "" if there is none (lives until it is filled again or freed). */
void *gp_async_result_value(const struct gp_async_result *r);
int gp_async_result_error(const struct gp_async_result *r);
const char *gp_async_result_message(const struct gp_async_result *r);

#ifdef __cplusplus
}
#endif
#endif
