/* greenpatch/channel.h - a meeting place: a put waits until somebody gets.
 *
 * A channel holds nothing. Whoever puts parks until the item was taken, whoever
 * gets parks until there is one; the two meet in the order of their arrival.
 * The getter runs first, straight away, then the putter, then the next pair,
 * and nobody else in between. An item is a pointer, or a number in one; the
 * channel never looks at it.
 *
 * A channel belongs to the kernel thread in which it was made.
 *
 * Errors of all functions here that return int, beside those that
 * greenpatch/greenlet.h names for calls that park:
 *  -EINVAL      NULL, or called from a kernel thread that it does not belong to
 *  -ESHUTDOWN   it is closed, or being freed
 *  -ETIMEDOUT   nobody came until the deadline
 *  -EAGAIN      nobody is waiting on the other side (the calls with `try`)
 *  -ENOMEM      no memory for a deadline
 * After an error nothing was handed over.
 */
#ifndef GREENPATCH_CHANNEL_H
#define GREENPATCH_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>
#include "greenpatch/greenlet.h"

#ifdef __cplusplus
extern "C" {
#endif

struct gp_channel;

/* NULL: no memory. Owner: the caller, who frees it. Whoever waits in it then is
 * woken with -ESHUTDOWN, and nobody may begin to use it. NULL is allowed.
 * Do not park. */
struct gp_channel *gp_channel_new(void);
void gp_channel_free(struct gp_channel *c);

/* Offers an item until somebody has taken it: 0. Parks, always. */
int gp_channel_put(struct gp_channel *c, void *item, int64_t deadline);
/* Takes what is offered: 0, and it is in *item (unless NULL). Parks, always. */
int gp_channel_get(struct gp_channel *c, void **item, int64_t deadline);

/* The same if somebody waits on the other side who has no partner yet, and at
 * once -EAGAIN if not. To hand the item over they park for the turn in which
 * the two meet; -EAGAIN also if the other one has gone by then. O(number of
 * those who wait on the caller's side). */
int gp_channel_try_put(struct gp_channel *c, void *item);
int gp_channel_try_get(struct gp_channel *c, void **item);

/* One item after the other, until the channel is closed or the wait ends for
 * another reason. */
#define gp_channel_each(item, c) for (void *item = NULL; gp_channel_get((c), &item, GP_NEVER) == 0;)

/* How many putters wait, minus how many getters wait. O(number of both). */
int gp_channel_balance(const struct gp_channel *c);

/* From now on every put and get gives -ESHUTDOWN; so do those that wait and
 * have nobody to meet. 0, also the second time. Does not park. */
int gp_channel_close(struct gp_channel *c);
bool gp_channel_closed(const struct gp_channel *c);

#ifdef __cplusplus
}
#endif
#endif
