/* link.c - what happens when a greenlet has ended: links, iterating over the ends, waiting for some of them; and waiting
 * until nobody can run. The traces are those that gevent 22.10 gives for the same programs. */
#include "unit.h"
#include <pthread.h>
#include "core/run/hub.h"
#include "greenpatch.h"

static void *say(void *arg)
{
	trace("%s", (const char *)arg);
	return arg;
}

static void *fail(void *arg)
{
	gp_fail(-EIO, NULL);
	return NULL;
}

static void *sleep_for(void *arg)
{
	gp_sleep((intptr_t)arg * GP_MSEC);
	return arg;
}

static void no_report(struct gp_greenlet *g) {}

static void say_link(struct gp_greenlet *g, void *arg)
{
	trace("%s", (const char *)arg);
}

static void yields(struct gp_greenlet *g, void *arg)
{
	trace("%s", (const char *)arg);
	gp_yield();
	trace("%s'", (const char *)arg);
}

static void links_again(struct gp_greenlet *g, void *arg)
{
	trace("%s", (const char *)arg);
	EXPECT_INT(gp_link(g, say_link, "l4"), 0);
}

static void *other(void *arg)
{
	trace("other");
	gp_yield();
	trace("other'");
	return NULL;
}

static void settle(void)
{
	for (int i = 0; i < 8; i++)
		gp_yield();
}

CASE("links begin in order, at once, each when the one before has parked; one that a link adds comes last")
{
	struct gp_greenlet *gs[2] = { gp_spawn(say, "body") };

	EXPECT_INT(gp_link(gs[0], yields, "l1"), 0);
	EXPECT_INT(gp_link(gs[0], links_again, "l2"), 0);
	EXPECT_INT(gp_link(gs[0], say_link, "l3"), 0);
	gs[1] = gp_spawn(other, NULL);
	EXPECT_INT(gp_join_all(gs, 2, GP_NEVER), 2);
	settle();
	EXPECT_STR(unit_trace, "body other l1 l2 l3 l4 other' l1'");
	EXPECT_INT(gp_self()->hub->stats.live, 1);
	gp_unref(gs[0]);
	gp_unref(gs[1]);
}

CASE("links for a value and for an error; a greenlet that was killed has a value")
{
	struct gp_greenlet *good = gp_spawn(say, "good"), *bad, *killed = gp_spawn(sleep_for, (void *)1000);

	gp_set_error_handler(no_report);
	bad = gp_spawn(fail, NULL);
	gp_yield();
	for (int i = 0; i < 3; i++) {
		struct gp_greenlet *g = (struct gp_greenlet *[]){ good, bad, killed }[i];

		EXPECT_INT(gp_link_value(g, say_link, (char *[]){ "good-v", "bad-v", "killed-v" }[i]), 0);
		EXPECT_INT(gp_link_error(g, say_link, (char *[]){ "good-e", "bad-e", "killed-e" }[i]), 0);
		EXPECT_INT(gp_link(g, say_link, (char *[]){ "good-a", "bad-a", "killed-a" }[i]), 0);
	}
	EXPECT_INT(gp_kill(killed, GP_NEVER), 0);
	settle();
	EXPECT_STR(unit_trace, "good good-v good-a bad-e bad-a killed-v killed-a");
	gp_unref(good);
	gp_unref(bad);
	gp_unref(killed);
}

CASE("a link to one that has ended is called soon, not at once")
{
	struct gp_greenlet *g = gp_spawn(say, "body");

	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	EXPECT_INT(gp_link(g, say_link, "late"), 0);
	trace("after");
	gp_yield();
	EXPECT_STR(unit_trace, "body after late");
	gp_unref(g);
}

CASE("a link is called if the greenlet is killed before it has run")
{
	struct gp_greenlet *g = gp_spawn(say, "body");

	EXPECT_INT(gp_link(g, say_link, "link"), 0);
	EXPECT_INT(gp_kill(g, GP_NEVER), 0);
	settle();
	EXPECT_STR(unit_trace, "link");
	gp_unref(g);
}

CASE("unlink takes the oldest such one back, once")
{
	struct gp_greenlet *g = gp_spawn(say, "body");

	EXPECT_INT(gp_link(g, say_link, "a"), 0);
	EXPECT_INT(gp_link_error(g, say_link, "b"), 0);
	EXPECT_INT(gp_link(g, say_link, "a"), 0);
	EXPECT_INT(gp_unlink(g, say_link, "c"), -ENOENT);
	EXPECT_INT(gp_unlink(g, yields, "a"), -ENOENT);
	EXPECT_INT(gp_unlink(g, say_link, "a"), 0);
	EXPECT_INT(gp_unlink(g, say_link, "b"), 0);
	EXPECT_INT(gp_unlink(g, say_link, "b"), -ENOENT);
	settle();
	EXPECT_INT(gp_unlink(g, say_link, "a"), -ENOENT);
	EXPECT_STR(unit_trace, "body a");
	gp_unref(g);
}

static void unlinks(struct gp_greenlet *g, void *arg)
{
	trace("unlinks");
	EXPECT_INT(gp_unlink(g, say_link, arg), 0);
}

CASE("a link may take a later one back")
{
	struct gp_greenlet *g = gp_spawn(say, "body");

	gp_link(g, unlinks, "b");
	gp_link(g, say_link, "a");
	gp_link(g, say_link, "b");
	settle();
	EXPECT_STR(unit_trace, "body unlinks a");
	gp_unref(g);
}

static void exits(struct gp_greenlet *g, void *arg)
{
	gp_exit(NULL);
}

static void fails(struct gp_greenlet *g, void *arg)
{
	gp_fail(-EIO, "in a link");
}

static void looks(struct gp_greenlet *g, void *arg)
{
	gp_sleep(GP_MSEC);
	trace("value-%s", (char *)gp_value(g));
}

CASE("a link may exit, fail, and look at its greenlet, whose last handle is gone")
{
	struct gp_greenlet *g = gp_spawn(say, "body");

	gp_set_error_handler(no_report);
	gp_link(g, exits, NULL);
	gp_link(g, fails, NULL);
	gp_link(g, looks, NULL);
	gp_unref(g);
	while (gp_self()->hub->stats.live > 1)
		gp_sleep(GP_MSEC);
	EXPECT_STR(unit_trace, "body value-body");
}

CASE("links of one that is given up without a start go away with it")
{
	struct gp_greenlet *g = gp_new(NULL, say, "body");

	EXPECT_INT(gp_link(g, say_link, "a"), 0);
	EXPECT_INT(gp_link(g, say_link, "b"), 0);
	gp_unref(g);
	settle();
	EXPECT_STR(unit_trace, "");
}

static void *from_a_thread(void *g)
{
	struct gp_iwait it;

	EXPECT_INT(gp_link(g, say_link, NULL), -EINVAL);
	EXPECT_INT(gp_unlink(g, say_link, NULL), -EINVAL);
	EXPECT_INT(gp_iwait_begin(&it, (struct gp_greenlet *[]){ g }, 1, GP_NEVER), -EINVAL);
	return gp__hub();
}

CASE("NULL, or a call from another thread, is -EINVAL")
{
	struct gp_greenlet *g = gp_spawn(say, "body");
	struct gp_iwait it;
	static void *others_hub; /* for life: the leak checker finds it here */
	pthread_t t;

	EXPECT_INT(gp_link(NULL, say_link, NULL), -EINVAL);
	EXPECT_INT(gp_link(g, NULL, NULL), -EINVAL);
	EXPECT_INT(gp_unlink(NULL, say_link, NULL), -EINVAL);
	EXPECT_INT(gp_unlink(g, NULL, NULL), -EINVAL);
	EXPECT_INT(gp_iwait_begin(NULL, &g, 1, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_iwait_begin(&it, NULL, 1, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_wait_count(NULL, 1, 0, GP_NEVER), -EINVAL);
	EXPECT(!gp_iwait_next(NULL));
	gp_iwait_end(NULL);
	NEED(!pthread_create(&t, NULL, from_a_thread, g) && !pthread_join(t, &others_hub));
	gp_join(g, GP_NEVER);
	gp_unref(g);
}

/* ---- iwait ------------------------------------------------------------------------- */

CASE("iwait gives them in the order of their ends")
{
	struct gp_greenlet *gs[] = { gp_spawn(sleep_for, (void *)60), gp_spawn(sleep_for, (void *)5), NULL,
		                     gp_spawn(sleep_for, (void *)30) };
	struct gp_greenlet *g;
	struct gp_iwait it;

	EXPECT_INT(gp_iwait_begin(&it, gs, 4, GP_NEVER), 0);
	for (int i = 0; i < 4; i++)
		gp_unref(gs[i]);
	while ((g = gp_iwait_next(&it)))
		trace("%d", (int)(intptr_t)gp_value(g));
	EXPECT_INT(it.error, 0);
	EXPECT(!gp_iwait_next(&it));
	gp_iwait_end(&it);
	gp_iwait_end(&it);
	EXPECT(!gp_iwait_next(&it));
	EXPECT_STR(unit_trace, "5 30 60");
}

CASE("whoever iterates goes on at once at an end, and then nobody comes before the ends that are known")
{
	struct gp_greenlet *gs[] = { gp_spawn(say, "w0"), gp_spawn(say, "w1"), gp_spawn(say, "w2") }, *g;
	struct gp_iwait it;

	gp_go(other, NULL);
	gp_iwait_begin(&it, gs, 3, GP_NEVER);
	while ((g = gp_iwait_next(&it)))
		trace("got-%s", (char *)gp_value(g));
	gp_iwait_end(&it);
	EXPECT_STR(unit_trace, "w0 w1 w2 other got-w0 got-w1 got-w2");
	for (int i = 0; i < 3; i++)
		gp_unref(gs[i]);
	settle();
}

CASE("iwait at its deadline says so, and what ends later can still be had")
{
	struct gp_greenlet *g = gp_spawn(sleep_for, (void *)20), *came;
	struct gp_iwait it;

	gp_iwait_begin(&it, &g, 1, gp_after(GP_MSEC));
	EXPECT(!gp_iwait_next(&it));
	EXPECT_INT(it.error, -ETIMEDOUT);
	EXPECT(!gp_iwait_next(&it));
	EXPECT_INT(it.error, -ETIMEDOUT);
	gp_join(g, GP_NEVER);
	came = gp_iwait_next(&it);
	EXPECT(came == g);
	EXPECT_INT(it.error, 0);
	gp_iwait_end(&it);
	gp_unref(g);
}

static void *iterate(void *arg)
{
	struct gp_iwait it;

	gp_iwait_begin(&it, (struct gp_greenlet *[]){ arg }, 1, GP_NEVER);
	EXPECT(!gp_iwait_next(&it));
	EXPECT_INT(it.error, -ECANCELED);
	EXPECT(gp_iwait_next(&it) == arg);
	gp_iwait_end(&it);
	trace("done");
	return NULL;
}

CASE("a kill of whoever iterates is told once")
{
	struct gp_greenlet *g = gp_spawn(sleep_for, (void *)20), *it = gp_spawn(iterate, g);

	gp_yield();
	EXPECT_INT(gp_kill(it, GP_NEVER), 0);
	EXPECT_STR(unit_trace, "done");
	gp_unref(it);
	gp_unref(g);
}

CASE("iwait that is left early leaves nothing behind")
{
	struct gp_greenlet *gs[] = { gp_spawn(say, "a"), gp_spawn(sleep_for, (void *)5) };
	struct gp_iwait it;

	gp_iwait_begin(&it, gs, 2, GP_NEVER);
	EXPECT(gp_iwait_next(&it) == gs[0]);
	gp_iwait_end(&it);
	EXPECT(gp__list_empty(&gs[1]->links));
	EXPECT_INT(gp_join_all(gs, 2, GP_NEVER), 2);
	gp_unref(gs[0]);
	gp_unref(gs[1]);
}

CASE("one that is given twice is got twice; none at all is an end at once")
{
	struct gp_greenlet *g = gp_spawn(say, "a"), *gs[] = { g, g };
	struct gp_iwait it;

	gp_iwait_begin(&it, gs, 2, GP_NEVER);
	EXPECT(gp_iwait_next(&it) == g);
	EXPECT(gp_iwait_next(&it) == g);
	EXPECT(!gp_iwait_next(&it));
	gp_iwait_end(&it);
	EXPECT_INT(gp_iwait_begin(&it, NULL, 0, GP_NEVER), 0);
	EXPECT(!gp_iwait_next(&it));
	EXPECT_INT(it.error, 0);
	gp_iwait_end(&it);
	gp_unref(g);
}

static bool may_end;

static void *end_when_told(void *arg)
{
	while (!may_end)
		gp_sleep(GP_MSEC);
	return NULL;
}

CASE("wait_count waits for that many, for all, or until the deadline")
{
	struct gp_greenlet *gs[] = { gp_spawn(sleep_for, (void *)100000), gp_spawn(sleep_for, (void *)1),
		                     gp_spawn(end_when_told, NULL) };

	EXPECT_INT(gp_wait_count(gs, 3, 1, GP_NEVER), 1);
	EXPECT(gp_ready(gs[1]));
	may_end = true;
	EXPECT_INT(gp_wait_count(gs, 3, 2, GP_NEVER), 2);
	EXPECT_INT(gp_wait_count(gs, 3, 0, gp_after(GP_MSEC)), 2);
	EXPECT_INT(gp_wait_count(gs, 3, 3, 0), 2);
	EXPECT_INT(gp_wait_count(gs + 1, 2, 0, GP_NEVER), 2);
	EXPECT_INT(gp_wait_count(gs + 1, 2, 7, GP_NEVER), 2);
	EXPECT_INT(gp_wait_count(NULL, 0, 0, GP_NEVER), 0);
	gp_kill(gs[0], GP_NEVER);
	for (int i = 0; i < 3; i++)
		gp_unref(gs[i]);
}

/* ---- idle --------------------------------------------------------------------------- */

static void *idle(void *arg)
{
	EXPECT_INT(gp_idle(GP_NEVER), 0);
	trace("idle%s", (char *)arg);
	gp_yield();
	trace("i%s", (char *)arg);
	return NULL;
}

static void *thrice(void *arg)
{
	for (int i = 0; i < 3; i++) {
		trace("y%d", i);
		gp_yield();
	}
	return NULL;
}

CASE("idle comes when nobody can run, the latest first")
{
	gp_go(idle, "1");
	gp_go(idle, "2");
	gp_go(thrice, NULL);
	gp_go(idle, "3");
	while (gp_self()->hub->stats.live > 1)
		gp_sleep(GP_MSEC);
	EXPECT_STR(unit_trace, "y0 y1 y2 idle3 idle2 idle1 i3 i2 i1");
}

static void *read_one(void *arg)
{
	char c;

	EXPECT_INT(gp__wait_fd(gp__hub(), *(int *)arg, GP__READ, GP_NEVER), GP__READ);
	EXPECT_INT(read(*(int *)arg, &c, 1), 1);
	trace("read");
	return NULL;
}

CASE("idle looks at descriptors and timers first, and does not wait for them")
{
	struct gp_greenlet *sleeper = gp_spawn(sleep_for, (void *)100000);
	int p[2];

	NEED(!pipe(p));
	gp_go(read_one, &p[0]);
	gp_yield();
	NEED(write(p[1], "x", 1) == 1);
	EXPECT_INT(gp_idle(GP_NEVER), 0);
	EXPECT_STR(unit_trace, "read");
	EXPECT(!gp_ready(sleeper));
	EXPECT_INT(gp_kill(sleeper, GP_NEVER), 0);
	gp_unref(sleeper);
}

static void *gives_way(void *stop)
{
	while (!*(bool *)stop)
		gp_yield();
	return NULL;
}

CASE("idle gives up at its deadline, while others can run; and comes before it, if they cannot")
{
	bool stop = false;
	struct gp_greenlet *busy = gp_spawn(gives_way, &stop);

	EXPECT_INT(gp_idle(0), -ETIMEDOUT);
	EXPECT_INT(gp_idle(gp_after(5 * GP_MSEC)), -ETIMEDOUT);
	EXPECT(gp__list_empty(&gp_self()->hub->idlers));
	stop = true;
	EXPECT_INT(gp_join(busy, GP_NEVER), 0);
	gp_unref(busy);
	EXPECT_INT(gp_idle(gp_after(1000 * GP_SEC)), 0);
	EXPECT_INT(gp_self()->hub->deadlines.count, 0);
}

static void *idle_killed(void *arg)
{
	EXPECT_INT(gp_idle(GP_NEVER), -ECANCELED);
	return NULL;
}

CASE("idle ends with a kill")
{
	struct gp_greenlet *g = gp_spawn(idle_killed, NULL);

	gp_yield();
	EXPECT_INT(gp_kill(g, GP_NEVER), 0);
	EXPECT(gp__list_empty(&gp_self()->hub->idlers));
	gp_unref(g);
}
