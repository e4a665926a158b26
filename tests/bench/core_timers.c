// core_timers [COUNT [SLEEPERS]]: two greenlets that yield to each other, beside others that sleep for an hour. Prints the
// nanoseconds of one yield. 0 sleepers: what it costs beside nobody.
#include "core.h"

static long rounds, sleepers;

static void *sleeper(void *arg)
{
	sleepers--;
	gp_sleep(3600 * GP_SEC + (intptr_t)arg);
	return NULL;
}

static void *yielder(void *arg)
{
	for (long i = 0; i < rounds; i++)
		gp_yield();
	return arg;
}

int main(int argc, char **argv)
{
	long count = argument(argc, argv, 1, 10000000);
	long n = argc > 2 && !strcmp(argv[2], "0") ? 0 : argument(argc, argv, 2, 100000);
	struct gp_attr small = { .stack_size = 8192 };
	struct gp_greenlet *g[2];

	sleepers = n;
	for (intptr_t i = 0; i < n; i++)
		gp_unref(gp_spawn_with(&small, sleeper, (void *)i));
	while (sleepers)
		gp_yield();
	rounds = count / 2;
	for (int i = 0; i < 2; i++)
		g[i] = gp_spawn(yielder, NULL);
	int64_t start = cpu_ns();
	must(gp_join_all(g, 2, GP_NEVER) == 2 ? 0 : 1, "gp_join_all");
	report("ns", start, rounds * 2);
	fflush(stdout);
	_Exit(0);
}
