/* fork.c - the child of a plain fork(): nobody but the caller, and a hub that works; the parent's goes on as if nothing
 * had been. */
#include "unit.h"
#include "core/run/hub.h"
#include "core/run/offload.h"
#include "core/run/ownfd.h"
#include "greenpatch.h"

static void child_was_right(pid_t pid)
{
	int status = unit_wait(pid);

	if (status)
		unit_fail(__FILE__, __LINE__, "child: expected status 0, came %#x", (unsigned)status);
}

static void join_one(struct gp_greenlet *g)
{
	EXPECT_INT(gp_join(g, gp_now() + 5 * GP__SEC), 0);
	gp_unref(g);
}

static void *yield_some(void *arg)
{
	for (int i = 0; i < 5; i++)
		gp_yield();
	trace("%s", (const char *)arg);
	return NULL;
}

static void *sleep_some(void *arg)
{
	EXPECT_INT(gp_sleep(2 * GP__MSEC), 0);
	trace("%s", (const char *)arg);
	return NULL;
}

CASE("only the caller goes on in the child; the others count as ended there")
{
	struct gp_greenlet *a = gp_spawn(yield_some, "yields"), *b = gp_spawn(sleep_some, "sleeps");
	pid_t pid;

	gp_yield();
	pid = unit_fork();
	if (!pid) {
		EXPECT_INT(gp__hub()->pid, getpid());
		EXPECT_INT(gp__hub()->stats.live, 1);
		EXPECT(gp_ready(a) && gp_ready(b));
		EXPECT_INT(gp_join(a, GP_NEVER), 0);
		for (int i = 0; i < 20; i++)
			gp_yield();
		EXPECT_INT(gp_sleep(4 * GP__MSEC), 0);
		EXPECT_STR(unit_trace, "");
		unit_leave();
	}
	child_was_right(pid);
	join_one(a);
	join_one(b);
	EXPECT_STR(unit_trace, "yields sleeps");
}

CASE("the child spawns, sleeps, waits and offloads as any process")
{
	struct gp_greenlet *g = gp_spawn(sleep_some, "parent");
	pid_t pid;

	gp_yield();
	pid = unit_fork();
	if (!pid) {
		struct gp_greenlet *mine[3];

		for (int i = 0; i < 3; i++)
			mine[i] = gp_spawn(i == 1 ? sleep_some : yield_some, i == 0 ? "0" : i == 1 ? "1" : "2");
		EXPECT(gp_id(mine[0]) > gp_id(gp_self()));
		for (int i = 0; i < 3; i++)
			join_one(mine[i]);
		EXPECT_STR(unit_trace, "0 2 1");
		unit_leave();
	}
	child_was_right(pid);
	join_one(g);
}

static int p[2];

static void *read_one(void *arg)
{
	char c;

	EXPECT_INT(gp__wait_fd(gp__hub(), p[0], GP__READ, gp_now() + 5 * GP__SEC), GP__READ);
	EXPECT_INT(read(p[0], &c, 1), 1);
	trace("%s-%c", (const char *)arg, c);
	return NULL;
}

CASE("a descriptor that the parent waits for can be waited for in the child, and the parent is still woken")
{
	struct gp_greenlet *g;
	pid_t pid;

	NEED(!pipe2(p, O_NONBLOCK));
	g = gp_spawn(read_one, "parent");
	gp_yield();
	gp__yield_poll(gp__hub());
	pid = unit_fork();
	if (!pid) {
		struct gp_greenlet *mine;
		char c;

		EXPECT(gp__list_empty(&gp__fd(gp__hub(), p[0])->waits));
		/* It must wait for what was watched before the fork, and for a number that was closed after it. */
		EXPECT_INT(gp__wait_fd(gp__hub(), p[0], GP__READ, gp_now() + GP__MSEC), -ETIMEDOUT);
		gp__fd_closing(gp__hub(), p[0]);
		close(p[0]);
		close(p[1]);
		NEED(!pipe2(p, O_NONBLOCK));
		mine = gp_spawn(read_one, "child");
		gp_yield();
		gp__yield_poll(gp__hub());
		EXPECT_INT(read(p[0], &c, 1), -1);
		NEED(write(p[1], "c", 1) == 1);
		join_one(mine);
		EXPECT_STR(unit_trace, "child-c");
		unit_leave();
	}
	child_was_right(pid);
	EXPECT(!gp_ready(g));
	NEED(write(p[1], "p", 1) == 1);
	join_one(g);
	EXPECT_STR(unit_trace, "parent-p");
}

CASE("parent and child wait for the same pipe at the same time; each byte wakes one that gets it")
{
	pid_t pid;

	NEED(!pipe2(p, O_NONBLOCK) && gp_self());
	EXPECT_INT(gp__wait_fd(gp__hub(), p[0], GP__READ, gp_now() + GP__MSEC), -ETIMEDOUT);
	pid = unit_fork();
	for (int got = 0; got < 20;) {
		char c;

		if (!pid)
			NEED(write(p[1], "x", 1) == 1);
		if (!pid && ++got)
			continue;
		EXPECT_INT(gp__wait_fd(gp__hub(), p[0], GP__READ, gp_now() + 5 * GP__SEC), GP__READ);
		got += read(p[0], &c, 1) == 1;
	}
	if (!pid)
		unit_leave();
	child_was_right(pid);
}

CASE("deadlines of the parent's greenlets do not fire in the child")
{
	struct gp_greenlet *g = gp_spawn(sleep_some, "sleeps");
	pid_t pid;

	gp_yield();
	pid = unit_fork();
	if (!pid) {
		EXPECT_INT(gp__hub()->deadlines.count, 0);
		EXPECT_INT(gp__deadline_next(gp__hub()), GP__NEVER);
		unit_spin_until(gp_now() + 3 * GP__MSEC);
		gp__yield_poll(gp__hub());
		EXPECT_INT(gp_sleep(1), 0);
		unit_leave();
	}
	child_was_right(pid);
	join_one(g);
}

static struct gp_notifier notifier;
static struct gp_list waiters;

static struct gp_waiter *next_waiter(struct gp_hub *h, struct gp_notifier *n) { return gp__waiter_take(&waiters); }

static void *wait_once(void *arg)
{
	struct gp_waiter w = { .place = 0 };

	EXPECT_INT(gp__wait_in(gp__hub(), &waiters, &w, "object", 1, GP__NEVER), 0);
	trace("%s", (const char *)arg);
	return NULL;
}

CASE("an object whose notifier was asked for works in both; its waiters that are gone are passed over")
{
	struct gp_greenlet *g = gp_spawn(wait_once, "waited"), *mine;
	pid_t pid;

	gp__list_init(&waiters);
	gp__notifier_init(&notifier, next_waiter);
	gp_yield();
	gp__notify(gp__hub(), &notifier);
	pid = unit_fork();
	if (!pid) {
		gp_yield();
		EXPECT(!gp__notifier_pending(&notifier) && gp__list_empty(&waiters));
		mine = gp_spawn(wait_once, "in the child");
		gp_yield();
		gp__notify(gp__hub(), &notifier);
		join_one(mine);
		EXPECT_STR(unit_trace, "in the child");
		unit_leave();
	}
	child_was_right(pid);
	join_one(g);
	EXPECT_STR(unit_trace, "waited");
}

static pid_t forked;

static void *fork_in_greenlet(void *arg)
{
	forked = unit_fork();
	if (!forked) {
		struct gp_greenlet *g = gp_spawn(yield_some, "grandchild");

		EXPECT(gp_id(gp_self()) > 1);
		join_one(g);
		EXPECT_STR(unit_trace, "grandchild");
		unit_leave();
	}
	gp_yield();
	trace("parent");
	return NULL;
}

CASE("a spawned greenlet may fork; main does not exist in its child")
{
	struct gp_greenlet *g = gp_spawn(fork_in_greenlet, NULL);

	join_one(g);
	child_was_right(forked);
	EXPECT_STR(unit_trace, "parent");
}

static long twice(void *arg)
{
	return 2 * *(long *)arg;
}

CASE("the helper threads stay in the parent; each process offloads on its own")
{
	long n = 4;
	pid_t pid;

	NEED(gp_self());
	EXPECT_INT(gp__offload(gp__hub(), twice, &n), 8);
	pid = unit_fork();
	if (!pid) {
		EXPECT_INT(gp__offload_threads(gp__hub(), false), 0);
		EXPECT_INT(gp__offload(gp__hub(), twice, &n), 8);
		EXPECT_INT(gp__offload_threads(gp__hub(), false), 1);
		unit_leave();
	}
	n = 5;
	EXPECT_INT(gp__offload(gp__hub(), twice, &n), 10);
	child_was_right(pid);
}

CASE("children fork children")
{
	pid_t pid;

	NEED(gp_self());
	pid = unit_fork();
	if (!pid) {
		struct gp_greenlet *g = gp_spawn(sleep_some, "child");
		pid_t next;

		gp_yield();
		next = unit_fork();
		if (!next) {
			join_one(gp_spawn(sleep_some, "grandchild"));
			EXPECT_STR(unit_trace, "grandchild");
			unit_leave();
		}
		child_was_right(next);
		join_one(g);
		EXPECT_STR(unit_trace, "child");
		unit_leave();
	}
	child_was_right(pid);
}

CASE("the first descriptor that the child opens is the one that it would be natively")
{
	int first = open("/dev/null", O_RDONLY), second = open("/dev/null", O_RDONLY);
	pid_t pid;

	NEED(first >= 0 && second >= 0 && !close(first) && !close(second) && gp_self());
	gp_sleep(1);
	pid = unit_fork();
	EXPECT_INT(open("/dev/null", O_RDONLY), first);
	if (!pid) {
		gp_sleep(1); /* libev makes its descriptor anew here */
		EXPECT_INT(open("/dev/null", O_RDONLY), second);
		unit_leave();
	}
	child_was_right(pid);
}

CASE("a timeout that was due, and not told yet, is told once in the child, too")
{
	struct gp_hub *h = gp_self()->hub;
	struct gp_timeout limit;
	pid_t pid;

	gp_timeout_start(&limit, 0);
	gp__deadlines_fire(h, gp_now()); /* asks for the turn in which it hits */
	pid = unit_fork();
	EXPECT_INT(gp_sleep(3600 * GP_SEC), -ETIMEDOUT);
	EXPECT(gp_timeout_hit(&limit));
	EXPECT_INT(gp_sleep(GP__MSEC), 0);
	EXPECT_INT(gp_timeout_stop(&limit), -ETIMEDOUT);
	EXPECT(gp__list_empty(&h->runq));
	if (!pid)
		unit_leave();
	child_was_right(pid);
}

CASE("a child that closes all descriptors and takes our numbers for its own has a hub that works, and they stay its own")
{
	int numbers[16], n = 0;
	pid_t pid;

	EXPECT_INT(gp_sleep(1000), 0);
	for (int fd = 3; fd < 1100; fd++)
		if (gp__fd_is_ours(fd))
			numbers[n++] = fd;
	EXPECT_INT(n, 2);
	pid = unit_fork();
	if (!pid) {
		NEED(!close_range(3, ~0U, 0));
		NEED(!pipe2(p, O_NONBLOCK));
		for (int i = 0; i < n; i++)
			NEED(dup2(p[1], numbers[i]) == numbers[i]);
		join_one(gp_spawn(sleep_some, "child"));
		NEED(write(p[1], "x", 1) == 1);
		EXPECT_INT(gp__wait_fd(gp__hub(), p[0], GP__READ, gp_now() + 5 * GP__SEC), GP__READ);
		for (int i = 0; i < n; i++)
			EXPECT_INT(write(numbers[i], "x", 1), 1);
		unit_leave();
	}
	child_was_right(pid);
	EXPECT_INT(gp_sleep(1000), 0);
}

CASE("a child that may have no descriptor at all forks, and its child ends by itself")
{
	struct rlimit none = { 0, 0 };
	pid_t pid;

	if (unit_under("valgrind"))
		unit_skip("valgrind wants descriptors of its own");
	EXPECT_INT(gp_sleep(1000), 0);
	pid = unit_fork();
	if (!pid) {
		pid_t own;

		NEED(!setrlimit(RLIMIT_NOFILE, &none));
		own = fork();
		if (!own)
			_exit(7);
		EXPECT_INT(WEXITSTATUS(unit_wait(own)), 7);
		unit_leave();
	}
	child_was_right(pid);
}

CASE("the watch of a process is not its child's, which may begin its own")
{
	pid_t pid;

	if (unit_under("asan"))
		unit_skip("a fork while a thread starts may leave ASan's own lock held in the child");
	EXPECT_INT(gp_watch_blocking(GP_SEC), 0);
	pid = unit_fork();
	if (!pid) {
		EXPECT_INT(gp_watch_blocking(GP_SEC), 0);
		EXPECT_INT(gp_watch_blocking(0), 0);
		unit_leave();
	}
	child_was_right(pid);
	EXPECT_INT(gp_watch_blocking(0), 0);
}
