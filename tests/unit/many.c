/* many.c - 10,000 greenlets at once. */
#include "unit.h"
#include "core/run/hub.h"
#include "greenpatch.h"

enum { MOST = 10000 };

static struct gp_greenlet *g[MOST];
static int order[MOST], done;

static int how_many(void)
{
	return unit_under("valgrind") ? 400 : MOST;
}

/* Mappings of this process. */
static int mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	int n = 0, c;

	NEED(f);
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

static void *park_here(void *arg)
{
	EXPECT_INT(gp__park(gp__hub(), "test", 0, GP__NEVER, 0), (int)(intptr_t)arg);
	order[done++] = (int)(intptr_t)arg;
	return NULL;
}

CASE("all parked, woken in another order, joined in a third; their memory goes back")
{
	int n = how_many(), before;
	struct gp_hub *h = gp_self()->hub;

	before = mappings();
	for (intptr_t i = 0; i < n; i++) {
		g[i] = gp_spawn(park_here, (void *)i);
		NEED(g[i]);
	}
	gp_yield();
	EXPECT_INT(h->stats.live, n + 1);
	for (int i = 0; i < n; i++)
		EXPECT(gp__wake(g[i * 7 % n], i * 7 % n)); /* n is no multiple of 7 */
	for (int i = n - 1; i >= 0; i--) {
		EXPECT_INT(gp_join(g[i], GP_NEVER), 0);
		gp_unref(g[i]);
	}
	EXPECT_INT(done, n);
	for (int i = 0; i < n; i++)
		if (order[i] != i * 7 % n) {
			unit_fail(__FILE__, __LINE__, "turn %d: expected %d, came %d", i, i * 7 % n, order[i]);
			break;
		}
	gp_yield();
	EXPECT_INT(h->stats.live, 1);
	EXPECT_INT(h->stats.peak, n + 1);
	/* Some stacks are kept for the next spawn, two mappings each. */
	EXPECT(h->spare_count <= 64);
	EXPECT(mappings() <= before + 2 * 64 + 32);
}

static void *sleep_some(void *arg)
{
	EXPECT_INT(gp_sleep((int64_t)(intptr_t)arg), 0);
	done++;
	return NULL;
}

CASE("all asleep with random deadlines")
{
	int n = how_many();

	unit_seed();
	for (int i = 0; i < n; i++) {
		g[i] = gp_spawn(sleep_some, (void *)(intptr_t)(1 + unit_random(20 * GP__MSEC)));
		NEED(g[i]);
	}
	for (int i = 0; i < n; i++) {
		EXPECT_INT(gp_join(g[i], GP_NEVER), 0);
		gp_unref(g[i]);
	}
	EXPECT_INT(done, n);
	EXPECT_INT(gp__hub()->deadlines.count, 0);
	EXPECT_INT(gp__hub()->external, 0);
}

static void *join_next(void *arg)
{
	intptr_t i = (intptr_t)arg;

	if (i + 1 < how_many())
		EXPECT_INT(gp_join(g[i + 1], GP_NEVER), 0);
	order[done++] = (int)i;
	return NULL;
}

CASE("a chain in which each joins the next")
{
	int n = how_many();

	for (intptr_t i = 0; i < n; i++)
		g[i] = gp_spawn(join_next, (void *)i);
	EXPECT_INT(gp_join(g[0], GP_NEVER), 0);
	for (int i = 0; i < n; i++) {
		EXPECT_INT(order[i], n - 1 - i);
		gp_unref(g[i]);
	}
}
