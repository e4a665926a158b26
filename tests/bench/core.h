// core.h: what the benchmarks of the core alone share. Each links libgreenpatch-core.a and prints its figure as one line
// "NAME VALUE"; core_gevent.py does the same with gevent, and scripts/bench-core compares them.
//
// Times are of the processor, which a program that never sleeps uses all the time: a busy machine does not disturb them.
#ifndef BENCH_CORE_H
#define BENCH_CORE_H

#include "bench.h"
#include "greenpatch.h"

// Processor time of this thread, in nanoseconds.
static inline int64_t cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static inline void report(const char *name, int64_t start, long count)
{
	printf("%s %.2f\n", name, (double)(cpu_ns() - start) / (double)count);
}

#endif
