/* A bounded queue between producers and consumers: nothing is lost, nothing comes twice. */
#include "guest.h"

enum { PRODUCERS = 4, CONSUMERS = 6, EACH = 1500, ROOM = 8 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER, not_empty = PTHREAD_COND_INITIALIZER;
static long ring[ROOM];
static int first, used;
static unsigned char seen[PRODUCERS * EACH];

static void put(long item)
{
	pthread_mutex_lock(&mutex);
	while (used == ROOM)
		pthread_cond_wait(&not_full, &mutex);
	ring[(first + used++) % ROOM] = item;
	pthread_cond_signal(&not_empty);
	pthread_mutex_unlock(&mutex);
}

static long get(void)
{
	long item;

	pthread_mutex_lock(&mutex);
	while (used == 0)
		pthread_cond_wait(&not_empty, &mutex);
	item = ring[first];
	first = (first + 1) % ROOM;
	used--;
	pthread_cond_signal(&not_full);
	pthread_mutex_unlock(&mutex);
	return item;
}

static void *produce(void *arg)
{
	for (long i = 0; i < EACH; i++)
		put((long)arg * EACH + i);
	return NULL;
}

static void *consume(void *arg)
{
	long item;

	(void)arg;
	while ((item = get()) >= 0)
		__atomic_add_fetch(&seen[item], 1, __ATOMIC_RELAXED);
	return NULL;
}

int main(void)
{
	pthread_t producers[PRODUCERS], consumers[CONSUMERS];
	int once = 0;

	for (long i = 0; i < CONSUMERS; i++)
		consumers[i] = thread_start(consume, NULL);
	for (long i = 0; i < PRODUCERS; i++)
		producers[i] = thread_start(produce, (void *)i);
	for (int i = 0; i < PRODUCERS; i++)
		thread_join(producers[i]);
	for (int i = 0; i < CONSUMERS; i++)
		put(-1);
	for (int i = 0; i < CONSUMERS; i++)
		thread_join(consumers[i]);
	for (int i = 0; i < PRODUCERS * EACH; i++)
		once += seen[i] == 1;
	printf("%d of %d items came exactly once\n", once, PRODUCERS * EACH);
	return guest_done();
}
