/* futex time limits, relative and absolute on both clocks, and its errors: EAGAIN, ETIMEDOUT, EFAULT, EINVAL, EINTR. */
#include "guest.h"

#include <linux/futex.h>
#include <sys/mman.h>

static int word;

static long futex(int *address, int op, int value, const struct timespec *timeout, int value3)
{
	return syscall(SYS_futex, address, op, value, timeout, NULL, value3);
}

static int *untouched(void)
{
	return mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int *touched(void)
{
	int *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*page = 0;
	mprotect(page, 4096, PROT_READ);
	return page;
}

static int *shared(void)
{
	return mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static int *of_file(int how)
{
	char path[] = "/tmp/futex-errors.XXXXXX";
	int fd = mkstemp(path);
	int *page;

	unlink(path);
	CHECK_INT(ftruncate(fd, 4096), 0);
	page = mmap(NULL, 4096, PROT_READ, how, fd, 0);
	close(fd);
	return page;
}

static int *file_shared(void)
{
	return of_file(MAP_SHARED);
}
static int *file_private(void)
{
	return of_file(MAP_PRIVATE);
}

static const struct {
	int *(*make)(void);
	int error;
} places[] = {
	{ untouched, EFAULT },      { touched, EFAULT },         { shared, ETIMEDOUT },
	{ file_shared, ETIMEDOUT }, { file_private, ETIMEDOUT },
};

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

	/* A word that nobody can write to: one of this process's can be, one of the whole system's only in a file. */
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		int *page = places[i].make();

		ts = ms_timespec(2);
		CHECK_FAILS(futex(page, FUTEX_WAIT_PRIVATE, 0, &ts, 0), ETIMEDOUT);
		CHECK_FAILS(futex(page, FUTEX_WAIT, 0, &ts, 0), places[i].error);
		CHECK_FAILS(futex(page, FUTEX_WAIT, 1, &ts, 0), places[i].error == EFAULT ? EFAULT : EAGAIN);
		CHECK_INT(futex(page, FUTEX_WAKE_PRIVATE, 1, NULL, 0), 0);
		if (places[i].error == EFAULT)
			CHECK_FAILS(futex(page, FUTEX_WAKE, 1, NULL, 0), EFAULT);
		munmap(page, 4096);
	}

	/* A wait without a time limit starts again after a handler only with SA_RESTART; one with a limit never does.
	 */
	on_signal(SIGALRM, handler, 0);
	alarm(1);
	CHECK_FAILS(futex(&word, FUTEX_WAIT_PRIVATE, 0, NULL, 0), EINTR);
	return guest_done();
}
