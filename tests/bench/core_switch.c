// core_switch [COUNT [GREENLETS]]: greenlets that yield to each other in turn. Prints the nanoseconds of one yield, which
// is one switch.
#include "core.h"

static long rounds;

static void *yielder(void *arg)
{
	for (long i = 0; i < rounds; i++)
		gp_yield();
	return arg;
}

int main(int argc, char **argv)
{
	long count = argument(argc, argv, 1, 20000000), n = argument(argc, argv, 2, 2);
	struct gp_greenlet **g = calloc((size_t)n, sizeof *g);

	if (!g)
		return 1;
	rounds = count / n;
	for (long i = 0; i < n; i++)
		g[i] = gp_spawn(yielder, NULL);
	int64_t start = cpu_ns();
	must(gp_join_all(g, (size_t)n, GP_NEVER) == n ? 0 : 1, "gp_join_all");
	report("ns", start, rounds * n);
	return 0;
}
