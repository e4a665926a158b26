/* SIGQUIT ends a greenlet that would otherwise hold up the exit. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include <greenpatch.h>

static void *endless(void *arg)
{
	printf("endless: running\n");
	if (gp_sleep(1000 * GP_SEC) == -ECANCELED) {
		printf("endless: woken to exit\n");
		return NULL; /* it was killed: its value is GP_EXITED */
	}
	printf("endless: never printed\n");
	return NULL;
}

static void on_quit(int signo, void *victim)
{
	printf("SIGQUIT: ending the greenlet\n");
	gp_kill_soon(victim, -ECANCELED);
	printf("SIGQUIT: handler is through\n");
}

static void *press_key(void *arg)
{
	kill(getpid(), SIGQUIT);
	return NULL;
}

int main(void)
{
	struct gp_greenlet *victim = gp_spawn(endless, NULL);

	gp_signal_handler(SIGQUIT, on_quit, victim);
	gp_unref(gp_spawn_later(100 * GP_MSEC, press_key, NULL));

	printf("main: waiting\n");
	gp_join(victim, GP_NEVER);
	printf("main: the greenlet has ended, ready %s, successful %s\n", gp_ready(victim) ? "yes" : "no",
	       gp_successful(victim) ? "yes" : "no");
	printf("main: its value is the exit request: %s\n", gp_value(victim) == GP_EXITED ? "yes" : "no");
	gp_unref(victim);
	return 0;
}
