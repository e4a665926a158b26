/* Thousands of threads one after the other, and hundreds at once, each with its own stack and result. */
#include "guest.h"

static pthread_barrier_t barrier;

static void *short_lived(void *arg)
{
	char buffer[4096];

	memset(buffer, (int)(long)arg, sizeof buffer);
	__asm__ volatile("" : : "r"(buffer) : "memory");
	return (void *)(long)buffer[100];
}

static void *all_together(void *arg)
{
	long n = (long)arg;

	pthread_barrier_wait(&barrier);
	return (void *)(n + 1);
}

int main(void)
{
	pthread_t threads[400];
	long sum = 0;

	for (long i = 0; i < 3000; i++)
		sum += (long)thread_join(thread_start(short_lived, (void *)(i % 100)));
	printf("one after the other: %ld\n", sum);

	pthread_barrier_init(&barrier, NULL, 400);
	for (int wave = 0; wave < 3; wave++) {
		sum = 0;
		for (long i = 0; i < 400; i++)
			threads[i] = thread_start(all_together, (void *)i);
		for (int i = 0; i < 400; i++)
			sum += (long)thread_join(threads[i]);
		printf("wave %d: %ld\n", wave, sum);
	}
	return guest_done();
}
