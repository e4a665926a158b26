/* A thread spins on a flag that another sets after a sleep: the spinner makes no call, the sleeper must run all the
 * same. */
#include "guest.h"

static int flag, ticks;

static void *sets(void *arg)
{
	sleep_ms(50);
	__atomic_store_n(&flag, 1, __ATOMIC_RELEASE);
	return arg;
}

static void *ticks_on(void *arg)
{
	for (int i = 0; i < 10; i++) {
		sleep_ms(2);
		__atomic_add_fetch(&ticks, 1, __ATOMIC_RELAXED);
	}
	return arg;
}

static void *spins(void *arg)
{
	while (!__atomic_load_n(&flag, __ATOMIC_ACQUIRE))
		;
	return arg;
}

int main(void)
{
	pthread_t threads[4];

	threads[0] = thread_start(spins, NULL);
	threads[1] = thread_start(spins, NULL);
	threads[2] = thread_start(ticks_on, NULL);
	threads[3] = thread_start(sets, NULL);
	while (!__atomic_load_n(&flag, __ATOMIC_ACQUIRE)) /* the first thread spins too */
		;
	for (int i = 0; i < 4; i++)
		thread_join(threads[i]);
	printf("the flag was seen, %d ticks\n", ticks);

	flag = 0;
	threads[0] = thread_start(sets, NULL);
	while (!__atomic_load_n(&flag, __ATOMIC_ACQUIRE))
		sched_yield();
	thread_join(threads[0]);
	printf("the flag was seen by a thread that yields\n");
	return guest_done();
}
