/* report.c - see report.h. An error stays in its greenlet until somebody asks
 * for it; so that it is not lost where nobody does, it is said once. */
#include "core/backtrace.h"
#include "core/print.h"
#include "core/run/hub.h"
#include "core/run/report.h"
#include "greenpatch/greenlet.h"

#define DEPTH 32

void gp__report_error(struct gp_hub *h, struct gp_greenlet *g)
{
	const char *message = g->message ? g->message : "no message";
	void *at[DEPTH];

	if (h->on_error) {
		h->on_error(g);
		return;
	}
	gp__say("greenlet #%lu %s failed: %s (error %d)", g->id, g->name ? g->name : "", message, g->error);
	gp__backtrace_print(at, gp__backtrace(g, at, DEPTH), gp__stderr);
}

GP_API int gp_set_error_handler(void (*fn)(struct gp_greenlet *g))
{
	struct gp_hub *h = gp__hub_need();

	if (!h)
		return -ENOMEM;
	h->on_error = fn;
	return 0;
}
