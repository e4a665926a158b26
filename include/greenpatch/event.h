/* greenpatch/event.h - a flag that greenlets wait for.
 *
 * As gevent's Event: setting it wakes all who wait, in the order of their
 * arrival, when the turn of that wake-up comes; the caller goes on. Who waits
 * at a set event goes on at once.
 *
 * An event belongs to the kernel thread (the hub) that made it; a call from
 * another one is -EINVAL, as is NULL.
 */
#ifndef GREENPATCH_EVENT_H
#define GREENPATCH_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gp_event;

/* An event that is not set. NULL: no memory. The caller owns it. Does not park. */
struct gp_event *gp_event_new(void);

/* Frees it. Who still waits, or was to be woken, gets -ESHUTDOWN. NULL is
 * allowed; from another kernel thread it does nothing. Does not park. */
void gp_event_free(struct gp_event *e);

/* Sets it. Everybody who waits is woken, and all who begin to wait before that
 * turn; that holds even if it is cleared at once. 0, -EINVAL. Does not park. */
int gp_event_set(struct gp_event *e);

/* Clears it: who comes now waits. 0, -EINVAL. Does not park. */
int gp_event_clear(struct gp_event *e);

/* Whether it is set; false for NULL and elsewhere. */
bool gp_event_is_set(const struct gp_event *e);

/* Waits until it is set: 0. It may have been cleared again meanwhile. Does not
 * park if it is set, except while its wake-up is pending: then the caller goes
 * on behind those who waited longer, and the deadline does not count.
 * -ETIMEDOUT: not set by the deadline (GP_NEVER: none; one that has passed: at
 * once). -ESHUTDOWN, -EINVAL, and what any call that parks may return
 * (greenlet.h). */
int gp_event_wait(struct gp_event *e, int64_t deadline);

#ifdef __cplusplus
}
#endif
#endif
