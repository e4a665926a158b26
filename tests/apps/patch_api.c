/* patch_api.c - a program that links the library and patches itself.
 *
 *	patch_api CASE
 *
 * Prints what happened in words that are the same in every run.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include "patch.h"

#define MSEC 1000000LL

/* ---- two sleepers ----------------------------------------------------------- */

static const struct {
	const char *name;
	unsigned group;
} groups[] = {
	{ "socket", GP_PATCH_SOCKET }, { "select", GP_PATCH_SELECT }, { "time", GP_PATCH_TIME },
	{ "thread", GP_PATCH_THREAD }, { "io", GP_PATCH_IO },         { "process", GP_PATCH_PROCESS },
	{ "signal", GP_PATCH_SIGNAL }, { "dns", GP_PATCH_DNS },       { "all", GP_PATCH_ALL },
};

static void show(const char *when)
{
	printf("%s\n", when);
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
		printf("  %s: %s\n", groups[i].name, gp_patched(groups[i].group) ? "cooperative" : "blocking");
}

static void *sleeper(void *name)
{
	printf("  %s goes to sleep\n", (char *)name);
	usleep(50000);
	printf("  %s is awake\n", (char *)name);
	return NULL;
}

static void two_sleepers(void)
{
	struct gp_greenlet *one = gp_spawn(sleeper, "one"), *two = gp_spawn(sleeper, "two");

	join(one);
	join(two);
}

static void sleepers(void)
{
	show("untouched");
	two_sleepers();
	CHECK(gp_patch(GP_PATCH_SOCKET) == 0);
	show("sockets patched");
	CHECK(gp_patch(GP_PATCH_SELECT | GP_PATCH_IO) == 0);
	show("select and io patched");
	two_sleepers();
	CHECK(gp_patch_all() == 0);
	show("everything patched");
	two_sleepers();
}

/* ---- errors -------------------------------------------------------------------- */

static void errors(void)
{
	printf("no group: %d\n", gp_patch(0));
	printf("a group that does not exist: %d\n", gp_patch(GP_PATCH_ALL + 1));
	printf("is no group patched: %d\n", gp_patched(0));
	printf("all: %d\n", gp_patch_all());
	printf("patched: %d\n", gp_patched(GP_PATCH_ALL));
}

/* ---- plain calls of libc in greenlets ---------------------------------------------- */

static int pair[2], pipes[2];
static char trace[64];

static void mark(char c)
{
	trace[strlen(trace)] = c;
}

static void *reader(void *arg)
{
	char buf[16] = "";

	mark('r');
	CHECK(read(pair[0], buf, sizeof buf) == 5);
	CHECK(!strcmp(buf, "hello"));
	mark('R');
	CHECK(write(pipes[1], "back", 4) == 4);
	return NULL;
}

static void *writer(void *arg)
{
	char buf[16] = "";

	mark('w');
	usleep(20000);
	CHECK(write(pair[1], "hello", 5) == 5);
	CHECK(read(pipes[0], buf, sizeof buf) == 4);
	mark('W');
	return NULL;
}

static void *waiter(void *arg)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		usleep(30000); /* by this greenlet's child, which is patched, too */
		_exit(gp_patched(GP_PATCH_ALL) ? 7 : 1);
	}
	mark('c');
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	mark('C');
	return NULL;
}

static void calls(void)
{
	struct gp_greenlet *g[3];

	CHECK(gp_patch_all() == 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && pipe(pipes) == 0);
	g[0] = gp_spawn(reader, NULL);
	g[1] = gp_spawn(writer, NULL);
	g[2] = gp_spawn(waiter, NULL);
	for (int i = 0; i < 3; i++)
		join(g[i]);
	printf("%.3s then %c%c, and %c among them\n", trace, *strpbrk(trace, "R"), *strpbrk(trace, "W"),
	       *strpbrk(trace, "C"));
}

/* Everybody sleeps at once: a thousand greenlets, 20 ms each, in far less than 20 s. */
static void *nap(void *arg)
{
	errno = (int)(long)arg;
	usleep(20000);
	CHECK(errno == (int)(long)arg);
	return NULL;
}

static void crowd(void)
{
	static struct gp_greenlet *g[1000];
	int64_t start = gp_now();

	CHECK(gp_patch_all() == 0);
	for (long i = 0; i < 1000; i++)
		g[i] = gp_spawn(nap, (void *)(i + 1));
	for (int i = 0; i < 1000; i++)
		join(g[i]);
	printf("a thousand sleepers: %s\n", gp_now() - start < 5000 * MSEC ? "at once" : "one after another");
}

/* ---- greenlets and threads ------------------------------------------------------------ */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int turns;
static _Thread_local int mine;

static void *pong(void *arg)
{
	for (int i = 0; i < 100; i++) {
		pthread_mutex_lock(&mutex);
		while (turns % 2 == 0)
			pthread_cond_wait(&cond, &mutex);
		turns++;
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void *thread(void *arg)
{
	struct gp_greenlet *g = gp_spawn(pong, NULL);

	mine = 1;
	for (int i = 0; i < 100; i++) {
		pthread_mutex_lock(&mutex);
		while (turns % 2)
			pthread_cond_wait(&cond, &mutex);
		turns++;
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&mutex);
		gp_sleep(10000);
	}
	join(g);
	CHECK(gp_sleep(MSEC) == 0 && mine == 1);
	return NULL;
}

static void threads(void)
{
	pthread_t t;

	CHECK(gp_patch_all() == 0);
	CHECK(pthread_create(&t, NULL, thread, NULL) == 0);
	CHECK(pthread_join(t, NULL) == 0);
	printf("%d turns between a thread and a greenlet\n", turns);
}

/* ---- signals --------------------------------------------------------------------------- */

static volatile int taken;
static volatile pid_t taken_by;
static jmp_buf out;

static void on_alarm(int sig)
{
	taken++;
}
static void on_usr1(int sig)
{
	taken_by = gettid();
}
static void on_jump(int sig)
{
	siglongjmp(out, 1);
}

static void alarm_in(long us)
{
	CHECK(setitimer(ITIMER_REAL, &(struct itimerval){ .it_value = { 0, us } }, NULL) == 0);
}

static void *raiser(void *arg)
{
	raise(SIGUSR1);
	CHECK(taken_by == gettid());
	gp_sleep(MSEC);
	return NULL;
}

static void *idle(void *arg)
{
	gp_sleep(60 * MSEC);
	return NULL;
}

static void signals(void)
{
	struct gp_greenlet *g;
	int64_t start;

	signal(SIGALRM, on_alarm);
	signal(SIGUSR1, on_usr1);
	CHECK(gp_patch_all() == 0);

	start = gp_now();
	alarm_in(10000);
	CHECK(gp_sleep(60 * MSEC) == 0);
	CHECK(taken == 1 && gp_now() - start >= 60 * MSEC);
	printf("a handler ran in gp_sleep, which went on\n");

	alarm_in(10000);
	g = gp_spawn(idle, NULL);
	while (taken == 1)
		gp_join(g, GP_NEVER);
	CHECK(taken == 2 && gp_ready(g));
	gp_unref(g);
	printf("a handler ran in gp_join, which went on\n");

	/* The program does nothing but call: each of these must let the signal in. */
	alarm_in(5000);
	while (taken == 2)
		gp_now();
	alarm_in(5000);
	while (taken == 3)
		gp_ready(gp_self());
	g = gp_spawn(idle, NULL);
	alarm_in(5000);
	while (taken == 4)
		gp_yield();
	alarm_in(5000);
	while (taken == 5)
		gp_patched(GP_PATCH_ALL);
	join(g);
	printf("handlers ran on the way out of calls that do not park\n");

	join(gp_spawn(raiser, NULL));
	printf("raise is taken by the greenlet that called it\n");

	signal(SIGALRM, on_jump);
	if (!sigsetjmp(out, 1)) {
		alarm_in(10000);
		gp_sleep(3600 * 1000 * MSEC);
	}
	gp_sleep(MSEC);
	printf("a handler jumped out of gp_sleep\n");
}

/* A signal that ends the process does so while everybody is in a gp_ call. */
static void deadly(void)
{
	CHECK(gp_patch_all() == 0);
	gp_spawn(idle, NULL);
	signal(SIGALRM, SIG_DFL);
	alarm_in(10000);
	gp_sleep(3600 * 1000 * MSEC);
}

static void *aborter(void *arg)
{
	abort();
	return NULL;
}

static void aborted(void)
{
	CHECK(gp_patch_all() == 0);
	join(gp_spawn(aborter, NULL));
}

/* ---- late patching ------------------------------------------------------------------------ */

static void *patcher(void *arg)
{
	CHECK(!gp_patched(GP_PATCH_TIME));
	CHECK(gp_patch_all() == 0);
	return NULL;
}

static void late(void)
{
	struct gp_greenlet *early = gp_spawn(idle, NULL);

	signal(SIGALRM, on_alarm);
	gp_sleep(MSEC);
	join(gp_spawn(patcher, NULL));
	alarm_in(1000);
	two_sleepers();
	join(early);
	CHECK(taken == 1);
	printf("patched by a greenlet, with others about\n");
}

/* ---- the first thread waits for one that sleeps ------------------------------------------ */

static void *long_sleep(void *arg)
{
	printf("asleep\n");
	sleep(3600);
	return NULL;
}

static void asleep(void)
{
	pthread_t t;

	CHECK(pthread_create(&t, NULL, long_sleep, NULL) == 0);
	pthread_join(t, NULL);
}

/* ---- kernel threads that were there ---------------------------------------------------------- */

static volatile int go;
static pthread_barrier_t barrier;

static void *foreigner(void *arg)
{
	char c;

	pthread_barrier_wait(&barrier);
	while (!go)
		usleep(1000);
	CHECK(gp_spawn(idle, NULL) == NULL);
	CHECK(gp_patch_all() == -EBUSY);
	gp_yield();
	CHECK(read(pipes[0], &c, 1) == 1);
	pthread_mutex_lock(&mutex);
	while (turns < 1)
		pthread_cond_wait(&cond, &mutex);
	turns = 2;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&mutex);
	return "done";
}

static void kernel_threads(void)
{
	pthread_t t;
	void *result;

	CHECK(pipe(pipes) == 0);
	pthread_barrier_init(&barrier, NULL, 2);
	CHECK(pthread_create(&t, NULL, foreigner, NULL) == 0);
	pthread_barrier_wait(&barrier);
	if (gp_patch_all() == -ENOSYS) {
		printf("refused\n");
		exit(77);
	}
	CHECK(gp_patched(GP_PATCH_ALL));
	go = 1;
	usleep(5000);
	CHECK(write(pipes[1], "x", 1) == 1);
	pthread_mutex_lock(&mutex);
	turns = 1;
	pthread_cond_signal(&cond);
	while (turns < 2)
		pthread_cond_wait(&cond, &mutex);
	pthread_mutex_unlock(&mutex);
	CHECK(pthread_join(t, &result) == 0);
	printf("a thread from before is %s\n", (char *)result);
}

/* ---- kills and timeouts end plain calls ---------------------------------------------------------- */

static void *sleeps(void *arg)
{
	return sleep(3600) && errno == ECANCELED ? "ECANCELED" : "wrong";
}

static void *reads(void *arg)
{
	char c;

	return read(pipes[0], &c, 1) == -1 && errno == ECANCELED ? "ECANCELED" : "wrong";
}

static void *polls(void *arg)
{
	return poll(NULL, 0, -1) == -1 && errno == ECANCELED ? "ECANCELED" : "wrong";
}

static void *polls_one(void *arg)
{
	return poll(&(struct pollfd){ pipes[0], POLLIN, 0 }, 1, 3600000) == -1 && errno == ECANCELED ? "ECANCELED"
	                                                                                             : "wrong";
}

static void *waits(void *arg)
{
	pid_t child = fork();
	bool told;

	if (!child)
		for (;;)
			pause();
	told = waitpid(child, NULL, 0) == -1 && errno == ECANCELED;
	CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
	return told ? "ECANCELED" : "wrong";
}

static char much[1 << 20];

/* What was written is counted; the kill is told by the next call. */
static void *writes(void *arg)
{
	ssize_t n = write(pipes[1], much, sizeof much);

	return n > 0 && n < (ssize_t)sizeof much && usleep(1) == -1 && errno == ECANCELED ? "ECANCELED" : "wrong";
}

static void *locks(void *arg)
{
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	return gp_killed(gp_self()) && usleep(1) == -1 && errno == ECANCELED && usleep(1) == 0 ? "later" : "wrong";
}

static void kill_it(const char *what, void *(*fn)(void *arg))
{
	struct gp_greenlet *g = gp_spawn(fn, NULL);

	gp_sleep(MSEC);
	CHECK(g && gp_kill_soon(g, -ECANCELED) == 0);
	if (fn == locks) {
		gp_sleep(MSEC);
		CHECK(!gp_ready(g));
		pthread_mutex_unlock(&mutex);
	}
	CHECK(gp_join(g, GP_NEVER) == 0);
	printf("%s: %s\n", what, (char *)gp_value(g));
	gp_unref(g);
}

static void time_out(int error)
{
	struct gp_timeout t;
	char c;

	CHECK(gp_timeout_start_error(&t, MSEC, error) == 0);
	CHECK(read(pipes[0], &c, 1) == -1 && errno == ETIMEDOUT);
	CHECK(gp_timeout_stop(&t) == error);
}

static void cancels(void)
{
	pthread_t t;

	CHECK(gp_patch_all() == 0 && pipe(pipes) == 0);
	/* While libc has never made a thread, unlocking a mutex wakes nobody. */
	CHECK(pthread_create(&t, NULL, idle, NULL) == 0 && pthread_join(t, NULL) == 0);
	kill_it("sleep", sleeps);
	kill_it("read", reads);
	kill_it("poll", polls);
	kill_it("poll of one", polls_one);
	kill_it("waitpid", waits);
	pthread_mutex_lock(&mutex);
	kill_it("mutex", locks);
	time_out(-ETIMEDOUT);
	time_out(-514); /* not a code that the kernel keeps to itself */
	time_out(-100000);
	kill_it("write", writes);
	printf("timeouts end a read\n");
}

/* What a thread has in slots is destroyed at its end, however it ends; a destructor makes calls and may park. */
static struct gp_local *slot[2];
static char *destroyed[8];
static int destroyed_count;

static void destroy_value(void *value)
{
	char *copy = strdup(value);

	usleep(1000);
	destroyed[destroyed_count++] = copy;
	if (!strcmp(value, "first"))
		gp_local_set(slot[1], "set by a destructor");
}

static void *with_slots(void *arg)
{
	CHECK(gp_local_set(slot[0], "first") == 0 && gp_local_set(slot[1], arg) == 0);
	CHECK(gp_local_get(slot[1]) == arg);
	if (*(char *)arg == 'e')
		pthread_exit(NULL);
	if (*(char *)arg == 'c') {
		pthread_cancel(pthread_self());
		pthread_testcancel();
	}
	return NULL;
}

static void slots(void)
{
	static char *ends[] = { "returned", "exited", "cancelled" };
	pthread_t t;

	CHECK(gp_patch_all() == 0);
	CHECK((slot[0] = gp_local_new(destroy_value)) && (slot[1] = gp_local_new(destroy_value)));
	for (int i = 0; i < 3; i++) {
		destroyed_count = 0;
		CHECK(pthread_create(&t, NULL, with_slots, ends[i]) == 0 && pthread_join(t, NULL) == 0);
		printf("%s:", ends[i]);
		for (int k = 0; k < destroyed_count; k++) {
			printf(" %s,", destroyed[k]);
			free(destroyed[k]);
		}
		printf(" joined\n");
	}
	CHECK(gp_local_free(slot[0]) == 0 && gp_local_free(slot[1]) == 0);
}

int main(int argc, char **argv)
{
	static const struct patch_case cases[] = {
		{ "sleepers", sleepers }, { "errors", errors },   { "calls", calls },
		{ "crowd", crowd },       { "threads", threads }, { "signals", signals },
		{ "deadly", deadly },     { "aborted", aborted }, { "late", late },
		{ "asleep", asleep },     { "cancels", cancels }, { "kernel_threads", kernel_threads },
		{ "slots", slots },
	};

	return run_case(argc, argv, cases, sizeof cases / sizeof *cases);
}
