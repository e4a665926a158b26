/* futex_shared.c - words that other processes may wake.
 *
 * One kernel thread of ours sleeps in futex_waitv (Linux 5.16) on all such
 * words that greenlets wait for, and on a word of its own that says "the list
 * has changed". What wakes it wakes all greenlets on that word: how many the
 * other process meant is not to be known, and a futex wait may always return
 * early. When a word had changed before it could sleep it cannot say which,
 * and lets all of them look again; looking is done by the greenlets, because a
 * fault here, with signals blocked, would end the process.
 *
 * No wake may end here: one that finds the thread still in the queue of a word
 * for which no greenlet waits any more, or whose greenlet another one has woken,
 * was taken from a waiter of some process, and is given on.
 *
 * Without futex_waitv, or with more words than it takes, helpers make the first few
 * waits, and the other greenlets look again every few milliseconds (futex.c).
 */
#include <linux/futex.h>
#include "core/run/kthread.h"
#include "preload/calls/futex.h"

#define WORDS_MAX (FUTEX_WAITV_MAX - 1)

/* Of the process, as its shared memory is. */
static struct {
	struct gp_hub *hub;
	volatile uint32_t lock;    /* a spin lock: held for a walk of the list */
	volatile uint32_t changes; /* counts; the thread sleeps on it too */
	struct gp_list list;       /* struct gp_futex_watch */
	unsigned count;            /* of them */
	bool running;              /* the thread was started */
	bool missing;              /* it could not be, or the kernel has no futex_waitv */
	volatile bool ending;      /* it is to end: see gp__futex_watcher_end() */
	volatile bool fired;       /* some watch fired since the hub looked */
} shared;

static void lock(void)
{
	while (__atomic_exchange_n(&shared.lock, 1, __ATOMIC_ACQUIRE))
		gp__raw(SYS_sched_yield);
}

static void unlock(void)
{
	__atomic_store_n(&shared.lock, 0, __ATOMIC_RELEASE);
}

static unsigned gather(struct futex_waitv *v)
{
	unsigned n = 1;

	v[0] = (struct futex_waitv){ shared.changes, (uint64_t)&shared.changes, FUTEX_32 | FUTEX_PRIVATE_FLAG, 0 };
	gp__list_each(node, &shared.list) {
		const struct gp_futex_watch *w = gp__list_entry(node, struct gp_futex_watch, link);

		if (!w->fired && n <= WORDS_MAX)
			v[n++] = (struct futex_waitv){ w->value, w->addr, FUTEX_32 | w->flag, 0 };
	}
	return n;
}

/* addr 0: all of them, to look again. */
static bool fire(uint64_t addr)
{
	bool any = false;

	gp__list_each(node, &shared.list) {
		struct gp_futex_watch *w = gp__list_entry(node, struct gp_futex_watch, link);

		if (w->fired || (addr && w->addr != addr))
			continue;
		w->fired = any = true;
		w->woken = addr != 0;
	}
	return any;
}

/* The kernel names the last of the words that were woken; those before it may
 * have been, too (futex_unqueue_multiple in kernel/futex/waitwake.c). */
static bool woken_up_to(const struct futex_waitv *v, long last)
{
	bool any = false;

	for (long i = 1; i <= last; i++) {
		bool seen = false;

		for (long j = 1; j < i && !seen; j++)
			seen = v[j].uaddr == v[i].uaddr;
		if (seen)
			continue;
		if (fire(v[i].uaddr))
			any = true;
		else
			gp__raw(SYS_futex, v[i].uaddr, FUTEX_WAKE | (v[i].flags & FUTEX_PRIVATE_FLAG), 1);
	}
	return any;
}

static void watcher(void *arg)
{
	struct futex_waitv v[FUTEX_WAITV_MAX];

	while (!shared.missing && !shared.ending) {
		unsigned n;
		bool any;
		long r;

		lock();
		n = gather(v);
		unlock();
		r = gp__raw(SYS_futex_waitv, v, n, 0, 0, 0);
		if (r == -ENOSYS) /* a filter may have said so, once; greenlets wait already */
			r = gp__raw(SYS_futex_waitv, v, n, 0, 0, 0);
		lock();
		shared.missing = r == -ENOSYS;
		any = r > 0 ? woken_up_to(v, r) : r < 0 && r != -EINTR && (shared.missing || v[0].val == shared.changes) && fire(0);
		shared.fired |= any;
		unlock();
		if (any)
			gp__loop_kick(shared.hub);
	}
	__atomic_store_n(&shared.ending, false, __ATOMIC_RELEASE);
	gp__kthread_exit();
}

bool gp__futex_unwatched(void)
{
	return shared.missing || !(gp__shim.config.features & GP__FEATURE_IOURING);
}

bool gp__futex_watch(struct gp_hub *h, struct gp_futex_watch *w)
{
	if (!shared.list.next)
		gp__list_init(&shared.list);
	if (shared.count == WORDS_MAX || gp__futex_unwatched())
		return false;
	shared.hub = h;
	w->fired = w->woken = false;
	w->g = h->current;
	lock();
	gp__list_append(&shared.list, &w->link);
	shared.count++;
	shared.changes++;
	unlock();
	if (!shared.running && gp__kthread_start(watcher, NULL)) {
		shared.missing = true;
		gp__futex_unwatch(w, false);
		return false;
	}
	shared.running = true;
	gp__raw(SYS_futex, &shared.changes, FUTEX_WAKE_PRIVATE, 1);
	return true;
}

bool gp__futex_unwatch(struct gp_futex_watch *w, bool taken)
{
	lock();
	gp__list_del(&w->link);
	shared.count--;
	shared.changes++;
	unlock();
	gp__raw(SYS_futex, &shared.changes, FUTEX_WAKE_PRIVATE, 1);
	if (w->woken && taken)
		gp__futex_wake_everywhere(w->addr, 1, ~0U, w->flag);
	return w->woken;
}

void gp__futex_collect(void)
{
	if (!shared.fired)
		return;
	lock();
	shared.fired = false;
	gp__list_each(node, &shared.list) {
		struct gp_futex_watch *w = gp__list_entry(node, struct gp_futex_watch, link);

		if (w->fired)
			gp__wake(w->g, 0);
	}
	unlock();
}

bool gp__futex_watcher_end(void)
{
	if (!shared.running || shared.missing)
		return false;
	lock();
	shared.ending = true;
	shared.changes++;
	unlock();
	gp__raw(SYS_futex, &shared.changes, FUTEX_WAKE_PRIVATE, 1);
	while (__atomic_load_n(&shared.ending, __ATOMIC_ACQUIRE))
		gp__raw(SYS_sched_yield);
	shared.running = false;
	return true;
}

void gp__futex_watcher_resume(void)
{
	if (shared.running || !shared.count)
		return;
	shared.running = !gp__kthread_start(watcher, NULL);
	if (shared.running)
		return;
	/* Nobody watches: those who wait look for themselves from now on. */
	shared.missing = true;
	lock();
	shared.fired |= fire(0);
	unlock();
	gp__futex_collect();
}

bool gp__futex_watcher_runs(void) { return shared.running; }

void gp__futex_shared_forked(void)
{
	shared.lock = 0;
	shared.count = 0;
	shared.running = shared.missing = shared.fired = shared.ending = false;
	if (shared.list.next)
		gp__list_init(&shared.list);
}
