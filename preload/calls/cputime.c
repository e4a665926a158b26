/* cputime.c - the processor time of each thread.
 *
 * The kernel counts that of the one kernel thread. It is shared out exactly from
 * the first time that anybody asks: then each switch asks the kernel how far it is
 * (a system call a switch, which programs that do not ask do not pay for). The time
 * before that is shared by the ticks that found somebody running, which is as exact
 * as ticks are; what no tick saw is the first thread's. What the hub does is
 * charged to who ran before it.
 */
#include <sys/resource.h>
#include <time.h>
#include "core/clock.h"
#include "preload/calls/cputime.h"
#include "preload/calls/thread.h"

#define OF_THREAD 4 /* bit of a negative clock id: ~thread << 3 | OF_THREAD | which */

bool gp__cputime_counts;

/* Of the one kernel thread. */
static struct {
	struct gp_guest *runs; /* is charged for what comes after .. */
	int64_t since;         /* ... that time; NULL: nobody */
} now;

static int64_t kernel_time(void)
{
	struct timespec ts = { 0, 0 };

	gp__raw(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * GP__SEC + ts.tv_nsec;
}

void gp__cputime_charge(struct gp_guest *next)
{
	int64_t t = kernel_time();

	if (now.runs)
		now.runs->cpu += t - now.since;
	now.since = t;
	now.runs = next;
}

void gp__cputime_ended(struct gp_guest *g)
{
	if (now.runs == g)
		gp__cputime_charge(NULL);
}

void gp__cputime_forked(struct gp_hub *h)
{
	struct gp_guest *me = gp__me(h);

	gp__cputime_counts = false;
	now.runs = NULL;
	me->cpu = me->ticked = me->cpu_user = me->cpu_system = 0;
}

/* part / whole of t, by 16 bits. */
static int64_t share(int64_t t, int64_t part, int64_t whole)
{
	int64_t ratio = whole ? (part << 16) / whole : 0;

	return (t >> 16) * ratio + ((t & 0xffff) * ratio >> 16);
}

/* Shares out what has been used so far. O(threads), once. */
static void begin(struct gp_hub *h)
{
	int64_t total = kernel_time(), ticked = 0, others = 0;

	gp__list_each(n, &h->all)
		ticked += gp__guest(gp__list_entry(n, struct gp_greenlet, all))->ticked;
	gp__list_each(n, &h->all) {
		struct gp_guest *g = gp__guest(gp__list_entry(n, struct gp_greenlet, all));

		/* A tick counts whole, and some of its time may have been another process's. */
		g->cpu = ticked > total ? share(total, g->ticked >> 10, ticked >> 10) : g->ticked;
		others += g == gp__shim.main ? 0 : g->cpu;
	}
	if (gp__shim.main)
		gp__shim.main->cpu = total - others;
	now.runs = gp__me(h);
	now.since = total;
	gp__cputime_counts = true;
}

static int64_t time_of(struct gp_hub *h, const struct gp_guest *g)
{
	if (!gp__cputime_counts)
		begin(h);
	gp__cputime_charge(gp__me(h));
	return g->cpu;
}

/* Whose clock it is; NULL: not one of a thread, or of nobody here. */
static const struct gp_guest *thread_of(struct gp_hub *h, int id)
{
	if (id == CLOCK_THREAD_CPUTIME_ID)
		return gp__me(h);
	if (id >= 0 || !(id & OF_THREAD) || (id & 3) == 3)
		return NULL;
	return ~(id >> 3) ? gp__thread_by_tid(h, ~(id >> 3)) : gp__me(h);
}

int gp__cputime_kernel_clock(struct gp_hub *h, int id)
{
	return id != CLOCK_THREAD_CPUTIME_ID && thread_of(h, id) ? ~h->tid * 8 | OF_THREAD | (id & 3) : id;
}

/* clock_gettime, clock_getres */
GP_CALL(clock)
{
	const struct gp_guest *g = thread_of(h, (int)f->rdi);
	struct timespec ts;
	int64_t t;

	if (!g || f->nr != SYS_clock_gettime)
		return gp__raw(f->nr, gp__cputime_kernel_clock(h, (int)f->rdi), f->rsi);
	t = time_of(h, g);
	ts = (struct timespec){ t / GP__SEC, t % GP__SEC };
	return gp__copy((void *)f->rsi, &ts, sizeof ts);
}

static int64_t us(const struct timeval *t) { return t->tv_sec * 1000000 + t->tv_usec; }
static struct timeval timeval(int64_t t) { return (struct timeval){ t / 1000000, t % 1000000 }; }

/* User and system time are in the proportion that they have in the kernel thread,
 * and neither ever goes back (as the kernel itself does it). The rest, faults and
 * switches, is the kernel thread's. */
GP_CALL(rusage)
{
	struct rusage u;
	int64_t t, system;
	long r;

	if ((int)f->rdi != RUSAGE_THREAD)
		return gp__native(f);
	r = gp__raw(SYS_getrusage, RUSAGE_THREAD, &u);
	if (r)
		return r;
	t = time_of(h, me) / 1000;
	system = gp__max(share(t, us(&u.ru_stime), us(&u.ru_utime) + us(&u.ru_stime)), me->cpu_system);
	me->cpu_user = gp__max(t - system, me->cpu_user);
	me->cpu_system = t - me->cpu_user;
	u.ru_utime = timeval(me->cpu_user);
	u.ru_stime = timeval(me->cpu_system);
	return gp__copy((void *)f->rsi, &u, sizeof u);
}
