/* schedule.c - affinity, policy, priority, nice value, I/O priority, timer slack of each thread.
 *
 * All greenlets run on one kernel thread, which is scheduled as the first one
 * wants: what that sets is set for real. What is set for another is kept in its
 * record, and read back from there; it has no other effect.
 *
 * The kernel is asked all the same, since it knows what is allowed and how it
 * rounds: the call is made by a kernel thread that lives only for that, and is
 * given before what its greenlet has. What it has afterwards is kept.
 *
 * Who has no record of its own (schedule == NULL) is scheduled like the first.
 */
#include <linux/ioprio.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include "core/run/kthread.h"
#include "preload/calls/schedule.h"
#include "preload/calls/thread.h"

#define CPUS_MAX      256  /* bytes of a set: 2,048 processors */
#define RESET_ON_FORK 1    /* of sched_attr.flags */
#define RESET_POLICY  0x40000000L
#define OF_THREAD     1    /* IOPRIO_WHO_PROCESS */

struct attr { /* struct sched_attr */
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

struct gp_schedule {
	struct attr attr;
	int nice;   /* of the policies that have none, too */
	int ioprio; /* as it was set; -1: it was not */
	long slack; /* ns */
	long bytes; /* of cpus */
	uint8_t cpus[CPUS_MAX];
};

/* Of the kernel thread; the first thread has set SCHED_RESET_ON_FORK. */
static bool resets;

/* ---- of a kernel thread --------------------------------------------------------- */

/* What the calling kernel thread has. 0, or an error and *s is as it was. */
static long read_back(struct gp_schedule *s)
{
	struct gp_schedule now = { .ioprio = s->ioprio };
	long nice, r = gp__raw(SYS_sched_getattr, 0, &now.attr, sizeof now.attr, 0);

	if (r)
		return r;
	nice = gp__raw(SYS_getpriority, PRIO_PROCESS, 0);
	if (gp__is_err(nice))
		return nice;
	now.bytes = gp__raw(SYS_sched_getaffinity, 0, sizeof now.cpus, now.cpus);
	if (gp__is_err(now.bytes))
		return now.bytes;
	now.nice = 20 - (int)nice;
	now.slack = gp__raw(SYS_prctl, PR_GET_TIMERSLACK, 0, 0, 0, 0);
	*s = now;
	return 0;
}

static void put_on(struct gp_schedule *s)
{
	gp__raw(SYS_sched_setaffinity, 0, s->bytes, s->cpus);
	gp__raw(SYS_setpriority, PRIO_PROCESS, 0, s->nice);
	gp__raw(SYS_sched_setattr, 0, &s->attr, 0);
	if (s->ioprio >= 0)
		gp__raw(SYS_ioprio_set, OF_THREAD, 0, s->ioprio);
	if (s->slack > 0)
		gp__raw(SYS_prctl, PR_SET_TIMERSLACK, s->slack, 0, 0, 0);
}

struct trial {
	struct gp_schedule *s;  /* of the greenlet */
	const struct gp_frame *f; /* the call, about the thread that makes it */
	long result;
};

static bool has_nice(const struct gp_schedule *s)
{
	return s->attr.policy == SCHED_OTHER || s->attr.policy == SCHED_BATCH;
}

static void be_nice(struct gp_schedule *s, int value)
{
	s->nice = value;
	if (has_nice(s))
		s->attr.nice = value;
}

/* Where the first thread is nicer, the trial may have no right to be less so: a
 * value that the call does not change is not its own then. */
static void try_call(void *arg)
{
	struct trial *t = arg;
	int nice = t->s->nice, began;

	put_on(t->s);
	began = 20 - (int)gp__raw(SYS_getpriority, PRIO_PROCESS, 0);
	t->result = gp__native(t->f);
	if (!gp__is_err(t->result))
		t->result = read_back(t->s);
	if (!gp__is_err(t->result) && t->s->nice == began)
		be_nice(t->s, nice);
	gp__kthread_exit();
}

/* ---- records ---------------------------------------------------------------------- */

/* Its own, made of what the first thread has. NULL: it cannot be had. */
static struct gp_schedule *own(struct gp_guest *g)
{
	if (g->schedule)
		return g->schedule;
	g->schedule = gp__alloc(sizeof *g->schedule);
	if (!g->schedule)
		return NULL;
	g->schedule->ioprio = -1;
	if (read_back(g->schedule))
		gp__schedule_free(g);
	return g->schedule;
}

/* The first thread is about to change: the others are not. */
static bool keep_others(struct gp_hub *h)
{
	gp__list_each(n, &h->all) {
		struct gp_guest *g = gp__guest(gp__list_entry(n, struct gp_greenlet, all));

		if (!g->is_main && !own(g))
			return false;
	}
	return true;
}

static void reset(struct gp_schedule *s)
{
	bool real_time = s->attr.policy == SCHED_FIFO || s->attr.policy == SCHED_RR || s->attr.policy == 6 /* SCHED_DEADLINE */;

	if (real_time)
		s->attr = (struct attr){ .size = sizeof s->attr };
	s->attr.flags &= ~(uint64_t)RESET_ON_FORK;
	if (real_time || s->nice < 0)
		s->nice = s->attr.nice = 0;
}

void gp__schedule_inherit(struct gp_guest *g, const struct gp_guest *from)
{
	gp__schedule_free(g); /* of one that becomes a thread only now */
	if (from->schedule && (g->schedule = gp__alloc(sizeof *g->schedule)))
		*g->schedule = *from->schedule;
	else if (from->is_main && resets)
		own(g);
	if (g->schedule && g->schedule->attr.flags & RESET_ON_FORK)
		reset(g->schedule);
}

void gp__schedule_free(struct gp_guest *g)
{
	gp__free(g->schedule);
	g->schedule = NULL;
}

void gp__schedule_forked(struct gp_guest *me)
{
	struct gp_schedule *s = me->schedule;

	resets = false;
	if (!s)
		return;
	if (s->attr.flags & RESET_ON_FORK)
		reset(s);
	put_on(s);
	gp__schedule_free(me);
}

/* ---- the calls ----------------------------------------------------------------------- */

/* Where the thread is named, of sched_*: rdi; of *priority and ioprio_*, which
 * may mean others than threads: rsi. */
static uint64_t *thread_of(struct gp_frame *f)
{
	switch (f->nr) {
	case SYS_getpriority: case SYS_setpriority: return f->rdi == PRIO_PROCESS ? &f->rsi : NULL;
	case SYS_ioprio_get: case SYS_ioprio_set: return f->rdi == OF_THREAD ? &f->rsi : NULL;
	default: return &f->rdi;
	}
}

static bool sets(uint64_t nr)
{
	return nr == SYS_setpriority || nr == SYS_ioprio_set || nr == SYS_sched_setparam || nr == SYS_sched_setscheduler ||
	       nr == SYS_sched_setattr || nr == SYS_sched_setaffinity || nr == SYS_sched_rr_get_interval;
}

static long set_first(struct gp_hub *h, const struct gp_frame *f)
{
	struct attr a = { .size = sizeof a };
	long r;

	if (f->nr != SYS_sched_rr_get_interval && h->stats.live > 1 && !keep_others(h))
		return -ENOMEM;
	r = gp__native(f);
	if (!r && !gp__raw(SYS_sched_getattr, 0, &a, sizeof a, 0))
		resets = a.flags & RESET_ON_FORK;
	return r;
}

/* To be nicer needs no right, but the thread that tries may have begun too nice. */
static bool nicer(const struct gp_schedule *s, const struct gp_frame *f, long *value)
{
	*value = gp__min((long)(int)f->rdx, 19L);
	return f->nr == SYS_setpriority && *value >= s->nice;
}

static long set(struct gp_guest *g, const struct gp_frame *f)
{
	struct trial t = { own(g), f, 0 };
	long value;
	int r;

	if (!t.s)
		return -ENOMEM;
	if (nicer(t.s, f, &value)) {
		be_nice(t.s, (int)value);
		return 0;
	}
	r = gp__kthread_run(try_call, &t);
	if (r)
		return r;
	if (!t.result && f->nr == SYS_ioprio_set)
		t.s->ioprio = (int)f->rdx;
	return t.result;
}

/* The kernel answers for its thread, and says what is wrong; then ours is put
 * over its answer. */
static long get(const struct gp_schedule *s, const struct gp_frame *f)
{
	long r = gp__native(f);
	int priority = (int)s->attr.priority;

	if (gp__is_err(r))
		return r;
	switch (f->nr) {
	case SYS_getpriority: return 20 - s->nice;
	case SYS_ioprio_get: return s->ioprio >= 0 ? s->ioprio : r;
	case SYS_sched_getscheduler: return (long)s->attr.policy | (s->attr.flags & RESET_ON_FORK ? RESET_POLICY : 0);
	case SYS_sched_getparam: return gp__copy((void *)f->rsi, &priority, sizeof priority);
	case SYS_sched_getaffinity: return gp__copy((void *)f->rdx, s->cpus, gp__min((size_t)r, sizeof s->cpus)) ? -EFAULT : r;
	case SYS_sched_getattr: /* how large it is has the kernel said */
		return gp__copy((char *)f->rsi + 4, &s->attr.policy, gp__min(f->rdx, sizeof s->attr) - 4);
	default: return r;
	}
}

GP_CALL(schedule)
{
	struct gp_frame copy = *f;
	uint64_t *who = thread_of(&copy);
	struct gp_guest *g = who ? (int)*who == 0 ? me : gp__thread_by_tid(h, (int)*who) : NULL;

	if (!g)
		return gp__native(f); /* another process, or the kernel knows what is wrong */
	*who = 0;
	if (sets(f->nr))
		return g->is_main ? set_first(h, &copy) : set(g, &copy);
	return g->is_main || !g->schedule ? gp__native(&copy) : get(g->schedule, &copy);
}

/* Whose slack is not the first thread's sleeps by the first one's all the same. */
long gp__schedule_slack(struct gp_hub *h, struct gp_guest *me, const struct gp_frame *f)
{
	struct gp_schedule *s;

	if (me->is_main)
		return f->rdi == PR_SET_TIMERSLACK && h->stats.live > 1 && !keep_others(h) ? -ENOMEM : gp__native(f);
	if (f->rdi == PR_GET_TIMERSLACK)
		return me->schedule ? me->schedule->slack : gp__native(f);
	s = own(me);
	if (!s)
		return -ENOMEM;
	/* 0, or less: the one that it began with, which nobody has noted */
	s->slack = (long)f->rsi > 0 ? (long)f->rsi : gp__raw(SYS_prctl, PR_GET_TIMERSLACK, 0, 0, 0, 0);
	return 0;
}
