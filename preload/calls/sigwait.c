/* sigwait.c - waiting for signals: pause, sigsuspend, sigtimedwait, signalfd. */
#include "preload/calls/preempt.h"
#include "preload/calls/signal.h"

GP_CALL(pause)
{
	if (!gp__interrupted(h, me))
		gp__park(h, "signal", 0, GP__NEVER, GP__EXTERNAL | GP__INTERRUPTIBLE);
	return GP__RESTART_NEVER;
}

GP_CALL(rt_sigsuspend)
{
	uint64_t mask;
	long r = gp__signal_get_mask(&mask, (void *)f->rdi, f->rsi);

	if (r)
		return r;
	gp__signal_swap_mask(me, mask);
	while (!gp__interrupted(h, me))
		gp__park(h, "signal", 0, GP__NEVER, GP__EXTERNAL | GP__INTERRUPTIBLE);
	return GP__RESTART_NEVER;
}

GP_CALL(rt_sigtimedwait)
{
	int64_t deadline = GP__NEVER;
	siginfo_t info;
	uint64_t set;
	long r = gp__signal_get_mask(&set, (void *)f->rdi, f->r10);

	if (r)
		return r;
	if (f->rdx) {
		struct { long sec, nsec; } ts;

		if (gp__copy(&ts, (void *)f->rdx, sizeof ts))
			return -EFAULT;
		if (ts.sec < 0 || ts.nsec < 0 || ts.nsec >= GP__SEC)
			return -EINVAL;
		deadline = ts.sec > GP__NEVER / GP__SEC - 1 ? GP__NEVER : gp__deadline_after(ts.sec * GP__SEC + ts.nsec);
	}
	for (int sig = 1; sig <= 31; sig++) /* what is ignored by default must come to us */
		if (set & ~gp__shim.hooked & ~GP__UNBLOCKABLE & GP__SIG(sig))
			gp__action_settle(sig, true);
	me->sigwait = set;
	gp__signal_mask_changed(me);
	for (r = 0; !r;) {
		bool interrupted = gp__interrupted(h, me);

		/* Asked first: what interrupts may be what is waited for. */
		if (gp__signal_next(me, set, &info))
			break;
		if (interrupted)
			r = -EINTR;
		else if (deadline != GP__NEVER && deadline <= gp__now())
			r = -EAGAIN;
		else
			gp__park(h, "signal", set, deadline, GP__EXTERNAL | GP__INTERRUPTIBLE);
	}
	me->sigwait = 0;
	gp__signal_mask_changed(me);
	if (r)
		return r;
	if (f->rsi && gp__copy((void *)f->rsi, &info, sizeof info))
		return -EFAULT;
	return info.si_signo;
}

/* signalfd reads what is pending in the kernel, so its signals are blocked
 * there too; they come back to us when the descriptor's set shrinks. */
GP_CALL(signalfd)
{
	uint64_t set;
	long r;

	r = gp__native(f);
	if (gp__is_err(r) || gp__copy(&set, (void *)f->rsi, 8))
		return r;
	for (int sig = 1; sig <= 64; sig++)
		if (set & ~gp__shim.hooked & ~GP__UNBLOCKABLE & GP__SIG(sig))
			gp__action_settle(sig, true);
	gp__shim.fd_mask |= set & me->mask & ~(GP__UNBLOCKABLE | GP__SIG(SIGSYS) | GP__SIG(GP__TICK_SIGNAL));
	gp__signal_mask_settle();
	return r;
}
