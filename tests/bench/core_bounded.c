// core_bounded [COUNT]: a greenlet puts into a queue with room for one, another gets. Prints the nanoseconds of one item:
// a put, a get, and a switch to and fro.
#include "core.h"

static struct gp_queue *q;
static long count;

static void *getter(void *arg)
{
	void *item = NULL;

	for (long i = 0; i < count; i++)
		must(-gp_queue_get(q, &item, GP_NEVER), "gp_queue_get");
	return item;
}

static void *putter(void *arg)
{
	for (intptr_t i = 0; i < count; i++)
		must(-gp_queue_put(q, (void *)(i + 1), GP_NEVER), "gp_queue_put");
	return arg;
}

int main(int argc, char **argv)
{
	struct gp_greenlet *g[2];

	count = argument(argc, argv, 1, 5000000);
	q = gp_queue_new(1);
	int64_t start = cpu_ns();
	g[0] = gp_spawn(getter, NULL);
	g[1] = gp_spawn(putter, NULL);
	must(gp_join_all(g, 2, GP_NEVER) == 2 && (long)(intptr_t)gp_value(g[0]) == count ? 0 : 1, "gp_join_all");
	report("ns", start, count);
	return 0;
}
