/* futex time limits, relative and absolute on both clocks, and its errors: EAGAIN, ETIMEDOUT, EFAULT, EINVAL, EINTR. */
#include "guest.h"

#include <linux/futex.h>
#include <sys/mman.h>

static int word;

static long futex(int *address, int op, int value, const struct timespec *timeout, int value3)
{
	return syscall(SYS_futex, address, op, value, timeout, NULL, value3);
}

static void handler(int signo)
{
	(void)signo;
}

int main(void)
{
	struct timespec ts;
	int64_t start;
	int *nowhere = (int *)mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK_FAILS(futex(&word, FUTEX_WAIT_PRIVATE, 1, NULL, 0), EAGAIN);
	CHECK_FAILS(futex(&word, FUTEX_WAIT, 1, NULL, 0), EAGAIN);
	CHECK_FAILS(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 1, NULL, -1), EAGAIN);

	start = now_ms();
	ts = ms_timespec(40);
	CHECK_FAILS(futex(&word, FUTEX_WAIT_PRIVATE, 0, &ts, 0), ETIMEDOUT);
	CHECK_FAILS(futex(&word, FUTEX_WAIT, 0, &ts, 0), ETIMEDOUT);
	CHECK(now_ms() - start >= 79);
	start = now_ms();
	ts = clock_in(CLOCK_MONOTONIC, 40);
	CHECK_FAILS(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, &ts, -1), ETIMEDOUT);
	ts = clock_in(CLOCK_REALTIME, 40);
	CHECK_FAILS(futex(&word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &ts, -1), ETIMEDOUT);
	CHECK(now_ms() - start >= 78);
	start = now_ms();
	ts = ms_timespec(0); /* long ago */
	CHECK_FAILS(futex(&word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &ts, -1), ETIMEDOUT);
	CHECK_FAILS(futex(&word, FUTEX_WAIT_PRIVATE, 0, &ts, 0), ETIMEDOUT);
	CHECK(now_ms() - start < 5000);

	ts = ms_timespec(0);
	ts.tv_nsec = 1000000000;
	CHECK_FAILS(futex(&word, FUTEX_WAIT_PRIVATE, 0, &ts, 0), EINVAL);
	ts.tv_nsec = -1;
	CHECK_FAILS(futex(&word, FUTEX_WAIT_PRIVATE, 0, &ts, 0), EINVAL);
	CHECK_FAILS(futex((int *)((char *)&word + 1), FUTEX_WAIT_PRIVATE, 0, NULL, 0), EINVAL);
	CHECK_FAILS(futex((int *)((char *)&word + 1), FUTEX_WAKE_PRIVATE, 1, NULL, 0), EINVAL);
	CHECK_FAILS(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, 0), EINVAL);
	CHECK_FAILS(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, 0), EINVAL);
	CHECK_FAILS(futex(nowhere, FUTEX_WAIT_PRIVATE, 0, NULL, 0), EFAULT);
	CHECK_FAILS(futex((int *)8, FUTEX_WAIT_PRIVATE, 0, NULL, 0), EFAULT);
	CHECK_FAILS(futex(&word, FUTEX_WAIT_PRIVATE, 0, (struct timespec *)8, 0), EFAULT);
	CHECK_FAILS(futex(&word, 127, 0, NULL, 0), ENOSYS);

	/* A wait without a time limit starts again after a handler only with SA_RESTART; one with a limit never does.
	 */
	on_signal(SIGALRM, handler, 0);
	alarm(1);
	CHECK_FAILS(futex(&word, FUTEX_WAIT_PRIVATE, 0, NULL, 0), EINTR);
	return guest_done();
}
