/* link.c - what happens when a greenlet has ended: functions that are called
 * then, and waiting for several of them.
 *
 * A link of gp_link() is gevent's: its function runs in a greenlet of its own,
 * which begins when the notifier of the greenlet that ended comes to it, before
 * everybody else and before the next link; the notifier goes on when that one
 * parks or ends. Its greenlet is made with the link, so that it cannot fail
 * later. The record lives until that greenlet has ended.
 *
 * Waiting for several puts one waiter into the links of each. The notifier
 * moves those that have ended to a list, in the order of their ends, and
 * switches to whoever waits for the next one.
 *
 * Called by greenlets; told_* by notifiers, on the hub's stack.
 */
#include "core/alloc.h"
#include "core/run/hub.h"
#include "greenpatch/greenlet.h"

enum { ALWAYS, ON_VALUE, ON_ERROR };

struct link {
	struct gp_waiter w;         /* in the links of source, until it is told */
	struct gp_waiter done;      /* in the links of runs */
	struct gp_greenlet *source; /* referenced from the telling on; before that its links own us */
	struct gp_greenlet *runs;   /* not started before the telling; one reference is ours */
	void (*fn)(struct gp_greenlet *g, void *arg);
	void *arg;
	uint8_t when;
};

static void *run_link(void *arg)
{
	struct link *l = arg;

	l->fn(l->source, l->arg);
	return NULL;
}

static void drop(struct link *l)
{
	gp_unref(l->runs);
	gp__free(l);
}

static void told_done(struct gp_hub *h, struct gp_waiter *w)
{
	struct link *l = gp__container_of(w, struct link, done);

	gp_unref(l->source);
	drop(l);
}

static void told_link(struct gp_hub *h, struct gp_waiter *w)
{
	struct link *l = gp__container_of(w, struct link, w);

	if ((l->when == ON_VALUE && l->source->error) || (l->when == ON_ERROR && !l->source->error)) {
		drop(l);
		return;
	}
	gp_ref(l->source);
	l->done.call = told_done;
	gp__greenlet_link(l->runs, &l->done);
	gp__notifier_behind(h, &l->source->ended);
	gp_start(l->runs);
	gp__list_del(&l->runs->turn.link);
	gp__list_prepend(&h->runq, &l->runs->turn.link);
}

void gp__links_drop(struct gp_greenlet *g)
{
	gp__list_each(n, &g->links) {
		struct gp_waiter *w = gp__list_entry(n, struct gp_waiter, link);

		if (w->call != told_link)
			continue;
		gp__list_del(&w->link);
		drop(gp__container_of(w, struct link, w));
	}
}

static int link_to(struct gp_greenlet *g, void (*fn)(struct gp_greenlet *g, void *arg), void *arg, uint8_t when)
{
	struct gp_hub *h = gp__hub();
	struct link *l;

	if (!g || !fn || !h || g->hub != h)
		return -EINVAL;
	l = gp__alloc(sizeof *l);
	if (!l)
		return -ENOMEM;
	*l = (struct link){ .w.call = told_link, .source = g, .fn = fn, .arg = arg, .when = when };
	l->runs = gp_new(&(struct gp_attr){ .name = "link" }, run_link, l);
	if (!l->runs) {
		gp__free(l);
		return -ENOMEM;
	}
	gp__greenlet_link(g, &l->w);
	return 0;
}

GP_API int gp_link(struct gp_greenlet *g, void (*fn)(struct gp_greenlet *g, void *arg), void *arg)
{
	return link_to(g, fn, arg, ALWAYS);
}

GP_API int gp_link_value(struct gp_greenlet *g, void (*fn)(struct gp_greenlet *g, void *arg), void *arg)
{
	return link_to(g, fn, arg, ON_VALUE);
}

GP_API int gp_link_error(struct gp_greenlet *g, void (*fn)(struct gp_greenlet *g, void *arg), void *arg)
{
	return link_to(g, fn, arg, ON_ERROR);
}

GP_API int gp_unlink(struct gp_greenlet *g, void (*fn)(struct gp_greenlet *g, void *arg), void *arg)
{
	struct gp_hub *h = gp__hub();

	if (!g || !fn || !h || g->hub != h)
		return -EINVAL;
	gp__list_each(n, &g->links) {
		struct gp_waiter *w = gp__list_entry(n, struct gp_waiter, link);
		struct link *l = gp__container_of(w, struct link, w);

		if (w->call != told_link || l->fn != fn || l->arg != arg)
			continue;
		gp__list_del(&w->link);
		drop(l);
		return 0;
	}
	return -ENOENT;
}

/* ---- waiting for several ---------------------------------------------------------- */

struct several;

struct one {
	struct gp_waiter w;    /* in the links of g, then in several->ended */
	struct gp_greenlet *g; /* referenced */
	struct several *all;
};

struct several {
	struct gp_list ended;   /* struct one, in the order of their ends */
	struct gp_list waiters; /* who is in gp_iwait_next() */
	int64_t deadline;
	size_t count, given;    /* of ones */
	struct one ones[];
};

static void told_one(struct gp_hub *h, struct gp_waiter *w)
{
	struct one *o = gp__container_of(w, struct one, w);
	struct gp_waiter *who;

	gp__list_append(&o->all->ended, &w->link);
	do {
		who = gp__waiter_take(&o->all->waiters);
	} while (who && who->g->state != GP__PARKED);
	if (!who)
		return;
	who->notified = true;
	gp__notifier_behind(h, &o->g->ended);
	gp__wake_first(who->g, 0);
}

GP_API int gp_iwait_begin(struct gp_iwait *it, struct gp_greenlet *const *gs, size_t n, int64_t deadline)
{
	struct gp_hub *h = gp__hub_need();
	struct several *all;

	if (!it || (n && !gs))
		return -EINVAL;
	if (!h || n > (SIZE_MAX / 2 - sizeof *all) / sizeof(struct one))
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (gs[i] && gs[i]->hub != h)
			return -EINVAL;
	all = gp__alloc(sizeof *all + n * sizeof(struct one));
	if (!all)
		return -ENOMEM;
	gp__list_init(&all->ended);
	gp__list_init(&all->waiters);
	all->deadline = deadline;
	for (size_t i = 0; i < n; i++) {
		struct one *o = &all->ones[all->count];

		if (!gs[i])
			continue;
		*o = (struct one){ .w.call = told_one, .g = gs[i], .all = all };
		gp_ref(o->g);
		gp__greenlet_link(o->g, &o->w);
		all->count++;
	}
	*it = (struct gp_iwait){ 0, all };
	return 0;
}

GP_API struct gp_greenlet *gp_iwait_next(struct gp_iwait *it)
{
	struct gp_hub *h = gp__hub();
	struct several *all = it ? it->opaque : NULL;
	struct gp_waiter w = { .place = 0 }, *first;

	if (!all)
		return NULL;
	if (!h || (all->count && all->ones[0].g->hub != h)) {
		it->error = -EINVAL;
		return NULL;
	}
	it->error = 0;
	while (!(first = gp__waiter_take(&all->ended))) {
		if (all->given == all->count)
			return NULL;
		if (all->deadline <= gp__now())
			it->error = -ETIMEDOUT;
		else
			it->error = gp__wait_in(h, &all->waiters, &w, "join", 0, all->deadline);
		if (it->error)
			return NULL;
	}
	all->given++;
	return gp__container_of(first, struct one, w)->g;
}

GP_API void gp_iwait_end(struct gp_iwait *it)
{
	struct several *all = it ? it->opaque : NULL;

	if (!all)
		return;
	for (size_t i = 0; i < all->count; i++) {
		gp__list_del(&all->ones[i].w.link);
		gp_unref(all->ones[i].g);
	}
	it->opaque = NULL;
	gp__free(all);
}

GP_API int gp_wait_count(struct gp_greenlet *const *gs, size_t n, size_t count, int64_t deadline)
{
	struct gp_iwait it;
	int ended = 0, r;
	size_t some = 0;

	r = gp_iwait_begin(&it, gs, n, deadline);
	if (r)
		return r;
	while ((!count || some < count) && gp_iwait_next(&it))
		some++;
	gp_iwait_end(&it);
	if (it.error && it.error != -ETIMEDOUT)
		return it.error;
	for (size_t i = 0; i < n; i++)
		ended += gp_ready(gs[i]);
	return ended;
}
