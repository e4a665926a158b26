// core_queue [COUNT]: two greenlets send an item to and fro through two queues. Prints the nanoseconds from a put to the
// return of the get that waited for it, which has one switch.
#include "core.h"

static struct gp_queue *q[2];
static long rounds;

static void *player(void *arg)
{
	intptr_t me = (intptr_t)arg;
	void *item = NULL;

	for (long i = 0; i < rounds; i++) {
		must(-gp_queue_get(q[me], &item, GP_NEVER), "gp_queue_get");
		must(-gp_queue_put(q[!me], item, GP_NEVER), "gp_queue_put");
	}
	return item;
}

int main(int argc, char **argv)
{
	struct gp_greenlet *g[2];

	rounds = argument(argc, argv, 1, 10000000) / 2;
	q[0] = gp_queue_new(0);
	q[1] = gp_queue_new(0);
	must(-gp_queue_put(q[0], q, GP_NEVER), "gp_queue_put");
	int64_t start = cpu_ns();
	for (intptr_t i = 0; i < 2; i++)
		g[i] = gp_spawn(player, (void *)i);
	must(gp_join_all(g, 2, GP_NEVER) == 2 && gp_value(g[1]) == q ? 0 : 1, "gp_join_all");
	report("ns", start, 2 * rounds);
	return 0;
}
