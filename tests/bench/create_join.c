// create_join [THREADS]: makes a thread that returns at once and joins it, again and again. Prints nanoseconds for
// each.
#include "bench.h"

#include <pthread.h>

static void *nothing(void *arg)
{
	return arg;
}

int main(int argc, char **argv)
{
	long count = argument(argc, argv, 1, 20000);
	pthread_t thread;

	int64_t start = now_ns();
	for (long i = 0; i < count; i++) {
		must(pthread_create(&thread, NULL, nothing, NULL), "pthread_create");
		must(pthread_join(thread, NULL), "pthread_join");
	}
	printf("ns %.0f\n", (double)(now_ns() - start) / (double)count);
	return 0;
}
