/* event.c - a flag that greenlets wait for (greenpatch/event.h).
 *
 * A waiter that was woken has seen the flag set, whatever it is when the waiter
 * runs; so has one that was taking a signal meanwhile. Called from greenlets.
 */
#include "core/sync/linkable.h"
#include "greenpatch/event.h"

struct gp_event {
	struct gp_linkable link;
	bool set;
};

static bool ready(const struct gp_linkable *l, const struct gp_waiter *first)
{
	return gp__container_of(l, struct gp_event, link)->set;
}

GP_API struct gp_event *gp_event_new(void)
{
	struct gp_event *e = gp__linkable_new(sizeof *e, ready);

	if (e)
		e->link.all = true;
	return e;
}

GP_API void gp_event_free(struct gp_event *e)
{
	if (e)
		gp__linkable_free(&e->link);
}

GP_API int gp_event_set(struct gp_event *e)
{
	if (!e || !gp__linkable_here(&e->link))
		return -EINVAL;
	e->set = true;
	gp__linkable_tell(&e->link);
	return 0;
}

GP_API int gp_event_clear(struct gp_event *e)
{
	if (!e || !gp__linkable_here(&e->link))
		return -EINVAL;
	e->set = false;
	return 0;
}

GP_API bool gp_event_is_set(const struct gp_event *e)
{
	return e && gp__linkable_here(&e->link) && e->set;
}

GP_API int gp_event_wait(struct gp_event *e, int64_t deadline)
{
	struct gp_hub *h = e ? gp__linkable_hub(&e->link) : NULL;
	struct gp_waiter w;
	uint32_t told;
	int r;

	if (!h)
		return -EINVAL;
	w.place = 0;
	told = e->link.told;
	if (e->set) {
		if (!gp__notifier_pending(&e->link.notifier))
			return 0;
		return gp__linkable_wait(h, &e->link, &w, "event", GP__NEVER, GP__CANCELABLE | GP__LATE);
	}
	r = gp__deadline_passed(deadline);
	while (!r) {
		r = gp__linkable_wait(h, &e->link, &w, "event", deadline, GP__CANCELABLE);
		if (!r && (w.notified || e->set || e->link.told != told))
			break;
	}
	return r;
}
