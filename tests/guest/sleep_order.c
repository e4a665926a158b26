/* Threads that sleep do so at the same time and go on in the order of their delays. */
#include "guest.h"

enum { THREADS = 8 };

static int order[THREADS], length;

static void *sleeps(void *arg)
{
	int64_t start = now_ms(), delay = 60 * (THREADS - (long)arg);

	sleep_ms(delay);
	CHECK(now_ms() - start >= delay - 1);
	order[__atomic_fetch_add(&length, 1, __ATOMIC_SEQ_CST)] = (int)(long)arg;
	return NULL;
}

static void *sleeps_long(void *arg)
{
	sleep_ms(200);
	return arg;
}

int main(void)
{
	pthread_t threads[100];
	int64_t start;

	for (long i = 0; i < THREADS; i++)
		threads[i] = thread_start(sleeps, (void *)i);
	for (int i = 0; i < THREADS; i++)
		thread_join(threads[i]);
	for (int i = 0; i < THREADS; i++)
		printf("%d\n", order[i]);

	start = now_ms();
	for (int i = 0; i < 100; i++)
		threads[i] = thread_start(sleeps_long, NULL);
	for (int i = 0; i < 100; i++)
		thread_join(threads[i]);
	CHECK(now_ms() - start >= 199);
	CHECK(now_ms() - start < 10000); /* one after the other it would be 20 s */
	return guest_done();
}
