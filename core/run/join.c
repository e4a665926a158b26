/* join.c - waiting for ends, giving way, and what can be asked of a greenlet. */
#include "core/run/hub.h"
#include "greenpatch/greenlet.h"

/* ---- waiting for its end ------------------------------------------------------------ */

GP_API int gp_join(struct gp_greenlet *g, int64_t deadline)
{
	struct gp_hub *h = gp__hub();
	struct gp_waiter w = { .place = 0 };

	if (!g || !h || g->hub != h)
		return -EINVAL;
	if (g == h->current)
		return -EDEADLK;
	if (g->state == GP__DEAD)
		return 0;
	if (gp__passed(deadline))
		return -ETIMEDOUT;
	while (g->state != GP__DEAD) {
		int r = gp__wait_in(h, &g->links, &w, "join", g->id, deadline);

		if (r)
			return r;
	}
	return 0;
}

GP_API int gp_get(struct gp_greenlet *g, void **value, int64_t deadline)
{
	int r = gp_join(g, deadline);

	if (r)
		return r;
	if (g->error)
		return g->error;
	if (value)
		*value = g->value;
	return 0;
}

/* One ends, another one is waited for: the order of their ends does not matter
 * to whoever waits for all. */
GP_API int gp_join_all(struct gp_greenlet *const *gs, size_t n, int64_t deadline)
{
	int ended = 0, r = n && !gs ? -EINVAL : 0;

	for (size_t i = 0; i < n && r >= 0; i++)
		r = gs[i] ? gp_join(gs[i], deadline) : 0;
	if (r && r != -ETIMEDOUT)
		return r;
	for (size_t i = 0; i < n; i++)
		ended += gp_ready(gs[i]);
	return ended;
}

/* ---- giving way ------------------------------------------------------------------------- */

GP_API int gp_sleep(int64_t ns)
{
	struct gp_hub *h = gp__hub_need();
	const struct gp__timeout *before;
	int64_t deadline;
	int r;

	if (!h)
		return -ENOMEM;
	if (ns <= 0)
		return gp__yield_cancelable(h);
	before = h->current->hit;
	deadline = gp__deadline_after(ns);
	while ((r = gp__park(h, "sleep", 0, deadline, GP__EXTERNAL | GP__INTERRUPTIBLE | GP__CANCELABLE)) == -EINTR)
		gp__take_signals(h);
	/* Its own deadline, or a timeout that says the same. */
	return r == -ETIMEDOUT && h->current->hit == before ? 0 : r;
}

GP_API int gp_yield(void)
{
	struct gp_hub *h = gp__hub();

	return h ? gp__yield_cancelable(h) : 0;
}

/* ---- asking -------------------------------------------------------------------------------- */

GP_API struct gp_greenlet *gp_self(void)
{
	struct gp_hub *h = gp__hub_need();

	return h ? h->current : NULL;
}

GP_API unsigned long gp_id(const struct gp_greenlet *g) { return g ? g->id : 0; }
GP_API unsigned long gp_parent(const struct gp_greenlet *g) { return g ? g->parent : 0; }
GP_API bool gp_started(const struct gp_greenlet *g)
{
	return g && g->state != GP__DEAD && (g->state != GP__UNBORN || g->start.slot >= 0);
}

GP_API bool gp_ready(const struct gp_greenlet *g) { return g && g->state == GP__DEAD; }
GP_API bool gp_successful(const struct gp_greenlet *g) { return gp_ready(g) && !g->error; }
GP_API void *gp_value(const struct gp_greenlet *g) { return gp_successful(g) ? g->value : NULL; }
GP_API int gp_error(const struct gp_greenlet *g) { return g ? g->error : 0; }
GP_API const char *gp_message(const struct gp_greenlet *g) { return g && g->message ? g->message : ""; }
GP_API int64_t gp_now(void) { return gp__now(); }
GP_API int64_t gp_after(int64_t ns) { return gp__deadline_after(ns); }
