/* time.c - sleeping.
 *
 * Deadlines are of CLOCK_MONOTONIC. An absolute time of another clock becomes
 * one by the difference of the two clocks now; a clock that is set meanwhile
 * is not followed, but a sleep never lasts longer than RECHECK before it looks
 * at its own clock again.
 */
#include <time.h>
#include "core/clock.h"
#include "preload/calls/cputime.h"
#include "preload/calls/signal.h"
#include "preload/calls/thread.h"
#include "preload/calls/time.h"

#define RECHECK (10 * GP__SEC)

int64_t gp__time_ns(long sec, long nsec)
{
	return sec >= GP__NEVER / GP__SEC - 1 ? GP__NEVER : sec * GP__SEC + nsec;
}

long gp__time_deadline(const void *from, int clock, bool absolute, int64_t *out)
{
	struct timespec ts;
	int64_t ns;

	if (gp__copy(&ts, from, sizeof ts))
		return -EFAULT;
	if (ts.tv_sec < 0 || ts.tv_nsec < 0 || ts.tv_nsec >= GP__SEC)
		return -EINVAL;
	ns = gp__time_ns(ts.tv_sec, ts.tv_nsec);
	if (ns == GP__NEVER)
		*out = GP__NEVER;
	else if (!absolute)
		*out = gp__deadline_after(ns);
	else if (clock == CLOCK_MONOTONIC)
		*out = ns;
	else
		*out = gp__deadline_after(ns - gp__clock(clock));
	return 0;
}

long gp__time_limit(uint64_t from, int64_t *out)
{
	struct timespec ts;
	long r;

	*out = GP__NEVER;
	if (!from)
		return 0;
	r = gp__time_deadline((void *)from, CLOCK_MONOTONIC, false, out);
	if (!r && !gp__copy(&ts, (void *)from, sizeof ts) && !ts.tv_sec && !ts.tv_nsec)
		*out = 0;
	return r;
}

/* Those that go on while the hub waits and wake nothing but it. */
static bool known(int clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME || clock == CLOCK_TAI;
}

static long sleep_until(struct gp_hub *h, struct gp_guest *me, int64_t deadline)
{
	const struct gp__timeout *before = me->g.hit;
	int r;

	if (gp__interrupted(h, me))
		return -EINTR;
	if (deadline <= gp__now()) {
		gp__yield(h);
		return 0;
	}
	r = gp__park(h, "sleep", 0, deadline, GP__INTERRUPTIBLE | GP__CANCELABLE);
	return gp__own_deadline(h, before, r) ? 0 : gp__told(h, r);
}

static long relative(struct gp_hub *h, struct gp_guest *me, const void *req, void *rem)
{
	int64_t deadline, left;
	long r = gp__time_deadline(req, CLOCK_MONOTONIC, false, &deadline);

	if (r)
		return r;
	r = sleep_until(h, me, deadline);
	if (!r)
		return 0;
	left = gp__max(deadline - gp__now(), 1);
	if (rem) {
		struct timespec ts = { left / GP__SEC, left % GP__SEC };

		if (gp__copy(rem, &ts, sizeof ts))
			return -EFAULT;
	}
	return r; /* a sleep is not made again after a handler, SA_RESTART or not */
}

GP_CALL(nanosleep)
{
	return relative(h, me, (void *)f->rdi, (void *)f->rsi);
}

GP_CALL(clock_nanosleep)
{
	int clock = (int)f->rdi;
	struct timespec ts;
	int64_t deadline;
	long r;

	if (!known(clock)) { /* a processor's stands while we sleep; an alarm wakes the machine, or is refused */
		struct gp_frame copy = *f;

		copy.rdi = (uint64_t)gp__cputime_kernel_clock(h, clock);
		return gp__sys_offload(h, me, &copy);
	}
	if (!(f->rsi & TIMER_ABSTIME))
		return relative(h, me, (void *)f->rdx, (void *)f->r10);
	do {
		r = gp__time_deadline((void *)f->rdx, clock, true, &deadline);
		if (r)
			return r;
		if (clock != CLOCK_MONOTONIC)
			deadline = gp__min(deadline, gp__deadline_after(RECHECK));
		r = sleep_until(h, me, deadline);
		if (r)
			return r == -EINTR ? GP__RESTART_NEVER : r;
	} while (!gp__copy(&ts, (void *)f->rdx, sizeof ts) && gp__clock(clock) < gp__time_ns(ts.tv_sec, ts.tv_nsec));
	return 0;
}

/* ---- timers of one thread ----------------------------------------------------- */

/* A timer that the program aims at a thread of its own: the kernel's signal
 * goes to the hub's kernel thread, and on to that greenlet from there. */
struct aimed {
	struct gp_list link;
	int id;  /* the kernel's */
	int tid; /* the program's thread */
};

static struct gp_list aimed; /* of the process, as timers are */

static struct aimed *aimed_find(int id)
{
	if (aimed.next)
		gp__list_each(n, &aimed)
			if (gp__list_entry(n, struct aimed, link)->id == id)
				return gp__list_entry(n, struct aimed, link);
	return NULL;
}

bool gp__timer_aimed(struct gp_hub *h, int id, struct gp_guest **to)
{
	struct aimed *a = aimed_find(id);

	*to = a ? gp__thread_by_tid(h, a->tid) : NULL;
	return a != NULL;
}

void gp__timers_forked(void)
{
	if (!aimed.next)
		return;
	gp__list_each(n, &aimed) {
		gp__list_del(n);
		gp__free(gp__list_entry(n, struct aimed, link));
	}
}

GP_CALL(timer_create)
{
	struct gp_frame copy = *f;
	struct sigevent ev;
	struct aimed *a;
	long r;

	copy.rdi = (uint64_t)gp__cputime_kernel_clock(h, (int)f->rdi);
	if (!f->rsi)
		return gp__native(&copy);
	if (gp__copy(&ev, (void *)f->rsi, sizeof ev))
		return -EFAULT;
	if (ev.sigev_notify != SIGEV_THREAD_ID)
		return gp__native(&copy);
	if (!gp__thread_by_tid(h, ev._sigev_un._tid))
		return gp__shim.foreign ? gp__native(&copy) : -EINVAL;
	a = gp__alloc(sizeof *a);
	if (!a)
		return -EAGAIN;
	a->tid = ev._sigev_un._tid;
	ev._sigev_un._tid = h->tid;
	copy.rsi = (uint64_t)&ev;
	r = gp__native(&copy);
	if (r || gp__copy(&a->id, (void *)f->rdx, sizeof a->id)) {
		gp__free(a);
		return r;
	}
	if (!aimed.next)
		gp__list_init(&aimed);
	gp__list_append(&aimed, &a->link);
	return 0;
}

GP_CALL(timer_settime)
{
	long r = gp__native(f);

	if (!r)
		gp__signal_timer_set((int)f->rdi);
	return r;
}

/* Signals are taken from the kernel before the program has them. */
GP_CALL(timer_getoverrun)
{
	long r = gp__native(f);
	int overrun;

	return r >= 0 && gp__signal_overrun((int)f->rdi, &overrun) ? overrun : r;
}

GP_CALL(timer_delete)
{
	struct aimed *a = aimed_find((int)f->rdi);
	long r = gp__native(f);

	if (!r)
		gp__signal_timer_set((int)f->rdi);
	if (!a || r)
		return r;
	/* Its last signal may have come and still needs to be led to its thread. */
	if (h->attention & GP__ARRIVED)
		gp__signals_collect(h);
	gp__list_del(&a->link);
	gp__free(a);
	return 0;
}
