/* dump.c - the list of greenlets, and the report that nothing can go on. */
#include "unit.h"
#include <poll.h>
#include <pthread.h>
#include "core/run/hub.h"
#include "core/run/offload.h"
#include "greenpatch.h"

/* The text with every time in it as T: how long something took does not matter here. */
static const char *timeless(const char *text)
{
	static char out[8192];
	size_t n = 0;

	while (*text && n < sizeof out - 2) {
		if (!strncmp(text, "since ", 6)) {
			n += (size_t)sprintf(out + n, "since T");
			text += 6 + strspn(text + 6, "0123456789.");
			continue;
		}
		out[n++] = *text++;
	}
	out[n] = 0;
	return out;
}

static void *park_here(void *arg)
{
	gp__park(gp__hub(), "test", (unsigned long)arg, GP__NEVER, 0);
	return NULL;
}
static void *sleep_long(void *arg)
{
	gp_sleep(3600 * GP__SEC);
	return NULL;
}
static void *wait_long(void *arg)
{
	gp__wait_fd(gp__hub(), (int)(intptr_t)arg, GP__READ, GP_NEVER);
	return NULL;
}
static void *nothing(void *arg)
{
	return NULL;
}

CASE("the list has a line for each greenlet: its number, name, what it waits for, since when")
{
	struct gp_greenlet *named = gp_spawn(park_here, (void *)0x12345678UL);
	const char *came;
	int p[2];

	NEED(!pipe(p));
	NEED(dup2(p[0], 77) == 77);
	named->name = "worker";
	gp_unref(gp_spawn(park_here, (void *)5));
	gp_unref(gp_spawn(sleep_long, NULL));
	gp_unref(gp_spawn(wait_long, (void *)77));
	gp_yield();
	gp_unref(gp_spawn(nothing, NULL));
	capture(2);
	gp__dump(gp__hub());
	came = captured(2);
	EXPECT_STR(timeless(came), "greenpatch:   #1 main runs\n"
	                           "greenpatch:   #2 worker waits for test 0x12345678, since T s\n"
	                           "greenpatch:   #3 greenlet waits for test 5, since T s\n"
	                           "greenpatch:   #4 greenlet waits for sleep 0, since T s\n"
	                           "greenpatch:   #5 greenlet waits for descriptor 77, since T s\n"
	                           "greenpatch:   #6 greenlet has not started\n");
	gp_unref(named);
}

CASE("the list tells who is runnable; who has ended is not in it")
{
	struct gp_greenlet *g = gp_spawn(park_here, NULL), *ended = gp_spawn(nothing, NULL);
	const char *came;

	gp_yield();
	EXPECT(gp__wake(g, 0));
	EXPECT(gp_ready(ended));
	capture(2);
	gp__dump(gp__hub());
	came = captured(2);
	EXPECT_STR(timeless(came), "greenpatch:   #1 main runs\ngreenpatch:   #2 greenlet is runnable\n");
	gp_unref(g);
	gp_unref(ended);
}

CASE("the time is that of the wait, in seconds and tenths")
{
	struct gp_greenlet *g = gp_spawn(park_here, NULL);
	const char *came;
	double seconds = 0;

	gp_yield();
	g->wait_since = gp_now() - 12345 * GP__MSEC;
	capture(2);
	gp__dump(gp__hub());
	came = strstr(captured(2), "#2 greenlet waits for test 0, since ");
	NEED(came);
	EXPECT_INT(sscanf(came, "#2 greenlet waits for test 0, since %lf s\n", &seconds), 1);
	EXPECT(seconds >= 12.3 && seconds < 20);
	gp_unref(g);
}

static void in_words(struct gp_greenlet *g, char *buf, size_t size)
{
	snprintf(buf, size, "thread-%lu", gp_id(g));
}

CASE("a hook names the greenlets")
{
	static const struct gp_hooks hooks = { .describe = in_words };
	const char *came;

	NEED(gp_self());
	gp__hub()->hooks = &hooks;
	capture(2);
	gp__dump(gp__hub());
	came = captured(2);
	EXPECT_STR(timeless(came), "greenpatch:   #1 thread-1 runs\n");
}

/* ---- deadlock ------------------------------------------------------------------------ */

static int said[2]; /* what the child says on stderr */

/* Reads until the text ends with `end` or nothing has come for so long. */
static const char *read_until(const char *end, int ms)
{
	static char text[8192];
	size_t n = 0;

	text[0] = 0;
	while (n < sizeof text - 1 && (strlen(text) < strlen(end) || strcmp(text + n - strlen(end), end))) {
		struct pollfd f = { .fd = said[0], .events = POLLIN };
		ssize_t got;

		if (poll(&f, 1, ms) <= 0 || (got = read(said[0], text + n, sizeof text - 1 - n)) <= 0)
			break;
		n += (size_t)got;
		text[n] = 0;
	}
	return text;
}

static void end_child(pid_t pid)
{
	int status;

	EXPECT_INT(waitpid(pid, &status, WNOHANG), 0); /* it goes on waiting */
	kill(pid, SIGKILL);
	unit_wait(pid);
}

static struct gp_greenlet *other;

static void *join_main(void *arg)
{
	gp_join(arg, GP_NEVER);
	return NULL;
}

CASE("a deadlock is told once, with everybody that takes part")
{
	pid_t pid;
	const char *came;

	NEED(!pipe(said));
	pid = unit_fork();
	if (!pid) {
		dup2(said[1], 2);
		other = gp_spawn(join_main, gp_self());
		other->name = "other";
		gp__park(gp__hub(), "mutex", 2, GP__NEVER, 0); /* as libc waits: it cannot be told */
		unit_leave();
	}
	came = read_until("\n#", 2000);
	EXPECT_STR(timeless(came), "greenpatch: deadlock: 2 greenlets are parked and nothing can wake them\n"
	                           "greenpatch:   #1 main waits for mutex 2, since T s\n"
	                           "greenpatch:   #2 other waits for join 1, since T s\n");
	end_child(pid);
}

static void *kick_thrice(void *hub)
{
	for (int i = 0; i < 3; i++) {
		struct timespec ts = { 0, 20000000 };

		gp__loop_kick(hub);
		nanosleep(&ts, NULL);
	}
	EXPECT_INT(write(2, "kicked\n", 7), 7);
	return NULL;
}

CASE("a hub that looks again and finds nothing new does not repeat it")
{
	pid_t pid;
	const char *came;

	NEED(!pipe(said));
	pid = unit_fork();
	if (!pid) {
		pthread_t t;

		dup2(said[1], 2);
		NEED(gp_self() && !pthread_create(&t, NULL, kick_thrice, gp__hub()));
		gp__park(gp__hub(), "test", 0, GP__NEVER, 0);
		unit_leave();
	}
	came = read_until("kicked\n", 8000);
	EXPECT_STR(timeless(came), "greenpatch: deadlock: 1 greenlets are parked and nothing can wake them\n"
	                           "greenpatch:   #1 main waits for test 0, since T s\n"
	                           "kicked\n");
	end_child(pid);
}

static bool never_mind(struct gp_hub *h)
{
	return true;
}
static long wait_a_little(void *arg)
{
	return usleep(20000);
}

CASE("a sleep, a descriptor, a job, or a hook that knows better: no deadlock")
{
	static const struct gp_hooks hooks = { .may_wake = never_mind };
	const char *came;
	int p[2];
	pid_t pid;

	NEED(gp_self() && !pipe(p));
	capture(2);
	EXPECT_INT(gp_sleep(GP__MSEC), 0);
	EXPECT_INT(gp__wait_fd(gp__hub(), p[0], GP__READ, gp_now() + GP__MSEC), -ETIMEDOUT);
	EXPECT_INT(gp__offload(gp__hub(), wait_a_little, NULL), 0);
	pid = fork();
	if (!pid) {
		usleep(10000);
		NEED(write(p[1], "x", 1) == 1);
		_exit(0);
	}
	EXPECT_INT(gp__wait_fd(gp__hub(), p[0], GP__READ, GP_NEVER), GP__READ);
	unit_wait(pid);
	came = captured(2);
	EXPECT_STR(came, "");
	NEED(!pipe(said));
	pid = unit_fork();
	if (!pid) {
		gp__hub()->hooks = &hooks;
		dup2(said[1], 2);
		gp__park(gp__hub(), "test", 0, GP__NEVER, 0);
		unit_leave();
	}
	EXPECT_STR(read_until("\n", 100), "");
	end_child(pid);
}
