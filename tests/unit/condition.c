/* condition.c - gp_condition: the order of Python's over gevent's locks, the lock after each kind of end, misuse. */
#include "sync.h"

/* What gevent printed (orders.py). */
static const struct order recorded[] = {
	{ "c awr awr aNr",
	  "aa a+ aw ba b+ bw ca c+ cN cr a+ ar b+ br" },
	{ "c awr awr anr anr",
	  "aa a+ aw ba b+ bw ca c+ cn cr da d+ dn dr a+ ar b+ br" },
	{ "c awr awr anyr",
	  "aa a+ aw ba b+ bw ca c+ cn cy cr a+ ar b?" },
	{ "c awr awr annr y",
	  "aa a+ aw ba b+ bw ca c+ cn cn cr dy a+ ar b+ br" },
	{ "c aawrr aNr",
	  "aa a+ aa a+ aw ba b+ bN br a+ ar ar" },
	{ "c awr anrw",
	  "aa a+ aw ba b+ bn br bw b# a+ ar" },
	{ "c atr zanr",
	  "aa a+ at bz a- ar ba b+ bn br" },
	{ "c atr awr zanr",
	  "aa a+ at ba b+ bw cz a- ar ca c+ cn cr b+ br" },
	{ "c awr awr awr anr aNr",
	  "aa a+ aw ba b+ bw ca c+ cw da d+ dn dr ea e+ eN er a+ ar b+ br c+ cr" },
	{ "c awr aNyr ar ar",
	  "aa a+ aw ba b+ bN by ca da br c+ cr d+ dr a+ ar" },
	{ "c w",
	  "aw a#" },
	{ "c awranr awr anr",
	  "aa a+ aw ba b+ bw ca c+ cn cr a+ ar aa a+ an ar b+ br" },
};

CASE("the order of events is that of Python over gevent's locks")
{
	ORDERS_HOLD(recorded);
}

static struct gp_lock *lock;
static struct gp_condition *condition;
static struct gp_greenlet *waiters[3];

static void make(void)
{
	lock = gp_lock_new();
	condition = gp_condition_new(lock);
	NEED(lock && condition);
}

static void drop(void)
{
	gp_condition_free(condition);
	gp_lock_free(lock);
}

static void *wait_for_it(void *arg)
{
	int r;

	EXPECT_INT(gp_lock_acquire(lock, GP_NEVER), 0);
	r = gp_condition_wait(condition, GP_NEVER);
	trace("%s=%d", (const char *)arg, r);
	EXPECT_INT(gp_lock_owner(lock), gp_id(gp_self()));
	EXPECT_INT(gp_lock_release(lock), 0);
	return NULL;
}

static void three_wait(void)
{
	make();
	for (int i = 0; i < 3; i++)
		waiters[i] = gp_spawn(wait_for_it, i == 0 ? "a" : i == 1 ? "b" : "c");
	gp_yield();
	EXPECT_INT(gp_lock_acquire(lock, GP_NEVER), 0);
}

CASE("so many are woken as are notified, the first ones")
{
	three_wait();
	EXPECT_INT(gp_condition_notify(condition, 0), 0);
	EXPECT_INT(gp_condition_notify(condition, 2), 0);
	EXPECT_INT(gp_lock_release(lock), 0);
	turns(5);
	EXPECT_STR(unit_trace, "a=0 b=0");
	gp_lock_acquire(lock, GP_NEVER);
	EXPECT_INT(gp_condition_notify(condition, 7), 0);
	EXPECT_INT(gp_condition_notify_all(condition), 0);
	gp_lock_release(lock);
	for (int i = 0; i < 3; i++)
		join_one(waiters[i]);
	EXPECT_STR(unit_trace, "a=0 b=0 c=0");
	drop();
}

CASE("without the lock a wait and a notification are -EPERM")
{
	make();
	EXPECT_INT(gp_condition_wait(condition, GP_NEVER), -EPERM);
	EXPECT_INT(gp_condition_notify(condition, 1), -EPERM);
	EXPECT_INT(gp_condition_notify_all(condition), -EPERM);
	drop();
}

CASE("a deadline ends the wait, with the lock; one that has passed does not let go of it")
{
	make();
	gp_lock_acquire(lock, GP_NEVER);
	EXPECT_INT(gp_condition_wait(condition, PASSED), -ETIMEDOUT);
	EXPECT_INT(gp_condition_wait(condition, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_lock_release(lock), 0);
	drop();
}

CASE("a killed waiter has the lock again; what it was notified of goes on to the next")
{
	three_wait();
	gp_kill_soon(waiters[0], -ECANCELED);
	gp_condition_notify(condition, 1); /* a, which is killed before its turn comes */
	gp_lock_release(lock);
	join_one(waiters[0]);
	join_one(waiters[1]);
	EXPECT_STR(unit_trace, "a=-125 b=0");
	kill_one(waiters[2]);
	EXPECT(!gp_lock_locked(lock));
	drop();
}

CASE("a kill does not end the wait for the lock: it stays pending")
{
	three_wait();
	gp_condition_notify(condition, 1);
	gp_yield(); /* a waits for the lock now */
	gp_kill_soon(waiters[0], -ECANCELED);
	turns(3);
	EXPECT_STR(unit_trace, "");
	gp_lock_release(lock);
	join_one(waiters[0]);
	EXPECT_STR(unit_trace, "a=0");
	kill_one(waiters[1]);
	kill_one(waiters[2]);
	drop();
}

CASE("a recursive lock is given up entirely, and had as often again")
{
	struct gp_timeout t;

	lock = gp_lock_new_recursive();
	condition = gp_condition_new(lock);
	gp_lock_acquire(lock, GP_NEVER);
	gp_lock_acquire(lock, GP_NEVER);
	gp_timeout_start(&t, GP_MSEC);
	waiters[0] = gp_spawn(wait_for_it, "a");
	EXPECT_INT(gp_condition_wait(condition, GP_NEVER), -ETIMEDOUT);
	EXPECT(gp_timeout_hit(&t));
	gp_timeout_stop(&t);
	EXPECT_INT(gp_condition_notify(condition, 1), 0);
	EXPECT_INT(gp_lock_release(lock), 0);
	EXPECT(gp_lock_locked(lock));
	EXPECT_INT(gp_lock_release(lock), 0);
	EXPECT_INT(gp_lock_release(lock), -EPERM);
	join_one(waiters[0]);
	drop();
}

static bool at_least_three(void *arg)
{
	return *(int *)arg >= 3;
}

static void *count_up(void *arg)
{
	for (int i = 0; i < 3; i++) {
		gp_lock_acquire(lock, GP_NEVER);
		++*(int *)arg;
		gp_condition_notify(condition, 1);
		gp_lock_release(lock);
		gp_yield();
	}
	return NULL;
}

CASE("wait_for looks each time it is notified, and once more at the deadline")
{
	struct gp_greenlet *g;
	int n = 0;

	make();
	EXPECT_INT(gp_condition_wait_for(condition, at_least_three, &n, GP_NEVER), -EPERM);
	gp_lock_acquire(lock, GP_NEVER);
	EXPECT_INT(gp_condition_wait_for(condition, at_least_three, &n, gp_after(GP_MSEC)), -ETIMEDOUT);
	g = gp_spawn(count_up, &n);
	EXPECT_INT(gp_condition_wait_for(condition, at_least_three, &n, GP_NEVER), 0);
	EXPECT_INT(n, 3);
	EXPECT_INT(gp_condition_wait_for(condition, at_least_three, &n, PASSED), 0);
	EXPECT_INT(gp_condition_wait_for(condition, NULL, &n, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_lock_release(lock), 0);
	join_one(g);
	drop();
}

CASE("its end wakes all who wait with -ESHUTDOWN, each with the lock; also who was notified and killed")
{
	three_wait();
	gp_kill_soon(waiters[0], -ECANCELED);
	gp_condition_notify(condition, 1);
	gp_condition_free(condition);
	gp_lock_release(lock);
	for (int i = 0; i < 3; i++)
		join_one(waiters[i]);
	EXPECT_STR(unit_trace, "a=-125 b=-108 c=-108");
	EXPECT(!gp_lock_locked(lock));
	gp_lock_free(lock);
}

static void misused_elsewhere(void)
{
	EXPECT(!gp_condition_new(lock));
	EXPECT_INT(gp_condition_wait(condition, PASSED), -EINVAL);
	EXPECT_INT(gp_condition_notify(condition, 1), -EINVAL);
	EXPECT_INT(gp_condition_notify_all(condition), -EINVAL);
	gp_condition_free(condition);
}

CASE("misuse is -EINVAL: NULL, another kernel thread; without memory there is none")
{
	make();
	EXPECT(!gp_condition_new(NULL));
	EXPECT_INT(gp_condition_wait(NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_condition_wait_for(NULL, at_least_three, NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_condition_notify(NULL, 1), -EINVAL);
	EXPECT_INT(gp_condition_notify_all(NULL), -EINVAL);
	gp_condition_free(NULL);
	elsewhere(misused_elsewhere);
	alloc_fails_at = 0;
	EXPECT(!gp_condition_new(lock));
	gp_lock_acquire(lock, GP_NEVER);
	realloc_fails = true;
	EXPECT_INT(gp_condition_wait(condition, gp_after(GP_SEC)), -ENOMEM);
	realloc_fails = false;
	EXPECT_INT(gp_lock_release(lock), 0);
	drop();
}
