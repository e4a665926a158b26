/* offload.c - calls that cannot be polled, made by a helper thread.
 *
 * The helper shares everything with the hub's kernel thread but its signal
 * mask. A signal is the greenlet's, not the helper's: where the kernel would end
 * such a call for one, a word is raised and SIGSYS sent to the helper, whose
 * handler (sud.c) sees to it that the call is not begun with the word raised.
 * Anything else that interrupts the helper lets it begin the call again.
 *
 * What can be had at once is taken at once, and what lets go of something does not
 * wait behind those that want it. Where no helper can be started, the hub's
 * kernel thread sleeps in the call, and every tick gives the others a turn.
 */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include "preload/calls/offload.h"
#include "preload/calls/passed.h"
#include "preload/calls/preempt.h"
#include "preload/calls/signal.h"

#define SOPS_HERE 8 /* operations of one semop that are copied to the stack */

struct call {
	long nr;
	const long *args;
	volatile uint32_t stop;
	bool begun; /* by a helper, which has not given it back */
};

static long make(void *arg)
{
	uint64_t set = GP__SIG(SIGSYS);
	struct call *c = arg;
	long r;

	c->begun = true;
	gp__raw(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, 0, 8);
	do
		r = gp__raw_block(c->nr, c->args, &c->stop);
	while (r == -EINTR && !c->stop);
	if (r == GP__RAW_STOPPED)
		r = -EINTR;
	gp__raw(SYS_rt_sigprocmask, SIG_BLOCK, &set, 0, 8);
	return r;
}

static void stop(void *arg, int tid)
{
	struct call *c = arg;
	siginfo_t info;

	c->stop = tid != 0;
	c->begun = tid != 0;
	if (!tid)
		return;
	memset(&info, 0, sizeof info);
	info.si_signo = SIGSYS;
	info.si_code = GP__OFFLOAD_STOPS;
	gp__signal_send(tid, SIGSYS, &info);
}

/* What a signal makes of such a call (signal(7)); 0: it does not end it. */
static long interrupted(long nr)
{
	switch (nr) {
	case SYS_fsync: case SYS_fdatasync: case SYS_sync: case SYS_syncfs: case SYS_msync:
		return 0;
	case SYS_semop: case SYS_semtimedop: case SYS_msgsnd: case SYS_msgrcv: case SYS_clock_nanosleep: case SYS_io_uring_enter:
	case SYS_io_getevents: case SYS_fallocate:
		return GP__RESTART_NEVER;
	default:
		return GP__RESTART_SYS;
	}
}

/* There is no helper. Made again after a turn of the others, it counts what is left of
 * its time. */
static long in_turns(struct gp_hub *h, struct gp_guest *me, const struct call *c, long code)
{
	long r;

	do {
		gp__tick_guard(h);
		r = gp__pass_blocking(h, me, c->nr, c->args);
	} while ((r == GP__RESTART_NEVER || r == GP__RESTART_SYS) && !gp__interrupted(h, me));
	return r == GP__RESTART_NEVER || r == GP__RESTART_SYS ? code ? code : GP__RESTART_SYS : r;
}

long gp__offload_call(struct gp_hub *h, struct gp_guest *me, long nr, const long *args)
{
	struct gp_fdwait hold = { .fd = gp__call_fd_args((unsigned long)nr) & 1 ? (int)args[0] : -1 };
	struct call c = { nr, args, 0, false };
	long code = interrupted(nr), r;
	bool held;

	if (code && gp__interrupted(h, me))
		return gp__signalled(me, code);
	/* The number may be closed before the helper gets to it. Not those of fcntl's locks,
	 * which go with any descriptor of their file that this process closes. */
	held = hold.fd >= 0 && nr != SYS_fcntl && !gp__fdwait_join(h, &hold);
	r = gp__offload_stoppable(h, make, &c, code ? stop : NULL);
	if (held)
		gp__fdwait_part(h, &hold);
	if (r == -EAGAIN && !c.begun)
		r = in_turns(h, me, &c, code);
	return r == -EINTR && code ? code : r;
}

static long semop_now(const struct gp_frame *f)
{
	struct sembuf sops[SOPS_HERE];

	if (f->rdx > SOPS_HERE || gp__copy(sops, (void *)f->rsi, f->rdx * sizeof *sops))
		return -EAGAIN;
	for (unsigned i = 0; i < f->rdx; i++)
		sops[i].sem_flg |= IPC_NOWAIT;
	return gp__raw(SYS_semop, f->rdi, sops, f->rdx);
}

/* The program asked for an answer at once. */
static bool never_waits(const struct gp_frame *f)
{
	return (f->nr == SYS_flock && f->rsi & (LOCK_UN | LOCK_NB)) || (f->nr == SYS_msgsnd && f->r10 & IPC_NOWAIT) ||
	       (f->nr == SYS_msgrcv && f->r8 & IPC_NOWAIT);
}

/* The call, if it need not wait; -EAGAIN: it has to. */
static long at_once(const struct gp_frame *f)
{
	long r;

	switch (f->nr) {
	case SYS_flock:
		return gp__raw(SYS_flock, f->rdi, f->rsi | LOCK_NB);
	case SYS_semop:
		return semop_now(f);
	case SYS_msgsnd:
		return gp__raw(SYS_msgsnd, f->rdi, f->rsi, f->rdx, f->r10 | IPC_NOWAIT);
	case SYS_msgrcv:
		r = gp__raw(SYS_msgrcv, f->rdi, f->rsi, f->rdx, f->r10, f->r8 | IPC_NOWAIT);
		return r == -ENOMSG ? -EAGAIN : r;
	default:
		return -EAGAIN;
	}
}

bool gp__offload_here(struct gp_hub *h, struct gp_guest *me, long nr, const long *args, long *r)
{
	long code = interrupted(nr);

	while (gp__hub_quiet(h)) {
		*r = gp__native_block(h, me, nr, args);
		if (*r != -EINTR)
			return true;
		if (gp__interrupted(h, me)) {
			*r = gp__signalled(me, code ? code : GP__RESTART_SYS);
			return true;
		}
	}
	return false;
}

GP_CALL(offload)
{
	long r;

	if (gp__offload_here(h, me, (long)f->nr, (long *)f->arg, &r))
		return r;
	if (never_waits(f))
		return gp__native(f);
	r = at_once(f);
	return r == -EAGAIN ? gp__offload_call(h, me, (long)f->nr, (long *)f->arg) : r;
}

/* mq_timedsend, mq_timedreceive: with a time that has passed first. */
GP_CALL(mq)
{
	static const struct timespec past;
	struct timespec ts = past;
	struct gp_frame now = *f;
	long r;

	if (gp__offload_here(h, me, (long)f->nr, (long *)f->arg, &r))
		return r;
	if (f->r8 && gp__copy(&ts, (void *)f->r8, sizeof ts))
		return -EFAULT;
	if (ts.tv_sec < 0 || ts.tv_nsec < 0 || ts.tv_nsec >= GP__SEC)
		return -EINVAL;
	now.r8 = (uint64_t)&past;
	r = gp__native(&now);
	return r == -ETIMEDOUT ? gp__offload_call(h, me, (long)f->nr, (long *)f->arg) : r;
}
