/* greenlet.c - the life of a greenlet, and the part of the public API that
 * concerns one.
 *
 * A record has two references at first: the caller's handle and the greenlet's
 * own run. A gp_spawn greenlet that has returned still stands on its stack;
 * the hub frees it in its next turn (the reaper).
 */
#include "core/alloc.h"
#include "core/run/hub.h"
#include "greenpatch/greenlet.h"

#define STACK_DEFAULT (64 * 1024UL)

void gp__greenlet_entry(void);
void gp__greenlet_body(void) GP_NORETURN;

void gp__greenlet_init(struct gp_hub *h, struct gp_greenlet *g)
{
	gp__list_init(&g->turn.link);
	gp__list_init(&g->all);
	gp__list_init(&g->wait_link);
	gp__list_init(&g->joiners);
	g->hub = h;
	g->deadline_slot = -1;
	g->refs = 1;
	g->id = ++h->next_id;
}

void gp__greenlet_start(struct gp_hub *h, struct gp_greenlet *g)
{
	g->state = GP__NEW;
	gp__list_append(&h->all, &g->all);
	gp__list_append(&h->runq, &g->turn.link);
	h->stats.greenlets++;
	h->stats.live++;
	h->stats.peak = gp__max(h->stats.peak, h->stats.live);
}

void gp__greenlet_end(struct gp_hub *h, struct gp_greenlet *g)
{
	gp__list_del(&g->all);
	h->stats.live--;
	gp__list_each(n, &g->joiners)
		gp__wake(gp__list_entry(n, struct gp_greenlet, wait_link), 0);
}

static void reap(struct gp_hub *h, struct gp_turn *t)
{
	while (!gp__list_empty(&h->dead)) {
		struct gp_greenlet *g = gp__list_first(&h->dead, struct gp_greenlet, wait_link);

		gp__list_del(&g->wait_link);
		gp__stack_free(h, &g->stack);
		gp_unref(g);
	}
}

void gp__greenlet_bury(struct gp_hub *h, struct gp_greenlet *g)
{
	if (gp__list_empty(&h->dead)) {
		h->reaper.run = reap;
		gp__hub_call(h, &h->reaper);
	}
	gp__list_append(&h->dead, &g->wait_link);
}

/* After a park that ended with -EINTR. */
static void take_signals(struct gp_hub *h)
{
	if (h->hooks->interrupted)
		h->hooks->interrupted(h);
}

void gp__greenlet_body(void)
{
	struct gp_hub *h = gp__hub();
	struct gp_greenlet *g = h->current;

	take_signals(h); /* sent to it before its first turn */
	g->run(g->arg);
	h = g->hub;
	if (h->hooks->returned)
		h->hooks->returned(h, g);
	gp__greenlet_end(h, g);
	gp__greenlet_bury(h, g);
	gp__leave(h);
}

/* ---- public ----------------------------------------------------------------- */

GP_API struct gp_greenlet *gp_spawn(void (*fn)(void *arg), void *arg)
{
	struct gp_hub *h = gp__hub_need();
	struct gp_greenlet *g;

	if (!h || !fn)
		return NULL;
	g = gp__alloc(gp__max(sizeof *g, h->hooks->record_size));
	if (!g)
		return NULL;
	gp__greenlet_init(h, g);
	if (gp__stack_make(h, &g->stack, STACK_DEFAULT)) {
		gp__free(g);
		return NULL;
	}
	g->run = fn;
	g->arg = arg;
	g->refs = 2;
	g->sp = gp__context_prepare((char *)g->stack.base + g->stack.size - 128, gp__greenlet_entry);
	if (h->hooks->spawned)
		h->hooks->spawned(h, g);
	gp__greenlet_start(h, g);
	return g;
}

GP_API int gp_join(struct gp_greenlet *g, int64_t deadline)
{
	struct gp_hub *h = gp__hub();

	if (!g || !h || g->hub != h)
		return -EINVAL;
	if (g == h->current)
		return -EDEADLK;
	if (g->state == GP__DEAD)
		return 0;
	if (deadline <= gp__now())
		return -ETIMEDOUT;
	for (;;) {
		int r;

		gp__list_append(&g->joiners, &h->current->wait_link);
		r = gp__park(h, "join", g->id, deadline, GP__INTERRUPTIBLE);
		gp__list_del(&h->current->wait_link);
		if (r != -EINTR)
			return r;
		take_signals(h);
		if (g->state == GP__DEAD)
			return 0;
	}
}

GP_API int gp_sleep(int64_t ns)
{
	struct gp_hub *h = gp__hub_need();
	int64_t deadline;
	int r;

	if (!h)
		return -ENOMEM;
	if (ns <= 0) {
		gp__yield(h);
		return 0;
	}
	deadline = gp__deadline_after(ns);
	while ((r = gp__park(h, "sleep", 0, deadline, GP__EXTERNAL | GP__INTERRUPTIBLE)) == -EINTR)
		take_signals(h);
	return r == -ETIMEDOUT ? 0 : r;
}

GP_API void gp_yield(void)
{
	struct gp_hub *h = gp__hub();

	if (h)
		gp__yield(h);
}

GP_API struct gp_greenlet *gp_self(void)
{
	struct gp_hub *h = gp__hub_need();

	return h ? h->current : NULL;
}

GP_API void gp_ref(struct gp_greenlet *g)
{
	if (g)
		g->refs++;
}

GP_API void gp_unref(struct gp_greenlet *g)
{
	if (!g || --g->refs)
		return;
	gp__free(g);
}

GP_API unsigned long gp_id(const struct gp_greenlet *g) { return g ? g->id : 0; }
GP_API bool gp_ready(const struct gp_greenlet *g) { return g && g->state == GP__DEAD; }
GP_API int64_t gp_now(void) { return gp__now(); }
