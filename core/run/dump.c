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

int gp__dump_one(struct gp_greenlet *g, int fd, int64_t now)
{
	const struct gp_hooks *hooks = g->hub->hooks;
	char text[64] = "", more[160] = "", object[24];
	int64_t ms = (now - g->wait_since) / GP__MSEC;

	if (hooks->describe)
		hooks->describe(g, text, sizeof text);
	else
		gp__format(text, sizeof text, "%s", g->name ? g->name : "greenlet");
	if (hooks->explain)
		hooks->explain(g, more, sizeof more);
	if (g->state != GP__PARKED)
		return gp__print(fd, "  #%lu %s %s%s", g->id, text, state_name(g), more);
	if (g->wait_object > 0xffff)
		gp__format(object, sizeof object, "%p", (void *)g->wait_object);
	else
		gp__format(object, sizeof object, "%lu", g->wait_object);
	return gp__print(fd, "  #%lu %s waits for %s %s%s, since %ld.%01ld s", g->id, text, g->wait_what, object, more,
	                 ms / 1000, ms % 1000 / 100);
}

void gp__dump_to(struct gp_hub *h, int fd)
{
	int64_t now = gp__now();
	unsigned long n = 0;

	gp__list_each(node, &h->all) {
		struct gp_greenlet *g = gp__list_entry(node, struct gp_greenlet, all);

		if (h->hooks->listing)
			h->hooks->listing(h, n++);
		gp__dump_one(g, fd, now);
		if (h->hooks->detail)
			h->hooks->detail(g, fd);
	}
}

void gp__dump(struct gp_hub *h) { gp__dump_to(h, 2); }

void gp__dump_deadlock(struct gp_hub *h)
{
	gp__say("deadlock: %lu greenlets are parked and nothing can wake them", h->stats.live);
	gp__dump(h);
}
