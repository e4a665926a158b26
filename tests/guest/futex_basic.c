/* futex through syscall(2): WAIT, WAKE and their BITSET forms between threads; how many were woken. */
#include "guest.h"

#include <limits.h>
#include <linux/futex.h>

static int word, waiting, woken;

static long futex(int *address, int op, int value, const struct timespec *timeout, int *second, int value3)
{
	return syscall(SYS_futex, address, op, value, timeout, second, value3);
}

static void *waits(void *arg)
{
	long bits = (long)arg;

	__atomic_add_fetch(&waiting, 1, __ATOMIC_SEQ_CST);
	if (bits)
		CHECK_INT(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, (int)bits), 0);
	else
		CHECK_INT(futex(&word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), 0);
	__atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Wakes until exactly so many were woken: the threads may still be on their way into the wait. */
static void wake(int count, int bits)
{
	int sum = 0;

	while (sum < count) {
		long n = bits ? futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, NULL, bits)
		              : futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);

		CHECK(n == 0 || n == 1);
		sum += (int)n;
		if (n == 0)
			sched_yield();
	}
}

int main(void)
{
	pthread_t threads[12];

	for (long i = 0; i < 6; i++)
		threads[i] = thread_start(waits, NULL);
	wake(6, 0);
	for (int i = 0; i < 6; i++)
		thread_join(threads[i]);
	printf("woken %d\n", woken);

	for (long i = 0; i < 12; i++)
		threads[i] = thread_start(waits, (void *)(i < 4 ? 1L : i < 8 ? 2L : 4L));
	wake(4, 2);
	for (int i = 4; i < 8; i++)
		thread_join(threads[i]);
	printf("woken %d\n", woken);
	CHECK_INT(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, NULL, NULL, 8), 0);
	wake(4, 1);
	for (int i = 0; i < 4; i++)
		thread_join(threads[i]);
	wake(4, -1);
	for (int i = 8; i < 12; i++)
		thread_join(threads[i]);
	printf("woken %d of %d\n", woken, waiting);
	CHECK_INT(futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0), 0);
	return guest_done();
}
