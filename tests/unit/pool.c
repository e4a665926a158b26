/* pool.c - groups with so many places: who gets one and when, and a pool against a model. The traces are those that
 * gevent 22.10 gives for the same programs. */
#include "unit.h"
#include "core/run/hub.h"
#include "greenpatch.h"

static struct gp_group *pool;

static void *number(int n)
{
	return (void *)(intptr_t)n;
}

static void *calls(void *arg)
{
	trace("c%d", (int)(intptr_t)arg);
	gp_yield();
	trace("e%d", (int)(intptr_t)arg);
	return arg;
}

static void *ends_when_told(void *arg)
{
	while (!*(volatile bool *)arg)
		if (gp_yield())
			return NULL;
	return NULL;
}

CASE("a pool knows its places; a spawn into a full one waits, a try is -EAGAIN")
{
	struct gp_greenlet *g = NULL;
	bool end = false;

	pool = gp_pool_new(2);
	EXPECT_INT(gp_pool_limit(pool), 2);
	EXPECT_INT(gp_pool_free_count(pool), 2);
	EXPECT(!gp_pool_full(pool));
	EXPECT_INT(gp_pool_wait_available(pool, 0), 2);
	EXPECT_INT(gp_pool_try_spawn(pool, ends_when_told, &end, NULL), 0);
	EXPECT_INT(gp_group_spawn(pool, ends_when_told, &end, NULL, 0), 0);
	EXPECT(gp_pool_full(pool));
	EXPECT_INT(gp_pool_free_count(pool), 0);
	EXPECT_INT(gp_pool_try_spawn(pool, calls, NULL, &g), -EAGAIN);
	EXPECT(!g);
	EXPECT_INT(gp_group_spawn(pool, calls, NULL, NULL, gp_now()), -ETIMEDOUT);
	EXPECT_INT(gp_group_spawn(pool, calls, NULL, NULL, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_pool_wait_available(pool, gp_now()), -ETIMEDOUT);
	EXPECT_INT(gp_pool_wait_available(pool, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_STR(unit_trace, "");
	EXPECT_INT(gp_group_size(pool), 2);
	end = true;
	EXPECT_INT(gp_group_spawn(pool, calls, number(1), &g, GP_NEVER), 0);
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	EXPECT_INT(gp_pool_wait_available(pool, GP_NEVER), 2);
	gp_unref(g);
	gp_group_free(pool);
}

static void *waits(void *arg)
{
	int n = gp_pool_wait_available(pool, GP_NEVER);

	trace("w%d=%d", (int)(intptr_t)arg, n);
	return NULL;
}

static void *spawns(void *arg)
{
	EXPECT_INT(gp_group_spawn(pool, calls, arg, NULL, GP_NEVER), 0);
	trace("sp%d", (int)(intptr_t)arg);
	return NULL;
}

CASE("who waits for a place is woken in order; who only asks does not take it")
{
	struct gp_greenlet *gs[4];

	pool = gp_pool_new(1);
	gp_group_spawn(pool, calls, number(0), NULL, GP_NEVER);
	gs[0] = gp_spawn(waits, number(1));
	gs[1] = gp_spawn(spawns, number(7));
	gs[2] = gp_spawn(waits, number(2));
	gs[3] = gp_spawn(spawns, number(8));
	EXPECT_INT(gp_join_all(gs, 4, GP_NEVER), 4);
	EXPECT_INT(gp_group_join(pool, GP_NEVER), 0);
	EXPECT_STR(unit_trace, "c0 e0 w1=1 sp7 c7 e7 w2=1 sp8 c8 e8");
	for (int i = 0; i < 4; i++)
		gp_unref(gs[i]);
	gp_group_free(pool);
}

CASE("a greenlet may have ended while the pool still counts it")
{
	struct gp_greenlet *g;

	pool = gp_pool_new(1);
	gp_group_spawn(pool, calls, number(1), &g, GP_NEVER);
	gp_yield();
	gp_yield();
	EXPECT(gp_ready(g));
	EXPECT(gp_pool_full(pool));
	EXPECT_INT(gp_pool_try_spawn(pool, calls, number(2), NULL), -EAGAIN);
	EXPECT_INT(gp_pool_wait_available(pool, GP_NEVER), 1);
	EXPECT(!gp_pool_full(pool));
	gp_unref(g);
	gp_group_free(pool);
}

static void *killed_spawner(void *arg)
{
	EXPECT_INT(gp_group_spawn(pool, calls, number(9), NULL, GP_NEVER), -ECANCELED);
	trace("gave-up");
	return NULL;
}

CASE("a place that comes free for a spawner that is killed goes to the next")
{
	struct gp_greenlet *killed, *next;
	bool end = false;

	pool = gp_pool_new(1);
	gp_group_spawn(pool, ends_when_told, &end, NULL, GP_NEVER);
	killed = gp_spawn(killed_spawner, NULL);
	next = gp_spawn(spawns, number(5));
	gp_yield();
	end = true;
	gp_kill_soon(killed, -ECANCELED);
	EXPECT_INT(gp_join(next, GP_NEVER), 0);
	EXPECT_INT(gp_group_join(pool, GP_NEVER), 0);
	EXPECT_STR(unit_trace, "gave-up sp5 c5 e5");
	gp_unref(killed);
	gp_unref(next);
	gp_group_free(pool);
}

CASE("discard gives the place back, and the end of that greenlet not again")
{
	struct gp_greenlet *g;

	pool = gp_pool_new(1);
	gp_group_spawn(pool, calls, number(1), &g, GP_NEVER);
	EXPECT_INT(gp_group_discard(pool, g), 0);
	EXPECT_INT(gp_group_discard(pool, g), -ENOENT);
	EXPECT_INT(gp_pool_wait_available(pool, 0), 1);
	gp_join(g, GP_NEVER);
	gp_yield();
	EXPECT_INT(gp_pool_wait_available(pool, 0), 1);
	EXPECT_INT(gp_pool_free_count(pool), 1);
	gp_unref(g);
	gp_group_free(pool);
}

static void *adds(void *arg)
{
	EXPECT_INT(gp_group_add(pool, arg, GP_NEVER), 0);
	trace("added");
	return NULL;
}

CASE("add waits for a place; one that is added twice meanwhile takes one only")
{
	struct gp_greenlet *g, *one, *two;
	bool end = false, last = false;

	pool = gp_pool_new(2);
	gp_group_spawn(pool, ends_when_told, &end, NULL, GP_NEVER);
	gp_group_spawn(pool, ends_when_told, &end, NULL, GP_NEVER);
	g = gp_spawn(ends_when_told, &last);
	one = gp_spawn(adds, g);
	two = gp_spawn(adds, g);
	gp_yield();
	EXPECT_STR(unit_trace, "");
	end = true;
	EXPECT_INT(gp_join_all((struct gp_greenlet *[]){ one, two }, 2, GP_NEVER), 2);
	EXPECT_INT(gp_group_size(pool), 1);
	EXPECT_INT(gp_pool_free_count(pool), 1);
	EXPECT_INT(gp_pool_wait_available(pool, 0), 1);
	last = true;
	EXPECT_INT(gp_group_join(pool, GP_NEVER), 0);
	EXPECT_INT(gp_pool_wait_available(pool, GP_NEVER), 2);
	gp_unref(g);
	gp_unref(one);
	gp_unref(two);
	gp_group_free(pool);
}

static void *starts(void *arg)
{
	trace("r%d", gp_group_start(pool, arg, GP_NEVER));
	return NULL;
}

CASE("start waits for a place; of two who start the same greenlet one is refused")
{
	struct gp_greenlet *g = gp_new(NULL, calls, number(1)), *one, *two;
	bool end = false;

	pool = gp_pool_new(1);
	gp_group_spawn(pool, ends_when_told, &end, NULL, GP_NEVER);
	one = gp_spawn(starts, g);
	two = gp_spawn(starts, g);
	gp_yield();
	end = true;
	EXPECT_INT(gp_join_all((struct gp_greenlet *[]){ one, two }, 2, GP_NEVER), 2);
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	EXPECT_HAS(unit_trace, "r0 c1 e1 r-22");
	EXPECT_INT(gp_pool_wait_available(pool, GP_NEVER), 1);
	gp_unref(g);
	gp_unref(one);
	gp_unref(two);
	gp_group_free(pool);
}

CASE("a pool without places lets nobody in; a group has any number")
{
	pool = gp_pool_new(0);
	EXPECT(gp_pool_full(pool));
	EXPECT_INT(gp_pool_try_spawn(pool, calls, NULL, NULL), -EAGAIN);
	EXPECT_INT(gp_group_spawn(pool, calls, NULL, NULL, gp_after(GP_MSEC)), -ETIMEDOUT);
	gp_group_free(pool);
	pool = gp_group_new();
	EXPECT(!gp_pool_full(pool));
	EXPECT(gp_pool_free_count(pool) == SIZE_MAX && gp_pool_limit(pool) == SIZE_MAX);
	EXPECT_INT(gp_pool_wait_available(pool, 0), INT_MAX);
	EXPECT_INT(gp_pool_try_spawn(pool, calls, number(1), NULL), 0);
	EXPECT_INT(gp_group_join(pool, GP_NEVER), 0);
	gp_group_free(pool);
	EXPECT(!gp_pool_new(UINT_MAX));
}

static void *spawns_freed(void *arg)
{
	EXPECT_INT(gp_group_spawn(arg, calls, NULL, NULL, GP_NEVER), -ESHUTDOWN);
	trace("shutdown");
	return NULL;
}

static void *waits_freed(void *arg)
{
	EXPECT_INT(gp_pool_wait_available(arg, GP_NEVER), -ESHUTDOWN);
	trace("shutdown");
	return NULL;
}

CASE("who waits for a place of a pool that is freed is told; misuse is -EINVAL")
{
	struct gp_greenlet *gs[2];
	bool end = false;

	pool = gp_pool_new(1);
	gp_group_spawn(pool, ends_when_told, &end, NULL, GP_NEVER);
	gs[0] = gp_spawn(spawns_freed, pool);
	gs[1] = gp_spawn(waits_freed, pool);
	gp_yield();
	gp_group_free(pool);
	end = true;
	EXPECT_INT(gp_join_all(gs, 2, GP_NEVER), 2);
	EXPECT_STR(unit_trace, "shutdown shutdown");
	gp_unref(gs[0]);
	gp_unref(gs[1]);
	EXPECT_INT(gp_pool_try_spawn(NULL, calls, NULL, NULL), -EINVAL);
	EXPECT_INT(gp_pool_wait_available(NULL, GP_NEVER), -EINVAL);
	EXPECT(!gp_pool_full(NULL));
	EXPECT_INT(gp_pool_free_count(NULL), 0);
	EXPECT_INT(gp_pool_limit(NULL), 0);
	pool = gp_pool_new(1);
	EXPECT_INT(gp_pool_try_spawn(pool, NULL, NULL, NULL), -EINVAL);
	gp_group_free(pool);
}

/* ---- against a model ---------------------------------------------------------------- */

enum { PLACES = 4, SPAWNERS = 6, JOBS = 300 };

static int inside, most, begun, refused, killed_jobs;

static void *job(void *arg)
{
	bool killed = false;

	most = ++inside > most ? inside : most;
	begun++;
	for (unsigned n = unit_random(4); n && !killed; n--)
		killed = gp_yield();
	if (!killed && !unit_random(8))
		killed = gp_sleep((int64_t)unit_random(200) * GP_USEC);
	killed_jobs += killed;
	inside--;
	return NULL;
}

static void *spawner(void *arg)
{
	for (int i = 0; i < JOBS; i++) {
		struct gp_greenlet *g = NULL;
		int r;

		switch (unit_random(5)) {
		case 0:
			r = gp_pool_try_spawn(pool, job, NULL, &g);
			EXPECT_INT(r, gp_pool_full(pool) && !g ? -EAGAIN : 0);
			break;
		case 1:
			r = gp_group_spawn(pool, job, NULL, &g, gp_after((int64_t)unit_random(100) * GP_USEC));
			EXPECT(r == 0 || r == -ETIMEDOUT);
			break;
		case 2:
			r = gp_pool_wait_available(pool, GP_NEVER);
			EXPECT(r >= 0 && r <= PLACES);
			break;
		default:
			r = gp_group_spawn(pool, job, NULL, &g, GP_NEVER);
			EXPECT_INT(r, 0);
		}
		refused += r < 0;
		EXPECT(gp_group_size(pool) <= PLACES);
		EXPECT_INT(gp_group_size(pool) + gp_pool_free_count(pool), PLACES);
		EXPECT_INT(gp_pool_full(pool), gp_group_size(pool) == PLACES);
		if (g && !unit_random(10))
			gp_kill_soon(g, -ECANCELED);
		else if (g && !unit_random(10))
			EXPECT_INT(gp_join(g, GP_NEVER), 0);
		gp_unref(g);
		if (!unit_random(3))
			gp_yield();
	}
	return NULL;
}

CASE("random spawns, tries, deadlines and kills: never more inside than places, and all places come back")
{
	struct gp_greenlet *gs[SPAWNERS];

	unit_seed();
	pool = gp_pool_new(PLACES);
	for (int i = 0; i < SPAWNERS; i++)
		gs[i] = gp_spawn(spawner, NULL);
	EXPECT_INT(gp_join_all(gs, SPAWNERS, GP_NEVER), SPAWNERS);
	EXPECT_INT(gp_group_join(pool, GP_NEVER), 0);
	EXPECT_INT(inside, 0);
	EXPECT(most <= PLACES && most > 1);
	EXPECT(begun > JOBS);
	EXPECT_INT(gp_pool_wait_available(pool, 0), PLACES);
	EXPECT_INT(gp_pool_free_count(pool), PLACES);
	for (int i = 0; i < SPAWNERS; i++)
		gp_unref(gs[i]);
	gp_group_free(pool);
	EXPECT_INT(gp_self()->hub->stats.live, 1);
}
