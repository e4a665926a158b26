/* A signal that is sent to a child as soon as its id is known reaches the child's handler; one that was pending for the
 * parent does not. */
#include "guest.h"

#include <sys/wait.h>

static volatile sig_atomic_t got;

static void told(int sig)
{
	got = sig;
}

/* The child: 0 when it was told within five seconds. */
static int child(void)
{
	struct timespec little = { 0, 1000000 };

	for (int i = 0; i < 5000 && !got; i++)
		nanosleep(&little, NULL);
	return got != SIGUSR1;
}

static void *waits(void *arg)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigwait(&set, &sig);
	return arg;
}

int main(void)
{
	struct sigaction sa = { .sa_handler = told };
	sigset_t set, pending;
	pthread_t other;
	int lost = 0, kept = 0;

	sigaction(SIGUSR1, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	other = thread_start(waits, NULL);
	for (int i = 0; i < 100; i++) {
		int status;
		pid_t pid = fork();

		if (!pid)
			_exit(child());
		kill(pid, SIGUSR1);
		waitpid(pid, &status, 0);
		lost += status != 0;
	}
	CHECK_INT(lost, 0);
	CHECK_INT(got, 0);
	kill(getpid(), SIGUSR2);
	thread_join(other);
	raise(SIGUSR2);
	for (int i = 0; i < 20; i++) {
		int status;
		pid_t pid = fork();

		if (!pid) {
			sigpending(&pending);
			_exit(sigismember(&pending, SIGUSR2));
		}
		waitpid(pid, &status, 0);
		kept += status != 0;
	}
	CHECK_INT(kept, 0);
	puts("every child was told");
	return guest_done();
}
