/* Mutexes with priority inheritance: contended, with time limits, error-checking, robust; a condition variable with
 * one. */
#include "guest.h"

#include <semaphore.h>

static pthread_mutex_t mutex;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t taken, end;
static long counter, waiting;

static void make(int type, int robust)
{
	pthread_mutexattr_t attr;
	int protocol;

	pthread_mutexattr_init(&attr);
	CHECK_OK(pthread_mutexattr_settype(&attr, type));
	CHECK_OK(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT));
	CHECK_OK(pthread_mutexattr_getprotocol(&attr, &protocol));
	CHECK_INT(protocol, PTHREAD_PRIO_INHERIT);
	CHECK_OK(pthread_mutexattr_setrobust(&attr, robust));
	CHECK_OK(pthread_mutex_init(&mutex, &attr));
	pthread_mutexattr_destroy(&attr);
}

static void *counts(void *arg)
{
	(void)arg;
	for (int i = 0; i < 500; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		if (i % 50 == 0)
			sched_yield();
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void *tries(void *arg)
{
	struct timespec deadline = clock_in(CLOCK_REALTIME, 20);

	(void)arg;
	CHECK_INT(pthread_mutex_trylock(&mutex), EBUSY);
	CHECK_INT(pthread_mutex_timedlock(&mutex, &deadline), ETIMEDOUT);
	deadline = clock_in(CLOCK_MONOTONIC, 20);
	CHECK_INT(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &deadline), ETIMEDOUT);
	return (void *)(long)pthread_mutex_unlock(&mutex);
}

static void *dies_as_owner(void *arg)
{
	CHECK_OK(pthread_mutex_lock(&mutex));
	sem_post(&taken);
	sem_wait(&end);
	return arg;
}

static void *waits(void *arg)
{
	long r;

	if (arg)
		sem_post((sem_t *)arg);
	r = pthread_mutex_lock(&mutex);
	if (r == EOWNERDEAD)
		CHECK_OK(pthread_mutex_consistent(&mutex));
	CHECK_OK(pthread_mutex_unlock(&mutex));
	return (void *)r;
}

static void *for_cond(void *arg)
{
	pthread_mutex_lock(&mutex);
	waiting++;
	while (waiting > 0)
		pthread_cond_wait(&cond, &mutex);
	pthread_mutex_unlock(&mutex);
	return arg;
}

static void robust(void)
{
	pthread_t owner, waiter, second;
	long sum;

	make(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST);
	owner = thread_start(dies_as_owner, NULL);
	sem_wait(&taken);
	sem_post(&end);
	thread_join(owner);
	CHECK_INT(pthread_mutex_lock(&mutex), EOWNERDEAD);
	CHECK_OK(pthread_mutex_consistent(&mutex));
	CHECK_OK(pthread_mutex_unlock(&mutex));

	/* While others wait: one of them is told, the next is not. */
	owner = thread_start(dies_as_owner, NULL);
	sem_wait(&taken);
	waiter = thread_start(waits, NULL);
	second = thread_start(waits, NULL);
	sleep_ms(30);
	sem_post(&end);
	thread_join(owner);
	sum = (long)thread_join(waiter) + (long)thread_join(second);
	CHECK_INT(sum, EOWNERDEAD);
	CHECK_OK(pthread_mutex_lock(&mutex));
	CHECK_OK(pthread_mutex_unlock(&mutex));

	/* Not made consistent: of no use any more. */
	owner = thread_start(dies_as_owner, NULL);
	sem_wait(&taken);
	sem_post(&end);
	thread_join(owner);
	CHECK_INT(pthread_mutex_lock(&mutex), EOWNERDEAD);
	CHECK_OK(pthread_mutex_unlock(&mutex));
	CHECK_INT(pthread_mutex_lock(&mutex), ENOTRECOVERABLE);
}

int main(void)
{
	pthread_t threads[8];

	sem_init(&taken, 0, 0);
	sem_init(&end, 0, 0);
	make(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED);
	for (int i = 0; i < 8; i++)
		threads[i] = thread_start(counts, NULL);
	for (int i = 0; i < 8; i++)
		thread_join(threads[i]);
	printf("counted %ld\n", counter);

	make(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED);
	CHECK_OK(pthread_mutex_lock(&mutex));
	CHECK_INT(pthread_mutex_lock(&mutex), EDEADLK);
	CHECK_INT((long)thread_join(thread_start(tries, NULL)), EPERM);
	CHECK_OK(pthread_mutex_unlock(&mutex));
	CHECK_INT(pthread_mutex_unlock(&mutex), EPERM);

	make(PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED);
	CHECK_OK(pthread_mutex_lock(&mutex));
	CHECK_OK(pthread_mutex_lock(&mutex));
	CHECK_OK(pthread_mutex_unlock(&mutex));
	CHECK_INT((long)thread_join(thread_start(tries, NULL)), EPERM);
	CHECK_OK(pthread_mutex_unlock(&mutex));

	make(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED);
	for (int i = 0; i < 4; i++)
		threads[i] = thread_start(for_cond, NULL);
	for (long n = 0; n < 4;) {
		sleep_ms(1);
		pthread_mutex_lock(&mutex);
		n = waiting;
		pthread_mutex_unlock(&mutex);
	}
	pthread_mutex_lock(&mutex);
	waiting = 0;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&mutex);
	for (int i = 0; i < 4; i++)
		thread_join(threads[i]);
	robust();
	return guest_done();
}
