/* Barriers, semaphores, spinlocks and pthread_once keep their promises among many threads. */
#include "guest.h"

#include <semaphore.h>

enum { THREADS = 16, ROUNDS = 50 };

static pthread_barrier_t barrier;
static pthread_spinlock_t spin;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static sem_t permits;
static int serial, inside, initialised, round_of[THREADS];
static long spun;

static void initialise(void)
{
	sched_yield(); /* the others must wait for the end, not only for the beginning */
	initialised++;
}

static void *work(void *arg)
{
	int me = (int)(long)arg;

	pthread_once(&once, initialise);
	CHECK_INT(initialised, 1);
	for (int i = 0; i < ROUNDS; i++) {
		round_of[me] = i;
		if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
			__atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED);
		for (int k = 0; k < THREADS; k++)
			CHECK_INT(round_of[k], i);
		pthread_barrier_wait(&barrier);

		sem_wait(&permits);
		int now = __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
		CHECK(now <= 3);
		sched_yield();
		__atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
		sem_post(&permits);

		for (int k = 0; k < 100; k++) {
			pthread_spin_lock(&spin);
			spun++;
			pthread_spin_unlock(&spin);
		}
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];
	struct timespec deadline;
	int value;

	pthread_barrier_init(&barrier, NULL, THREADS);
	pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
	sem_init(&permits, 0, 3);
	for (long i = 0; i < THREADS; i++)
		threads[i] = thread_start(work, (void *)i);
	for (int i = 0; i < THREADS; i++)
		thread_join(threads[i]);
	printf("serial threads %d, spun %ld\n", serial, spun);

	CHECK_INT(sem_getvalue(&permits, &value), 0);
	CHECK_INT(value, 3);
	for (int i = 0; i < 3; i++)
		CHECK_INT(sem_trywait(&permits), 0);
	CHECK_FAILS(sem_trywait(&permits), EAGAIN);
	deadline = clock_in(CLOCK_REALTIME, 30);
	CHECK_FAILS(sem_timedwait(&permits, &deadline), ETIMEDOUT);
	deadline = clock_in(CLOCK_MONOTONIC, 30);
	CHECK_FAILS(sem_clockwait(&permits, CLOCK_MONOTONIC, &deadline), ETIMEDOUT);
	pthread_spin_lock(&spin);
	CHECK_INT(pthread_spin_trylock(&spin), EBUSY);
	return guest_done();
}
