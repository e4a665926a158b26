/* Asynchronous cancellation ends a thread that computes and never makes a call. */
#include "guest.h"

#include <semaphore.h>

static sem_t ready;
static volatile unsigned long spins;

static void *computes(void *arg)
{
	int old;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
	CHECK_INT(old, PTHREAD_CANCEL_DEFERRED);
	sem_post(&ready);
	for (;;)
		spins++;
	return arg;
}

int main(void)
{
	pthread_t thread;

	sem_init(&ready, 0, 0);
	thread = thread_start(computes, NULL);
	sem_wait(&ready);
	CHECK_OK(pthread_cancel(thread));
	CHECK(thread_join(thread) == PTHREAD_CANCELED);
	return guest_done();
}
