/* pthread_create, join, detach: values, attributes and the errors of joining. */
#include "guest.h"

#include <semaphore.h>

static sem_t go, gone;

static void *square(void *arg)
{
	long n = (long)arg;

	return (void *)(n * n);
}

static void *wait_for_go(void *arg)
{
	sem_wait(&go);
	sem_post(&gone);
	return arg;
}

static void *join_self(void *arg)
{
	CHECK_INT(pthread_join(pthread_self(), NULL), EDEADLK);
	pthread_exit(arg);
}

int main(void)
{
	pthread_t threads[20], one;
	pthread_attr_t attr;
	struct timespec deadline;
	void *value;
	int state;

	for (long i = 0; i < 20; i++)
		threads[i] = thread_start(square, (void *)i);
	for (long i = 19; i >= 0; i--)
		CHECK_INT((long)thread_join(threads[i]), i * i);

	sem_init(&go, 0, 0);
	sem_init(&gone, 0, 0);
	one = thread_start(wait_for_go, (void *)7);
	CHECK_INT(pthread_tryjoin_np(one, &value), EBUSY);
	deadline = clock_in(CLOCK_REALTIME, 30);
	CHECK_INT(pthread_timedjoin_np(one, &value, &deadline), ETIMEDOUT);
	deadline = clock_in(CLOCK_MONOTONIC, 30);
	CHECK_INT(pthread_clockjoin_np(one, &value, CLOCK_MONOTONIC, &deadline), ETIMEDOUT);
	sem_post(&go);
	CHECK_INT((long)thread_join(one), 7);
	sem_wait(&gone);

	one = thread_start(wait_for_go, NULL);
	CHECK_OK(pthread_detach(one));
	CHECK_INT(pthread_join(one, NULL), EINVAL);
	sem_post(&go);
	sem_wait(&gone);

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < 10; i++)
		CHECK_OK(pthread_create(&one, &attr, wait_for_go, NULL));
	for (int i = 0; i < 10; i++)
		sem_post(&go);
	for (int i = 0; i < 10; i++)
		sem_wait(&gone);
	pthread_attr_destroy(&attr);

	one = thread_start(join_self, (void *)3);
	CHECK_INT((long)thread_join(one), 3);
	CHECK_OK(pthread_getattr_np(pthread_self(), &attr));
	CHECK_OK(pthread_attr_getdetachstate(&attr, &state));
	CHECK_INT(state, PTHREAD_CREATE_JOINABLE);
	pthread_attr_destroy(&attr);
	return guest_done();
}
