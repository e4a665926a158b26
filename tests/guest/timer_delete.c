/* POSIX timers aimed at one thread (SIGEV_THREAD_ID): deleted while they fire, left armed by a thread that ends, and
 * not there in the child of a fork. Their signal would end the process if another thread got it. */
#include "guest.h"

#include <sys/wait.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static timer_t aimed_at(pid_t tid, int64_t every_us)
{
	struct itimerspec spec = { .it_value.tv_nsec = every_us * 1000, .it_interval.tv_nsec = every_us * 1000 };
	struct sigevent event;
	timer_t timer;

	memset(&event, 0, sizeof event);
	event.sigev_notify = SIGEV_THREAD_ID;
	event.sigev_signo = SIGRTMIN + 1;
	event.sigev_notify_thread_id = tid;
	CHECK_INT(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	CHECK_INT(timer_settime(timer, 0, &spec, NULL), 0);
	return timer;
}

static void block(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
}

static void *takes(void *arg)
{
	struct timespec none = { 0, 0 };
	sigset_t set;

	block();
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	for (int i = 0; i < 400; i++) {
		timer_t timer = aimed_at(gettid(), 30);

		CHECK_INT(sigwaitinfo(&set, NULL), SIGRTMIN + 1);
		CHECK_INT(timer_delete(timer), 0);
	}
	while (sigtimedwait(&set, NULL, &none) > 0)
		;
	aimed_at(gettid(), 500);
	return arg;
}

/* A timer of the process in a child, whose number may be that of one of the parent's. */
static int child(void)
{
	struct itimerspec spec = { .it_value = ms_timespec(5) };
	struct sigevent event;
	timer_t timer;
	sigset_t set;

	block();
	memset(&event, 0, sizeof event);
	event.sigev_notify = SIGEV_SIGNAL;
	event.sigev_signo = SIGRTMIN + 1;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	for (int i = 0; i < 3; i++) {
		if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &spec, NULL))
			return 1;
		if (sigwaitinfo(&set, NULL) != SIGRTMIN + 1)
			return 2;
	}
	return 0;
}

int main(void)
{
	int status;
	pid_t pid;

	thread_join(thread_start(takes, NULL));
	printf("deleted while they fired\n");
	sleep_ms(20);
	printf("nobody got the signal of a thread that has ended\n");
	pid = fork();
	if (!pid)
		_exit(child());
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	return guest_done();
}
