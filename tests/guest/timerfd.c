/* timerfd: a read blocks until it expires and counts; other threads run meanwhile; disarmed, absolute, nonblocking. */
#include "guest.h"

#include <poll.h>
#include <sys/timerfd.h>

static int beats;

static void *ticks(void *arg)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec spec = { .it_interval = ms_timespec(5), .it_value = ms_timespec(5) };
	uint64_t count, sum = 0;

	(void)arg;
	CHECK_INT(timerfd_settime(fd, 0, &spec, NULL), 0);
	while (sum < 10) {
		CHECK_INT(read(fd, &count, sizeof count), 8);
		CHECK(count >= 1);
		sum += count;
	}
	__atomic_add_fetch(&beats, 1, __ATOMIC_RELAXED);
	close(fd);
	return NULL;
}

int main(void)
{
	pthread_t threads[6];
	struct itimerspec spec = { .it_value = ms_timespec(30) }, old;
	struct pollfd pfd;
	uint64_t count;
	int64_t start = now_ms();
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);

	for (int i = 0; i < 6; i++)
		threads[i] = thread_start(ticks, NULL);
	for (int i = 0; i < 6; i++)
		thread_join(threads[i]);
	printf("%d threads heard ten ticks\n", beats);
	CHECK(now_ms() - start >= 49);

	start = now_ms();
	CHECK_INT(timerfd_settime(fd, 0, &spec, NULL), 0);
	CHECK_INT(read(fd, &count, sizeof count), 8);
	CHECK_INT(count, 1);
	CHECK(now_ms() - start >= 29);
	spec.it_value = clock_in(CLOCK_MONOTONIC, 30);
	CHECK_INT(timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, NULL), 0);
	pfd.fd = fd;
	pfd.events = POLLIN;
	CHECK_INT(poll(&pfd, 1, 10000), 1);
	CHECK_INT(read(fd, &count, sizeof count), 8);
	CHECK_INT(timerfd_gettime(fd, &old), 0);
	CHECK_INT(old.it_value.tv_sec + old.it_value.tv_nsec, 0);
	CHECK_FAILS(read(fd, &count, 4), EINVAL);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	CHECK_FAILS(read(fd, &count, sizeof count), EAGAIN);
	return guest_done();
}
