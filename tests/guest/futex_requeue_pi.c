/* FUTEX_WAIT_REQUEUE_PI and FUTEX_CMP_REQUEUE_PI: waiters of a condition that become the owner of a lock, at once or in
 * turn; time limits, signals, and operations that do not go together. And which operations take FUTEX_CLOCK_REALTIME.
 */
#include "guest.h"

#include <limits.h>
#include <linux/futex.h>

#define THREADS 8

static int condition, lock_word, other, owners;
static volatile sig_atomic_t handled;

static long futex(int *address, int op, int value, const void *fourth, int *second, int value3)
{
	return syscall(SYS_futex, address, op | FUTEX_PRIVATE_FLAG, value, fourth, second, value3);
}

static long requeue(int *to, int wake, long move, int value)
{
	return futex(&condition, FUTEX_CMP_REQUEUE_PI, wake, (void *)move, to, value);
}

static long waits(const struct timespec *limit)
{
	return futex(&condition, FUTEX_WAIT_REQUEUE_PI, 0, limit, &lock_word, 0);
}

static void lock(void)
{
	CHECK_INT(futex(&lock_word, FUTEX_LOCK_PI, 0, NULL, NULL, 0), 0);
}

static void unlock(void)
{
	CHECK_INT(futex(&lock_word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), 0);
}

static void *becomes_owner(void *arg)
{
	CHECK_INT(waits(NULL), 0);
	CHECK_INT(__atomic_load_n(&lock_word, __ATOMIC_SEQ_CST) & FUTEX_TID_MASK, gettid());
	owners++;
	sched_yield();
	unlock();
	return arg;
}

/* Until so many have been moved or made the owner. */
static void move(int count, long at_once)
{
	for (long n = 0; n < count;) {
		long r = requeue(&lock_word, 1, at_once, 0);

		if (r < 0 || (r > at_once + 1)) {
			CHECK_INT(r, 0);
			exit(1);
		}
		n += r;
		sched_yield();
	}
}

static void held(void)
{
	pthread_t threads[THREADS];

	lock();
	for (int i = 0; i < THREADS; i++)
		threads[i] = thread_start(becomes_owner, NULL);
	move(THREADS, INT_MAX);
	CHECK_INT(lock_word, (int)(gettid() | FUTEX_WAITERS));
	CHECK_INT(owners, 0);
	unlock();
	for (int i = 0; i < THREADS; i++)
		thread_join(threads[i]);
	CHECK_INT(lock_word, 0);
	printf("%d owned the lock\n", owners);
}

static void is_free(void)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		threads[i] = thread_start(becomes_owner, NULL);
	move(THREADS, 0);
	for (int i = 0; i < THREADS; i++)
		thread_join(threads[i]);
	printf("%d owned the lock\n", owners);
}

static void errors(void)
{
	struct timespec past = { 0 };

	CHECK_FAILS(futex(&condition, FUTEX_WAIT_REQUEUE_PI, 1, NULL, &lock_word, 0), EAGAIN);
	CHECK_FAILS(futex(&condition, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &condition, 0), EINVAL);
	CHECK_FAILS(futex(guest_nowhere, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &lock_word, 0), EFAULT);
	CHECK_FAILS(waits(&past), ETIMEDOUT);
	CHECK_FAILS(futex(&condition, FUTEX_WAIT_REQUEUE_PI | FUTEX_CLOCK_REALTIME, 0, &past, &lock_word, 0),
	            ETIMEDOUT);
	CHECK_FAILS(requeue(&lock_word, 0, 1, 0), EINVAL);
	CHECK_FAILS(requeue(&lock_word, 2, 1, 0), EINVAL);
	CHECK_FAILS(requeue(&lock_word, 1, -1, 0), EINVAL);
	CHECK_FAILS(requeue(&condition, 1, 1, 0), EINVAL);
	CHECK_FAILS(requeue(&lock_word, 1, 1, 1), EAGAIN);
	CHECK_INT(requeue(&lock_word, 1, 1, 0), 0);
	CHECK_FAILS(futex(&condition, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 0, &past, NULL, 0), ENOSYS);
	CHECK_FAILS(futex(&condition, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0), ENOSYS);
	CHECK_FAILS(futex(&condition, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, 0), ENOSYS);
	CHECK_FAILS(futex(&condition, FUTEX_TRYLOCK_PI | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, 0), ENOSYS);
	CHECK_FAILS(futex(&condition, FUTEX_CMP_REQUEUE | FUTEX_CLOCK_REALTIME, 1, NULL, &other, 0), ENOSYS);
}

static void *waits_plainly(void *arg)
{
	CHECK_INT(futex(arg, FUTEX_WAIT, 0, NULL, NULL, 0), 0);
	return NULL;
}

static void *locks(void *arg)
{
	lock();
	unlock();
	return arg;
}

/* Calls it until somebody waits there. */
#define UNTIL_FAILS(expr, error)          \
	do {                              \
		while ((expr) == 0)       \
			sched_yield();    \
		CHECK_FAILS(expr, error); \
	} while (0)

static void mismatched(void)
{
	pthread_t t = thread_start(becomes_owner, NULL);

	UNTIL_FAILS(futex(&condition, FUTEX_WAKE, 1, NULL, NULL, 0), EINVAL);
	CHECK_FAILS(requeue(&other, 1, 1, 0), EINVAL);
	CHECK_FAILS(futex(&condition, FUTEX_CMP_REQUEUE, 0, (void *)1, &other, 0), EINVAL);
	CHECK_INT(requeue(&lock_word, 1, 0, 0), 1);
	thread_join(t);

	t = thread_start(waits_plainly, &condition);
	UNTIL_FAILS(requeue(&lock_word, 1, 1, 0), EINVAL);
	CHECK_INT(futex(&condition, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
	thread_join(t);

	lock();
	t = thread_start(locks, NULL);
	UNTIL_FAILS(futex(&lock_word, FUTEX_WAKE, 1, NULL, NULL, 0), EINVAL);
	CHECK_FAILS(futex(&lock_word, FUTEX_CMP_REQUEUE, 0, (void *)1, &other, lock_word), EINVAL);
	unlock();
	thread_join(t);
}

static void handler(int sig)
{
	handled = sig;
}

static void *told_late(void *arg)
{
	CHECK_FAILS(waits(NULL), EAGAIN);
	return arg;
}

/* Before it is moved, a signal does not end the wait; after that, it does. */
static void signals(void)
{
	struct sigaction act = { .sa_handler = handler };
	pthread_t t;

	sigaction(SIGUSR1, &act, NULL);
	t = thread_start(becomes_owner, NULL);
	UNTIL_FAILS(futex(&condition, FUTEX_WAKE, 1, NULL, NULL, 0), EINVAL);
	CHECK_OK(pthread_kill(t, SIGUSR1));
	while (!handled)
		sched_yield();
	move(1, 0);
	thread_join(t);

	handled = 0;
	lock();
	t = thread_start(told_late, NULL);
	move(1, 0);
	CHECK_OK(pthread_kill(t, SIGUSR1));
	thread_join(t);
	CHECK_INT(handled, SIGUSR1);
	unlock();
}

static void *gives_up(void *arg)
{
	struct timespec limit;

	clock_gettime(CLOCK_MONOTONIC, &limit);
	limit.tv_sec += 1;
	CHECK_FAILS(waits(&limit), ETIMEDOUT);
	return arg;
}

static void too_late(void)
{
	pthread_t t;

	lock();
	t = thread_start(gives_up, NULL);
	move(1, 0);
	thread_join(t);
	unlock();
	CHECK_INT(lock_word, 0);
}

int main(void)
{
	held();
	is_free();
	errors();
	mismatched();
	signals();
	too_late();
	CHECK_INT(owners, 2 * THREADS + 2);
	return guest_done();
}
