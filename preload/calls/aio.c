/* aio.c - waiting for the kernel's own asynchronous I/O (io_setup, io_submit).
 *
 * A context is no descriptor, nothing tells the hub of what completes in it: who
 * has to wait is waited for by a helper. What is there already is taken at once,
 * unless several are asked for: what was taken could not be given back.
 */
#include "preload/calls/offload.h"
#include "preload/calls/signal.h"
#include "preload/calls/time.h"

/* Those that are there. The kernel says EINTR if there are none and a signal comes, be
 * it one of ours. */
static long ask(const long *arg)
{
	long zero[2] = { 0, 0 };
	long r = gp__raw6(SYS_io_getevents, arg[0], arg[1], arg[2], arg[3], (long)zero, 0);

	return r == -EINTR ? 0 : r;
}

/* Whether the time is none at all, or -EFAULT: a time that cannot be is over for the kernel. */
static long no_time(const struct gp_frame *f)
{
	int64_t deadline;
	long r = gp__time_limit(f->r8, &deadline);

	return r == -EFAULT ? r : !deadline;
}

static long wait_events(struct gp_hub *h, struct gp_guest *me, const struct gp_frame *f, bool at_once)
{
	const long *arg = (const long *)f->arg; /* context, at least, at most, events, time */
	long least = arg[1], r;

	if (at_once || least <= 1) {
		r = ask(arg);
		if (r || at_once || least <= 0)
			return r;
	}
	return gp__offload_here(h, me, SYS_io_getevents, arg, &r) ? r : gp__offload_call(h, me, SYS_io_getevents, arg);
}

GP_CALL(io_getevents)
{
	long none = no_time(f);

	return none < 0 ? none : wait_events(h, me, f, none);
}

GP_CALL(io_pgetevents)
{
	struct { uint64_t mask, size; } sig = { 0, 0 };
	long none = no_time(f), r = 0;

	if (none < 0 || (f->r9 && gp__copy(&sig, (void *)f->r9, sizeof sig)))
		r = -EFAULT;
	if (!r)
		r = gp__signal_take_mask(me, sig.mask, sig.size);
	return r ? r : wait_events(h, me, f, none);
}
