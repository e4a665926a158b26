/* FUTEX_REQUEUE, FUTEX_CMP_REQUEUE and FUTEX_WAKE_OP: who is woken, who is moved, what is stored. */
#include "guest.h"

#include <limits.h>
#include <linux/futex.h>

static int one, two, nobody, ends;

static long futex(int *address, int op, int value, long value2, int *second, int value3)
{
	return syscall(SYS_futex, address, op, value, value2, second, value3);
}

static void *waits(void *arg)
{
	int *word = arg ? &two : &one;

	CHECK_INT(futex(word, FUTEX_WAIT_PRIVATE, 0, 0, NULL, 0), 0);
	__atomic_add_fetch(&ends, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Waits until so many threads wait on the word: moving all from a word to itself counts them. */
static void until_waiting(int *word, int count)
{
	while (futex(word, FUTEX_CMP_REQUEUE_PRIVATE, 0, INT_MAX, word, *word) != count)
		sched_yield();
}

int main(void)
{
	pthread_t threads[10];

	for (int i = 0; i < 10; i++)
		threads[i] = thread_start(waits, NULL);
	until_waiting(&one, 10);
	CHECK_FAILS(futex(&one, FUTEX_CMP_REQUEUE_PRIVATE, 1, INT_MAX, &two, 7), EAGAIN);
	CHECK_INT(futex(&one, FUTEX_CMP_REQUEUE_PRIVATE, 1, 4, &two, 0), 5); /* one woken, four moved */
	until_waiting(&one, 5);
	until_waiting(&two, 4);
	CHECK_INT(futex(&one, FUTEX_REQUEUE_PRIVATE, 2, 1, &two, 0), 3); /* two woken, one moved */
	until_waiting(&one, 2);
	until_waiting(&two, 5);
	CHECK_INT(futex(&two, FUTEX_WAKE_PRIVATE, INT_MAX, 0, NULL, 0), 5);
	CHECK_INT(futex(&one, FUTEX_WAKE_PRIVATE, INT_MAX, 0, NULL, 0), 2);
	for (int i = 0; i < 10; i++)
		thread_join(threads[i]);
	printf("%d threads went on\n", ends);

	for (long i = 0; i < 6; i++)
		threads[i] = thread_start(waits, (void *)(i % 2));
	until_waiting(&one, 3);
	until_waiting(&two, 3);
	/* two += 5; wake one waiter of `one`, and as the old value of two was 0, two waiters of `two` */
	CHECK_INT(futex(&one, FUTEX_WAKE_OP_PRIVATE, 1, 2, &two, FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_EQ, 0)), 3);
	CHECK_INT(two, 5);
	/* two = 9; the old value 5 is not above 100, so nobody of `two` is woken */
	CHECK_INT(futex(&one, FUTEX_WAKE_OP_PRIVATE, 1, 2, &two, FUTEX_OP(FUTEX_OP_SET, 9, FUTEX_OP_CMP_GT, 100)), 1);
	CHECK_INT(two, 9);
	CHECK_INT(futex(&nobody, FUTEX_WAKE_OP_PRIVATE, 1, 0, &two, FUTEX_OP(FUTEX_OP_OR, 6, FUTEX_OP_CMP_EQ, 0)), 0);
	CHECK_INT(two, 15);
	CHECK_INT(futex(&nobody, FUTEX_WAKE_OP_PRIVATE, 1, 0, &two, FUTEX_OP(FUTEX_OP_ANDN, 1, FUTEX_OP_CMP_EQ, 0)), 0);
	CHECK_INT(two, 14);
	CHECK_INT(futex(&nobody, FUTEX_WAKE_OP_PRIVATE, 1, 0, &two,
	                FUTEX_OP((FUTEX_OP_XOR | FUTEX_OP_OPARG_SHIFT), 4, FUTEX_OP_CMP_EQ, 0)),
	          0);
	CHECK_INT(two, 30);
	CHECK_INT(futex(&two, FUTEX_WAKE_PRIVATE, INT_MAX, 0, NULL, 0), 1);
	CHECK_INT(futex(&one, FUTEX_WAKE_PRIVATE, INT_MAX, 0, NULL, 0), 1);
	for (int i = 0; i < 6; i++)
		thread_join(threads[i]);
	printf("%d threads went on\n", ends);
	return guest_done();
}
