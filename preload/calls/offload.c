/* offload.c - calls that cannot be polled, made by a helper thread.
 *
 * The helper shares everything with the hub's kernel thread but its signal
 * mask. A signal is the greenlet's, not the helper's: where the kernel would end
 * such a call for one, a word is raised and SIGSYS sent to the helper, whose
 * handler (sud.c) sees to it that the call is not begun with the word raised.
 * Anything else that interrupts the helper lets it begin the call again.
 */
#include <sys/file.h>
#include "preload/calls/offload.h"
#include "preload/calls/signal.h"

struct call {
	long nr;
	const long *args;
	volatile uint32_t stop;
};

static long make(void *arg)
{
	uint64_t set = GP__SIG(SIGSYS);
	struct call *c = arg;
	long r;

	gp__raw(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, 0, 8);
	do
		r = gp__raw_block(c->nr, c->args, &c->stop);
	while (r == -EINTR && !c->stop);
	gp__raw(SYS_rt_sigprocmask, SIG_BLOCK, &set, 0, 8);
	return r;
}

static void stop(void *arg, int tid)
{
	struct call *c = arg;
	siginfo_t info;

	c->stop = tid != 0;
	if (!tid)
		return;
	memset(&info, 0, sizeof info);
	info.si_signo = SIGSYS;
	info.si_code = GP__OFFLOAD_STOPS;
	gp__raw(SYS_rt_tgsigqueueinfo, gp__shim.hub->pid, tid, SIGSYS, &info);
}

/* What a signal makes of such a call (signal(7)); 0: it does not end it. */
static long interrupted(long nr)
{
	switch (nr) {
	case SYS_fsync: case SYS_fdatasync: case SYS_sync: case SYS_syncfs: case SYS_msync:
		return 0;
	case SYS_semop: case SYS_semtimedop: case SYS_msgsnd: case SYS_msgrcv: case SYS_clock_nanosleep:
		return GP__RESTART_NEVER;
	default:
		return GP__RESTART_SYS;
	}
}

long gp__offload_call(struct gp_hub *h, struct gp_guest *me, long nr, const long *args)
{
	struct call c = { nr, args, 0 };
	long code = interrupted(nr), r;

	if (code && gp__interrupted(h, me))
		return code;
	r = gp__offload_stoppable(h, make, &c, code ? stop : NULL);
	return r == -EINTR && code ? code : r;
}

GP_CALL(offload)
{
	long code = interrupted((long)f->nr), r;

	if (f->nr == SYS_flock && f->rsi & (LOCK_UN | LOCK_NB))
		return gp__native(f);
	while (gp__hub_quiet(h)) {
		r = gp__native_block(h, me, (long)f->nr, (long *)f->arg);
		if (r != -EINTR)
			return r;
		if (gp__interrupted(h, me))
			return code ? code : GP__RESTART_SYS;
	}
	return gp__offload_call(h, me, (long)f->nr, (long *)f->arg);
}
