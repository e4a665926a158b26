/* eventfd: a read blocks until another thread writes, semaphore mode counts, a write that would overflow blocks. */
#include "guest.h"

#include <sys/eventfd.h>

static int fd;
static long taken;

static void *takes(void *arg)
{
	uint64_t value;

	for (int i = 0; i < 50; i++) {
		CHECK_INT(read(fd, &value, sizeof value), 8);
		CHECK_INT(value, 1);
		__atomic_add_fetch(&taken, 1, __ATOMIC_RELAXED);
	}
	return arg;
}

static void *empties(void *arg)
{
	uint64_t value = 0;

	sleep_ms(20);
	CHECK_INT(read(fd, &value, sizeof value), 8);
	CHECK(value == UINT64_MAX - 1);
	return arg;
}

int main(void)
{
	pthread_t threads[4];
	uint64_t value;

	fd = eventfd(0, EFD_SEMAPHORE);
	for (int i = 0; i < 4; i++)
		threads[i] = thread_start(takes, NULL);
	for (int i = 0; i < 100; i++) {
		value = 2;
		CHECK_INT(write(fd, &value, sizeof value), 8);
	}
	for (int i = 0; i < 4; i++)
		thread_join(threads[i]);
	printf("taken %ld\n", taken);
	close(fd);

	fd = eventfd(5, 0);
	value = UINT64_MAX - 6;
	CHECK_INT(write(fd, &value, sizeof value), 8);
	threads[0] = thread_start(empties, NULL);
	value = 3;
	CHECK_INT(write(fd, &value, sizeof value), 8); /* only after the counter was emptied */
	thread_join(threads[0]);
	CHECK_INT(read(fd, &value, sizeof value), 8);
	CHECK_INT(value, 3);
	CHECK_FAILS(read(fd, &value, 7), EINVAL);
	value = UINT64_MAX;
	CHECK_FAILS(write(fd, &value, sizeof value), EINVAL);
	close(fd);

	fd = eventfd(0, EFD_NONBLOCK);
	CHECK_FAILS(read(fd, &value, sizeof value), EAGAIN);
	return guest_done();
}
