/* lock.c - gp_lock: gevent's order, who has it, recursion, misuse. */
#include "sync.h"

/* What gevent printed (orders.py). */
static const struct order recorded[] = {
	{ "l ayr ayr ar",
	  "aa a+ ay ba ca ar b+ by br c+ cr" },
	{ "l aayrr ar n",
	  "aa a+ aa a+ ay ba cn c- ar ar b+ br" },
	{ "l ayrayr ayr",
	  "aa a+ ay ba ar aa a+ ay ar b+ by br" },
	{ "l ar anrr",
	  "aa a+ ar ba b+ bn b+ br br" },
	{ "l a n t",
	  "aa a+ bn b- ct c-" },
	{ "l r",
	  "ar a#" },
	{ "l ayr tr zn",
	  "aa a+ ay bt cz ar b+ br cn c+" },
	{ "l aayryr ayr ar",
	  "aa a+ aa a+ ay ba ca ar ay ar b+ by br c+ cr" },
};

CASE("the order of events is gevent's")
{
	ORDERS_HOLD(recorded);
}

static struct gp_lock *lock;

static void *hold_it(void *arg)
{
	int r = gp_lock_acquire(lock, GP_NEVER);

	trace("%s=%d", (const char *)arg, r);
	if (r)
		return NULL;
	gp_yield();
	EXPECT_INT(gp_lock_owner(lock), gp_id(gp_self()));
	EXPECT_INT(gp_lock_release(lock), 0);
	return NULL;
}

CASE("one has it, and it is known who; others wait in order")
{
	struct gp_greenlet *a, *b;

	lock = gp_lock_new();
	EXPECT(!gp_lock_locked(lock));
	EXPECT_INT(gp_lock_owner(lock), 0);
	EXPECT_INT(gp_lock_acquire(lock, PASSED), 0);
	EXPECT(gp_lock_locked(lock));
	EXPECT_INT(gp_lock_owner(lock), gp_id(gp_self()));
	a = gp_spawn(hold_it, "a");
	b = gp_spawn(hold_it, "b");
	gp_yield();
	EXPECT_STR(unit_trace, "");
	EXPECT_INT(gp_lock_release(lock), 0);
	join_one(a);
	join_one(b);
	EXPECT_STR(unit_trace, "a=0 b=0");
	EXPECT(!gp_lock_locked(lock));
	gp_lock_free(lock);
}

CASE("asking for one's own is -EDEADLK, a try is -EAGAIN; of a recursive one it is allowed")
{
	lock = gp_lock_new();
	EXPECT_INT(gp_lock_try_acquire(lock), 0);
	EXPECT_INT(gp_lock_acquire(lock, GP_NEVER), -EDEADLK);
	EXPECT_INT(gp_lock_try_acquire(lock), -EAGAIN);
	EXPECT_INT(gp_lock_release(lock), 0);
	EXPECT_INT(gp_lock_release(lock), -EPERM);
	gp_lock_free(lock);

	lock = gp_lock_new_recursive();
	EXPECT_INT(gp_lock_acquire(lock, GP_NEVER), 0);
	EXPECT_INT(gp_lock_acquire(lock, PASSED), 0);
	EXPECT_INT(gp_lock_try_acquire(lock), 0);
	EXPECT_INT(gp_lock_release(lock), 0);
	EXPECT_INT(gp_lock_release(lock), 0);
	EXPECT(gp_lock_locked(lock));
	EXPECT_INT(gp_lock_release(lock), 0);
	EXPECT(!gp_lock_locked(lock));
	EXPECT_INT(gp_lock_release(lock), -EPERM);
	gp_lock_free(lock);
}

static void *ask_in_vain(void *arg)
{
	trace("release=%d try=%d passed=%d", gp_lock_release(lock), gp_lock_try_acquire(lock), gp_lock_acquire(lock, PASSED));
	trace("limit=%d", gp_lock_acquire(lock, gp_after(GP_MSEC)));
	return NULL;
}

CASE("another greenlet may not release it, nor have it: -EPERM, -EAGAIN, -ETIMEDOUT")
{
	lock = gp_lock_new();
	EXPECT_INT(gp_lock_acquire(lock, GP_NEVER), 0);
	join_one(gp_spawn(ask_in_vain, NULL));
	EXPECT_STR(unit_trace, "release=-1 try=-11 passed=-110 limit=-110");
	gp_lock_free(lock);
}

CASE("who is killed while it waits leaves it to the next, also if the release came first")
{
	struct gp_greenlet *a, *b;

	for (int release_first = 0; release_first < 2; release_first++) {
		lock = gp_lock_new();
		gp_lock_acquire(lock, GP_NEVER);
		a = gp_spawn(hold_it, "a");
		b = gp_spawn(hold_it, "b");
		gp_yield();
		if (release_first)
			gp__wake(a, -ETIMEDOUT); /* its deadline has come, and it has not run yet */
		else
			gp_kill_soon(a, -ECANCELED);
		gp_lock_release(lock);
		join_one(a);
		join_one(b);
		EXPECT(!gp_lock_locked(lock));
		gp_lock_free(lock);
	}
	EXPECT_STR(unit_trace, "a=-125 b=0 a=-110 b=0");
}

CASE("its end wakes all who wait with -ESHUTDOWN")
{
	struct gp_greenlet *a, *b;

	lock = gp_lock_new();
	gp_lock_acquire(lock, GP_NEVER);
	a = gp_spawn(hold_it, "a");
	b = gp_spawn(hold_it, "b");
	gp_yield();
	gp_lock_free(lock);
	join_one(a);
	join_one(b);
	EXPECT_STR(unit_trace, "a=-108 b=-108");
}

static void misused_elsewhere(void)
{
	EXPECT_INT(gp_lock_acquire(lock, PASSED), -EINVAL);
	EXPECT_INT(gp_lock_try_acquire(lock), -EINVAL);
	EXPECT_INT(gp_lock_release(lock), -EINVAL);
	gp_lock_free(lock);
}

CASE("misuse is -EINVAL: NULL, another kernel thread; without memory there is none")
{
	lock = gp_lock_new();
	EXPECT_INT(gp_lock_acquire(NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_lock_try_acquire(NULL), -EINVAL);
	EXPECT_INT(gp_lock_release(NULL), -EINVAL);
	EXPECT_INT(gp_lock_owner(NULL), 0);
	EXPECT(!gp_lock_locked(NULL));
	gp_lock_free(NULL);
	elsewhere(misused_elsewhere);
	EXPECT(!gp_lock_locked(lock));
	gp_lock_free(lock);
	alloc_fails_at = 0;
	EXPECT(!gp_lock_new());
	alloc_fails_at = 0;
	EXPECT(!gp_lock_new_recursive());
}
