/* Who waits for a signal in sigwait and does not block it dies of it as if it did not wait; one that the first thread
 * does not block is the first thread's, whoever else waits for it. */
#include "guest.h"

#include <sys/wait.h>

static volatile sig_atomic_t handled_by;
static volatile bool waiting;
static sigset_t usr1;

static void handler(int sig)
{
	(void)sig;
	handled_by = gettid();
}

static void dies_of_it(const char *what, void (*does)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		does();
		_exit(1);
	}
	sleep_ms(100); /* likely it waits by now; before that, it dies as well */
	kill(pid, SIGUSR1);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
	printf("%s: dies\n", what);
}

static void *waits(void *arg)
{
	struct timespec limit = ms_timespec((long)arg);

	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	waiting = true;
	CHECK_FAILS(sigtimedwait(&usr1, NULL, &limit), EAGAIN);
	return NULL;
}

static void alone(void)
{
	int sig;

	sigwait(&usr1, &sig);
}

static void first_waits(void)
{
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	thread_start(waits, (void *)10000L);
	pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
	alone();
}

static void another_waits(void)
{
	thread_start(waits, (void *)10000L);
	for (;;)
		pause();
}

static void *sends(void *arg)
{
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	while (!waiting)
		sched_yield();
	sleep_ms(50);
	CHECK_INT(kill(getpid(), SIGUSR1), 0);
	return arg;
}

int main(void)
{
	pthread_t threads[2];

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	dies_of_it("alone", alone);
	dies_of_it("others wait as well", first_waits);
	dies_of_it("another waits", another_waits);
	on_signal(SIGUSR1, handler, 0);
	threads[0] = thread_start(waits, (void *)500L);
	threads[1] = thread_start(sends, NULL);
	thread_join(threads[1]);
	thread_join(threads[0]);
	CHECK_INT(handled_by, getpid());
	printf("with a handler: the first thread\n");
	return guest_done();
}
