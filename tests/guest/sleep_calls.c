/* nanosleep, clock_nanosleep, usleep, sleep: lengths, absolute moments on both clocks, errors. */
#include "guest.h"

int main(void)
{
	struct timespec ts, left = { 0, 0 };
	int64_t start = now_ms();

	ts = ms_timespec(30);
	CHECK_INT(nanosleep(&ts, NULL), 0);
	CHECK_OK(clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &left));
	CHECK_OK(clock_nanosleep(CLOCK_REALTIME, 0, &ts, NULL));
	CHECK_INT(usleep(30000), 0);
	CHECK(now_ms() - start >= 119);

	start = now_ms();
	ts = clock_in(CLOCK_MONOTONIC, 40);
	CHECK_OK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL));
	CHECK_OK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL)); /* it has passed already */
	CHECK(now_ms() - start >= 39);
	ts = clock_in(CLOCK_REALTIME, 40);
	CHECK_OK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &ts, NULL));
	CHECK(now_ms() - start >= 78);
	CHECK(now_ms() - start < 5000);
	CHECK_INT(sleep(0), 0);
	CHECK_INT(usleep(0), 0);
	ts = ms_timespec(0);
	CHECK_INT(nanosleep(&ts, &left), 0);

	ts.tv_nsec = 1000000000;
	CHECK_FAILS(nanosleep(&ts, NULL), EINVAL);
	ts.tv_nsec = -1;
	CHECK_FAILS(nanosleep(&ts, NULL), EINVAL);
	CHECK_INT(clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL), EINVAL);
	ts = ms_timespec(1);
	CHECK_INT(clock_nanosleep(12345, 0, &ts, NULL), EINVAL);
	CHECK_INT(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &ts, NULL), EINVAL);
	CHECK_FAILS(syscall(SYS_nanosleep, (void *)8, NULL), EFAULT);
	return guest_done();
}
