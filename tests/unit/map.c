/* map.c - calls over a group or a pool: apply, apply_async, map, imap in order and not. The traces are those that gevent
 * 22.10 gives for the same programs. */
#include "unit.h"
#include <pthread.h>
#include "core/run/hub.h"
#include "greenpatch.h"

static struct gp_group *group;
static void *const numbers[] = { (void *)0, (void *)1, (void *)2, (void *)3, (void *)4, (void *)5 };

static void *call(void *arg)
{
	trace("c%d", (int)(intptr_t)arg);
	return arg;
}

static void *yields(void *arg)
{
	trace("c%d", (int)(intptr_t)arg);
	gp_yield();
	trace("e%d", (int)(intptr_t)arg);
	return arg;
}

static void *yields_less(void *arg)
{
	trace("c%d", (int)(intptr_t)arg);
	for (intptr_t i = 0; i < 3 - (intptr_t)arg % 3; i++)
		gp_yield();
	trace("e%d", (int)(intptr_t)arg);
	return arg;
}

static void *odd_fails(void *arg)
{
	if ((intptr_t)arg % 2)
		gp_fail((int)(intptr_t)arg * 10, "odd");
	return arg;
}

static void *sleeps(void *arg)
{
	trace("s%d", (int)(intptr_t)arg);
	gp_sleep(GP_SEC * 1000);
	trace("k%d", (int)(intptr_t)arg);
	return arg;
}

static void no_report(struct gp_greenlet *g) {}

static void wait_for_all(void)
{
	while (gp_self()->hub->stats.live > 1)
		EXPECT_INT(gp_sleep(100 * GP_USEC), 0);
	gp_yield(); /* the links of the last one */
}

/* ---- apply ---------------------------------------------------------------------------- */

static void *applies(void *arg)
{
	void *value = NULL;

	trace("outer");
	EXPECT_INT(gp_group_apply(group, call, arg, &value, GP_NEVER), 0);
	trace("r%d", (int)(intptr_t)value);
	return value;
}

CASE("apply waits for the value of a call, or its error; in a member it calls right there")
{
	void *value = "as it was";

	gp_set_error_handler(no_report);
	group = gp_pool_new(1);
	EXPECT_INT(gp_group_apply(group, applies, (void *)5, &value, GP_NEVER), 0);
	EXPECT_INT((intptr_t)value, 5);
	EXPECT_STR(unit_trace, "outer c5 r5");
	value = "as it was";
	EXPECT_INT(gp_group_apply(group, odd_fails, (void *)3, &value, GP_NEVER), 30);
	EXPECT_STR(value, "as it was");
	EXPECT_INT(gp_group_apply(group, sleeps, NULL, &value, gp_after(GP_MSEC)), -ETIMEDOUT);
	gp_group_spawn(group, sleeps, NULL, NULL, gp_after(GP_MSEC));
	EXPECT(gp_pool_full(group));
	EXPECT_INT(gp_group_apply(group, call, NULL, NULL, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_group_kill(group, -ECANCELED, GP_NEVER), 0);
	EXPECT_INT(gp_group_apply(NULL, call, NULL, NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_group_apply(group, NULL, NULL, NULL, GP_NEVER), -EINVAL);
	gp_group_free(group);
}

static void called_back(void *value, void *arg)
{
	trace("cb%d", (int)(intptr_t)value);
	gp_yield();
	trace("cb%d.", (int)(intptr_t)value);
	EXPECT_STR(arg, "mine");
}

static void *other(void *arg)
{
	for (int i = 0; i < 4; i++) {
		trace("o%d", i);
		gp_yield();
	}
	return NULL;
}

CASE("apply_async does not wait, be the pool full or not; its callback runs in a greenlet of its own")
{
	struct gp_greenlet *gs[4];

	group = gp_pool_new(1);
	for (int i = 0; i < 3; i++)
		EXPECT_INT(gp_group_apply_async(group, yields, numbers[i], called_back, "mine", &gs[i]), 0);
	trace("len%d", (int)gp_group_size(group));
	EXPECT(gp_group_has(group, gs[0]) && !gp_group_has(group, gs[1]));
	gs[3] = gp_spawn(other, NULL);
	EXPECT_INT(gp_join_all(gs, 3, GP_NEVER), 3);
	trace("joined");
	gp_join(gs[3], GP_NEVER);
	wait_for_all();
	EXPECT_STR(unit_trace, "len1 c0 o0 e0 o1 cb0 o2 cb0. o3 c1 e1 cb1 c2 cb1. e2 cb2 joined cb2.");
	for (int i = 0; i < 4; i++) {
		EXPECT(i == 3 || gp_value(gs[i]) == numbers[i]);
		gp_unref(gs[i]);
	}
	gp_group_free(group);
}

CASE("apply_async: an error is for the handle, no callback comes; none need be given, nor a handle be taken")
{
	struct gp_greenlet *now, *later;

	gp_set_error_handler(no_report);
	group = gp_pool_new(1);
	EXPECT_INT(gp_group_apply_async(group, odd_fails, (void *)1, called_back, "mine", &now), 0);
	EXPECT_INT(gp_group_apply_async(group, odd_fails, (void *)3, called_back, "mine", &later), 0);
	EXPECT_INT(gp_group_apply_async(group, call, (void *)6, NULL, NULL, NULL), 0);
	EXPECT_INT(gp_get(now, NULL, GP_NEVER), 10);
	EXPECT_INT(gp_get(later, NULL, GP_NEVER), 30);
	wait_for_all();
	EXPECT_INT(gp_group_apply_async(group, call, (void *)7, NULL, NULL, NULL), 0);
	wait_for_all();
	EXPECT_STR(unit_trace, "c6 c7");
	gp_unref(now);
	gp_unref(later);
	EXPECT_INT(gp_group_apply_async(NULL, call, NULL, NULL, NULL, NULL), -EINVAL);
	EXPECT_INT(gp_group_apply_async(group, NULL, NULL, NULL, NULL, NULL), -EINVAL);
	gp_group_free(group);
}

CASE("apply_async that is killed before or while it waits for a place never calls")
{
	struct gp_greenlet *unborn, *waits;

	group = gp_pool_new(1);
	gp_group_spawn(group, sleeps, NULL, NULL, GP_NEVER);
	EXPECT_INT(gp_group_apply_async(group, call, (void *)1, called_back, "mine", &waits), 0);
	gp_yield();
	EXPECT_INT(gp_group_apply_async(group, call, (void *)2, called_back, "mine", &unborn), 0);
	EXPECT_INT(gp_kill(unborn, GP_NEVER), 0);
	EXPECT_INT(gp_kill(waits, GP_NEVER), 0);
	EXPECT(gp_value(waits) == GP_EXITED && gp_value(unborn) == GP_EXITED);
	gp_group_kill(group, -ECANCELED, GP_NEVER);
	wait_for_all();
	EXPECT_STR(unit_trace, "s0 k0");
	gp_unref(unborn);
	gp_unref(waits);
	gp_group_free(group);
}

CASE("apply_async into a full pool that is freed ends with -ESHUTDOWN")
{
	struct gp_greenlet *g;

	gp_set_error_handler(no_report);
	group = gp_pool_new(1);
	gp_group_spawn(group, yields, NULL, NULL, GP_NEVER);
	EXPECT_INT(gp_group_apply_async(group, call, (void *)1, called_back, "mine", &g), 0);
	gp_group_free(group);
	EXPECT_INT(gp_get(g, NULL, GP_NEVER), -ESHUTDOWN);
	gp_unref(g);
	wait_for_all();
}

/* ---- map ---------------------------------------------------------------------------------- */

CASE("map gives the values in the order of the arguments, as many at a time as there are places")
{
	void *values[6];

	group = gp_pool_new(3);
	EXPECT_INT(gp_group_map(group, yields_less, numbers, 6, values, GP_NEVER), 0);
	for (int i = 0; i < 6; i++)
		EXPECT(values[i] == numbers[i]);
	EXPECT_STR(unit_trace, "c0 c1 c2 e2 e1 e0 c3 c4 c5 e4 e5 e3");
	EXPECT_INT(gp_group_map(group, call, NULL, 0, NULL, GP_NEVER), 0);
	gp_group_free(group);
}

CASE("map gives the error of the first call that has one, and no values")
{
	void *values[] = { "as", "it", "was", "before" };

	gp_set_error_handler(no_report);
	group = gp_group_new();
	EXPECT_INT(gp_group_map(group, odd_fails, numbers, 4, values, GP_NEVER), 10);
	EXPECT_STR(values[0], "as");
	EXPECT_STR(values[3], "before");
	wait_for_all();
	gp_group_free(group);
}

CASE("map that gives up begins no more calls; those that have begun go on")
{
	void *values[6] = { NULL };

	group = gp_pool_new(2);
	EXPECT_INT(gp_group_map(group, sleeps, numbers, 6, values, gp_now()), -ETIMEDOUT);
	for (int64_t limit = GP_MSEC; !gp_group_size(group); limit *= 2)
		EXPECT_INT(gp_group_map(group, sleeps, numbers, 6, values, gp_after(limit)), -ETIMEDOUT);
	EXPECT_INT(gp_group_size(group), 2);
	EXPECT_INT(gp_group_kill(group, -ECANCELED, GP_NEVER), 0);
	wait_for_all();
	EXPECT_STR(unit_trace, "s0 s1 k0 k1");
	gp_group_free(group);
}

static void *maps(void *arg)
{
	EXPECT_INT(gp_group_map(group, sleeps, numbers, 2, NULL, GP_NEVER), -ECANCELED);
	trace("killed");
	return NULL;
}

CASE("map ends with a kill of its caller, before its calls have begun, too")
{
	struct gp_greenlet *g;

	group = gp_group_new();
	for (int begun = 0; begun < 2; begun++) {
		g = gp_spawn(maps, NULL);
		gp_yield();
		if (begun)
			gp_yield();
		EXPECT_INT(gp_kill(g, GP_NEVER), 0);
		gp_group_kill(group, -ECANCELED, GP_NEVER);
		wait_for_all();
		gp_unref(g);
	}
	EXPECT_HAS(unit_trace, "killed");
	gp_group_free(group);
}

CASE("map over a group that is freed is -ESHUTDOWN; misuse is -EINVAL")
{
	group = gp_pool_new(1);
	EXPECT_INT(gp_group_map(NULL, call, numbers, 1, NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_group_map(group, NULL, numbers, 1, NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_group_map(group, call, NULL, 1, NULL, GP_NEVER), -EINVAL);
	gp_group_free(group);
}

/* ---- imap ------------------------------------------------------------------------------------- */

static void receive(struct gp_imap *it)
{
	while (gp_imap_next(it, GP_NEVER)) {
		if (it->error)
			trace("E%d", it->error);
		else
			trace("got%d", (int)(intptr_t)it->value);
	}
	EXPECT_INT(it->error, 0);
	EXPECT(!gp_imap_next(it, GP_NEVER));
	gp_imap_end(it);
	gp_imap_end(it);
	EXPECT(!gp_imap_next(it, GP_NEVER));
}

/* How the trace of an iteration is to look. */
static void imap_is(int in_order, unsigned places, void *(*fn)(void *), size_t n, size_t room, const char *want)
{
	struct gp_imap it;

	unit_trace[0] = 0;
	group = places ? gp_pool_new(places) : gp_group_new();
	EXPECT_INT((in_order ? gp_imap_begin : gp_imap_unordered_begin)(&it, group, fn, numbers, n, room), 0);
	receive(&it);
	EXPECT_STR(unit_trace, want);
	gp_group_free(group);
	wait_for_all();
}

CASE("imap: results in order or as they come, with and without limits of places and of results")
{
	imap_is(0, 0, call, 4, 1, "c0 c1 got0 got1 c2 c3 got2 got3");
	imap_is(1, 0, call, 4, 1, "c0 c1 got0 got1 c2 c3 got2 got3");
	imap_is(0, 0, yields, 5, 2, "c0 c1 c2 e0 e1 e2 got0 got1 got2 c3 c4 e3 e4 got3 got4");
	imap_is(1, 2, yields, 5, 2, "c0 c1 e0 e1 got0 got1 c2 e2 c3 e3 got2 c4 got3 e4 got4");
	imap_is(0, 2, yields, 5, 0, "c0 c1 e0 e1 got0 got1 c2 c3 e2 e3 got2 got3 c4 e4 got4");
	imap_is(1, 3, yields_less, 6, 0, "c0 c1 c2 e2 e1 e0 c3 c4 got0 got1 got2 c5 e4 e5 e3 got3 got4 got5");
	imap_is(1, 0, call, 0, 0, "");
	imap_is(0, 0, call, 0, 3, "");
}

CASE("imap: the error of a call comes in its place, and the others after it")
{
	gp_set_error_handler(no_report);
	imap_is(1, 0, odd_fails, 4, 0, "got0 E10 got2 E30");
	imap_is(0, 2, odd_fails, 4, 0, "got0 E10 got2 E30");
}

CASE("imap says which call it was, and lends its greenlet")
{
	struct gp_imap it;

	gp_set_error_handler(no_report);
	group = gp_group_new();
	gp_imap_unordered_begin(&it, group, odd_fails, numbers + 1, 3, 0);
	for (size_t i = 0; i < 3; i++) {
		EXPECT(gp_imap_next(&it, GP_NEVER));
		EXPECT_INT(it.index, i);
		EXPECT_STR(gp_message(it.greenlet), i == 1 ? "" : "odd");
		EXPECT(i == 1 || !it.value);
	}
	EXPECT(!gp_imap_next(&it, GP_NEVER));
	EXPECT(!it.greenlet);
	gp_imap_end(&it);
	gp_group_free(group);
}

static bool count_to(void *state, void **arg)
{
	int *left = state;

	gp_yield(); /* may park */
	*arg = (void *)(intptr_t)*left;
	return (*left)--;
}

CASE("imap over arguments that are made one by one; there is no end to them but that of the iteration")
{
	struct gp_imap it;
	int left = 3, endless = -1;

	group = gp_pool_new(2);
	EXPECT_INT(gp_imap_from(&it, group, call, count_to, &left, 0), 0);
	receive(&it);
	EXPECT_HAS(unit_trace, "got3");
	EXPECT_HAS(unit_trace, "got1");
	EXPECT_INT(left, -1);
	EXPECT_INT(gp_imap_unordered_from(&it, group, call, count_to, &endless, 4), 0);
	for (int i = 0; i < 20; i++)
		EXPECT(gp_imap_next(&it, GP_NEVER));
	EXPECT(endless > -30); /* no more than there is room for */
	gp_imap_end(&it);
	wait_for_all();
	gp_group_free(group);
}

CASE("next gives up at its deadline, or with a timeout, and can be asked again")
{
	struct gp_timeout t;
	struct gp_imap it;

	group = gp_group_new();
	gp_imap_begin(&it, group, sleeps, numbers, 2, 1);
	EXPECT(!gp_imap_next(&it, gp_now()));
	EXPECT_INT(it.error, -ETIMEDOUT);
	while (gp_group_size(group) < 2) {
		EXPECT(!gp_imap_next(&it, gp_after(GP_MSEC)));
		EXPECT_INT(it.error, -ETIMEDOUT);
	}
	gp_timeout_start_error(&t, GP_MSEC, -1000);
	EXPECT(!gp_imap_next(&it, GP_NEVER));
	EXPECT_INT(it.error, -1000);
	EXPECT_INT(gp_timeout_stop(&t), -1000);
	EXPECT_INT(gp_group_size(group), 2); /* one for which there was room, one for the result that was asked for */
	gp_group_kill_soon(group, -ECANCELED);
	EXPECT(gp_imap_next(&it, GP_NEVER));
	EXPECT_INT(it.error, 0);
	EXPECT_INT(it.index, 0);
	EXPECT(gp_imap_next(&it, GP_NEVER));
	EXPECT(!gp_imap_next(&it, GP_NEVER));
	gp_imap_end(&it);
	gp_group_free(group);
}

CASE("an iteration that is left lets what has begun go on, and begins no more")
{
	struct gp_imap it;

	for (int turns = 0; turns < 6; turns++) {
		int to_run = 0, ran = 0;

		unit_trace[0] = 0;
		group = gp_pool_new(2);
		gp_imap_begin(&it, group, yields, numbers, 6, 0);
		for (int i = 0; i < turns; i++)
			gp_yield();
		for (struct gp_greenlet *g = NULL; (g = gp_group_next(group, g));)
			to_run += g->state == GP__NEW;
		gp_imap_end(&it);
		trace("left");
		wait_for_all();
		for (const char *at = strstr(unit_trace, "left"); (at = strchr(at, 'c')); at++)
			ran++;
		EXPECT_INT(ran, to_run);
		EXPECT_INT(gp_group_size(group), 0);
		gp_group_free(group);
	}
}

static void *gets(void *arg)
{
	trace("next%d", gp_imap_next(arg, GP_NEVER));
	return NULL;
}

CASE("several may take from one iteration; its end lets those who wait go")
{
	struct gp_greenlet *gs[3];
	struct gp_imap it;

	group = gp_group_new();
	gp_imap_unordered_begin(&it, group, yields, numbers, 2, 0);
	for (int i = 0; i < 3; i++)
		gs[i] = gp_spawn(gets, &it);
	EXPECT_INT(gp_join_all(gs, 3, GP_NEVER), 3);
	EXPECT_STR(unit_trace, "c0 c1 e0 e1 next1 next1 next0");
	gp_imap_end(&it);
	for (int i = 0; i < 3; i++)
		gp_unref(gs[i]);
	gp_imap_begin(&it, group, sleeps, numbers, 1, 0);
	gs[0] = gp_spawn(gets, &it);
	gp_yield();
	gp_yield();
	gp_imap_end(&it);
	EXPECT_INT(gp_join(gs[0], GP_NEVER), 0);
	gp_unref(gs[0]);
	gp_group_kill(group, -ECANCELED, GP_NEVER);
	gp_group_free(group);
}

CASE("a group that is freed ends the iteration with -ESHUTDOWN, behind the results there are")
{
	struct gp_imap it;

	group = gp_pool_new(2);
	gp_imap_begin(&it, group, yields, numbers, 6, 0);
	gp_yield();
	gp_group_free(group);
	EXPECT(gp_imap_next(&it, GP_NEVER));
	EXPECT(gp_imap_next(&it, GP_NEVER));
	EXPECT(!gp_imap_next(&it, GP_NEVER));
	EXPECT_INT(it.error, -ESHUTDOWN);
	gp_imap_end(&it);
}

static void *from_a_thread(void *it)
{
	EXPECT(!gp_imap_next(it, GP_NEVER));
	gp_imap_end(it);
	return NULL;
}

CASE("misuse of an iteration is -EINVAL")
{
	struct gp_imap it, copy;
	pthread_t t;

	group = gp_group_new();
	EXPECT_INT(gp_imap_begin(NULL, group, call, numbers, 1, 0), -EINVAL);
	EXPECT_INT(gp_imap_begin(&it, NULL, call, numbers, 1, 0), -EINVAL);
	EXPECT_INT(gp_imap_begin(&it, group, NULL, numbers, 1, 0), -EINVAL);
	EXPECT_INT(gp_imap_begin(&it, group, call, NULL, 1, 0), -EINVAL);
	EXPECT_INT(gp_imap_begin(&it, group, call, numbers, 1, SIZE_MAX), -EINVAL);
	EXPECT_INT(gp_imap_from(&it, group, call, NULL, NULL, 0), -EINVAL);
	EXPECT_INT(gp_imap_unordered_from(&it, group, call, NULL, NULL, 0), -EINVAL);
	EXPECT(!gp_imap_next(NULL, GP_NEVER));
	gp_imap_end(NULL);
	EXPECT_INT(gp_imap_begin(&it, group, call, numbers, 1, 0), 0);
	copy = it;
	NEED(!pthread_create(&t, NULL, from_a_thread, &copy) && !pthread_join(t, NULL));
	EXPECT_INT(copy.error, -EINVAL);
	receive(&it);
	gp_group_free(group);
}

/* ---- chance -------------------------------------------------------------------------------------- */

static void *wanders(void *arg)
{
	for (unsigned n = unit_random(5); n; n--)
		gp_yield();
	if (!unit_random(16))
		gp_sleep((int64_t)unit_random(100) * GP_USEC);
	if (!unit_random(10))
		gp_fail(1 + (int)(intptr_t)arg, NULL);
	return arg;
}

CASE("random calls: each result comes once, in order where that was asked for")
{
	enum { MOST = 60 };
	void *args[MOST];

	unit_seed();
	gp_set_error_handler(no_report);
	for (intptr_t i = 0; i < MOST; i++)
		args[i] = (void *)i;
	for (int round = 0; round < 60; round++) {
		bool seen[MOST] = { false }, in_order = unit_random(2);
		size_t n = unit_random(MOST), came = 0, stop = unit_random(4) ? n + 1 : unit_random(MOST);
		struct gp_imap it;

		group = unit_random(3) ? gp_pool_new(1 + unit_random(8)) : gp_group_new();
		(in_order ? gp_imap_begin : gp_imap_unordered_begin)(&it, group, wanders, args, n, unit_random(6));
		while (came < stop && gp_imap_next(&it, GP_NEVER)) {
			NEED(it.index < n && !seen[it.index]);
			seen[it.index] = true;
			EXPECT(!in_order || it.index == came);
			EXPECT(it.error ? it.error == 1 + (int)it.index : it.value == args[it.index]);
			came++;
			if (!unit_random(4))
				gp_yield();
		}
		EXPECT(came == n || came == stop);
		gp_imap_end(&it);
		wait_for_all();
		EXPECT_INT(gp_group_size(group), 0);
		gp_group_free(group);
	}
}
