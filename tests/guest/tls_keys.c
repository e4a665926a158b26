/* Thread-specific data: each thread sees its own, destructors run at its end, again if they set a value anew. */
#include "guest.h"

static pthread_key_t key, again;
static int destroyed, rounds;
static long total;

static void destroy(void *value)
{
	__atomic_add_fetch(&destroyed, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&total, *(long *)value, __ATOMIC_RELAXED);
	free(value);
}

static void destroy_again(void *value)
{
	__atomic_add_fetch(&rounds, 1, __ATOMIC_RELAXED);
	if ((long)value > 1)
		pthread_setspecific(again, (void *)((long)value - 1));
}

static void *use(void *arg)
{
	long *mine = (long *)malloc(sizeof *mine);

	CHECK(pthread_getspecific(key) == NULL);
	*mine = (long)arg;
	pthread_setspecific(key, mine);
	for (int i = 0; i < 20; i++) {
		sched_yield();
		CHECK(pthread_getspecific(key) == mine);
	}
	pthread_setspecific(again, (void *)3);
	if ((long)arg % 2)
		pthread_exit(NULL);
	return NULL;
}

int main(void)
{
	pthread_t threads[40];

	pthread_key_create(&key, destroy);
	pthread_key_create(&again, destroy_again);
	for (long i = 0; i < 40; i++)
		threads[i] = thread_start(use, (void *)i);
	for (int i = 0; i < 40; i++)
		thread_join(threads[i]);
	printf("destroyed %d, sum %ld, rounds %d\n", destroyed, total, rounds);
	pthread_key_delete(key);
	return guest_done();
}
