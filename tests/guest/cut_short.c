/* What never waits is whole, and never fails with EINTR, although another thread is busy all the time. */
#include "guest.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/uio.h>

enum { ROUNDS = 20, ZEROS = 64 << 20, NOISE = 8 << 20, MEMORY = 128 << 20 };

static volatile int done;
static volatile sig_atomic_t too_large;

static void *busy(void *arg)
{
	while (!done)
		sched_yield();
	return arg;
}

static void count_too_large(int sig)
{
	too_large += sig == SIGXFSZ;
}

static void reads(char *buf, int zero, int noise)
{
	struct iovec iov[3] = { { buf, 5000 }, { buf + 5000, NOISE / 2 }, { buf + ZEROS / 2, NOISE / 2 } };
	char *nowhere = buf + ZEROS - 4096;
	int cut[4] = { 0, 0, 0, 0 };

	for (int i = 0; i < ROUNDS; i++) {
		cut[0] += read(zero, buf, ZEROS) != ZEROS;
		cut[1] += read(noise, buf, NOISE) != NOISE;
		cut[2] += readv(noise, iov, 3) != NOISE + 5000;
		cut[3] += getrandom(buf, NOISE, 0) != NOISE;
	}
	for (int i = 0; i < 4; i++)
		CHECK_INT(cut[i], 0);
	CHECK_FAILS(getrandom(buf, NOISE, 0x1000), EINVAL);
	CHECK_INT(munmap(nowhere, 4096), 0);
	CHECK_FAILS(getrandom(nowhere, 4096, 0), EFAULT);
	CHECK_FAILS(read(zero, nowhere, 4096), EFAULT);
	CHECK_INT(read(noise, buf + ZEROS - NOISE, NOISE), NOISE - 4096);
	CHECK_INT(getrandom(buf + ZEROS - NOISE, NOISE, 0), NOISE - 4096);
}

static void allocates(void)
{
	struct rlimit limit, small = { 1 << 20, RLIM_INFINITY };

	for (int i = 0; i < 5; i++) {
		int memory = memfd_create("cut_short", 0);

		CHECK_INT(fallocate(memory, 0, 0, MEMORY), 0);
		CHECK_INT(lseek(memory, 0, SEEK_END), MEMORY);
		CHECK_INT(close(memory), 0);
	}
	CHECK_FAILS(fallocate(-1, 0, 0, 1), EBADF);
	CHECK_INT(getrlimit(RLIMIT_FSIZE, &limit), 0);
	small.rlim_max = limit.rlim_max;
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &small), 0);
	signal(SIGXFSZ, count_too_large);
	CHECK_FAILS(fallocate(memfd_create("cut_short", 0), 0, 0, 2 << 20), EFBIG);
	CHECK_INT(too_large, 1);
}

int main(void)
{
	char *buf = mmap(NULL, ZEROS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int zero = open("/dev/zero", O_RDONLY), noise = open("/dev/urandom", O_RDONLY);
	pthread_t thread = thread_start(busy, NULL);

	if (buf == MAP_FAILED || zero == -1 || noise == -1)
		guest_die("mmap or open");
	reads(buf, zero, noise);
	allocates();
	done = 1;
	thread_join(thread);
	return guest_done();
}
