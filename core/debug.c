/* debug.c - the greenlets of a hub, told to the program (greenpatch/debug.h).
 *
 * Called from greenlets. Allocates nothing.
 */
#include "core/backtrace.h"
#include "core/run/hub.h"
#include "greenpatch/debug.h"

#define DEPTH 64

static void tell(const struct gp_greenlet *g, struct gp_info *info, int64_t now)
{
	bool waits = g->state == GP__PARKED;

	*info = (struct gp_info){
		.greenlet = (struct gp_greenlet *)(uintptr_t)g,
		.id = g->id,
		.parent = g->parent,
		.name = gp_name(g),
		.state = waits                      ? GP_INFO_WAITING
		         : g->state == GP__NEW      ? GP_INFO_NEW
		         : g->state == GP__RUNNABLE ? GP_INFO_RUNNABLE
		                                    : GP_INFO_RUNNING,
		.wait_what = waits && g->wait_what ? g->wait_what : "",
		.wait_object = waits ? g->wait_object : 0,
		.waiting = waits ? gp__max(now - g->wait_since, 0) : 0,
		.parks = g->parks,
	};
}

GP_API size_t gp_list(struct gp_info *info, size_t room)
{
	struct gp_hub *h = gp__hub();
	int64_t now = gp__now();
	size_t n = 0;

	if (!h)
		return 0;
	gp__list_each(node, &h->all) {
		if (info && n < room)
			tell(gp__list_entry(node, struct gp_greenlet, all), &info[n], now);
		n++;
	}
	return n;
}

GP_API int gp_backtrace(const struct gp_greenlet *g, void **at, int room)
{
	struct gp_hub *h = gp__hub();

	if (!g || !h || g->hub != h || room < 0 || (room && !at))
		return -EINVAL;
	return gp__backtrace(g, at, room);
}

GP_API int gp_dump(int fd)
{
	struct gp_hub *h = gp__hub();
	int64_t now = gp__now();

	if (fd < 0 || !h)
		return -EINVAL;
	gp__list_each(node, &h->all) {
		struct gp_greenlet *g = gp__list_entry(node, struct gp_greenlet, all);
		void *at[DEPTH];
		int r = gp__dump_one(g, fd, now);

		if (r)
			return r;
		gp__backtrace_print(at, gp__backtrace(g, at, DEPTH), fd);
	}
	return 0;
}

GP_API int gp_set_trace(void (*fn)(struct gp_greenlet *g))
{
	struct gp_hub *h = gp__hub_need();

	if (!h)
		return -ENOMEM;
	h->trace = fn;
	return 0;
}
