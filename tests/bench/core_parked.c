// core_parked [GREENLETS]: greenlets with the smallest stack that all wait for one other to end. Prints the resident
// memory, page tables included, that each of them costs while it waits, in KiB.
#include "core.h"

#include <errno.h>

static struct gp_greenlet *never;
static long waiting;

static void *wait_here(void *arg)
{
	waiting++;
	gp_join(never, GP_NEVER);
	return arg;
}

int main(int argc, char **argv)
{
	long count = argument(argc, argv, 1, 1000000);
	struct gp_attr small = { .stack_size = 8192 };

	never = gp_new(NULL, wait_here, NULL);
	gp_yield();
	long before = memory_kib();
	int64_t start = cpu_ns();
	for (long i = 0; i < count; i++) {
		struct gp_greenlet *g = gp_spawn_with(&small, wait_here, NULL);

		must(g ? 0 : ENOMEM, "gp_spawn_with");
		gp_unref(g);
	}
	while (waiting < count)
		gp_yield();
	report("ns", start, count);
	printf("kib %.3f\n", (double)(memory_kib() - before) / (double)count);
	fflush(stdout);
	_Exit(0); // taking down a million is not what is measured
}
