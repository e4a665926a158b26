/* offload.c - a few kernel threads for calls that cannot be polled.
 *
 * Helpers take jobs in order, put them on the done list and kick the hub, which
 * wakes their greenlets. At most HELPERS threads, started when there is work
 * and all are busy; they stay. A call that may wait for ever (a lock that another
 * greenlet holds) gets one beyond that: what it waits for may be another job. One
 * lock guards the lists; nobody holds it over a call that may block.
 *
 * If no more helpers can be started, a job waits for those that exist, unless
 * every one of them may be held for ever by a job before it: it is refused then,
 * when it is handed over or after a drain, and its caller finds another way.
 *
 * A job that its greenlet waits for to the end lies on that greenlet's stack. One
 * that a deadline, a kill or a timeout may part from its greenlet lies on the
 * heap, with all that it uses: whoever is through with it last ends it.
 */
#include <linux/futex.h>
#include "core/alloc.h"
#include "core/raw.h"
#include "core/run/kthread.h"
#include "core/run/offload.h"

#ifdef GP_SHIM
#define HELPERS 3
#else
#define HELPERS 10 /* as gevent's pool: they run functions of the program, too */
#endif

struct gp_offload {
	struct gp_hub *hub;
	volatile uint32_t lock; /* 0 free, 1 held, 2 held and waited for */
	volatile uint32_t work; /* counts jobs put in; helpers sleep on it */
	uint32_t generation;    /* under the lock: helpers of an older one end */
	struct gp_list todo;
	struct gp_list running; /* under the lock: jobs that a helper is in the middle of */
	struct gp_list done;
	unsigned threads;       /* under the lock: that take jobs, or will */
	unsigned leaving;       /* under the lock: of an older generation, that live still */
	unsigned starting;      /* under the lock: of them, that have not looked at the generation yet */
	unsigned idle;          /* under the lock: that wait for work */
	unsigned waiting;       /* under the lock: jobs that nobody has taken */
	unsigned endless;       /* under the lock: jobs, taken or not, that may wait for ever */
	unsigned peak;
};

static void futex_wait(volatile uint32_t *word, uint32_t value)
{
	gp__raw(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, 0);
}

static void futex_wake(volatile uint32_t *word, int n)
{
	gp__raw(SYS_futex, word, FUTEX_WAKE_PRIVATE, n);
}

/* Drepper, "Futexes are tricky", the second mutex. */
static void lock(struct gp_offload *o)
{
	uint32_t c = 0;

	if (__atomic_compare_exchange_n(&o->lock, &c, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	if (c != 2)
		c = __atomic_exchange_n(&o->lock, 2, __ATOMIC_ACQUIRE);
	while (c) {
		futex_wait(&o->lock, 2);
		c = __atomic_exchange_n(&o->lock, 2, __ATOMIC_ACQUIRE);
	}
}

static void unlock(struct gp_offload *o)
{
	if (__atomic_exchange_n(&o->lock, 0, __ATOMIC_RELEASE) == 2)
		futex_wake(&o->lock, 1);
}

/* Under the lock. */
static void finish(struct gp_offload *o, struct gp_job *j)
{
	bool again = j->given_back && j->result == -EINTR;

	j->given_back = false;
	if (again) {
		j->stop(j->arg, 0);
		gp__list_prepend(&o->todo, &j->link);
		o->waiting++;
		return;
	}
	o->endless -= j->stop != NULL;
	gp__list_append(&o->done, &j->link);
	gp__loop_kick(o->hub);
}

static void helper(void *arg)
{
	struct gp_offload *o = arg;
	int tid = (int)gp__raw(SYS_gettid);
	uint32_t generation;

	lock(o);
	generation = o->generation;
	o->starting--;
	o->peak = gp__max(o->peak, o->threads + o->leaving);
	while (generation == o->generation) {
		uint32_t seen = o->work;
		struct gp_job *j;

		if (gp__list_empty(&o->todo)) {
			o->idle++;
			unlock(o);
			futex_wait(&o->work, seen);
			lock(o);
			o->idle--;
			continue;
		}
		j = gp__list_first(&o->todo, struct gp_job, link);
		gp__list_del(&j->link);
		j->helper = tid;
		gp__list_append(&o->running, &j->link);
		o->waiting--;
		unlock(o);
		j->result = j->fn(j->arg);
		lock(o);
		j->helper = 0;
		gp__list_del(&j->link);
		finish(o, j);
	}
	o->leaving--;
	unlock(o);
	gp__kthread_exit();
}

static bool start_helper(struct gp_offload *o)
{
	lock(o);
	o->threads++;
	o->starting++;
	unlock(o);
	if (!gp__kthread_start(helper, o))
		return true;
	lock(o);
	o->threads--;
	o->starting--;
	unlock(o);
	return false;
}

static struct gp_offload *pool_of(struct gp_hub *h)
{
	struct gp_offload *o = h->offload;

	if (o)
		return o;
	o = gp__alloc(sizeof *o);
	if (!o)
		return NULL;
	o->hub = h;
	gp__list_init(&o->todo);
	gp__list_init(&o->running);
	gp__list_init(&o->done);
	h->offload = o;
	return o;
}

/* Under the lock: how many helpers more there may be. */
static unsigned room(const struct gp_offload *o)
{
	unsigned most = HELPERS + o->endless;

	return most > o->threads ? most - o->threads : 0;
}

/* Into the hands of the helpers: 0 or -EAGAIN. */
static int hand_over(struct gp_hub *h, struct gp_job *j)
{
	struct gp_offload *o = pool_of(h);
	bool more;

	if (!o)
		return -EAGAIN;
	j->g = h->current;
	lock(o);
	o->endless += j->stop != NULL;
	more = o->waiting >= o->idle && room(o);
	unlock(o);
	more = more && !start_helper(o);
	lock(o);
	if (more && o->threads <= o->endless - (j->stop != NULL)) {
		o->endless -= j->stop != NULL;
		unlock(o);
		return -EAGAIN;
	}
	o->waiting++;
	gp__list_append(&o->todo, &j->link);
	__atomic_add_fetch(&o->work, 1, __ATOMIC_RELEASE);
	unlock(o);
	futex_wake(&o->work, 1);
	return 0;
}

/* Takes it back, under the lock. False: a helper has taken it. */
static bool take_back(struct gp_offload *o, struct gp_job *j)
{
	gp__list_each(n, &o->todo)
		if (n == &j->link) {
			gp__list_del(n);
			o->waiting--;
			o->endless -= j->stop != NULL;
			return true;
		}
	return false;
}

/* What tells the job to stop reaches the helper before its next one, because the
 * lock is held. True: it had not begun. */
static bool interrupt(struct gp_offload *o, struct gp_job *j)
{
	bool back;

	lock(o);
	back = take_back(o, j);
	j->given_back = false; /* it ends for its greenlet, then */
	j->stopped = j->helper != 0;
	if (j->helper)
		j->stop(j->arg, j->helper);
	unlock(o);
	return back;
}

long gp__offload_stoppable(struct gp_hub *h, long (*fn)(void *arg), void *arg, void (*stop)(void *arg, int tid))
{
	struct gp_job j = { .fn = fn, .arg = arg, .stop = stop };
	int r = hand_over(h, &j);

	if (r)
		return r;
	r = gp__park(h, "offload", (unsigned long)fn, GP__NEVER, GP__EXTERNAL | (stop ? GP__INTERRUPTIBLE : 0));
	if (r == -EINTR && !j.done && interrupt(h->offload, &j))
		return -EINTR;
	while (!j.done)
		gp__park(h, "offload", (unsigned long)fn, GP__NEVER, GP__EXTERNAL);
	return j.result;
}

long gp__offload(struct gp_hub *h, long (*fn)(void *arg), void *arg)
{
	return gp__offload_stoppable(h, fn, arg, NULL);
}

/* Its greenlet waits no longer. A helper may be in the middle of it. */
static void part(struct gp_offload *o, struct gp_job *j)
{
	bool taken;

	lock(o);
	taken = !take_back(o, j);
	unlock(o);
	j->g = NULL;
	if (!taken || j->done)
		j->end(j, j->done && !j->refused);
}

int gp__offload_job(struct gp_hub *h, struct gp_job *j, int64_t deadline)
{
	int r = hand_over(h, j);

	if (r) {
		j->end(j, false);
		return r;
	}
	while (!j->done) {
		r = gp__park(h, "offload", (unsigned long)j->fn, deadline, GP__EXTERNAL | GP__INTERRUPTIBLE | GP__CANCELABLE);
		if (r == -EINTR)
			gp__take_signals(h);
		else if (r) {
			part(h->offload, j);
			return r;
		}
	}
	if (!j->refused)
		return 0;
	j->end(j, false);
	return -EAGAIN;
}

void gp__offload_collect(struct gp_hub *h)
{
	struct gp_offload *o = h->offload;
	struct gp_list done;

	if (!o)
		return;
	gp__list_init(&done);
	lock(o);
	gp__list_splice(&done, &o->done);
	unlock(o);
	gp__list_each(n, &done) {
		struct gp_job *j = gp__list_entry(n, struct gp_job, link);

		j->done = true;
		if (j->g)
			gp__wake(j->g, 0);
		else
			j->end(j, !j->refused);
	}
}

void gp__offload_forked(struct gp_hub *h)
{
	h->offload = NULL; /* a lock in it may be held by a thread that is not here */
}

/* Under the lock: tells those that can to give their jobs back; how many helpers
 * are not waited for. */
static unsigned recall(struct gp_offload *o)
{
	unsigned left = 0;

	gp__list_each(n, &o->running) {
		struct gp_job *j = gp__list_entry(n, struct gp_job, link);

		left += j->end != NULL;
		if (!j->stop || j->given_back || j->stopped)
			continue;
		j->given_back = true;
		j->stop(j->arg, j->helper);
	}
	return left;
}

bool gp__offload_drain(struct gp_hub *h)
{
	struct gp_offload *o = h->offload;
	bool more = true;

	if (!o || !(o->threads + o->leaving))
		return false;
	lock(o);
	while (o->starting) { /* it would take the new generation for its own */
		unlock(o);
		gp__raw(SYS_sched_yield);
		lock(o);
	}
	o->generation++;
	o->leaving += o->threads;
	o->threads = 0;
	__atomic_add_fetch(&o->work, 1, __ATOMIC_RELEASE);
	unlock(o);
	futex_wake(&o->work, INT_MAX);
	while (more) {
		lock(o);
		more = o->leaving > recall(o);
		unlock(o);
		if (more)
			gp__raw(SYS_sched_yield);
	}
	return true;
}

/* Those that wait and for which there is no helper. */
static void refuse(struct gp_offload *o)
{
	unsigned held = o->endless; /* helpers that a job may hold for ever: those that have begun, at first */

	gp__list_each(n, &o->todo)
		held -= gp__list_entry(n, struct gp_job, link)->stop != NULL;
	gp__list_each(n, &o->todo) {
		struct gp_job *j = gp__list_entry(n, struct gp_job, link);

		if (o->threads > held) {
			held += j->stop != NULL;
			continue;
		}
		gp__list_del(n);
		o->waiting--;
		o->endless -= j->stop != NULL;
		j->refused = true;
		j->result = -EAGAIN;
		gp__list_append(&o->done, n);
		gp__loop_kick(o->hub);
	}
}

void gp__offload_resume(struct gp_hub *h)
{
	struct gp_offload *o = h->offload;
	unsigned more;

	if (!o)
		return;
	lock(o);
	more = gp__min(o->waiting, room(o));
	unlock(o);
	while (more && start_helper(o))
		more--;
	if (!more)
		return;
	lock(o);
	refuse(o);
	unlock(o);
}

unsigned gp__offload_threads(const struct gp_hub *h, bool peak)
{
	if (!h->offload)
		return 0;
	return peak ? h->offload->peak : h->offload->threads + h->offload->leaving;
}
