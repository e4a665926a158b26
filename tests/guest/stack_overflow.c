/* A thread that overruns its stack hits the guard page and dies of SIGSEGV; it does not run into its neighbour. */
#include "guest.h"

static __attribute__((noinline)) long endless(long depth)
{
	volatile char frame[1000];

	frame[depth % 1000] = (char)depth;
	if (depth < 0)
		return 0;
	return endless(depth + 1) + frame[depth % 1000];
}

static void *overruns(void *arg)
{
	return (void *)endless((long)arg);
}

static void *waits(void *arg)
{
	sleep_ms(100000);
	return arg;
}

int main(void)
{
	printf("overrunning\n");
	for (int i = 0; i < 5; i++)
		thread_start(waits, NULL);
	thread_join(thread_start(overruns, NULL));
	printf("not reached\n");
	return 0;
}
