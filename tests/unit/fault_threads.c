/* fault_threads.c - what the pool of helpers does when it gets no memory and no thread: no job waits for what cannot come,
 * and the next try works. */
#include "unit.h"
#include <dlfcn.h>
#include <pthread.h>
#include "core/run/offload.h"
#include "fault.h"

static bool fail_kthread;

int pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

	*(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
	return fail_kthread ? EAGAIN : create(t, attr, fn, arg);
}

static long twice(void *arg)
{
	return 2 * *(long *)arg;
}

CASE("a job without memory for the pool, or without a thread, is -EAGAIN, and can be tried again")
{
	struct gp_hub *h = gp_self()->hub;
	long n = 21;

	fault_at = 0;
	EXPECT_INT(gp__offload(h, twice, &n), -EAGAIN);
	EXPECT_INT(fault_at, -1);
	fail_kthread = true;
	EXPECT_INT(gp__offload(h, twice, &n), -EAGAIN);
	EXPECT_INT(gp__offload_threads(h, false), 0);
	EXPECT_INT(gp__offload_threads(h, true), 0);
	fail_kthread = false;
	EXPECT_INT(gp__offload(h, twice, &n), 42);
}

static long pass_gate(void *arg)
{
	char c;

	return read(*(int *)arg, &c, 1);
}

static void *gated(void *arg)
{
	EXPECT_INT(gp__offload(gp__hub(), pass_gate, arg), 1);
	return NULL;
}

CASE("a job that gets no thread of its own waits for one that exists")
{
	struct gp_greenlet *a, *b;
	int gate[2];

	NEED(!pipe(gate));
	a = gp_spawn(gated, &gate[0]);
	gp_yield();
	EXPECT_INT(gp__offload_threads(gp__hub(), false), 1);
	fail_kthread = true;
	b = gp_spawn(gated, &gate[0]);
	gp_yield();
	EXPECT_INT(gp__offload_threads(gp__hub(), false), 1);
	NEED(write(gate[1], "xx", 2) == 2);
	EXPECT_INT(gp_join(a, GP_NEVER), 0);
	EXPECT_INT(gp_join(b, GP_NEVER), 0);
	gp_unref(a);
	gp_unref(b);
}

/* A job that may last for ever, and gives itself back when it is told to. */
struct endless {
	volatile int told, begun;
	long result;
};

static volatile int let;

static long until_let(void *arg)
{
	struct endless *e = arg;

	e->begun++;
	while (!e->told && !let)
		usleep(100);
	return e->told ? -EINTR : 7;
}

static void tell(void *arg, int tid)
{
	((struct endless *)arg)->told = tid != 0;
}

static void *endless_job(void *arg)
{
	struct endless *e = arg;

	e->result = gp__offload_stoppable(gp__hub(), until_let, e, tell);
	return NULL;
}

static struct gp_greenlet *begin_endless(struct endless *e)
{
	struct gp_greenlet *g = gp_spawn(endless_job, e);

	while (!e->begun)
		NEED(!gp_sleep(100000));
	return g;
}

/* Whether it comes to its end at all. */
static void ended(struct gp_greenlet *g)
{
	EXPECT_INT(gp_join(g, gp_after(3 * GP_SEC)), 0);
	gp_unref(g);
}

CASE("without another thread a job does not wait for one that another job may hold for ever")
{
	struct endless held = { .told = 0 }, more = { .told = 0 };
	struct gp_greenlet *g = begin_endless(&held);
	long n = 21;

	fail_kthread = true;
	EXPECT_INT(gp__offload(gp__hub(), twice, &n), -EAGAIN);
	endless_job(&more);
	EXPECT_INT(more.result, -EAGAIN);
	let = 1;
	ended(g);
	EXPECT_INT(held.result, 7);
	EXPECT_INT(gp__offload(gp__hub(), twice, &n), 42);
}

CASE("after a drain without new threads jobs that were given back are -EAGAIN, and can be tried again")
{
	struct endless e[2] = { { .told = 0 } };
	struct gp_greenlet *g[2] = { begin_endless(&e[0]), begin_endless(&e[1]) };
	long n = 21;

	EXPECT(gp__offload_drain(gp__hub()));
	fail_kthread = true;
	gp__offload_resume(gp__hub());
	for (int i = 0; i < 2; i++) {
		ended(g[i]);
		EXPECT_INT(e[i].result, -EAGAIN);
		EXPECT_INT(e[i].begun, 1);
		EXPECT_INT(e[i].told, 0);
	}
	EXPECT_INT(gp__offload(gp__hub(), twice, &n), -EAGAIN);
	fail_kthread = false;
	EXPECT_INT(gp__offload(gp__hub(), twice, &n), 42);
	EXPECT_INT(gp__offload_threads(gp__hub(), false), 1);
}

static volatile int begun;

static void *gated_function(void *arg)
{
	begun = 1;
	pass_gate(arg);
	return arg;
}

static void *apart(void *arg)
{
	void *value = NULL;
	int r = gp_offload(gated_function, arg, &value, GP_NEVER);

	return (void *)(intptr_t)(r ? r : value == arg ? 1 : 0);
}

CASE("a helper that only ends its last job is none: after a drain functions apart wait for no such, and each is called or -EAGAIN")
{
	struct gp_greenlet *a, *b;
	long n = 21;
	int gate[2];

	NEED(!pipe(gate));
	begun = 0;
	a = gp_spawn(apart, gate);
	while (!begun) /* a job that waits for its helper would be given back */
		NEED(!gp_sleep(100000));
	fail_kthread = true;
	b = gp_spawn(apart, gate); /* waits for the one helper */
	gp_yield();
	EXPECT(gp__offload_drain(gp__hub()));
	gp__offload_resume(gp__hub());
	EXPECT_INT(gp_join(b, gp_after(3 * GP_SEC)), 0);
	EXPECT_INT((intptr_t)gp_value(b), -EAGAIN);
	EXPECT_INT(gp__offload(gp__hub(), twice, &n), -EAGAIN);
	NEED(write(gate[1], "x", 1) == 1);
	EXPECT_INT(gp_join(a, gp_after(3 * GP_SEC)), 0);
	EXPECT_INT((intptr_t)gp_value(a), 1);
	fail_kthread = false;
	EXPECT_INT(gp__offload(gp__hub(), twice, &n), 42);
	gp_unref(a);
	gp_unref(b);
}
