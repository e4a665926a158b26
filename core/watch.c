/* watch.c - reports who keeps a hub from running others.
 *
 * A helper thread looks every half limit at the hub's counters, which any
 * switch, turn and look at the loop changes. If they stand still for the limit
 * while a greenlet runs, it sends SIGURG to the hub's kernel thread, whose
 * handler says where it is. The helper reads without a lock what the hub
 * writes: a torn view costs a report that is late, never a wrong one, since the
 * handler looks itself.
 *
 * One hub of a process is watched at a time; the state is the process's.
 */
#include "core/base.h"
#include "greenpatch/debug.h"

#ifdef GP_SHIM
GP_API int gp_watch_blocking(int64_t limit_ns) { return limit_ns && limit_ns < GP__MSEC ? -EINVAL : -ENOTSUP; }
#else
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "core/backtrace.h"
#include "core/print.h"
#include "core/run/kthread.h"

#define DEPTH 64

static struct {
	struct gp_hub *hub;     /* whose greenlets are watched; written by its thread while no helper runs */
	int64_t limit;          /* 0: the helper ends */
	uint64_t since;         /* when the counters were last seen to change: of the helper */
	uint64_t seen;          /* their sum then, which the handler compares */
	bool helper;            /* it runs */
	int pid;                /* in this process */
	struct sigaction before; /* SIGURG's */
} watch;

/* Changes with everything that lets others run. */
static uint64_t progress(const struct gp_hub *h)
{
	return __atomic_load_n(&h->stats.switches, __ATOMIC_RELAXED) + __atomic_load_n(&h->turns, __ATOMIC_RELAXED) +
	       (uint64_t)__atomic_load_n(&h->polled, __ATOMIC_RELAXED);
}

static void on_ask(int signo)
{
	int before = errno, n;
	struct gp_hub *h = gp__hub();
	const struct gp_greenlet *g = h ? h->current : NULL;
	void *at[DEPTH];

	if (h == watch.hub && g && progress(h) == __atomic_load_n(&watch.seen, __ATOMIC_RELAXED)) {
		gp__say("greenlet #%lu %s has kept all others from running for %ld ms", g->id, g->name ? g->name : "",
		        (long)((gp__now() - (int64_t)__atomic_load_n(&watch.since, __ATOMIC_RELAXED)) / GP__MSEC));
		n = gp__backtrace_interrupted(at, DEPTH);
		gp__backtrace_print(at, n, gp__stderr);
	}
	errno = before;
}

static void helper(void *arg)
{
	struct gp_hub *h = arg;
	int64_t limit;
	bool told = false;

	while ((limit = __atomic_load_n(&watch.limit, __ATOMIC_ACQUIRE))) {
		struct timespec half = { limit / 2 / GP__SEC, limit / 2 % GP__SEC };
		uint64_t now, at;

		nanosleep(&half, NULL);
		if (!__atomic_load_n(&watch.limit, __ATOMIC_ACQUIRE))
			break;
		now = (uint64_t)gp__now();
		at = progress(h);
		if (at != watch.seen || !__atomic_load_n(&h->current, __ATOMIC_RELAXED)) {
			__atomic_store_n(&watch.since, now, __ATOMIC_RELAXED);
			__atomic_store_n(&watch.seen, at, __ATOMIC_RELAXED);
			told = false;
		} else if (!told && now - watch.since >= (uint64_t)limit) {
			told = true;
			syscall(SYS_tgkill, h->pid, h->tid, SIGURG);
		}
	}
	__atomic_store_n(&watch.helper, false, __ATOMIC_RELEASE);
	gp__kthread_exit();
}

static void stop(void)
{
	__atomic_store_n(&watch.limit, 0, __ATOMIC_RELEASE);
	while (watch.pid == watch.hub->pid && __atomic_load_n(&watch.helper, __ATOMIC_ACQUIRE))
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	sigaction(SIGURG, &watch.before, NULL);
	watch.hub = NULL;
}

static int begin(struct gp_hub *h, int64_t limit)
{
	struct sigaction sa = { .sa_handler = on_ask, .sa_flags = SA_RESTART };
	int r;

	gp__backtrace_prepare();
	watch.hub = h;
	watch.pid = h->pid;
	watch.limit = limit;
	watch.since = (uint64_t)gp__now();
	watch.seen = progress(h);
	watch.helper = true;
	if (sigaction(SIGURG, &sa, &watch.before)) {
		r = -errno;
		goto fail;
	}
	r = gp__kthread_start(helper, h);
	if (!r)
		return 0;
	sigaction(SIGURG, &watch.before, NULL);
fail:
	watch.helper = false;
	watch.limit = 0;
	watch.hub = NULL;
	return r;
}

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
		stop();
	return limit_ns ? begin(h, limit_ns) : 0;
}
#endif
