/* preempt.c - the tick.
 *
 * A POSIX timer sends GP__TICK_SIGNAL to the hub's kernel thread each slice while
 * greenlets run and more than one exists. It is started when a greenlet gets
 * the processor and stops itself when it finds the hub asleep, so a busy
 * program pays one signal a slice, an idle one nothing, and nobody pays a
 * system call a switch.
 *
 * A greenlet that has not parked since the last tick found it running is taken
 * for a spinner: its slice halves, down to 200 us, until it parks. It may well
 * make calls: redis's main thread spins on its helpers between two writes.
 *
 * The signal is a real-time one, not SIGSYS: while a standard signal is pending
 * the kernel drops a second one, and a trap that came just as the timer had
 * fired was lost, the program going on with the call's number as its result.
 *
 * The tick has a second use. Calls without a non-blocking form (accept, a tty)
 * are made when poll() says ready; should another process have been faster,
 * the call blocks, and the tick ends it.
 */
#include <linux/time_types.h>
#include <time.h>
#include "preload/calls/preempt.h"
#include "preload/calls/signal.h"

#define SLICE_MIN   (200 * 1000L)
#define GUARD_SLICE (10 * GP__MSEC)

static bool make_timer(struct gp_hub *h)
{
	struct sigevent ev;
	int id;

	if (gp__shim.timer >= 0)
		return true;
	memset(&ev, 0, sizeof ev);
	ev.sigev_notify = SIGEV_THREAD_ID;
	ev.sigev_signo = GP__TICK_SIGNAL;
	ev._sigev_un._tid = h->tid;
	if (gp__is_err(gp__raw(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id)))
		return false;
	gp__shim.timer = id;
	return true;
}

static void set(int64_t ns)
{
	struct { int64_t isec, insec, sec, nsec; } its = { ns / GP__SEC, ns % GP__SEC, ns / GP__SEC, ns % GP__SEC };

	gp__raw(SYS_timer_settime, gp__shim.timer, 0, &its, 0);
	gp__shim.ticking = ns != 0;
	gp__shim.tick_ns = ns;
}

void gp__tick_start(struct gp_hub *h, const struct gp_guest *g)
{
	int64_t want = g->slice ? g->slice : gp__shim.config.slice, watch = gp__shim.watch_ns;

	if (watch)
		want = want ? gp__min(want, watch) : watch;
	if (!want || (gp__shim.ticking && gp__shim.tick_ns == want))
		return;
	if (make_timer(h))
		set(want);
}

void gp__tick_guard(struct gp_hub *h)
{
	if (!gp__shim.ticking && make_timer(h))
		set(GUARD_SLICE);
}

void gp__tick_stop(void)
{
	if (gp__shim.ticking)
		set(0);
}

bool gp__tick_lets_others(const struct gp_hub *h)
{
	return gp__shim.config.slice && h->current && h->current->flags & GP__OWN_TLS && gp__hub_quiet(h);
}

void gp__tick_watches(struct gp_hub *h, int64_t ns)
{
	gp__shim.watch_ns = ns;
	if (!ns && !gp__shim.config.slice)
		gp__tick_stop();
	else if (ns && h->stats.live > 1)
		gp__tick_start(h, gp__me(h));
}

void gp__tick_forked(void)
{
	gp__shim.timer = -1;
	gp__shim.ticking = false;
}

bool gp__tick_wants_switch(struct gp_hub *h)
{
	struct gp_guest *me = gp__me(h);
	int64_t slice = me->slice ? me->slice : gp__shim.config.slice;

	if (!gp__shim.config.slice || !(me->g.flags & GP__OWN_TLS))
		return false;
	me->slice = me->g.parks != me->parks_seen ? 0 : gp__max(slice / 2, SLICE_MIN);
	me->parks_seen = me->g.parks;
	return !gp__list_empty(&h->runq) || h->external > 0;
}

/* With everybody else runnable already, the loop is looked at only as often
 * as it is anyway: with thousands of ready descriptors a look is dear. */
void gp__tick_yield(struct gp_hub *h)
{
	if (gp__list_empty(&h->runq) || gp__loop_due(h))
		gp__yield_poll(h);
	else
		gp__yield(h);
}

void gp__preempted(struct gp_ucontext *uc);

/* On the program's stack, in a frame that gp__frame_for_preempt made. */
void gp__preempted(struct gp_ucontext *uc)
{
	struct gp_hub *h = gp__hub();

	gp__shim.preemptions++;
	gp__tick_yield(h);
}
