/* The types of mutexes: what each says to a second lock, a foreign unlock and a time limit. */
#include "guest.h"

static pthread_mutex_t mutex;

static void make(int type)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	CHECK_OK(pthread_mutexattr_settype(&attr, type));
	CHECK_OK(pthread_mutex_init(&mutex, &attr));
	pthread_mutexattr_destroy(&attr);
}

static void *try_from_elsewhere(void *arg)
{
	struct timespec deadline = clock_in(CLOCK_REALTIME, 20);

	(void)arg;
	CHECK_INT(pthread_mutex_trylock(&mutex), EBUSY);
	CHECK_INT(pthread_mutex_timedlock(&mutex, &deadline), ETIMEDOUT);
	deadline = clock_in(CLOCK_MONOTONIC, 20);
	CHECK_INT(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &deadline), ETIMEDOUT);
	return (void *)(long)pthread_mutex_unlock(&mutex);
}

static long counter;

static void *count(void *arg)
{
	(void)arg;
	for (int i = 0; i < 2000; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		if (i % 100 == 0)
			sched_yield();
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void *take_and_keep(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&mutex);
	return NULL;
}

int main(void)
{
	pthread_t threads[8];
	pthread_mutexattr_t attr;

	make(PTHREAD_MUTEX_NORMAL);
	CHECK_OK(pthread_mutex_lock(&mutex));
	CHECK_INT(pthread_mutex_trylock(&mutex), EBUSY);
	CHECK_OK(pthread_mutex_unlock(&mutex));
	for (int i = 0; i < 8; i++)
		threads[i] = thread_start(count, NULL);
	for (int i = 0; i < 8; i++)
		thread_join(threads[i]);
	printf("counted %ld\n", counter);

	make(PTHREAD_MUTEX_RECURSIVE);
	CHECK_OK(pthread_mutex_lock(&mutex));
	CHECK_OK(pthread_mutex_lock(&mutex));
	CHECK_OK(pthread_mutex_trylock(&mutex));
	CHECK_INT((long)thread_join(thread_start(try_from_elsewhere, NULL)), EPERM);
	for (int i = 0; i < 3; i++)
		CHECK_OK(pthread_mutex_unlock(&mutex));
	CHECK_INT(pthread_mutex_unlock(&mutex), EPERM);

	make(PTHREAD_MUTEX_ERRORCHECK);
	CHECK_OK(pthread_mutex_lock(&mutex));
	CHECK_INT(pthread_mutex_lock(&mutex), EDEADLK);
	CHECK_INT((long)thread_join(thread_start(try_from_elsewhere, NULL)), EPERM);
	CHECK_OK(pthread_mutex_unlock(&mutex));
	CHECK_INT(pthread_mutex_unlock(&mutex), EPERM);

	/* A robust mutex whose owner ends without unlocking it tells the next one. */
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	CHECK_OK(pthread_mutex_init(&mutex, &attr));
	thread_join(thread_start(take_and_keep, NULL));
	CHECK_INT(pthread_mutex_lock(&mutex), EOWNERDEAD);
	CHECK_OK(pthread_mutex_consistent(&mutex));
	CHECK_OK(pthread_mutex_unlock(&mutex));
	CHECK_OK(pthread_mutex_lock(&mutex));
	CHECK_OK(pthread_mutex_unlock(&mutex));
	return guest_done();
}
