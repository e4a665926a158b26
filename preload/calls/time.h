/* time.h - times of the program as deadlines of ours. */
#ifndef GP_PRELOAD_CALLS_TIME_H
#define GP_PRELOAD_CALLS_TIME_H

#include "preload/shim.h"

/* *out: the deadline that a struct timespec at `from` means. 0, -EFAULT, -EINVAL. */
long gp__time_deadline(const void *from, int clock, bool absolute, int64_t *out);
/* The same for a relative time on the monotonic clock: GP__NEVER where there is none, 0 for
 * no time at all. */
long gp__time_limit(uint64_t from, int64_t *out);
/* Nanoseconds of a checked timespec, GP__NEVER when it does not fit. */
int64_t gp__time_ns(long sec, long nsec);
/* Whether a timer is one of SIGEV_THREAD_ID; *to: the thread that it names,
 * NULL when that has ended. */
bool gp__timer_aimed(struct gp_hub *h, int id, struct gp_guest **to);
/* The child of a fork has no timers. */
void gp__timers_forked(void);

#endif
