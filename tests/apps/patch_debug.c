/* patch_debug.c - where greenlets of both kinds stand, told to a program that patches itself; who keeps the others
 * waiting.
 *
 *	patch_debug CASE
 */
#include <execinfo.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>
#include "patch.h"

/* No tail call, no inlining: it stays on the stack. */
#define STAYS __attribute__((noinline, noclone))
#define KEEP  __asm__ volatile("" : : : "memory")

static int pipes[2];
static struct gp_queue *queue;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static volatile int go;

/* ---- ways to stand somewhere, each in a function of its own below `outer` ------------------ */

static STAYS void in_gp_sleep(void) { gp_sleep(GP_NEVER / 2); KEEP; }
static STAYS void in_usleep(void) { sleep(1000000); KEEP; }
static STAYS void in_queue(void) { gp_queue_get(queue, NULL, GP_NEVER); KEEP; }
static STAYS void in_poll(void) { poll(&(struct pollfd){ pipes[0], POLLIN, 0 }, 1, -1); KEEP; }

static STAYS void in_read(void)
{
	char c;

	CHECK(read(pipes[0], &c, 1) == 1);
	KEEP;
}

static STAYS void in_cond(void)
{
	pthread_mutex_lock(&mutex);
	while (!go)
		pthread_cond_wait(&cond, &mutex);
	pthread_mutex_unlock(&mutex);
}

static STAYS void in_computing(void)
{
	while (!go)
		KEEP;
}

/* Of a signal, which parks. */
static STAYS void in_handler(int sig)
{
	in_read();
	KEEP;
}

static STAYS void below_a_handler(void)
{
	raise(SIGUSR1);
	KEEP;
}

typedef void way(void);

static STAYS void *outer(void *arg)
{
	((way *)arg)();
	KEEP;
	return NULL;
}

/* ---- looking at them ------------------------------------------------------------------------- */

/* Whether one of the addresses lies in fn: in the first bytes that it can have. */
static int where(void *const *at, int n, const void *fn)
{
	for (int i = 0; i < n; i++)
		if ((const char *)at[i] > (const char *)fn && (const char *)at[i] < (const char *)fn + 100)
			return i;
	return -1;
}

/* The way first, `outer` right behind it. */
static const char *judge(void *const *at, int n, way *fn)
{
	int inner = where(at, n, (const void *)fn), out = where(at, n, (const void *)outer);

	return inner < 0 ? "lost" : out < 0 ? "outer lost" : out <= inner ? "in a wrong order" : "found";
}

static struct gp_greenlet *by_id(unsigned long id)
{
	struct gp_info info[32];
	size_t n = gp_list(info, 32);

	for (size_t i = 0; i < n; i++)
		if (info[i].id == id)
			return info[i].greenlet;
	return NULL;
}

static void show(const char *name, way *fn, struct gp_greenlet *g)
{
	void *at[32];
	int n = gp_backtrace(g, at, 32);

	printf("%s: %s\n", name, judge(at, n, fn));
	CHECK(n <= 0 || gp_backtrace(g, at, 1) == 1);
}

static unsigned long newest(void)
{
	struct gp_info info[32];
	size_t n = gp_list(info, 32);

	return info[n - 1].id;
}

static const struct {
	const char *name;
	way *fn;
} ways[] = {
	{ "gp_sleep", in_gp_sleep }, { "sleep", in_usleep }, { "gp_queue_get", in_queue },
	{ "poll", in_poll }, { "read", in_read }, { "pthread_cond_wait", in_cond },
	{ "a parked handler", below_a_handler },
};
#define WAYS (sizeof ways / sizeof *ways)

static void as_spawned(void)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct gp_greenlet *g = gp_spawn(outer, (void *)ways[i].fn);
		void *at[4];

		CHECK(g && gp_backtrace(g, at, 4) == 0);
		gp_sleep(GP_MSEC);
		show(ways[i].name, ways[i].fn, g);
	}
}

static void as_thread(void)
{
	pthread_t t;

	for (size_t i = 0; i < WAYS; i++) {
		CHECK(pthread_create(&t, NULL, outer, (void *)ways[i].fn) == 0);
		gp_sleep(GP_MSEC);
		show(ways[i].name, ways[i].fn, by_id(newest()));
	}
}

static STAYS void *myself(void *arg)
{
	void *at[32];
	int n = gp_backtrace(gp_self(), at, 32);

	printf("myself: %s\n", where(at, n, (const void *)myself) == 0 ? "found" : "lost");
	return NULL;
}

static void backtraces(void)
{
	struct gp_attr small = { .stack_size = 8192 };
	struct gp_greenlet *g;
	pthread_t t;

	signal(SIGUSR1, in_handler);
	CHECK(gp_patch_all() == 0 && pipe(pipes) == 0 && (queue = gp_queue_new(0)));
	printf("spawned\n");
	as_spawned();
	g = gp_spawn_with(&small, myself, NULL);
	CHECK(gp_join(g, GP_NEVER) == 0);
	printf("threads\n");
	as_thread();
	CHECK(pthread_create(&t, NULL, myself, NULL) == 0 && pthread_join(t, NULL) == 0);
}

/* One that the tick has taken the processor from. */
static void preempted(void)
{
	pthread_t t;

	CHECK(gp_patch_all() == 0);
	CHECK(pthread_create(&t, NULL, outer, (void *)in_computing) == 0);
	usleep(1000);
	show("preempted", in_computing, by_id(newest()));
	go = 1;
	CHECK(pthread_join(t, NULL) == 0);
}

/* ---- the same as libc's unwinder has it ----------------------------------------------------------- */

static volatile int samples, longest;

/* What a signal has interrupted: all but this function's own place in it. */
static void compare(int sig)
{
	void *theirs[64], *ours[64];
	int n = backtrace(theirs, 64), m = gp_backtrace(gp_self(), ours, 64);

	samples++;
	if (n > longest)
		longest = n;
	if (n != m || memcmp(theirs + 1, ours + 1, (size_t)(m - 1) * sizeof *ours)) {
		printf("theirs:\n");
		backtrace_symbols_fd(theirs, n, 1);
		printf("ours:\n");
		backtrace_symbols_fd(ours, m, 1);
		exit(1);
	}
}

static int by_value(const void *a, const void *b)
{
	return *(const int *)a < *(const int *)b ? -1 : *(const int *)a > *(const int *)b;
}

static STAYS void works(int depth)
{
	static char text[200];
	int v[20];

	if (depth) {
		works(depth - 1);
		KEEP;
		return;
	}
	for (int i = 0; i < 20; i++)
		v[i] = (i * 7919) % 31;
	qsort(v, 20, sizeof *v, by_value);
	snprintf(text, sizeof text, "%d %f %s", v[3], strtod("3.25e7", NULL), "text");
	memset(text, 'x', sizeof text);
}

static void sampled(void)
{
	void *first[2];

	CHECK(gp_patch_all() == 0);
	backtrace(first, 2);
	signal(SIGALRM, compare);
	for (int i = 0; i < 1000; i++) {
		setitimer(ITIMER_REAL, &(struct itimerval){ .it_value = { 0, 20 + i % 100 } }, NULL);
		while (samples == i)
			works(i % 20);
	}
	printf("1000 samples are the same, %s\n", longest > 15 ? "deep ones among them" : "none deep");
}

/* ---- what is printed ---------------------------------------------------------------------------- */

static STAYS void *fails(void *arg)
{
	gp_fail(-EPROTO, "on purpose");
	KEEP;
	return arg;
}

static void prints(void)
{
	CHECK(gp_patch_all() == 0 && pipe(pipes) == 0);
	gp_unref(gp_spawn(outer, (void *)in_read));
	gp_unref(gp_spawn(fails, NULL));
	gp_sleep(GP_MSEC);
	CHECK(gp_dump(1) == 0);
}

/* ---- the watch ------------------------------------------------------------------------------------- */

static void compute(long ms)
{
	int64_t end = gp_now() + ms * GP_MSEC;

	while (gp_now() < end)
		for (volatile int i = 0; i < 100000; i++)
			;
}

static STAYS void computes(void) { compute(1200); KEEP; } /* four limits: looked at each half, late ones too */
static STAYS void sleeps(void) { usleep(600000); KEEP; }

static void *yields(void *arg)
{
	for (int i = 0; i < 100; i++) {
		compute(2);
		gp_yield();
	}
	return NULL;
}

static void watch_spawned(void)
{
	CHECK(gp_patch_all() == 0);
	CHECK(gp_watch_blocking(1) == -EINVAL && gp_watch_blocking(300 * GP_MSEC) == 0);
	join(gp_spawn(yields, NULL));
	printf("yielded\n");
	gp_sleep(400 * GP_MSEC);
	printf("slept\n");
	join(gp_spawn(outer, (void *)computes));
	CHECK(gp_watch_blocking(0) == 0);
	join(gp_spawn(outer, (void *)computes));
}

/* A thread: it is preempted, unless that is off. */
static void watch_thread(void)
{
	pthread_t t[2];

	CHECK(gp_patch_all() == 0 && gp_watch_blocking(300 * GP_MSEC) == 0);
	for (int i = 0; i < 2; i++)
		CHECK(pthread_create(&t[i], NULL, outer, (void *)computes) == 0);
	for (int i = 0; i < 2; i++)
		CHECK(pthread_join(t[i], NULL) == 0);
	CHECK(gp_watch_blocking(0) == 0);
}

/* A call that is passed on stops everybody. */
static void watch_passed(void)
{
	CHECK(gp_patch(GP_PATCH_ALL & ~GP_PATCH_TIME) == 0 && gp_watch_blocking(300 * GP_MSEC) == 0);
	gp_unref(gp_spawn(outer, (void *)in_gp_sleep));
	join(gp_spawn(outer, (void *)sleeps));
	CHECK(gp_watch_blocking(0) == 0);
}

int main(int argc, char **argv)
{
	static const struct patch_case cases[] = {
		{ "backtraces", backtraces }, { "preempted", preempted }, { "prints", prints },
		{ "sampled", sampled },
		{ "watch_passed", watch_passed }, { "watch_spawned", watch_spawned }, { "watch_thread", watch_thread },
	};

	return run_case(argc, argv, cases, sizeof cases / sizeof *cases);
}
