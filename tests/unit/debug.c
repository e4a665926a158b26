/* debug.c - the list of greenlets, where they stand, the trace of switches, and who keeps the hub. */
#include "unit.h"
#include <execinfo.h>
#include <signal.h>
#include "core/run/hub.h"
#include "greenpatch.h"

static __attribute__((noinline)) void *waits_here(void *arg)
{
	void *r = gp_sleep(3600 * GP_SEC) ? NULL : arg;

	__asm__ volatile("" : : : "memory"); /* no tail call: it stays on the stack */
	return r;
}

static __attribute__((noinline)) void *in_a_queue(void *arg)
{
	void *item = NULL;

	gp_queue_get(arg, &item, GP_NEVER);
	__asm__ volatile("" : : : "memory");
	return item;
}

#ifdef __SANITIZE_ADDRESS__
enum { LONGEST = 800 };
#else
enum { LONGEST = 150 };
#endif

static void join_one(struct gp_greenlet *g)
{
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
}

/* Whether one of these return addresses lies in a function of this file. */
static bool stands_in(void *const *at, int n, void *(*fn)(void *))
{
	for (int i = 0; i < n; i++)
		if ((char *)at[i] > (char *)fn && (char *)at[i] < (char *)fn + LONGEST)
			return true;
	return false;
}

CASE("the list says what each greenlet is and what it waits for")
{
	struct gp_queue *q = gp_queue_new(0);
	struct gp_greenlet *a = gp_spawn(waits_here, NULL), *b = gp_spawn(in_a_queue, q), *c;
	struct gp_info info[8];

	gp_set_name(a, "sleeper");
	gp_yield();
	c = gp_spawn(waits_here, NULL);
	EXPECT_INT(gp_list(NULL, 0), 4);
	EXPECT_INT(gp_list(info, 2), 4);
	EXPECT_INT(gp_list(info, 8), 4);
	EXPECT(info[0].greenlet == gp_self() && info[0].state == GP_INFO_RUNNING && !strcmp(info[0].name, "main"));
	EXPECT_INT(info[0].id, 1);
	EXPECT(info[1].greenlet == a && info[1].state == GP_INFO_WAITING && !strcmp(info[1].name, "sleeper"));
	EXPECT_STR(info[1].wait_what, "sleep");
	EXPECT_INT(info[1].parent, 1);
	EXPECT_INT(info[1].parks, 1);
	EXPECT(info[1].waiting >= 0);
	EXPECT(info[2].greenlet == b);
	EXPECT_STR(info[2].wait_what, "queue get");
	EXPECT_INT(info[2].wait_object, (unsigned long)q);
	EXPECT(info[3].greenlet == c && info[3].state == GP_INFO_NEW);
	EXPECT_STR(info[3].wait_what, "");
}

CASE("a backtrace of one that waits, of one that runs, of one that has not run")
{
	struct gp_greenlet *a = gp_spawn(waits_here, NULL), *b;
	void *at[32];
	int n;

	gp_yield();
	b = gp_spawn(waits_here, NULL);
	n = gp_backtrace(a, at, 32);
	EXPECT(n >= 1 && stands_in(at, n, waits_here));
	EXPECT_INT(gp_backtrace(b, at, 32), 0);
	n = gp_backtrace(gp_self(), at, 32);
	EXPECT(n >= 2);
	EXPECT_INT(gp_backtrace(a, at, 0), 0);
	EXPECT_INT(gp_backtrace(NULL, at, 32), -EINVAL);
	EXPECT_INT(gp_backtrace(a, NULL, 32), -EINVAL);
	EXPECT_INT(gp_backtrace(a, at, -1), -EINVAL);
	/* And it goes on as if nothing had been. */
	EXPECT_INT(gp_kill(a, GP_NEVER), 0);
}

static void *deep_in_a_small_stack(void *arg)
{
	void *at[32];
	int n = gp_backtrace(gp_self(), at, 32);

	trace("%s", n >= 1 && stands_in(at, n, deep_in_a_small_stack) ? "found" : "lost");
	return NULL;
}

CASE("a backtrace of the caller needs no room on its stack")
{
	struct gp_attr small = { .stack_size = 8192 };

	join_one(gp_spawn_with(&small, deep_in_a_small_stack, NULL));
	EXPECT_STR(unit_trace, "found");
}

CASE("the dump has a line for each greenlet and where it stands below it")
{
	struct gp_greenlet *a = gp_spawn(waits_here, NULL);
	const char *came;

	gp_set_name(a, "sleeper");
	gp_yield();
	capture(1);
	EXPECT_INT(gp_dump(1), 0);
	came = captured(1);
	EXPECT_HAS(came, "#1 main runs");
	EXPECT_HAS(came, "#2 sleeper waits for sleep");
	EXPECT_HAS(came, "    at ");
	EXPECT_INT(gp_dump(-1), -EINVAL);
}

CASE("a dump that cannot be written says why")
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	gp_self();
	NEED(full >= 0);
	EXPECT_INT(gp_dump(full), -ENOSPC);
	close(full);
	EXPECT_INT(gp_dump(full), -EBADF);
}

static void note(struct gp_greenlet *g) { trace("%lu", gp_id(g)); }

static void *yields_twice(void *arg)
{
	gp_yield();
	gp_yield();
	return NULL;
}

CASE("the trace is told of every greenlet that goes on")
{
	EXPECT_INT(gp_set_trace(note), 0);
	gp_unref(gp_spawn(yields_twice, NULL));
	gp_unref(gp_spawn(yields_twice, NULL));
	gp_yield();
	gp_yield();
	gp_yield();
	EXPECT_INT(gp_set_trace(NULL), 0);
	gp_yield();
	EXPECT_STR(unit_trace, "2 3 1 2 3 1 2 3 1");
}

/* ---- who keeps the hub ---------------------------------------------------------------- */

static void *computes(void *arg)
{
	unit_spin_until(unit_now() + (intptr_t)arg * GP_MSEC);
	return NULL;
}

static void *yields_for_long(void *arg)
{
	for (int64_t end = unit_now() + 1000 * GP_MSEC; unit_now() < end;)
		gp_yield();
	return NULL;
}

CASE("the watch reports a greenlet that computes for long, once, with its backtrace")
{
	struct gp_attr attr = { .name = "busy" };
	const char *came, *first;

	if (unit_under("valgrind"))
		unit_skip("valgrind runs one thread at a time, for long");
	capture(2);
	EXPECT_INT(gp_watch_blocking(20 * GP_MSEC), 0);
	join_one(gp_spawn_with(&attr, computes, (void *)300));
	EXPECT_INT(gp_watch_blocking(0), 0);
	came = captured(2);
	first = strstr(came, "greenlet #2 busy has kept all others from running for ");
	EXPECT(first != NULL);
	EXPECT(!first || !strstr(first + 20, "#2 busy"));
	EXPECT_HAS(came, "    at ");
}

CASE("the watch says nothing of one that yields, alone or not, and of a hub that sleeps")
{
	capture(2);
	EXPECT_INT(gp_watch_blocking(400 * GP_MSEC), 0);
	join_one(gp_spawn(yields_for_long, NULL));
	EXPECT_INT(gp_sleep(900 * GP_MSEC), 0);
	EXPECT_INT(gp_watch_blocking(0), 0);
	EXPECT_STR(captured(2), "");
}

CASE("the watch: limits that are too short, changed, ended twice; the handler of the program comes back")
{
	struct sigaction sa;

	signal(SIGURG, SIG_IGN);
	EXPECT_INT(gp_watch_blocking(1), -EINVAL);
	EXPECT_INT(gp_watch_blocking(-5), -EINVAL);
	EXPECT_INT(gp_watch_blocking(0), 0);
	EXPECT_INT(gp_watch_blocking(50 * GP_MSEC), 0);
	EXPECT_INT(gp_watch_blocking(5 * GP_MSEC), 0);
	EXPECT_INT(gp_watch_blocking(0), 0);
	EXPECT_INT(gp_watch_blocking(0), 0);
	sigaction(SIGURG, NULL, &sa);
	EXPECT(sa.sa_handler == SIG_IGN);
}
