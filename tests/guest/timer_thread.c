/* POSIX timers that call a function in a thread (SIGEV_THREAD) or signal one thread (SIGEV_THREAD_ID). */
#include "guest.h"

#include <semaphore.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static sem_t called;
static volatile sig_atomic_t handled_by;

static void notify(union sigval value)
{
	CHECK_INT(value.sival_int, 42);
	sem_post(&called);
}

static void handler(int signo)
{
	(void)signo;
	handled_by = gettid();
}

static void *takes(void *arg)
{
	struct sigevent event;
	struct itimerspec spec = { .it_value = ms_timespec(10) };
	timer_t timer;

	memset(&event, 0, sizeof event);
	event.sigev_notify = SIGEV_THREAD_ID;
	event.sigev_signo = SIGUSR1;
	event.sigev_notify_thread_id = gettid();
	CHECK_INT(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	CHECK_INT(timer_settime(timer, 0, &spec, NULL), 0);
	while (!handled_by)
		sleep_ms(1);
	CHECK_INT(handled_by, gettid());
	CHECK_INT(timer_delete(timer), 0);
	return arg;
}

int main(void)
{
	struct sigevent event;
	struct itimerspec spec = { .it_value = ms_timespec(5), .it_interval = ms_timespec(5) };
	timer_t timer;

	sem_init(&called, 0, 0);
	memset(&event, 0, sizeof event);
	event.sigev_notify = SIGEV_THREAD;
	event.sigev_notify_function = notify;
	event.sigev_value.sival_int = 42;
	CHECK_INT(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	CHECK_INT(timer_settime(timer, 0, &spec, NULL), 0);
	for (int i = 0; i < 5; i++)
		sem_wait(&called);
	CHECK_INT(timer_delete(timer), 0);
	printf("called five times\n");
	on_signal(SIGUSR1, handler, SA_RESTART);
	thread_join(thread_start(takes, NULL));
	return guest_done();
}
