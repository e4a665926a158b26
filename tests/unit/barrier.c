/* barrier.c - gp_barrier: the order of Python's over gevent's locks, breaking, resetting, misuse. */
#include "sync.h"

/* What gevent printed (orders.py). */
static const struct order recorded[] = {
	{ "b2 w w",
	  "aw bw b1 a0" },
	{ "b2 w w w w",
	  "aw bw b1 cw dw a0 d1 c0" },
	{ "b3 ww ww ww",
	  "aw bw cw c2 cw a0 aw b1 bw a2 b0 c1" },
	{ "b3 w w r w w w",
	  "aw bw cr dw ew fw a/ b/ f2 d0 e1" },
	{ "b2 w x w",
	  "aw bx cw c/ a/" },
	{ "b2 w xr w w",
	  "aw bx br cw dw a/ d1 c0" },
	{ "b2 t zw",
	  "at bz a/ bw b/" },
	{ "b3 t w zw",
	  "at bw cz a/ b/ cw c/" },
	{ "b2 w kaw w",
	  "aw bk bw b1 cw a! c?" },
	{ "b1 w ww",
	  "aw a0 bw b0 bw b0" },
	{ "b2 wx w w",
	  "aw bw b1 cw a0 ax c/" },
	{ "b3 w w x r w w w",
	  "aw bw cx dr ew fw gw a/ b/ g2 e0 f1" },
};

CASE("the order of events is that of Python over gevent's locks")
{
	ORDERS_HOLD(recorded);
}

static struct gp_barrier *barrier;

static void *come(void *arg)
{
	int r = gp_barrier_wait(barrier, GP_NEVER);

	trace("%s=%d", (const char *)arg, r);
	return NULL;
}

CASE("all go on when the last one has come; it may be used again")
{
	struct gp_greenlet *a, *b;

	barrier = gp_barrier_new(3, NULL, NULL);
	EXPECT_INT(gp_barrier_parties(barrier), 3);
	for (int i = 0; i < 2; i++) {
		a = gp_spawn(come, "a");
		b = gp_spawn(come, "b");
		gp_yield();
		EXPECT_INT(gp_barrier_waiting(barrier), 2);
		EXPECT_INT(gp_barrier_wait(barrier, PASSED), 2);
		EXPECT_INT(gp_barrier_waiting(barrier), 0);
		join_one(a);
		join_one(b);
	}
	EXPECT_STR(unit_trace, "a=0 b=1 a=0 b=1");
	EXPECT(!gp_barrier_broken(barrier));
	gp_barrier_free(barrier);
}

CASE("a deadline breaks it: -ETIMEDOUT for that one, -EPIPE for all others, until it is reset")
{
	struct gp_greenlet *a;

	barrier = gp_barrier_new(3, NULL, NULL);
	a = gp_spawn(come, "a");
	EXPECT_INT(gp_barrier_wait(barrier, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT(gp_barrier_broken(barrier));
	join_one(a);
	EXPECT_INT(gp_barrier_wait(barrier, GP_NEVER), -EPIPE);
	EXPECT_INT(gp_barrier_reset(barrier), 0);
	EXPECT(!gp_barrier_broken(barrier));
	EXPECT_INT(gp_barrier_wait(barrier, PASSED), -ETIMEDOUT);
	EXPECT(gp_barrier_broken(barrier));
	EXPECT_STR(unit_trace, "a=-32");
	gp_barrier_free(barrier);
}

CASE("a kill and a timeout do not break it, and are not counted")
{
	struct gp_greenlet *a = NULL;
	struct gp_timeout t;

	barrier = gp_barrier_new(2, NULL, NULL);
	a = gp_spawn(come, "a");
	gp_yield();
	kill_one(a);
	EXPECT_INT(gp_barrier_waiting(barrier), 0);
	gp_timeout_start(&t, GP_MSEC);
	EXPECT_INT(gp_barrier_wait(barrier, GP_NEVER), -ETIMEDOUT);
	gp_timeout_stop(&t);
	EXPECT(!gp_barrier_broken(barrier));
	a = gp_spawn(come, "b");
	EXPECT_INT(gp_barrier_wait(barrier, GP_NEVER), 0);
	join_one(a);
	EXPECT_STR(unit_trace, "a=-125 b=1");
	gp_barrier_free(barrier);
}

CASE("abort and reset send those who wait away with -EPIPE")
{
	for (int i = 0; i < 2; i++) {
		struct gp_greenlet *a;

		barrier = gp_barrier_new(2, NULL, NULL);
		a = gp_spawn(come, "a");
		gp_yield();
		EXPECT_INT(i ? gp_barrier_abort(barrier) : gp_barrier_reset(barrier), 0);
		join_one(a);
		EXPECT_INT(gp_barrier_broken(barrier), i);
		gp_barrier_free(barrier);
	}
	EXPECT_STR(unit_trace, "a=-32 a=-32");
}

static int action(void *arg)
{
	trace("action");
	gp_yield(); /* others come meanwhile, and wait for the lock */
	EXPECT_INT(gp_barrier_reset(barrier), -EDEADLK);
	return *(int *)arg;
}

CASE("the last one calls the action before anybody goes on; one that fails breaks it")
{
	struct gp_greenlet *a;
	int result = 0;

	barrier = gp_barrier_new(2, action, &result);
	a = gp_spawn(come, "a");
	gp_yield();
	EXPECT_INT(gp_barrier_wait(barrier, GP_NEVER), 1);
	join_one(a);
	result = -EIO;
	a = gp_spawn(come, "b");
	gp_yield();
	EXPECT_INT(gp_barrier_wait(barrier, GP_NEVER), -EIO);
	join_one(a);
	EXPECT_STR(unit_trace, "action a=0 action b=-32");
	EXPECT(gp_barrier_broken(barrier));
	result = 3;
	gp_barrier_reset(barrier);
	a = gp_spawn(come, "c");
	gp_yield();
	EXPECT_INT(gp_barrier_wait(barrier, GP_NEVER), -EPIPE);
	join_one(a);
	gp_barrier_free(barrier);
}

CASE("its end wakes all who wait with -ESHUTDOWN, also those who wait for the action of another")
{
	struct gp_greenlet *a, *b, *c;
	int result = 0;

	barrier = gp_barrier_new(3, NULL, NULL);
	a = gp_spawn(come, "a");
	b = gp_spawn(come, "b");
	gp_yield();
	gp_barrier_free(barrier);
	join_one(a);
	join_one(b);
	barrier = gp_barrier_new(2, action, &result);
	a = gp_spawn(come, "a");
	b = gp_spawn(come, "b");
	c = gp_spawn(come, "c");
	gp_yield(); /* b runs the action */
	gp_barrier_free(barrier);
	result = 0;
	join_one(a);
	join_one(b);
	join_one(c);
	EXPECT_STR(unit_trace, "a=-108 b=-108 action b=-108 a=-108 c=-108");
}

static void misused_elsewhere(void)
{
	EXPECT_INT(gp_barrier_wait(barrier, PASSED), -EINVAL);
	EXPECT_INT(gp_barrier_reset(barrier), -EINVAL);
	EXPECT_INT(gp_barrier_abort(barrier), -EINVAL);
	gp_barrier_free(barrier);
}

CASE("misuse is -EINVAL: NULL, no parties, another kernel thread; without memory there is none")
{
	barrier = gp_barrier_new(2, NULL, NULL);
	EXPECT(!gp_barrier_new(0, NULL, NULL));
	EXPECT(!gp_barrier_new((unsigned)INT_MAX + 1, NULL, NULL));
	EXPECT_INT(gp_barrier_wait(NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_barrier_reset(NULL), -EINVAL);
	EXPECT_INT(gp_barrier_abort(NULL), -EINVAL);
	EXPECT_INT(gp_barrier_parties(NULL), -EINVAL);
	EXPECT_INT(gp_barrier_waiting(NULL), -EINVAL);
	EXPECT(!gp_barrier_broken(NULL));
	gp_barrier_free(NULL);
	elsewhere(misused_elsewhere);
	gp_barrier_free(barrier);
	for (int i = 0; i < 3; i++) {
		alloc_fails_at = i;
		EXPECT(!gp_barrier_new(2, NULL, NULL));
		EXPECT_INT(alloc_fails_at, -1);
	}
}
