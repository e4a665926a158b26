// clock.c: linked into a program of the tutorial in the place of the core's clock and of its sleep. The time is a number
// that goes on by as much as the hub would sleep, and by a little with each look at it; so which timers are due together
// does not depend on how busy the machine is. If the hub waits for descriptors too, what is on its way to them gets some
// real time first.
#include "core/clock.h"
#include "core/raw.h"
#include "core/run/hub.h"

#include <sys/epoll.h>
#include <time.h>

enum { LOOK = 100, GRACE = 50 }; // ns, ms

static int64_t now = 1000 * GP__SEC;
static int64_t offset; // of the real time

int64_t gp__clock(int id)
{
	struct timespec ts;

	now += LOOK;
	if (id != CLOCK_REALTIME)
		return now;
	if (!offset && !clock_gettime(id, &ts))
		offset = ts.tv_sec * GP__SEC - now;
	return now + offset;
}

void gp__clock_use(int (*vdso)(int, struct timespec *)) {}

static bool waits_for_descriptors(const struct gp_hub *h)
{
	for (int fd = 0; fd < h->fds_used; fd++)
		if (h->fds[fd].waits.next && !gp__list_empty(&h->fds[fd].waits))
			return true;
	return h->offload || h->handlers;
}

// The hub's sleep: epoll_pwait2 with a time, or without one until something happens.
long gp__raw_block(long nr, const long *args, const volatile uint32_t *stop)
{
	const struct timespec *ts = (const struct timespec *)args[3];
	int ms = ts ? waits_for_descriptors(gp__hub()) ? GRACE : 0 : -1;
	long n = gp__raw(SYS_epoll_wait, args[0], args[1], args[2], ms);

	if (n == 0 && ts)
		now += ts->tv_sec * GP__SEC + ts->tv_nsec;
	return n;
}
