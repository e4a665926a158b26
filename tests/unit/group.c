/* group.c - groups: members come and leave, are waited for, killed, walked through. The traces are those that gevent
 * 22.10 gives for the same programs. */
#include "unit.h"
#include <pthread.h>
#include "core/run/hub.h"
#include "greenpatch.h"

static struct gp_group *group;

static void *name_of(int n)
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

static void *sleeps(void *arg)
{
	int r;

	trace("s%d", (int)(intptr_t)arg);
	r = gp_sleep(GP_SEC * 1000);
	trace("k%d", (int)(intptr_t)arg);
	EXPECT(r == -ECANCELED || r == -EIO);
	gp_yield();
	trace("d%d", (int)(intptr_t)arg);
	return NULL;
}

CASE("a group counts its members; they leave by a link, a turn after their end")
{
	struct gp_greenlet *a, *b;

	group = gp_group_new();
	EXPECT_INT(gp_group_size(group), 0);
	EXPECT_INT(gp_group_spawn(group, calls, name_of(1), &a, GP_NEVER), 0);
	EXPECT_INT(gp_group_spawn(group, calls, name_of(2), &b, 0), 0);
	EXPECT_INT(gp_group_size(group), 2);
	EXPECT(gp_group_has(group, a) && gp_group_has(group, b) && !gp_group_has(group, gp_self()));
	gp_yield();
	gp_yield(); /* both have ended; behind us are their links */
	EXPECT(gp_ready(a) && gp_ready(b));
	EXPECT_INT(gp_group_size(group), 2);
	gp_yield();
	EXPECT_INT(gp_group_size(group), 0);
	EXPECT(!gp_group_has(group, a));
	EXPECT_STR(unit_trace, "c1 c2 e1 e2");
	EXPECT_INT(gp_group_join(group, 0), 0);
	gp_unref(a);
	gp_unref(b);
	gp_group_free(group);
}

static void *joins(void *arg)
{
	EXPECT_INT(gp_group_join(group, GP_NEVER), 0);
	trace("j%d:%d", (int)(intptr_t)arg, (int)gp_group_size(group));
	return NULL;
}

static void *adds(void *arg)
{
	trace("add");
	gp_group_spawn(group, calls, name_of(2), NULL, GP_NEVER);
	gp_group_join(group, GP_NEVER);
	trace("addj");
	return NULL;
}

CASE("join waits until there is no member, once; all who join go on in order")
{
	struct gp_greenlet *gs[3];

	group = gp_group_new();
	gp_group_spawn(group, calls, name_of(1), NULL, GP_NEVER);
	gs[0] = gp_spawn(joins, name_of(1));
	gs[1] = gp_spawn(adds, NULL);
	gp_yield();
	gs[2] = gp_spawn(joins, name_of(2));
	EXPECT_INT(gp_join_all(gs, 3, GP_NEVER), 3);
	EXPECT_STR(unit_trace, "c1 add e1 c2 e2 j1:0 addj j2:0");
	for (int i = 0; i < 3; i++)
		gp_unref(gs[i]);
	gp_group_free(group);
}

CASE("join gives up at its deadline")
{
	group = gp_group_new();
	gp_group_spawn(group, sleeps, name_of(1), NULL, GP_NEVER);
	EXPECT_INT(gp_group_join(group, gp_now()), -ETIMEDOUT);
	EXPECT_INT(gp_group_join(group, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_group_kill(group, -ECANCELED, GP_NEVER), 0);
	gp_group_free(group);
}

CASE("kill reaches each once, in order, and waits for their ends; one that has not run never does")
{
	struct gp_greenlet *second;

	group = gp_group_new();
	gp_group_spawn(group, sleeps, name_of(1), NULL, GP_NEVER);
	gp_group_spawn(group, sleeps, name_of(3), NULL, GP_NEVER);
	gp_yield();
	gp_group_spawn(group, sleeps, name_of(2), &second, GP_NEVER);
	EXPECT_INT(gp_group_kill(group, -ECANCELED, GP_NEVER), 0);
	trace("len%d", (int)gp_group_size(group));
	EXPECT_STR(unit_trace, "s1 s3 k1 k3 d1 d3 len0");
	EXPECT(gp_value(second) == GP_EXITED);
	EXPECT_INT(gp_group_kill(group, -ECANCELED, 0), 0);
	gp_unref(second);
	gp_group_free(group);
}

static void *ignores(void *arg)
{
	int kills = 0;

	while (!*(bool *)arg)
		kills += gp_yield() == -ECANCELED;
	EXPECT_INT(kills, 1);
	return NULL;
}

static void no_report(struct gp_greenlet *g) {}

CASE("kill with a deadline, without waiting, and with an error of its own")
{
	struct gp_greenlet *g;
	bool end = false;

	gp_set_error_handler(no_report);
	group = gp_group_new();
	gp_group_spawn(group, ignores, &end, NULL, GP_NEVER);
	gp_yield();
	EXPECT_INT(gp_group_kill(group, 0, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_group_kill(group, -ECANCELED, gp_now()), -ETIMEDOUT);
	EXPECT_INT(gp_group_kill(group, -ECANCELED, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_group_kill_soon(group, -ECANCELED), 0);
	EXPECT_INT(gp_group_size(group), 1);
	end = true;
	EXPECT_INT(gp_group_join(group, GP_NEVER), 0);
	gp_group_spawn(group, sleeps, name_of(1), &g, GP_NEVER);
	gp_yield();
	EXPECT_INT(gp_group_kill_soon(group, -EIO), 0);
	EXPECT_STR(unit_trace, "s1");
	EXPECT_INT(gp_group_join(group, GP_NEVER), 0);
	EXPECT_INT(gp_error(g), -EIO);
	gp_unref(g);
	gp_group_free(group);
}

static void *kills_own(void *arg)
{
	EXPECT_INT(gp_group_kill(group, -ECANCELED, GP_NEVER), -ECANCELED);
	trace("told");
	EXPECT_INT(gp_yield(), 0);
	return NULL;
}

CASE("a member that kills its group is told by that call, after the others were asked")
{
	group = gp_group_new();
	gp_group_spawn(group, sleeps, name_of(1), NULL, GP_NEVER);
	gp_group_spawn(group, kills_own, NULL, NULL, GP_NEVER);
	gp_group_spawn(group, sleeps, name_of(2), NULL, GP_NEVER);
	EXPECT_INT(gp_group_join(group, GP_NEVER), 0);
	EXPECT_STR(unit_trace, "s1 told k1 d1");
	gp_group_free(group);
}

static void *spawns_more(void *arg)
{
	gp_sleep(GP_SEC * 1000);
	gp_group_spawn(group, sleeps, name_of(9), NULL, GP_NEVER);
	return NULL;
}

CASE("a member that comes while the group is killed is killed, too")
{
	group = gp_group_new();
	gp_group_spawn(group, spawns_more, NULL, NULL, GP_NEVER);
	gp_yield();
	EXPECT_INT(gp_group_kill(group, -ECANCELED, GP_NEVER), 0);
	EXPECT_INT(gp_group_size(group), 0);
	gp_group_free(group);
}

CASE("add: a second time nothing, one that has ended leaves soon, one in two groups is in both")
{
	struct gp_greenlet *g = gp_spawn(calls, name_of(1));
	struct gp_group *two = gp_group_new();

	group = gp_group_new();
	EXPECT_INT(gp_group_add(group, g, GP_NEVER), 0);
	EXPECT_INT(gp_group_add(group, g, GP_NEVER), 0);
	EXPECT_INT(gp_group_add(two, g, GP_NEVER), 0);
	EXPECT_INT(gp_group_size(group), 1);
	EXPECT(gp_group_has(group, g) && gp_group_has(two, g));
	gp_join(g, GP_NEVER);
	EXPECT_INT(gp_group_size(group) + gp_group_size(two), 0);
	EXPECT_INT(gp_group_add(group, g, GP_NEVER), 0);
	EXPECT_INT(gp_group_size(group), 1);
	EXPECT_INT(gp_group_join(group, GP_NEVER), 0);
	EXPECT_INT(gp_group_add(group, gp_self(), GP_NEVER), -EINVAL);
	gp_unref(g);
	gp_group_free(group);
	gp_group_free(two);
}

CASE("start: a greenlet with attributes or fields of its own; one that was started is refused")
{
	struct gp_greenlet *g = gp_new(&(struct gp_attr){ .name = "mine" }, calls, name_of(1));

	group = gp_group_new();
	EXPECT_INT(gp_group_start(group, g, GP_NEVER), 0);
	EXPECT_INT(gp_group_start(group, g, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_group_join(group, GP_NEVER), 0);
	EXPECT_INT(gp_group_start(group, g, GP_NEVER), -EINVAL);
	gp_unref(g);
	g = gp_spawn_later(GP_SEC, calls, NULL);
	EXPECT_INT(gp_group_start(group, g, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_group_size(group), 0);
	gp_kill(g, GP_NEVER);
	gp_unref(g);
	gp_group_free(group);
}

CASE("discard gives up a member that goes on")
{
	struct gp_greenlet *g;

	group = gp_group_new();
	gp_group_spawn(group, calls, name_of(1), &g, GP_NEVER);
	EXPECT_INT(gp_group_discard(group, g), 0);
	EXPECT_INT(gp_group_discard(group, g), -ENOENT);
	EXPECT_INT(gp_group_size(group), 0);
	EXPECT_INT(gp_group_join(group, 0), 0);
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	EXPECT_STR(unit_trace, "c1 e1");
	gp_unref(g);
	gp_group_free(group);
}

CASE("members are walked through in the order in which they came")
{
	struct gp_greenlet *gs[4], *g;

	group = gp_group_new();
	EXPECT(!gp_group_next(group, NULL));
	for (int i = 0; i < 4; i++)
		gp_group_spawn(group, calls, name_of(i), &gs[i], GP_NEVER);
	gp_group_discard(group, gs[1]);
	for (g = gp_group_next(group, NULL); g; g = gp_group_next(group, g))
		trace("%d", g == gs[0] ? 0 : g == gs[2] ? 2 : g == gs[3] ? 3 : -1);
	EXPECT_STR(unit_trace, "0 2 3");
	EXPECT(!gp_group_next(group, gs[1]));
	for (int i = 0; i < 4; i++)
		gp_join(gs[i], GP_NEVER);
	for (int i = 0; i < 4; i++)
		gp_unref(gs[i]);
	gp_group_free(group);
}

static void *joins_freed(void *arg)
{
	EXPECT_INT(gp_group_join(arg, GP_NEVER), -ESHUTDOWN);
	trace("shutdown");
	return NULL;
}

static void *kills_freed(void *arg)
{
	EXPECT_INT(gp_group_kill(arg, -ECANCELED, GP_NEVER), -ESHUTDOWN);
	trace("killer");
	return NULL;
}

CASE("a group that is freed lets its members go on; who waits for it is told")
{
	struct gp_greenlet *g, *waits[2];
	bool end = false;

	group = gp_group_new();
	gp_group_spawn(group, ignores, &end, &g, GP_NEVER);
	gp_yield();
	waits[0] = gp_spawn(joins_freed, group);
	waits[1] = gp_spawn(kills_freed, group);
	gp_yield();
	gp_group_free(group);
	EXPECT(!gp_ready(g));
	EXPECT_INT(gp_join(waits[0], GP_NEVER), 0);
	end = true;
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	EXPECT_INT(gp_join(waits[1], GP_NEVER), 0);
	EXPECT_STR(unit_trace, "shutdown killer");
	gp_unref(g);
	gp_unref(waits[0]);
	gp_unref(waits[1]);
	gp_group_free(NULL);
}

static void misuse(struct gp_group *wrong, struct gp_greenlet *g)
{
	EXPECT_INT(gp_group_spawn(wrong, calls, NULL, NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_group_start(wrong, g, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_group_add(wrong, g, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_group_discard(wrong, g), -EINVAL);
	EXPECT_INT(gp_group_join(wrong, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_group_kill(wrong, -ECANCELED, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_group_kill_soon(wrong, -ECANCELED), -EINVAL);
	EXPECT_INT(gp_group_size(wrong), 0);
	EXPECT(!gp_group_has(wrong, g));
	EXPECT(!gp_group_next(wrong, NULL));
	gp_group_free(wrong);
}

static struct gp_greenlet *borrowed;

static void *from_a_thread(void *arg)
{
	misuse(arg, borrowed);
	return NULL;
}

CASE("NULL, or a call from another kernel thread, is -EINVAL")
{
	pthread_t t;

	group = gp_group_new();
	gp_group_spawn(group, sleeps, name_of(1), &borrowed, GP_NEVER);
	misuse(NULL, borrowed);
	NEED(!pthread_create(&t, NULL, from_a_thread, group) && !pthread_join(t, NULL));
	EXPECT_INT(gp_group_size(group), 1);
	EXPECT_INT(gp_group_spawn(group, NULL, NULL, NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_group_add(group, NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_group_discard(group, NULL), -EINVAL);
	EXPECT_INT(gp_group_start(group, NULL, GP_NEVER), -EINVAL);
	gp_group_kill(group, -ECANCELED, GP_NEVER);
	gp_unref(borrowed);
	gp_group_free(group);
}
