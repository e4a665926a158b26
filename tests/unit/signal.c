/* signal.c - handlers that run in greenlets: set, replaced, ignored, given back; what they may do. */
#include "unit.h"
#include "core/run/hub.h"
#include "greenpatch.h"

static int taken;

static void note(int signo, void *arg)
{
	trace("%s%d", (char *)arg, signo);
	taken++;
}

static void wait_for(int n)
{
	while (taken < n)
		EXPECT_INT(gp_sleep(100000), 0);
}

CASE("a handler runs in a greenlet of its own, never inside kill")
{
	EXPECT_INT(gp_signal_handler(SIGUSR1, note, "a"), 0);
	NEED(!kill(getpid(), SIGUSR1));
	trace("after");
	wait_for(1);
	EXPECT_STR(unit_trace, "after a10");
}

static void slow(int signo, void *arg)
{
	EXPECT(gp_self() != arg);
	EXPECT_INT(gp_sleep(GP_MSEC), 0);
	trace("slow");
	taken++;
}

CASE("a handler may wait, and others run meanwhile")
{
	EXPECT_INT(gp_signal_handler(SIGUSR1, slow, gp_self()), 0);
	EXPECT_INT(gp_signal_handler(SIGUSR2, note, "b"), 0);
	NEED(!kill(getpid(), SIGUSR1) && !kill(getpid(), SIGUSR2));
	wait_for(2);
	EXPECT_STR(unit_trace, "b12 slow");
}

static void last(int signo, void *arg)
{
	taken++;
	EXPECT_INT(gp_signal_restore(signo), 0);
}

CASE("a signal wakes a hub that sleeps; a program that waits for one is no deadlock, until no handler is left")
{
	pid_t child;

	EXPECT_INT(gp_signal_handler(SIGUSR1, last, NULL), 0);
	child = unit_fork();
	if (!child) {
		usleep(20000);
		kill(getppid(), SIGUSR1);
		unit_leave();
	}
	EXPECT_INT(gp_poll(NULL, 0, GP_NEVER), -EDEADLK);
	EXPECT_INT(taken, 1);
}

static void *sleeper(void *arg)
{
	return (void *)(intptr_t)gp_sleep(1000 * GP_SEC);
}

static void kill_victim(int signo, void *arg)
{
	EXPECT_INT(gp_kill_soon(arg, -ECANCELED), 0);
}

CASE("a handler that kills")
{
	struct gp_greenlet *g = gp_spawn(sleeper, NULL);

	gp_yield();
	EXPECT_INT(gp_signal_handler(SIGQUIT, kill_victim, g), 0);
	NEED(!kill(getpid(), SIGQUIT));
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	EXPECT_INT((intptr_t)gp_value(g), -ECANCELED);
	gp_unref(g);
}

static void *shorter(void *arg)
{
	kill(getpid(), SIGUSR1);
	return NULL;
}

CASE("a read goes on when a signal came")
{
	int p[2];
	char c;

	NEED(!pipe(p));
	EXPECT_INT(gp_signal_handler(SIGUSR1, note, "a"), 0);
	gp_go(shorter, NULL);
	EXPECT_INT(gp_read(p[0], &c, 1, gp_after(20 * GP_MSEC)), -ETIMEDOUT);
	wait_for(1);
}

static int plain;

static void on_plain(int signo)
{
	plain++;
}

CASE("replaced, ignored, restored to what was there before")
{
	signal(SIGUSR1, on_plain);
	EXPECT_INT(gp_signal_handler(SIGUSR1, note, "a"), 0);
	EXPECT_INT(gp_signal_handler(SIGUSR1, note, "b"), 0);
	NEED(!kill(getpid(), SIGUSR1));
	wait_for(1);
	EXPECT_STR(unit_trace, "b10");
	EXPECT_INT(gp__hub()->handlers, 1);
	EXPECT_INT(gp_signal_ignore(SIGUSR1), 0);
	NEED(!kill(getpid(), SIGUSR1));
	EXPECT_INT(gp__hub()->handlers, 0);
	EXPECT_INT(plain, 0);
	EXPECT_INT(gp_signal_restore(SIGUSR1), 0);
	NEED(!kill(getpid(), SIGUSR1));
	EXPECT_INT(plain, 1);
	EXPECT_INT(gp_signal_restore(SIGUSR1), 0);
	EXPECT_INT(gp_signal_restore(SIGUSR2), 0);
	EXPECT_INT(gp_sleep(GP_MSEC), 0);
	EXPECT_INT(taken, 1);
}

CASE("one that was noted and then restored runs no more")
{
	EXPECT_INT(gp_signal_handler(SIGUSR1, note, "a"), 0);
	NEED(!kill(getpid(), SIGUSR1));
	EXPECT_INT(gp_signal_restore(SIGUSR1), 0);
	EXPECT_INT(gp_sleep(GP_MSEC), 0);
	EXPECT_INT(taken, 0);
}

CASE("signals that cannot be caught, and no function")
{
	EXPECT_INT(gp_signal_handler(SIGKILL, note, NULL), -EINVAL);
	EXPECT_INT(gp_signal_handler(SIGSTOP, note, NULL), -EINVAL);
	EXPECT_INT(gp_signal_handler(0, note, NULL), -EINVAL);
	EXPECT_INT(gp_signal_handler(65, note, NULL), -EINVAL);
	EXPECT_INT(gp_signal_handler(SIGUSR1, NULL, NULL), -EINVAL);
	EXPECT_INT(gp_signal_ignore(SIGKILL), -EINVAL);
	EXPECT_INT(gp_signal_ignore(-1), -EINVAL);
	EXPECT_INT(gp_signal_restore(1000), -EINVAL);
	EXPECT_INT(gp__hub()->handlers, 0);
}
