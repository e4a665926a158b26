/* process.c - waiting for children, and forking a program with greenlets. */
#include "unit.h"
#include "core/run/hub.h"
#include "greenpatch.h"

static pid_t child_that(int exits, int after_us)
{
	pid_t pid = unit_fork();

	if (!pid) {
		usleep((useconds_t)after_us);
		_exit(exits);
	}
	return pid;
}

/* Ends when it is told to. */
static pid_t child_that_waits(int exits)
{
	sigset_t set, old;
	pid_t pid;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	NEED(!sigprocmask(SIG_BLOCK, &set, &old));
	pid = unit_fork();
	if (!pid)
		_exit(sigwait(&set, &sig) ? 1 : exits);
	NEED(!sigprocmask(SIG_SETMASK, &old, NULL));
	return pid;
}

static void *teller(void *arg)
{
	for (int i = 0; i < 3; i++)
		NEED(!gp_sleep(GP_MSEC));
	NEED(!kill(*(pid_t *)arg, SIGUSR1));
	return arg;
}

static void *ticker(void *arg)
{
	for (;;) {
		if (gp_sleep(GP_MSEC))
			return NULL;
		++*(int *)arg;
	}
}

static void waited(pid_t pid, int options)
{
	pid_t child = child_that_waits(7);
	struct gp_greenlet *g = gp_spawn(teller, &child);
	int status = -1;

	EXPECT_INT(gp_waitpid(pid ? pid : child, &status, options, GP_NEVER), child);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
}

CASE("a certain child is waited for while others run") { waited(0, 0); }
CASE("any child likewise") { waited(-1, 0); }
CASE("one that may also stop likewise") { waited(0, WUNTRACED); }

CASE("without a descriptor likewise")
{
	struct rlimit limit, none;
	int top = dup(0);

	if (unit_under("valgrind"))
		unit_skip("valgrind keeps the limit of descriptors to itself");
	NEED(gp_self() && !close(top) && !getrlimit(RLIMIT_NOFILE, &limit));
	none = limit;
	none.rlim_cur = (rlim_t)top;
	NEED(!setrlimit(RLIMIT_NOFILE, &none));
	waited(0, 0);
	NEED(!setrlimit(RLIMIT_NOFILE, &limit));
}

CASE("no child, WNOHANG, a deadline")
{
	int status;
	pid_t child;

	EXPECT_INT(gp_waitpid(-1, &status, 0, GP_NEVER), -ECHILD);
	EXPECT_INT(gp_waitpid(getpid(), &status, 0, GP_NEVER), -ECHILD);
	child = child_that(0, 10000000);
	EXPECT_INT(gp_waitpid(child, &status, WNOHANG, GP_NEVER), 0);
	EXPECT_INT(gp_waitpid(child, &status, 0, gp_after(3 * GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_waitpid(-1, &status, 0, gp_after(3 * GP_MSEC)), -ETIMEDOUT);
	NEED(!kill(child, SIGKILL));
	EXPECT_INT(gp_waitpid(child, &status, 0, GP_NEVER), child);
	EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void *wait_for(void *arg)
{
	trace("%d", gp_waitpid(*(pid_t *)arg, NULL, 0, GP_NEVER));
	return NULL;
}

CASE("a kill ends it, by a descriptor and without")
{
	pid_t child = child_that(0, 10000000), any = -1;
	struct gp_greenlet *g[2] = { gp_spawn(wait_for, &child), gp_spawn(wait_for, &any) };

	gp_yield();
	for (int i = 0; i < 2; i++) {
		EXPECT_INT(gp_kill(g[i], GP_NEVER), 0);
		gp_unref(g[i]);
	}
	EXPECT_STR(unit_trace, "-125 -125");
	NEED(!kill(child, SIGKILL));
	unit_wait(child);
}

/* ---- fork ---------------------------------------------------------------------------- */

static void hook(void *arg)
{
	trace("%s", (char *)arg);
}

static void *works(void *arg)
{
	EXPECT_INT(gp_sleep(GP_MSEC), 0);
	return arg;
}

static void child_is_alone(pid_t (*fork_by)(void))
{
	int ticks = 0, p[2];
	struct gp_greenlet *g = gp_spawn(ticker, &ticks), *other;
	void *value;
	pid_t pid;
	char c;

	NEED(!pipe(p));
	EXPECT_INT(gp_after_fork(hook, "one"), 0);
	EXPECT_INT(gp_after_fork(hook, "two"), 0);
	EXPECT_INT(gp_after_fork(NULL, "two"), -EINVAL);
	gp_sleep(5 * GP_MSEC);
	fflush(stdout);
	pid = fork_by();
	NEED(pid >= 0);
	if (!pid) {
		int before = ticks;

		alarm(5);
		unit_failures = 0;
		EXPECT_STR(unit_trace, "one two");
		other = gp_spawn(works, "v");
		EXPECT_INT(gp_get(other, &value, GP_NEVER), 0);
		EXPECT_STR(value, "v");
		gp_sleep(5 * GP_MSEC);
		EXPECT_INT(ticks, before);
		EXPECT_INT(gp_write(p[1], "x", 1, GP_NEVER), 1);
		unit_leave();
	}
	EXPECT_STR(unit_trace, "");
	EXPECT_INT(gp_read(p[0], &c, 1, GP_NEVER), 1);
	EXPECT_INT(gp_waitpid(pid, &ticks, 0, GP_NEVER), pid);
	EXPECT_INT(gp_kill(g, GP_NEVER), 0);
	gp_unref(g);
}

CASE("the child has the caller alone, its hooks were called, and it works")
{
	child_is_alone(gp_fork);
}

CASE("the same with a plain fork()")
{
	child_is_alone(fork);
}

static void *forks(void *arg)
{
	pid_t pid;
	int status = -1;

	fflush(stdout);
	pid = gp_fork();
	if (!pid) {
		EXPECT_INT(gp_sleep(GP_MSEC), 0);
		_exit(unit_failures ? 1 : 9);
	}
	EXPECT_INT(gp_waitpid(pid, &status, 0, GP_NEVER), pid);
	EXPECT_INT(WEXITSTATUS(status), 9);
	return NULL;
}

CASE("greenlets may fork, too, and before there is a hub")
{
	struct gp_greenlet *g[3];
	pid_t pid;
	int status;

	fflush(stdout);
	pid = gp_fork();
	if (!pid)
		_exit(0);
	EXPECT_INT(gp_waitpid(pid, &status, 0, GP_NEVER), pid);
	for (int i = 0; i < 3; i++)
		g[i] = gp_spawn(forks, NULL);
	for (int i = 0; i < 3; i++) {
		EXPECT_INT(gp_join(g[i], GP_NEVER), 0);
		gp_unref(g[i]);
	}
}

static int taken;

static void on_usr1(int signo, void *arg)
{
	taken++;
}

CASE("handlers of signals run in the child's own greenlets")
{
	pid_t pid;
	int status = -1;

	EXPECT_INT(gp_signal_handler(SIGUSR1, on_usr1, NULL), 0);
	fflush(stdout);
	pid = gp_fork();
	if (!pid) {
		kill(getpid(), SIGUSR1);
		while (!taken)
			gp_sleep(100000);
		unit_leave();
	}
	EXPECT_INT(gp_waitpid(pid, &status, 0, GP_NEVER), pid);
	EXPECT_INT(status, 0);
	EXPECT_INT(taken, 0);
}
