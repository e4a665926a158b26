/* What the debugger's tests look at: a thread that waits below a few calls of its own, one that computes until it is
 * told to end, and the first, which waits for a byte on standard input. With "abort": it aborts then. */
#include "guest.h"

#include <semaphore.h>

static sem_t sem;
static int stop;

static __attribute__((noinline)) int deep(int n)
{
	int below;

	if (n == 0) {
		while (sem_wait(&sem) == -1)
			;
		return 1;
	}
	below = deep(n - 1);
	__asm__ volatile("" : "+r"(below)); /* no loop is made of it */
	return below + n;
}

static void *waits_deep(void *arg)
{
	pthread_setname_np(pthread_self(), "deep");
	return (void *)(long)deep((int)(long)arg);
}

static void *computes(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		;
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t deep_one, other;
	char byte;

	(void)argv;
	sem_init(&sem, 0, 0);
	deep_one = thread_start(waits_deep, (void *)3);
	other = thread_start(computes, NULL);
	fprintf(stderr, "ready\n");
	CHECK_INT(read(0, &byte, 1), 1);
	if (argc > 1)
		abort();
	sem_post(&sem);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	printf("sum %ld\n", (long)thread_join(deep_one));
	thread_join(other);
	return guest_done();
}
