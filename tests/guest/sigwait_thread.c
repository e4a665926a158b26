/* A signal of the process that the first thread blocks goes to the thread that waits for it in sigwait; blocked by all
 * it stays pending, and is taken by the first one that lets it in. */
#include "guest.h"

enum { ROUNDS = 100 };

static volatile int handled;

static void told(int sig __attribute__((unused)))
{
	handled++;
}

static void *waits(void *arg)
{
	sigset_t set;
	long got = 0;
	int sig = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	while (sig != SIGTERM) {
		if (sigwait(&set, &sig))
			return NULL;
		got += sig == SIGUSR1;
		if (sig == SIGUSR1)
			write_all(*(int *)arg, "x", 1);
	}
	return (void *)got;
}

int main(void)
{
	struct sigaction sa = { .sa_handler = told };
	sigset_t set, pending;
	int fd[2], sig;
	pthread_t t;
	char c;

	sigaction(SIGUSR2, &sa, NULL);
	CHECK_INT(pipe(fd), 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGTERM);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
	t = thread_start(waits, &fd[1]);
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_INT(kill(getpid(), SIGUSR1), 0);
		read_all(fd[0], &c, 1);
	}
	kill(getpid(), SIGTERM);
	CHECK_INT((intptr_t)thread_join(t), ROUNDS);

	kill(getpid(), SIGUSR2);
	sigpending(&pending);
	CHECK_INT(sigismember(&pending, SIGUSR2), 1);
	CHECK_INT(handled, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
	CHECK_INT(handled, 1);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
	kill(getpid(), SIGUSR2);
	CHECK_INT(sigtimedwait(&set, NULL, &(struct timespec){ 0, 0 }), SIGUSR2);
	CHECK_FAILS(sigtimedwait(&set, NULL, &(struct timespec){ 0, 0 }), EAGAIN);
	kill(getpid(), SIGUSR2);
	CHECK_OK(sigwait(&set, &sig));
	CHECK_INT(sig, SIGUSR2);
	CHECK_INT(handled, 1);
	puts("each was taken by whom it was for");
	return guest_done();
}
