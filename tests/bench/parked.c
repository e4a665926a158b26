// parked [THREADS]: makes threads that all wait for one condition variable, with the default stack size, and prints the
// resident memory, page tables included, that each of them costs while it waits. Then wakes and joins them all.
#include "bench.h"

#include <pthread.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_wait = PTHREAD_COND_INITIALIZER;
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static long count, waiting;
static int go;

static void *park(void *arg)
{
	pthread_mutex_lock(&mutex);
	if (++waiting == count)
		pthread_cond_signal(&all_wait);
	while (!go)
		pthread_cond_wait(&released, &mutex);
	pthread_mutex_unlock(&mutex);
	return arg;
}

int main(int argc, char **argv)
{
	count = argument(argc, argv, 1, 10000);
	pthread_t *threads = calloc((size_t)count, sizeof *threads);

	if (!threads)
		return 1;
	memset(threads, 1, (size_t)count * sizeof *threads); // resident before the first look
	long before = memory_kib();
	for (long i = 0; i < count; i++) {
		int error = pthread_create(&threads[i], NULL, park, NULL);
		if (error) {
			fprintf(stderr, "pthread_create: thread %ld: %s\n", i + 1, strerror(error));
			return 1;
		}
	}
	pthread_mutex_lock(&mutex);
	while (waiting < count)
		pthread_cond_wait(&all_wait, &mutex);
	pthread_mutex_unlock(&mutex);
	printf("kib %.2f\n", (double)(memory_kib() - before) / (double)count);

	pthread_mutex_lock(&mutex);
	go = 1;
	pthread_cond_broadcast(&released);
	pthread_mutex_unlock(&mutex);
	for (long i = 0; i < count; i++)
		must(pthread_join(threads[i], NULL), "pthread_join");
	return 0;
}
