/* As many parked threads with default stacks as the argument says, woken and joined. Too many for a kernel thread each.
 */
#include "guest.h"

#include <semaphore.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static sem_t parked;
static int open_now;

static void *waits(void *arg)
{
	pthread_mutex_lock(&mutex);
	sem_post(&parked);
	while (!open_now)
		pthread_cond_wait(&opened, &mutex);
	pthread_mutex_unlock(&mutex);
	return arg;
}

static long kib_of(const char *key)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[200];
	long kib = 0;

	while (status && fgets(line, sizeof line, status))
		if (!strncmp(line, key, strlen(key)))
			kib = atol(line + strlen(key));
	if (status)
		fclose(status);
	return kib;
}

int main(int argc, char **argv)
{
	long count = argc > 1 ? atol(argv[1]) : 100000, made = 0, joined = 0, before, memory;
	pthread_t *threads = (pthread_t *)calloc((size_t)count, sizeof *threads);

	sem_init(&parked, 0, 0);
	before = kib_of("VmRSS:") + kib_of("VmPTE:");
	for (long i = 0; i < count; i++) {
		int error = pthread_create(&threads[i], NULL, waits, (void *)i);

		if (error) {
			printf("thread %ld: %s\n", i, strerror(error));
			break;
		}
		made++;
	}
	for (long i = 0; i < made; i++)
		sem_wait(&parked);
	memory = kib_of("VmRSS:") + kib_of("VmPTE:") - before;
	fprintf(stderr, "memory: %.1f KiB resident and page tables for each parked thread\n",
	        made ? (double)memory / made : 0);
	pthread_mutex_lock(&mutex);
	open_now = 1;
	pthread_cond_broadcast(&opened);
	pthread_mutex_unlock(&mutex);
	for (long i = 0; i < made; i++) {
		void *value;

		joined += pthread_join(threads[i], &value) == 0 && value == (void *)i;
	}
	CHECK_INT(made, count);
	CHECK_INT(joined, count);
	printf("%ld threads parked, woken and joined\n", joined);
	return guest_done();
}
