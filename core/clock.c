/* clock.c - see clock.h. */
#include <time.h>
#include "core/clock.h"
#include "core/raw.h"

/* Facts of the process, not of a hub: where the vDSO is, and whether the
 * (only) hub thread is inside it. */
static int (*vdso_gettime)(int, struct timespec *);
volatile uint32_t gp__in_vdso;

void gp__clock_use(int (*vdso)(int, struct timespec *))
{
	vdso_gettime = vdso;
}

int64_t gp__clock(int id)
{
	struct timespec ts = { 0, 0 };

#ifdef GP_SHIM
	if (vdso_gettime) {
		uint32_t before = gp__in_vdso; /* 1: in a handler that has interrupted it */

		gp__in_vdso = 1;
		vdso_gettime(id, &ts);
		gp__in_vdso = before;
	} else {
		gp__raw(SYS_clock_gettime, id, &ts);
	}
#else
	clock_gettime(id, &ts);
#endif
	return ts.tv_sec * GP__SEC + ts.tv_nsec;
}
