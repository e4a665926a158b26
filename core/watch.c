/* watch.c - reports who keeps a hub from running others.
 *
 * Any switch, turn and look at the loop changes the hub's counters. If they
 * stand still for the limit while a greenlet runs, it is reported.
 *
 * Linked alone a helper thread looks every half limit, and sends SIGURG to the
 * hub's kernel thread, whose handler says where it is. The helper reads without
 * a lock what the hub writes: a torn view costs a report that is late, never a
 * wrong one, since the handler looks itself. Under the shim there is a timer
 * already that interrupts whoever runs: its tick looks (gp__watch_look()).
 *
 * One hub of a process is watched at a time; the state is the process's.
 */
#include "core/backtrace.h"
#include "core/print.h"
#include "core/watch.h"
#include "greenpatch/debug.h"

#define DEPTH 64

static struct {
	struct gp_hub *hub;      /* whose greenlets are watched; written by its thread while no helper runs */
	int64_t limit;           /* 0: nobody is, the helper ends */
	uint64_t since;          /* when the counters were last seen to change: of whoever looks */
	uint64_t seen;           /* their sum then */
	bool told;               /* of whoever looks: this time it was reported */
} watch;

/* Changes with everything that lets others run. */
static uint64_t progress(const struct gp_hub *h)
{
	return __atomic_load_n(&h->stats.switches, __ATOMIC_RELAXED) + __atomic_load_n(&h->turns, __ATOMIC_RELAXED) +
	       (uint64_t)__atomic_load_n(&h->polled, __ATOMIC_RELAXED);
}

/* Whether it is time to report; true once for each time that somebody runs. */
static bool is_stuck(struct gp_hub *h)
{
	uint64_t now = (uint64_t)gp__now(), at = progress(h);

	if (at != watch.seen || !__atomic_load_n(&h->current, __ATOMIC_RELAXED)) {
		__atomic_store_n(&watch.since, now, __ATOMIC_RELAXED);
		__atomic_store_n(&watch.seen, at, __ATOMIC_RELAXED);
		watch.told = false;
		return false;
	}
	if (watch.told || now - watch.since < (uint64_t)watch.limit)
		return false;
	watch.told = true;
	return true;
}

/* On the hub's kernel thread, in a signal handler. */
static void report(struct gp_hub *h)
{
	const struct gp_greenlet *g = h->current;
	void *at[DEPTH];
	int n;

	gp__say("greenlet #%lu %s has kept all others from running for %ld ms", g->id, g->name ? g->name : "",
	        (long)((gp__now() - (int64_t)__atomic_load_n(&watch.since, __ATOMIC_RELAXED)) / GP__MSEC));
	n = gp__backtrace_interrupted(at, DEPTH);
	gp__backtrace_print(at, n, gp__stderr);
}

static void start_looking(struct gp_hub *h, int64_t limit)
{
	watch.hub = h;
	watch.since = (uint64_t)gp__now();
	watch.seen = progress(h);
	watch.told = false;
	__atomic_store_n(&watch.limit, limit, __ATOMIC_RELEASE);
}

#ifdef GP_SHIM
void gp__watch_look(struct gp_hub *h, bool keeps)
{
	if (!watch.limit)
		return;
	if (!keeps)
		watch.seen = progress(h) - 1; /* as if somebody else had run */
	if (is_stuck(h))
		report(h);
}

static void end(void)
{
	watch.limit = 0;
	watch.hub->hooks->ticks(watch.hub, 0);
}

static int begin(struct gp_hub *h, int64_t limit)
{
	start_looking(h, limit);
	h->hooks->ticks(h, limit / 2);
	return 0;
}
#else
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "core/run/kthread.h"

static struct {
	bool runs;
	int pid;                 /* in this process */
	struct sigaction before; /* SIGURG's */
} helper;

static void on_ask(int signo)
{
	int before = errno;
	struct gp_hub *h = gp__hub();

	if (h == watch.hub && h->current && progress(h) == __atomic_load_n(&watch.seen, __ATOMIC_RELAXED))
		report(h);
	errno = before;
}

static void help(void *arg)
{
	struct gp_hub *h = arg;
	int64_t limit;

	while ((limit = __atomic_load_n(&watch.limit, __ATOMIC_ACQUIRE))) {
		struct timespec half = { limit / 2 / GP__SEC, limit / 2 % GP__SEC };

		nanosleep(&half, NULL);
		if (!__atomic_load_n(&watch.limit, __ATOMIC_ACQUIRE))
			break;
		if (is_stuck(h))
			syscall(SYS_tgkill, h->pid, h->tid, SIGURG);
	}
	__atomic_store_n(&helper.runs, false, __ATOMIC_RELEASE);
	gp__kthread_exit();
}

static void end(void)
{
	__atomic_store_n(&watch.limit, 0, __ATOMIC_RELEASE);
	while (helper.pid == watch.hub->pid && __atomic_load_n(&helper.runs, __ATOMIC_ACQUIRE))
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	sigaction(SIGURG, &helper.before, NULL);
}

static int begin(struct gp_hub *h, int64_t limit)
{
	struct sigaction sa = { .sa_handler = on_ask, .sa_flags = SA_RESTART };
	int r;

	gp__backtrace_prepare();
	if (sigaction(SIGURG, &sa, &helper.before))
		return -errno;
	start_looking(h, limit);
	helper.pid = h->pid;
	helper.runs = true;
	r = gp__kthread_start(help, h);
	if (!r)
		return 0;
	helper.runs = false;
	watch.limit = 0;
	watch.hub = NULL;
	sigaction(SIGURG, &helper.before, NULL);
	return r;
}
#endif

GP_API int gp_watch_blocking(int64_t limit_ns)
{
	struct gp_hub *h = gp__hub_need();

	if (limit_ns && limit_ns < GP__MSEC)
		return -EINVAL;
	if (!h)
		return -ENOMEM;
	if (watch.hub && watch.hub != h)
		return -EBUSY;
	if (watch.hub)
		end();
	watch.hub = NULL;
	return limit_ns ? begin(h, limit_ns) : 0;
}
