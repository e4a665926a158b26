/* passed.c - calls that are passed on although they may block.
 *
 * The kernel thread sleeps in them, and every greenlet with it, until a tick, or
 * a signal that is another greenlet's, ends the call: then the others have a
 * turn, and the call is made again. One that counts a time is made again with
 * what is left of it, from copies of ours. (The kernel itself takes the time
 * that has passed from what select, pselect6 and ppoll were given.)
 *
 * A greenlet that shares its TLS is not preempted, so not in a sleep either: with
 * the group `time` left out, a sleep of one of gp_spawn's holds up all.
 */
#include <linux/futex.h>
#include <time.h>
#include "core/clock.h"
#include "core/watch.h"
#include "preload/calls/passed.h"
#include "preload/calls/preempt.h"
#include "preload/calls/time.h"

enum form { NONE, MILLISECONDS, TIMESPEC, SLEEP };

struct limit {
	enum form form;
	unsigned arg;        /* which argument is the time */
	int64_t deadline;    /* MILLISECONDS, TIMESPEC */
	struct timespec left;
};

/* Which time, if any, the call counts from its beginning. */
static void form_of(struct limit *l, long nr, const long *arg)
{
	l->form = TIMESPEC;
	switch (nr) {
	case SYS_poll: l->form = MILLISECONDS, l->arg = 2; return;
	case SYS_epoll_wait: case SYS_epoll_pwait: l->form = MILLISECONDS, l->arg = 3; return;
	case SYS_epoll_pwait2: case SYS_semtimedop: l->arg = 3; return;
	case SYS_io_getevents: l->arg = 4; return;
	case SYS_nanosleep: l->form = SLEEP, l->arg = 0; return;
	case SYS_clock_nanosleep:
		l->form = arg[1] & TIMER_ABSTIME ? NONE : SLEEP;
		l->arg = 2;
		return;
	case SYS_futex:
		l->form = (arg[1] & FUTEX_CMD_MASK) == FUTEX_WAIT ? TIMESPEC : NONE;
		l->arg = 3;
		return;
	default: l->form = NONE;
	}
}

static void limit_begin(struct limit *l, long nr, long *args)
{
	form_of(l, nr, args);
	if (l->form == MILLISECONDS) {
		if ((int)args[l->arg] <= 0)
			l->form = NONE;
		else
			l->deadline = gp__deadline_after((int)args[l->arg] * GP__MSEC);
		return;
	}
	if (l->form == NONE)
		return;
	if (!args[l->arg] || gp__copy(&l->left, (void *)args[l->arg], sizeof l->left) || l->left.tv_sec < 0) {
		l->form = NONE; /* the kernel knows what is wrong */
		return;
	}
	args[l->arg] = (long)&l->left;
	if (l->form == SLEEP) /* the kernel says there what is left */
		args[l->arg + 1] = (long)&l->left;
	else
		l->deadline = gp__deadline_after(gp__time_ns(l->left.tv_sec, l->left.tv_nsec));
}

static void limit_again(struct limit *l, long *args)
{
	int64_t left = gp__max(l->deadline - gp__now(), 0);

	if (l->form == SLEEP || (l->form == TIMESPEC && l->deadline == GP__NEVER))
		return;
	if (l->form == MILLISECONDS)
		args[l->arg] = (left + GP__MSEC - 1) / GP__MSEC;
	else
		l->left = (struct timespec){ left / GP__SEC, left % GP__SEC };
}

/* The rest of a sleep that a signal ended. */
static void limit_end(const struct limit *l, const long *arg)
{
	if (l->form == SLEEP && arg[l->arg + 1])
		(void)gp__copy((void *)arg[l->arg + 1], &l->left, sizeof l->left);
}

/* Calls that no signal's SA_RESTART makes begin anew (signal(7)). */
static bool never_again(long nr)
{
	switch (nr) {
	case SYS_nanosleep: case SYS_clock_nanosleep:
	case SYS_poll: case SYS_ppoll: case SYS_select: case SYS_pselect6:
	case SYS_epoll_wait: case SYS_epoll_pwait: case SYS_epoll_pwait2:
	case SYS_semop: case SYS_semtimedop: case SYS_msgsnd: case SYS_msgrcv:
	case SYS_io_getevents: case SYS_io_uring_enter: case SYS_futex_waitv:
		return true;
	default:
		return false;
	}
}

long gp__pass_blocking(struct gp_hub *h, struct gp_guest *me, long nr, const long *arg)
{
	bool holds = never_again(nr) && !(me->g.flags & GP__OWN_TLS);
	struct limit limit;
	long args[6];

	memcpy(args, arg, sizeof args);
	limit_begin(&limit, nr, args);
	for (;;) {
		long r;

		if (holds) {
			gp__watch_look(h, true);
			gp__tick_stop();
		}
		r = gp__native_block(h, me, nr, args);
		if (holds && !gp__hub_quiet(h))
			gp__watch_look(h, true); /* there was no tick to do it */
		if (gp__likely(r != -EINTR))
			return r;
		if (gp__interrupted(h, me)) {
			limit_end(&limit, arg);
			return gp__signalled(me, never_again(nr) ? GP__RESTART_NEVER : GP__RESTART_SYS);
		}
		if (!holds && !gp__hub_quiet(h))
			gp__yield_poll(h);
		if (limit.form == NONE)
			return GP__RESTART_NEVER;
		limit_again(&limit, args);
	}
}
