// core_semaphore [COUNT]: two greenlets hand a turn to each other with two semaphores. Prints the nanoseconds of one
// hand-off: a release, an acquire that waits, and the switch.
#include "core.h"

static struct gp_semaphore *turn[2];
static long rounds;

static void *player(void *arg)
{
	intptr_t me = (intptr_t)arg;

	for (long i = 0; i < rounds; i++) {
		must(-gp_semaphore_acquire(turn[me], GP_NEVER), "gp_semaphore_acquire");
		must(-gp_semaphore_release(turn[!me]), "gp_semaphore_release");
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct gp_greenlet *g[2];

	rounds = argument(argc, argv, 1, 10000000) / 2;
	turn[0] = gp_semaphore_new(1);
	turn[1] = gp_semaphore_new(0);
	int64_t start = cpu_ns();
	for (intptr_t i = 0; i < 2; i++)
		g[i] = gp_spawn(player, (void *)i);
	must(gp_join_all(g, 2, GP_NEVER) == 2 ? 0 : 1, "gp_join_all");
	report("ns", start, 2 * rounds);
	return 0;
}
