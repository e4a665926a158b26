// core_spawn [COUNT]: makes a greenlet that returns at once and joins it, again and again. Prints the nanoseconds of one.
#include "core.h"

static void *nothing(void *arg)
{
	return arg;
}

int main(int argc, char **argv)
{
	long count = argument(argc, argv, 1, 5000000);

	int64_t start = cpu_ns();
	for (long i = 0; i < count; i++) {
		struct gp_greenlet *g = gp_spawn(nothing, NULL);

		must(-gp_join(g, GP_NEVER), "gp_join");
		gp_unref(g);
	}
	report("ns", start, count);
	return 0;
}
