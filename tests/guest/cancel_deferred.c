/* Deferred cancellation: at pthread_testcancel, not while disabled, cleanup handlers in reverse order. */
#include "guest.h"

#include <semaphore.h>

static sem_t ready, cancelled;

static void cleanup(void *arg)
{
	printf("cleanup %s\n", (char *)arg);
}

static void *victim(void *arg)
{
	int old;

	pthread_cleanup_push(cleanup, (void *)"outer");
	pthread_cleanup_push(cleanup, (void *)"inner");
	CHECK_OK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old));
	CHECK_INT(old, PTHREAD_CANCEL_ENABLE);
	sem_post(&ready);
	while (sem_wait(&cancelled) == -1) /* a cancellation point, but cancellation is disabled */
		;
	pthread_testcancel();
	printf("still here while disabled\n");
	CHECK_OK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old));
	pthread_testcancel();
	printf("not reached\n");
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return arg;
}

static void *cancels_itself(void *arg)
{
	pthread_cancel(pthread_self());
	pthread_testcancel();
	printf("not reached\n");
	return arg;
}

static void *ends_first(void *arg)
{
	return arg;
}

int main(void)
{
	pthread_t thread;

	sem_init(&ready, 0, 0);
	sem_init(&cancelled, 0, 0);
	thread = thread_start(victim, NULL);
	sem_wait(&ready);
	CHECK_OK(pthread_cancel(thread));
	sem_post(&cancelled);
	CHECK(thread_join(thread) == PTHREAD_CANCELED);

	CHECK(thread_join(thread_start(cancels_itself, NULL)) == PTHREAD_CANCELED);

	thread = thread_start(ends_first, (void *)5);
	while (pthread_tryjoin_np(thread, NULL) == EBUSY)
		sched_yield();
	return guest_done();
}
