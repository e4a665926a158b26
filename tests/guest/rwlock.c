/* Readers together, a writer alone; the errors and the time limits of read-write locks. */
#include "guest.h"

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t inside;
static int readers, writers;
static long value;

static void *read_together(void *arg)
{
	CHECK_OK(pthread_rwlock_rdlock(&lock));
	pthread_barrier_wait(&inside); /* passes only when all the readers hold the lock */
	CHECK_OK(pthread_rwlock_unlock(&lock));
	return arg;
}

static void *mixed(void *arg)
{
	for (int i = 0; i < 300; i++) {
		if ((i + (long)arg) % 5 == 0) {
			pthread_rwlock_wrlock(&lock);
			CHECK_INT(__atomic_add_fetch(&writers, 1, __ATOMIC_SEQ_CST), 1);
			CHECK_INT(__atomic_load_n(&readers, __ATOMIC_SEQ_CST), 0);
			value++;
			sched_yield();
			__atomic_sub_fetch(&writers, 1, __ATOMIC_SEQ_CST);
		} else {
			pthread_rwlock_rdlock(&lock);
			__atomic_add_fetch(&readers, 1, __ATOMIC_SEQ_CST);
			CHECK_INT(__atomic_load_n(&writers, __ATOMIC_SEQ_CST), 0);
			if (i % 7 == 0)
				sched_yield();
			__atomic_sub_fetch(&readers, 1, __ATOMIC_SEQ_CST);
		}
		pthread_rwlock_unlock(&lock);
	}
	return NULL;
}

static void *refused(void *arg)
{
	struct timespec deadline = clock_in(CLOCK_REALTIME, 20);

	(void)arg;
	CHECK_INT(pthread_rwlock_trywrlock(&lock), EBUSY);
	CHECK_INT(pthread_rwlock_tryrdlock(&lock), EBUSY);
	CHECK_INT(pthread_rwlock_timedrdlock(&lock, &deadline), ETIMEDOUT);
	deadline = clock_in(CLOCK_MONOTONIC, 20);
	CHECK_INT(pthread_rwlock_clockwrlock(&lock, CLOCK_MONOTONIC, &deadline), ETIMEDOUT);
	return NULL;
}

int main(void)
{
	pthread_t threads[10];

	pthread_barrier_init(&inside, NULL, 10);
	for (int i = 0; i < 10; i++)
		threads[i] = thread_start(read_together, NULL);
	for (int i = 0; i < 10; i++)
		thread_join(threads[i]);
	for (long i = 0; i < 10; i++)
		threads[i] = thread_start(mixed, (void *)i);
	for (int i = 0; i < 10; i++)
		thread_join(threads[i]);
	printf("written %ld times\n", value);
	CHECK_OK(pthread_rwlock_wrlock(&lock));
	CHECK_INT(pthread_rwlock_rdlock(&lock), EDEADLK);
	thread_join(thread_start(refused, NULL));
	CHECK_OK(pthread_rwlock_unlock(&lock));
	return guest_done();
}
