/* futex_waitv waits for several words: woken by one of them, by its time limit, by a signal; what it checks first. */
#include "guest.h"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/wait.h>

static uint32_t words[4];
static volatile int entered;

static long waitv(uint32_t *const *at, const uint32_t *value, unsigned n, unsigned flags, const struct timespec *until)
{
	struct futex_waitv v[4];

	memset(v, 0, sizeof v);
	for (unsigned i = 0; i < n; i++)
		v[i] = (struct futex_waitv){ value[i], (uintptr_t)at[i], FUTEX_32 | flags, 0 };
	return syscall(SYS_futex_waitv, v, n, 0, until, CLOCK_MONOTONIC);
}

static uint32_t *const own[] = { &words[0], &words[1], &words[2], &words[3] };
static const uint32_t zeros[4];

static void *waits(void *arg)
{
	(void)arg;
	__atomic_add_fetch(&entered, 1, __ATOMIC_SEQ_CST);
	return (void *)waitv(own, zeros, 4, FUTEX_PRIVATE_FLAG, NULL);
}

static void *waits_for_one(void *arg)
{
	__atomic_add_fetch(&entered, 1, __ATOMIC_SEQ_CST);
	return (void *)syscall(SYS_futex, arg, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

static void *interrupted(void *arg)
{
	entered = 1;
	CHECK_FAILS(waitv(own, zeros, 4, FUTEX_PRIVATE_FLAG, NULL), EINTR);
	entered = 2;
	return arg;
}

static long wake(uint32_t *word, int n)
{
	return syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}

static void nothing(int signo)
{
	(void)signo;
}

static void errors(void)
{
	struct timespec soon = clock_in(CLOCK_MONOTONIC, 30), past = { 0, 0 }, wrong = { 0, -1 };
	static const uint32_t ones[4] = { 0, 0, 1, 0 };
	uint32_t *const odd[] = { (uint32_t *)((char *)words + 1) };
	uint32_t *const nowhere[] = { &words[0], (uint32_t *)guest_nowhere };

	CHECK_FAILS(waitv(own, ones, 4, FUTEX_PRIVATE_FLAG, NULL), EAGAIN);
	CHECK_FAILS(waitv(own, zeros, 0, FUTEX_PRIVATE_FLAG, NULL), EINVAL);
	CHECK_FAILS(waitv(odd, zeros, 1, FUTEX_PRIVATE_FLAG, NULL), EINVAL);
	CHECK_FAILS(waitv(nowhere, zeros, 2, FUTEX_PRIVATE_FLAG, NULL), EFAULT);
	CHECK_FAILS(waitv(own, zeros, 4, 0x10, NULL), EINVAL);
	CHECK_FAILS(waitv(own, zeros, 4, FUTEX_PRIVATE_FLAG, &soon), ETIMEDOUT);
	CHECK_FAILS(waitv(own, zeros, 4, FUTEX_PRIVATE_FLAG, &past), ETIMEDOUT);
	CHECK_FAILS(waitv(own, zeros, 4, FUTEX_PRIVATE_FLAG, &wrong), EINVAL);
	CHECK_FAILS(syscall(SYS_futex_waitv, words, 1, 1, NULL, 0), EINVAL);
}

/* One word in shared memory, which another process wakes, and one of our own. */
static void across_processes(void)
{
	uint32_t *shared = (uint32_t *)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint32_t *const both[] = { &words[0], shared };
	pid_t child;
	int status;
	long r;

	child = fork();
	if (child == 0) {
		while (!syscall(SYS_futex, shared, FUTEX_WAKE, 1, NULL, NULL, 0))
			sleep_ms(1);
		_exit(0);
	}
	r = waitv(both, zeros, 2, 0, NULL);
	CHECK_INT(r, 1);
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);
}

int main(void)
{
	pthread_t thread, others[3];
	long woken = 0;

	for (int i = 0; i < 4; i++) {
		entered = 0;
		thread = thread_start(waits, NULL);
		while (!wake(&words[i], 1))
			sleep_ms(1);
		printf("woken by word %ld\n", (long)thread_join(thread));
	}

	/* It stands in each queue behind those who came before it. */
	entered = 0;
	for (int i = 0; i < 2; i++) {
		others[i] = thread_start(waits_for_one, &words[2]);
		while (entered < i + 1)
			sched_yield();
		sleep_ms(20);
	}
	others[2] = thread_start(waits, NULL);
	while (entered < 3)
		sched_yield();
	sleep_ms(20);
	CHECK_INT(wake(&words[2], 2), 2);
	CHECK_INT((long)thread_join(others[0]), 0);
	CHECK_INT((long)thread_join(others[1]), 0);
	CHECK_INT(wake(&words[3], 5), 1);
	CHECK_INT((long)thread_join(others[2]), 3);
	CHECK_INT(wake(&words[2], 5), 0);

	on_signal(SIGUSR1, nothing, 0);
	entered = 0;
	thread = thread_start(interrupted, NULL);
	while (entered < 2) {
		if (entered)
			CHECK_OK(pthread_kill(thread, SIGUSR1));
		sleep_ms(2);
	}
	thread_join(thread);
	for (int i = 0; i < 4; i++)
		woken += wake(&words[i], 1);
	CHECK_INT(woken, 0);
	errors();
	across_processes();
	return guest_done();
}
