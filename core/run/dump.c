/* dump.c - who waits for what.
 *
 * Called by the hub or by a greenlet; allocates nothing.
 */
#include "core/print.h"
#include "core/run/hub.h"

static const char *state_name(const struct gp_greenlet *g)
{
	switch (g->state) {
	case GP__NEW: return "has not started";
	case GP__RUNNABLE: return "is runnable";
	case GP__RUNNING: return "runs";
	default: return "has ended";
	}
}

static void one(struct gp_greenlet *g, int64_t now)
{
	char text[128] = "";
	int64_t ms = (now - g->wait_since) / GP__MSEC;

	if (g->hub->hooks->describe)
		g->hub->hooks->describe(g, text, sizeof text);
	else
		gp__format(text, sizeof text, "%s", g->name ? g->name : "greenlet");
	if (g->state != GP__PARKED)
		gp__say("  #%lu %s %s", g->id, text, state_name(g));
	else if (g->wait_object > 0xffff)
		gp__say("  #%lu %s waits for %s %p, since %ld.%01ld s", g->id, text, g->wait_what,
		        (void *)g->wait_object, ms / 1000, ms % 1000 / 100);
	else
		gp__say("  #%lu %s waits for %s %lu, since %ld.%01ld s", g->id, text, g->wait_what, g->wait_object,
		        ms / 1000, ms % 1000 / 100);
}

void gp__dump(struct gp_hub *h)
{
	int64_t now = gp__now();

	gp__list_each(n, &h->all)
		one(gp__list_entry(n, struct gp_greenlet, all), now);
}

void gp__dump_deadlock(struct gp_hub *h)
{
	gp__say("deadlock: %lu greenlets are parked and nothing can wake them", h->stats.live);
	gp__dump(h);
}
