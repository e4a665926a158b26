/* offload.c - jobs on helper threads: their results, how many threads, and that the hub goes on meanwhile. */
#include "unit.h"
#include <pthread.h>
#include <sched.h>
#include "core/run/hub.h"
#include "core/run/offload.h"
#include "greenpatch.h"

enum { HELPERS = 10 }; /* at most, as offload.c has it */

static void join_one(struct gp_greenlet *g)
{
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
}

static long twice(void *arg)
{
	return 2 * *(long *)arg;
}

CASE("a job gets its argument, and its value comes back")
{
	long n = 21;

	EXPECT(gp_self());
	EXPECT_INT(gp__offload(gp__hub(), twice, &n), 42);
	n = -7;
	EXPECT_INT(gp__offload(gp__hub(), twice, &n), -14);
	n = LONG_MIN / 2;
	EXPECT_INT(gp__offload(gp__hub(), twice, &n), LONG_MIN);
}

CASE("one job after the other needs one thread")
{
	EXPECT(gp_self());
	EXPECT_INT(gp__offload_threads(gp__hub(), false), 0);
	for (long i = 0; i < 200; i++) {
		EXPECT_INT(gp__offload(gp__hub(), twice, &i), 2 * i);
		/* The helper says that it is done before it goes to rest; give it the time. */
		gp_sleep(20000);
	}
	EXPECT_INT(gp__offload_threads(gp__hub(), false) <= 2, 1);
}

static void *one_job(void *arg)
{
	long n = (long)(intptr_t)arg;

	EXPECT_INT(gp__offload(gp__hub(), twice, &n), 2 * n);
	trace("%ld", n);
	return NULL;
}

CASE("many jobs at once: every one gives its own value, at most ten threads")
{
	struct gp_greenlet *g[300];

	for (intptr_t i = 0; i < 300; i++)
		g[i] = gp_spawn(one_job, (void *)i);
	for (int i = 0; i < 300; i++)
		join_one(g[i]);
	EXPECT(gp__offload_threads(gp__hub(), true) <= HELPERS);
	EXPECT(gp__offload_threads(gp__hub(), true) >= 1);
}

/* ---- jobs that block -------------------------------------------------------------------- */

static int gate[2]; /* a pipe: each byte lets one job through */

static volatile int at_gate; /* jobs that began */

static long pass_gate(void *arg)
{
	char c;

	__atomic_add_fetch(&at_gate, 1, __ATOMIC_SEQ_CST);
	return read(gate[0], &c, 1);
}

static int through;

static void *blocked_job(void *arg)
{
	EXPECT_INT(gp__offload(gp__hub(), pass_gate, NULL), 1);
	trace("through");
	through++;
	return NULL;
}

static void open_gate(int n)
{
	while (n--)
		NEED(write(gate[1], "x", 1) == 1);
}

CASE("the hub goes on while a job blocks: turns, timers, descriptors")
{
	struct gp_greenlet *g;
	int p[2];

	NEED(!pipe(gate) && !pipe(p));
	g = gp_spawn(blocked_job, NULL);
	for (int i = 0; i < 10; i++)
		gp_yield();
	trace("turns");
	EXPECT_INT(gp_sleep(GP__MSEC), 0);
	trace("timer");
	NEED(write(p[1], "x", 1) == 1);
	EXPECT_INT(gp__wait_fd(gp__hub(), p[0], GP__READ, GP_NEVER), GP__READ);
	trace("descriptor");
	EXPECT(!gp_ready(g));
	open_gate(1);
	join_one(g);
	EXPECT_STR(unit_trace, "turns timer descriptor through");
}

CASE("more jobs than helpers: all get done")
{
	struct gp_greenlet *g[HELPERS + 7];

	NEED(!pipe(gate));
	for (int i = 0; i < HELPERS + 7; i++)
		g[i] = gp_spawn(blocked_job, NULL);
	while (at_gate < HELPERS)
		gp_sleep(100000);
	EXPECT_INT(gp__offload_threads(gp__hub(), false), HELPERS);
	for (int i = 0; i < HELPERS + 7; i++) {
		EXPECT(through <= i);
		open_gate(1);
		gp_sleep(10000);
	}
	for (int i = 0; i < HELPERS + 7; i++)
		join_one(g[i]);
	EXPECT_INT(gp__offload_threads(gp__hub(), true), HELPERS);
}

static int meeting[2][2];

/* Each side tells the other that it is there, and waits for the other: like the two ends of a FIFO that is opened. */
static long meet(void *arg)
{
	int side = *(int *)arg;
	char c = 0;

	if (write(meeting[side][1], "x", 1) != 1)
		return -errno;
	return read(meeting[!side][0], &c, 1);
}

static void *meet_body(void *arg)
{
	EXPECT_INT(gp__offload(gp__hub(), meet, arg), 1);
	return NULL;
}

static void two_meet(void)
{
	int side[2] = { 0, 1 };
	struct gp_greenlet *a = gp_spawn(meet_body, &side[0]), *b = gp_spawn(meet_body, &side[1]);
	int64_t deadline = gp_now() + 3 * GP__SEC;

	if (gp_join(a, deadline) || gp_join(b, deadline)) {
		unit_fail(__FILE__, __LINE__, "expected both jobs to run, came one that waits for the other");
		fflush(stdout);
		_exit(1);
	}
	gp_unref(a);
	gp_unref(b);
}

CASE("two jobs that wait for each other both run, with no helper yet")
{
	NEED(!pipe(meeting[0]) && !pipe(meeting[1]));
	two_meet();
}

CASE("two jobs that wait for each other both run, with one helper at rest")
{
	struct sched_param none = { 0 };
	cpu_set_t one;
	long n = 1;

	/* On one processor and without preemption at a wake-up, the helper cannot have left its rest when the second
	 * job comes. */
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	NEED(!sched_setaffinity(0, sizeof one, &one) && !sched_setscheduler(0, SCHED_BATCH, &none));
	NEED(!pipe(meeting[0]) && !pipe(meeting[1]) && gp_self());
	for (int i = 0; i < 10; i++) {
		EXPECT_INT(gp__offload(gp__hub(), twice, &n), 2);
		gp_sleep(GP__MSEC); /* so that it is at rest, most likely */
	}
	two_meet();
}

/* ---- the helpers' own state ------------------------------------------------------------------ */

static long blocked_signals(void *arg)
{
	sigset_t now;
	long n = 0;

	pthread_sigmask(SIG_SETMASK, NULL, &now);
	for (int s = 1; s < 32; s++)
		n += sigismember(&now, s);
	return n;
}

CASE("a helper has all signals blocked, and its start changes no mask of the program's")
{
	sigset_t before, after;

	EXPECT(gp_self());
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	EXPECT_INT(gp__offload(gp__hub(), blocked_signals, NULL), 31 - 2); /* SIGKILL and SIGSTOP cannot be */
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	EXPECT(!memcmp(&before, &after, 8));
}

/* ---- drain -------------------------------------------------------------------------------------- */

CASE("drain without a pool, and of a pool at rest")
{
	long n = 4;

	EXPECT(gp_self());
	gp__offload_drain(gp__hub());
	gp__offload_resume(gp__hub());
	EXPECT_INT(gp__offload(gp__hub(), twice, &n), 8);
	gp__offload_drain(gp__hub());
	gp__offload_resume(gp__hub());
	EXPECT_INT(gp__offload_threads(gp__hub(), false), 0);
	EXPECT_INT(gp__offload(gp__hub(), twice, &n), 8);
	EXPECT_INT(gp__offload_threads(gp__hub(), false), 1);
	gp__offload_drain(gp__hub());
	gp__offload_resume(gp__hub());
	gp__offload_drain(gp__hub());
	gp__offload_resume(gp__hub());
	EXPECT_INT(gp__offload(gp__hub(), twice, &n), 8);
}

static void all_done(struct gp_greenlet **g, int n)
{
	int64_t deadline = gp_now() + 5 * GP__SEC;

	for (int i = 0; i < n; i++) {
		if (gp_join(g[i], deadline)) {
			unit_fail(__FILE__, __LINE__, "expected job %d to be done, came none within 5 s", i);
			fflush(stdout);
			_exit(1);
		}
		gp_unref(g[i]);
	}
}

static void wait_for_threads(unsigned want)
{
	for (int i = 0; i < 50000 && gp__offload_threads(gp__hub(), false) != want; i++)
		gp_sleep(100000);
	EXPECT_INT(gp__offload_threads(gp__hub(), false), want);
}

/* A job that gives itself back when it is told to, and goes on when it is let. */
struct stoppable {
	volatile int told;
	int begun;
	long result;
};

static volatile int let;

static long until_let(void *arg)
{
	struct stoppable *s = arg;

	s->begun++;
	__atomic_add_fetch(&at_gate, 1, __ATOMIC_SEQ_CST);
	while (!let) {
		if (s->told)
			return -EINTR;
		usleep(500);
	}
	return 7;
}

static void tell(void *arg, int tid)
{
	((struct stoppable *)arg)->told = tid != 0;
}

static void *stoppable_job(void *arg)
{
	struct stoppable *s = arg;

	s->result = gp__offload_stoppable(gp__hub(), until_let, s, tell);
	return NULL;
}

CASE("drain takes back jobs that can be stopped; new helpers begin them anew")
{
	struct stoppable s[2] = { { .told = 0 } };
	struct gp_greenlet *g[2];
	long n = 4;

	for (int i = 0; i < 2; i++)
		g[i] = gp_spawn(stoppable_job, &s[i]);
	while (at_gate < 2)
		gp_sleep(100000);
	gp__offload_drain(gp__hub());
	EXPECT_INT(gp__offload_threads(gp__hub(), false), 0);
	gp__offload_resume(gp__hub());
	while (at_gate < 4)
		gp_sleep(100000);
	EXPECT_INT(gp__offload(gp__hub(), twice, &n), 8);
	EXPECT(!gp_ready(g[0]) && !gp_ready(g[1]));
	let = 1;
	all_done(g, 2);
	for (int i = 0; i < 2; i++) {
		EXPECT_INT(s[i].begun, 2);
		EXPECT_INT(s[i].result, 7);
	}
}

static void *opens_later(void *arg)
{
	usleep(20000); /* so that the drain has most likely begun */
	open_gate(2);
	return arg;
}

CASE("drain waits for jobs that nothing can stop")
{
	struct gp_greenlet *g[2];
	pthread_t opener;

	NEED(!pipe(gate));
	for (int i = 0; i < 2; i++)
		g[i] = gp_spawn(blocked_job, NULL);
	while (at_gate < 2)
		gp_sleep(100000);
	NEED(!pthread_create(&opener, NULL, opens_later, NULL));
	gp__offload_drain(gp__hub());
	EXPECT_INT(gp__offload_threads(gp__hub(), false), 0);
	gp__offload_resume(gp__hub());
	all_done(g, 2);
	pthread_join(opener, NULL);
}

static void *opens_for_all(void *arg)
{
	usleep(20000);
	open_gate(3 * HELPERS);
	return arg;
}

CASE("after a drain the jobs that wait get no more helpers than there may be")
{
	struct gp_greenlet *g[3 * HELPERS];
	pthread_t opener;

	NEED(!pipe(gate));
	for (int i = 0; i < 3 * HELPERS; i++)
		g[i] = gp_spawn(blocked_job, NULL);
	while (at_gate < HELPERS)
		gp_sleep(100000);
	NEED(!pthread_create(&opener, NULL, opens_for_all, NULL));
	gp__offload_drain(gp__hub());
	EXPECT_INT(gp__offload_threads(gp__hub(), false), 0);
	gp__offload_resume(gp__hub());
	EXPECT(gp__offload_threads(gp__hub(), false) <= HELPERS);
	all_done(g, 3 * HELPERS);
	pthread_join(opener, NULL);
	EXPECT_INT(gp__offload_threads(gp__hub(), true), HELPERS);
}

static long note_thread(void *arg)
{
	*(pid_t *)arg = gettid();
	return 0;
}

CASE("after a drain no job runs on a helper that was there before it")
{
	pid_t before[4] = { 0 }, after[4] = { 0 };

	NEED(gp_self());
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 4; i++)
			EXPECT_INT(gp__offload(gp__hub(), note_thread, &before[i]), 0);
		gp__offload_drain(gp__hub());
		gp__offload_resume(gp__hub());
		for (int i = 0; i < 4; i++)
			EXPECT_INT(gp__offload(gp__hub(), note_thread, &after[i]), 0);
		for (int i = 0; i < 16; i++)
			EXPECT(before[i / 4] && after[i % 4] && before[i / 4] != after[i % 4]);
	}
}

CASE("a helper that has only been started when a drain comes ends, too, and its job is done")
{
	for (int round = 0; round < 50; round++) {
		struct gp_greenlet *g = gp_spawn(one_job, (void *)7);

		gp_yield();
		gp__offload_drain(gp__hub());
		gp__offload_resume(gp__hub());
		all_done(&g, 1);
		gp__offload_drain(gp__hub());
		gp__offload_resume(gp__hub());
		EXPECT_INT(gp__offload_threads(gp__hub(), false), 0);
	}
}

CASE("drain loses no job that waits for a helper")
{
	struct stoppable s[HELPERS + 5] = { { .told = 0 } };
	struct gp_greenlet *g[HELPERS + 5];

	for (int i = 0; i < HELPERS + 5; i++)
		g[i] = gp_spawn(stoppable_job, &s[i]);
	while (at_gate < HELPERS)
		gp_sleep(100000);
	gp__offload_drain(gp__hub());
	gp__offload_resume(gp__hub());
	let = 1;
	all_done(g, HELPERS + 5);
	for (int i = 0; i < HELPERS + 5; i++)
		EXPECT_INT(s[i].result, 7);
}

CASE("drain with jobs that no helper has taken yet")
{
	struct gp_greenlet *g[8];

	NEED(!pipe(gate));
	for (int i = 0; i < 8; i++)
		g[i] = gp_spawn(blocked_job, NULL);
	gp_yield();
	open_gate(8);
	gp__offload_drain(gp__hub());
	gp__offload_resume(gp__hub());
	all_done(g, 8);
}

/* ---- jobs that their greenlets leave ------------------------------------------------------ */

static int ended, ended_run;

static void end_job(struct gp_job *j, bool ran)
{
	ended++;
	ended_run += ran;
	free(j);
}

static struct gp_job *heap_job(long (*fn)(void *arg), void *arg)
{
	struct gp_job *j = calloc(1, sizeof *j);

	NEED(j);
	j->fn = fn;
	j->arg = arg;
	j->end = end_job;
	return j;
}

CASE("a job on the heap gives its value, and is the caller's again")
{
	long n = 21;
	struct gp_job *j = heap_job(twice, &n);

	EXPECT(gp_self());
	EXPECT_INT(gp__offload_job(gp__hub(), j, GP_NEVER), 0);
	EXPECT_INT(j->result, 42);
	EXPECT_INT(ended, 0);
	free(j);
}

CASE("a job that is under way at the deadline goes on, and is ended when it is through")
{
	NEED(!pipe(gate));
	EXPECT(gp_self());
	do { /* one that no helper has taken by then is ended at once */
		ended = 0;
		EXPECT_INT(gp__offload_job(gp__hub(), heap_job(pass_gate, NULL), gp_after(GP__MSEC)), -ETIMEDOUT);
	} while (!at_gate);
	EXPECT_INT(ended, 0);
	open_gate(1);
	while (!ended)
		gp_sleep(100000);
	EXPECT_INT(ended_run, 1);
}

CASE("drain does not wait for a function of the program; its helper ends with it")
{
	NEED(!pipe(gate));
	EXPECT(gp_self());
	do {
		ended = 0;
		EXPECT_INT(gp__offload_job(gp__hub(), heap_job(pass_gate, NULL), gp_after(GP__MSEC)), -ETIMEDOUT);
	} while (!at_gate);
	gp__offload_drain(gp__hub());
	EXPECT_INT(gp__offload_threads(gp__hub(), false), 1);
	gp__offload_resume(gp__hub());
	open_gate(1);
	while (!ended)
		gp_sleep(100000);
	wait_for_threads(0);
}

CASE("a job that nobody has taken at the deadline never runs")
{
	struct gp_greenlet *g[HELPERS];

	NEED(!pipe(gate));
	for (int i = 0; i < HELPERS; i++)
		g[i] = gp_spawn(blocked_job, NULL);
	while (at_gate < HELPERS)
		gp_sleep(100000);
	EXPECT_INT(gp__offload_job(gp__hub(), heap_job(pass_gate, NULL), gp_after(GP__MSEC)), -ETIMEDOUT);
	EXPECT_INT(ended, 1);
	EXPECT_INT(ended_run, 0);
	open_gate(HELPERS);
	all_done(g, HELPERS);
	EXPECT_INT(at_gate, HELPERS);
}

static void *killed_job(void *arg)
{
	EXPECT_INT(gp__offload_job(gp__hub(), heap_job(pass_gate, NULL), GP_NEVER), -ECANCELED);
	return NULL;
}

CASE("a kill parts a greenlet from its job")
{
	struct gp_greenlet *g;

	NEED(!pipe(gate));
	g = gp_spawn(killed_job, NULL);
	while (!at_gate)
		gp_sleep(100000);
	EXPECT_INT(gp_kill(g, GP_NEVER), 0);
	gp_unref(g);
	open_gate(1);
	while (!ended)
		gp_sleep(100000);
}
