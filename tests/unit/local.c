/* local.c - slots: each greenlet has its own values, destructors in their order, slots given up. */
#include "unit.h"
#include <pthread.h>
#include "core/run/hub.h"
#include "greenpatch.h"

static struct gp_local *a, *b;

static void destroyed(void *value)
{
	trace("~%s", value ? (char *)value : "null");
}

static void join_one(struct gp_greenlet *g)
{
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
}

static void *keep_one(void *value)
{
	EXPECT(!gp_local_has(a));
	EXPECT(!gp_local_get(a));
	EXPECT_INT(gp_local_set(a, value), 0);
	gp_yield();
	EXPECT(gp_local_get(a) == value);
	gp_yield();
	EXPECT(gp_local_get(a) == value);
	return NULL;
}

CASE("each greenlet has its own, the main program too; what it spawns begins with none")
{
	struct gp_greenlet *g[3];

	a = gp_local_new(NULL);
	EXPECT_INT(gp_local_set(a, "main"), 0);
	for (int i = 0; i < 3; i++)
		g[i] = gp_spawn(keep_one, (char *[]){ "one", "two", "three" }[i]);
	for (int i = 0; i < 3; i++)
		join_one(g[i]);
	EXPECT_STR(gp_local_get(a), "main");
	EXPECT_INT(gp_local_free(a), 0);
}

CASE("set, has, get, delete; NULL is a value; what is replaced is destroyed, the same again is not")
{
	a = gp_local_new(destroyed);
	EXPECT(!gp_local_has(a));
	EXPECT_INT(gp_local_delete(a), -ENOENT);
	EXPECT_INT(gp_local_set(a, NULL), 0);
	EXPECT(gp_local_has(a));
	EXPECT(!gp_local_get(a));
	EXPECT_INT(gp_local_set(a, "1"), 0);
	EXPECT_INT(gp_local_set(a, "2"), 0);
	EXPECT_INT(gp_local_set(a, gp_local_get(a)), 0);
	EXPECT_STR(unit_trace, "~null ~1");
	EXPECT_INT(gp_local_delete(a), 0);
	EXPECT(!gp_local_has(a));
	EXPECT_INT(gp_local_delete(a), -ENOENT);
	EXPECT_STR(unit_trace, "~null ~1 ~2");
	gp_local_free(a);
}

static void deferred(void *arg)
{
	trace("defer-%s", gp_local_get(arg) ? "has" : "none");
}

static void *set_both(void *how)
{
	gp_defer(deferred, a);
	gp_local_set(a, "a");
	gp_local_set(b, "b");
	gp_local_set(a, "a'"); /* its place in the order stays */
	if (!strcmp(how, "exit"))
		gp_exit(NULL);
	if (!strcmp(how, "fail"))
		gp_fail(-EIO, NULL);
	if (!strcmp(how, "sleep"))
		return gp_sleep(GP_SEC * 1000) ? NULL : "slept";
	return NULL;
}

static void no_report(struct gp_greenlet *g)
{
	trace("failed");
}

CASE("destructors run however the greenlet ends, after its deferred functions, the latest set first")
{
	struct gp_greenlet *g;

	a = gp_local_new(destroyed);
	b = gp_local_new(destroyed);
	gp_set_error_handler(no_report);
	join_one(gp_spawn(set_both, "return"));
	EXPECT_STR(unit_trace, "~a defer-has ~b ~a'");
	unit_trace[0] = 0;
	join_one(gp_spawn(set_both, "exit"));
	EXPECT_STR(unit_trace, "~a defer-has ~b ~a'");
	unit_trace[0] = 0;
	join_one(gp_spawn(set_both, "fail"));
	EXPECT_STR(unit_trace, "~a defer-has ~b ~a' failed");
	unit_trace[0] = 0;
	g = gp_spawn(set_both, "sleep");
	gp_yield();
	EXPECT_INT(gp_kill(g, GP_NEVER), 0);
	EXPECT_STR(unit_trace, "~a defer-has ~b ~a'");
	gp_unref(g);
	gp_local_free(a);
	gp_local_free(b);
}

static int more = 3;

static void sets_again(void *value)
{
	trace("~%d", more);
	if (--more)
		EXPECT_INT(gp_local_set(a, value), 0);
	gp_yield(); /* may park */
}

static void *set_a(void *value)
{
	gp_local_set(a, value);
	return NULL;
}

CASE("what a destructor sets is destroyed, too, and it may park")
{
	a = gp_local_new(sets_again);
	join_one(gp_spawn(set_a, "x"));
	EXPECT_STR(unit_trace, "~3 ~2 ~1");
	gp_local_free(a);
}

static void *set_and_wait(void *value)
{
	gp_local_set(a, value);
	gp_local_set(b, value);
	gp_yield();
	EXPECT_STR(gp_local_get(b), value);
	return NULL;
}

CASE("a slot that is given up takes its values along, in the order in which they came")
{
	struct gp_greenlet *one, *two;

	a = gp_local_new(destroyed);
	b = gp_local_new(NULL);
	gp_local_set(a, "main");
	one = gp_spawn(set_and_wait, "one");
	two = gp_spawn(set_and_wait, "two");
	gp_yield();
	EXPECT_INT(gp_local_free(a), 0);
	EXPECT_STR(unit_trace, "~main ~one ~two");
	join_one(one);
	join_one(two);
	EXPECT_STR(unit_trace, "~main ~one ~two");
	EXPECT_INT(gp_local_free(b), 0);
	EXPECT_INT(gp_local_free(NULL), 0);
}

static void *from_a_thread(void *slot)
{
	EXPECT_INT(gp_local_set(slot, "x"), -EINVAL);
	EXPECT(!gp_local_get(slot));
	EXPECT(!gp_local_has(slot));
	EXPECT_INT(gp_local_delete(slot), -EINVAL);
	EXPECT_INT(gp_local_free(slot), -EINVAL);
	return NULL;
}

CASE("NULL, or a call from another kernel thread, is -EINVAL")
{
	pthread_t t;

	a = gp_local_new(NULL);
	gp_local_set(a, "x");
	NEED(!pthread_create(&t, NULL, from_a_thread, a) && !pthread_join(t, NULL));
	EXPECT_STR(gp_local_get(a), "x");
	EXPECT_INT(gp_local_set(NULL, "x"), -EINVAL);
	EXPECT_INT(gp_local_delete(NULL), -EINVAL);
	EXPECT(!gp_local_get(NULL));
	EXPECT(!gp_local_has(NULL));
	gp_local_free(a);
}

CASE("random sets, deletes and ends of many greenlets, against an array")
{
	enum { SLOTS = 5, STEPS = 2000 };
	struct gp_local *slots[SLOTS];
	intptr_t have[SLOTS] = { 0 };

	unit_seed();
	for (int i = 0; i < SLOTS; i++)
		slots[i] = gp_local_new(NULL);
	for (int i = 0; i < STEPS; i++) {
		unsigned s = unit_random(SLOTS);

		switch (unit_random(3)) {
		case 0:
			have[s] = i + 1;
			EXPECT_INT(gp_local_set(slots[s], (void *)have[s]), 0);
			break;
		case 1:
			EXPECT_INT(gp_local_delete(slots[s]), have[s] ? 0 : -ENOENT);
			have[s] = 0;
			break;
		default:
			EXPECT_INT((intptr_t)gp_local_get(slots[s]), have[s]);
			EXPECT_INT(gp_local_has(slots[s]), have[s] != 0);
		}
	}
	for (int i = 0; i < SLOTS; i++)
		gp_local_free(slots[i]);
	EXPECT(!gp_self()->locals);
}
