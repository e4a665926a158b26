// condvar [ROUNDS] [spread]: two threads hand a turn back and forth with a mutex and a condition variable. Prints
// nanoseconds per handover. With "spread" each thread is bound to a core of its own, so that each handover crosses
// cores; without it the scheduler is free.
#define _GNU_SOURCE
#include "bench.h"

#include <pthread.h>
#include <sched.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int turn; // whose turn it is: 0 or 1
static long rounds;
static int spread;

static void *player(void *arg)
{
	int me = *(int *)arg;

	if (spread) {
		cpu_set_t cores;
		CPU_ZERO(&cores);
		CPU_SET(me, &cores);
		must(pthread_setaffinity_np(pthread_self(), sizeof cores, &cores), "pthread_setaffinity_np");
	}
	pthread_mutex_lock(&mutex);
	for (long i = 0; i < rounds; i++) {
		while (turn != me)
			pthread_cond_wait(&changed, &mutex);
		turn = !me;
		pthread_cond_signal(&changed);
	}
	pthread_mutex_unlock(&mutex);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[2];
	int numbers[2] = { 0, 1 };

	rounds = argument(argc, argv, 1, 100000);
	spread = argc > 2 && strcmp(argv[2], "spread") == 0;
	int64_t start = now_ns();
	for (int i = 0; i < 2; i++)
		must(pthread_create(&threads[i], NULL, player, &numbers[i]), "pthread_create");
	for (int i = 0; i < 2; i++)
		must(pthread_join(threads[i], NULL), "pthread_join");
	printf("ns %.1f\n", (double)(now_ns() - start) / (double)(2 * rounds));
	return 0;
}
