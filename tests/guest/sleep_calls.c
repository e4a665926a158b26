/* nanosleep, clock_nanosleep, usleep, sleep: lengths, absolute moments on both clocks, errors. */
#include "guest.h"

int main(void)
{
	struct timespec ts, left = { 0, 0 };
	int64_t start = now_ms();
	static const int others[] = { CLOCK_BOOTTIME, CLOCK_TAI };
	static const int alarms[] = { CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM };

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
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		start = now_ms();
		ts = clock_in(others[i], 20);
		CHECK_OK(clock_nanosleep(others[i], TIMER_ABSTIME, &ts, NULL));
		ts = ms_timespec(20);
		CHECK_OK(clock_nanosleep(others[i], 0, &ts, &left));
		CHECK(now_ms() - start >= 38);
	}
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
	for (size_t i = 0; i < sizeof alarms / sizeof *alarms;
	     i++) { /* need a clock with a battery, and CAP_WAKE_ALARM */
		int r = clock_nanosleep(alarms[i], 0, &ts, NULL), again;

		again = clock_nanosleep(alarms[i], TIMER_ABSTIME, &ts, NULL);
		printf("%d %s\n", alarms[i], strerrorname_np(r));
		CHECK_INT(again, r);
		CHECK_INT(clock_nanosleep(alarms[i], 0, (void *)8, NULL), EFAULT);
	}
	CHECK_INT(clock_nanosleep(12345, 0, &ts, NULL), EINVAL);
	CHECK_INT(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &ts, NULL), EINVAL);
	CHECK_FAILS(syscall(SYS_nanosleep, (void *)8, NULL), EFAULT);
	return guest_done();
}
