// bench.h: what the benchmark programs share. Each is an ordinary blocking program that knows nothing of greenpatch and
// prints its figure as one line "NAME VALUE"; scripts/bench runs it natively and under the shim.
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// The monotonic clock in nanoseconds.
static inline int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

// Ends the program when a call failed. ERROR is an errno value, 0 if it did not fail.
static inline void must(int error, const char *what)
{
	if (error) {
		fprintf(stderr, "%s: %s\n", what, strerror(error));
		exit(1);
	}
}

// The I-th argument as a number that is at least 1, or FALLBACK where there is none.
static inline long argument(int argc, char **argv, int i, long fallback)
{
	long value = argc > i ? atol(argv[i]) : fallback;
	if (value < 1) {
		fprintf(stderr, "%s: not a positive number: %s\n", argv[0], argv[i]);
		exit(2);
	}
	return value;
}

// VmRSS and VmPTE of this process, in KiB.
static inline long memory_kib(void)
{
	char line[256];
	long total = 0, value;
	FILE *status = fopen("/proc/self/status", "r");

	while (status && fgets(line, sizeof line, status))
		if (sscanf(line, "VmRSS: %ld kB", &value) == 1 || sscanf(line, "VmPTE: %ld kB", &value) == 1)
			total += value;
	if (status)
		fclose(status);
	return total;
}

#endif
