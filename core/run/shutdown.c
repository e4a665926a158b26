/* shutdown.c - the end of all greenlets but the one that asks for it.
 *
 * Each is killed once, in the order in which they were started, then those that
 * a timer would have started; those that dying ones start are killed as they
 * come. The threads of a program under the shim are not ours to end.
 *
 * Called by greenlets.
 */
#include "core/run/hub.h"
#include "greenpatch/greenlet.h"

static bool is_victim(const struct gp_hub *h, const struct gp_greenlet *g)
{
	return g->run && g != h->current && g != h->main;
}

/* Those that wait for their timer are in no list of greenlets. A kill moves
 * other timers about: once more, until there was none. */
static void kill_unstarted(struct gp_hub *h)
{
	bool again;

	do {
		again = false;
		for (int i = 0; i < h->deadlines.count; i++) {
			struct gp_greenlet *g = gp__greenlet_of_start(h->deadlines.heap[i].t);

			if (!g)
				continue;
			gp_kill_soon(g, -ECANCELED);
			again = true;
		}
	} while (again);
}

/* Tells those that were not told; the first that is left, or NULL. */
static struct gp_greenlet *kill_all(struct gp_hub *h)
{
	struct gp_greenlet *left = NULL;

	gp__list_each(n, &h->all) {
		struct gp_greenlet *g = gp__list_entry(n, struct gp_greenlet, all);

		if (!is_victim(h, g))
			continue;
		if (!(g->flags & GP__SHUT)) {
			g->flags |= GP__SHUT;
			gp_kill_soon(g, -ECANCELED);
		}
		if (!left && g->state != GP__DEAD)
			left = g;
	}
	kill_unstarted(h);
	return left;
}

GP_API int gp_shutdown(int64_t deadline)
{
	struct gp_hub *h = gp__hub();
	struct gp_greenlet *g;
	int r;

	if (!h)
		return 0;
	if (!h->current)
		return -EPERM;
	r = gp__deadline_room(h, deadline);
	while (!r && (g = kill_all(h))) {
		gp_ref(g);
		r = gp_join(g, deadline);
		gp_unref(g);
	}
	return r;
}
