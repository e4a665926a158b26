/* offload.c - calls that cannot be polled, made by a helper thread.
 *
 * The helper shares everything with the hub's kernel thread but its signal
 * mask. Such a call is not interrupted by a signal: it is taken afterwards.
 */
#include "preload/calls/offload.h"
#include "preload/calls/signal.h"

struct call {
	long nr;
	const long *args;
};

static long make(void *arg)
{
	const struct call *c = arg;
	long r;

	do
		r = gp__raw6(c->nr, c->args[0], c->args[1], c->args[2], c->args[3], c->args[4], c->args[5]);
	while (r == -EINTR);
	return r;
}

long gp__offload_call(struct gp_hub *h, long nr, const long *args)
{
	struct call c = { nr, args };

	return gp__offload(h, make, &c);
}

GP_CALL(offload)
{
	long r;

	while (gp__hub_quiet(h)) {
		r = gp__native_block(h, me, (long)f->nr, (long *)f->arg);
		if (r != -EINTR)
			return r;
		if (gp__interrupted(h, me))
			return GP__RESTART_SYS;
	}
	return gp__offload_call(h, (long)f->nr, (long *)f->arg);
}
