/* Condition variables: time limits on both clocks, broadcast to all, a signal that comes before the limit. */
#include "guest.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER, arrived = PTHREAD_COND_INITIALIZER;
static int waiting, open_now;

static void *wait_open(void *arg)
{
	struct timespec far = clock_in(CLOCK_REALTIME, 60000);

	(void)arg;
	pthread_mutex_lock(&mutex);
	waiting++;
	pthread_cond_signal(&arrived);
	while (!open_now)
		CHECK_OK(pthread_cond_timedwait(&cond, &mutex, &far));
	waiting--;
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void times_out(clockid_t clock)
{
	pthread_condattr_t attr;
	pthread_cond_t own;
	struct timespec deadline;
	int64_t start;

	pthread_condattr_init(&attr);
	CHECK_OK(pthread_condattr_setclock(&attr, clock));
	pthread_cond_init(&own, &attr);
	pthread_mutex_lock(&mutex);
	start = now_ms();
	deadline = clock_in(clock, 50);
	CHECK_INT(pthread_cond_timedwait(&own, &mutex, &deadline), ETIMEDOUT);
	CHECK(now_ms() - start >= 49);
	deadline = clock_in(clock, -1000);
	CHECK_INT(pthread_cond_timedwait(&own, &mutex, &deadline), ETIMEDOUT);
	deadline = clock_in(CLOCK_MONOTONIC, 30);
	CHECK_INT(pthread_cond_clockwait(&own, &mutex, CLOCK_MONOTONIC, &deadline), ETIMEDOUT);
	deadline = clock_in(CLOCK_REALTIME, 30);
	CHECK_INT(pthread_cond_clockwait(&own, &mutex, CLOCK_REALTIME, &deadline), ETIMEDOUT);
	deadline.tv_nsec = 1000000000;
	CHECK_INT(pthread_cond_timedwait(&own, &mutex, &deadline), EINVAL);
	pthread_mutex_unlock(&mutex);
	pthread_cond_destroy(&own);
}

int main(void)
{
	pthread_t threads[50];

	times_out(CLOCK_REALTIME);
	times_out(CLOCK_MONOTONIC);
	for (int i = 0; i < 50; i++)
		threads[i] = thread_start(wait_open, NULL);
	pthread_mutex_lock(&mutex);
	while (waiting < 50)
		pthread_cond_wait(&arrived, &mutex);
	printf("%d wait\n", waiting);
	open_now = 1;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&mutex);
	for (int i = 0; i < 50; i++)
		thread_join(threads[i]);
	printf("%d wait\n", waiting);
	return guest_done();
}
