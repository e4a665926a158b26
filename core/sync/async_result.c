/* async_result.c - a value or an error that comes later
 * (greenpatch/async_result.h).
 *
 * A greenlet that is to fill it has it among its links: the waiter `source` is
 * called where a joiner would be woken, on the hub's stack. Called from
 * greenlets otherwise.
 */
#include "core/alloc.h"
#include "core/sync/linkable.h"
#include "greenpatch/async_result.h"
#include "greenpatch/greenlet.h"

struct gp_async_result {
	struct gp_linkable link;
	void *value;                  /* the caller's */
	bool has_value;
	int error;                    /* 0: none */
	char *message;                /* of the error; NULL: none; ours */
	struct gp_waiter source;      /* in the links of the greenlet that is to fill it */
	struct gp_greenlet *followed; /* that one, a reference; NULL: none */
};

static bool filled(const struct gp_async_result *r) { return r->has_value || r->error; }

static bool ready(const struct gp_linkable *l, const struct gp_waiter *first)
{
	return filled(gp__container_of(l, struct gp_async_result, link));
}

static void follow_no_more(struct gp_async_result *r)
{
	gp__list_del(&r->source.link);
	gp_unref(r->followed);
	r->followed = NULL;
}

static void destroy(struct gp_linkable *l)
{
	gp__free(gp__container_of(l, struct gp_async_result, link)->message);
}

GP_API struct gp_async_result *gp_async_result_new(void)
{
	struct gp_async_result *r = gp__linkable_new(sizeof *r, ready);

	if (!r)
		return NULL;
	r->link.all = true;
	r->link.destroy = destroy;
	gp__list_init(&r->source.link);
	return r;
}

GP_API void gp_async_result_free(struct gp_async_result *r)
{
	if (!r || !gp__linkable_here(&r->link))
		return;
	follow_no_more(r);
	gp__linkable_free(&r->link);
}

/* ---- filling it -------------------------------------------------------------------- */

static void set_error(struct gp_async_result *r, int error, char *message)
{
	gp__free(r->message);
	r->error = error;
	r->message = message;
	gp__linkable_tell(&r->link);
}

static void set_value(struct gp_async_result *r, void *value)
{
	r->value = value;
	r->has_value = true;
	gp__linkable_tell(&r->link);
}

GP_API int gp_async_result_set(struct gp_async_result *r, void *value)
{
	if (!r || !gp__linkable_here(&r->link))
		return -EINVAL;
	set_value(r, value);
	return 0;
}

GP_API int gp_async_result_set_error(struct gp_async_result *r, int error, const char *message)
{
	char *copy = NULL;

	if (!r || !gp__linkable_here(&r->link) || !error)
		return -EINVAL;
	if (message) {
		copy = gp__copy_of(message);
		if (!copy)
			return -ENOMEM;
	}
	set_error(r, error, copy);
	return 0;
}

static void followed_has_ended(struct gp_hub *h, struct gp_waiter *w)
{
	struct gp_async_result *r = gp__container_of(w, struct gp_async_result, source);
	struct gp_greenlet *g = r->followed;

	if (g->error) /* without memory for its message it has none */
		set_error(r, g->error, g->message ? gp__copy_of(g->message) : NULL);
	else
		set_value(r, g->value);
	follow_no_more(r);
}

GP_API int gp_async_result_follow(struct gp_async_result *r, struct gp_greenlet *g)
{
	if (!r || !gp__linkable_here(&r->link) || !g || g->hub != r->link.hub)
		return -EINVAL;
	if (r->followed)
		return -EBUSY;
	gp_ref(g);
	r->followed = g;
	r->source.call = followed_has_ended;
	gp__greenlet_link(g, &r->source);
	return 0;
}

/* ---- getting it ----------------------------------------------------------------------- */

static int outcome(const struct gp_async_result *r, void **value)
{
	if (!r->has_value)
		return r->error;
	if (value)
		*value = r->value;
	return 0;
}

GP_API int gp_async_result_get(struct gp_async_result *r, void **value, int64_t deadline)
{
	struct gp_hub *h = r ? gp__linkable_hub(&r->link) : NULL;
	struct gp_waiter w = { .place = 0 };
	int e;

	if (!h)
		return -EINVAL;
	e = filled(r) ? 0 : gp__deadline_passed(deadline);
	while (!e && !filled(r))
		e = gp__linkable_wait(h, &r->link, &w, "result", deadline, GP__CANCELABLE);
	return e ? e : outcome(r, value);
}

GP_API int gp_async_result_try_get(struct gp_async_result *r, void **value)
{
	if (!r || !gp__linkable_here(&r->link))
		return -EINVAL;
	return filled(r) ? outcome(r, value) : -EAGAIN;
}

GP_API int gp_async_result_wait(struct gp_async_result *r, int64_t deadline)
{
	struct gp_hub *h = r ? gp__linkable_hub(&r->link) : NULL;
	struct gp_waiter w = { .place = 0 };
	int e;

	if (!h)
		return -EINVAL;
	if (filled(r)) {
		if (!gp__notifier_pending(&r->link.notifier))
			return 0;
		return gp__linkable_wait(h, &r->link, &w, "result", GP__NEVER, GP__CANCELABLE | GP__LATE);
	}
	e = gp__deadline_passed(deadline);
	while (!e && !filled(r))
		e = gp__linkable_wait(h, &r->link, &w, "result", deadline, GP__CANCELABLE);
	return e;
}

/* ---- asking ------------------------------------------------------------------------------ */

GP_API bool gp_async_result_ready(const struct gp_async_result *r) { return r && filled(r); }
GP_API bool gp_async_result_successful(const struct gp_async_result *r) { return r && r->has_value; }
GP_API void *gp_async_result_value(const struct gp_async_result *r) { return r ? r->value : NULL; }
GP_API int gp_async_result_error(const struct gp_async_result *r) { return r ? r->error : 0; }

GP_API const char *gp_async_result_message(const struct gp_async_result *r)
{
	return r && r->message ? r->message : "";
}
