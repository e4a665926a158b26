/* kill.c - killing greenlets in whatever state they are, and the end of all. The traces are those that gevent 22.10 gives
 * for the same programs. */
#include "unit.h"
#include <pthread.h>
#include "core/run/hub.h"
#include "greenpatch.h"

static void no_report(struct gp_greenlet *g) {}

static int turns_after; /* that a victim takes between the news and its end */

static void *victim(void *name)
{
	trace("v%s", (char *)name);
	if (gp_sleep(1000 * GP_SEC) == 0)
		return "slept";
	trace("told%s", (char *)name);
	for (int i = 0; i < turns_after; i++)
		if (gp_yield())
			return NULL;
	trace("end%s", (char *)name);
	return NULL;
}

static void *other(void *name)
{
	trace("o%s", (char *)name);
	gp_yield();
	trace("p%s", (char *)name);
	return NULL;
}

static struct gp_greenlet *v;

static void *killer(void *name)
{
	EXPECT_INT(gp_kill(v, GP_NEVER), 0);
	trace("killed%s", (char *)name);
	return NULL;
}

static void join_both(struct gp_greenlet *a, struct gp_greenlet *b)
{
	struct gp_greenlet *both[] = { a, b };

	EXPECT_INT(gp_join_all(both, 2, GP_NEVER), 2);
	gp_unref(a);
	gp_unref(b);
}

CASE("one that waits is told when the kill's turn comes; the killer waits for its end")
{
	struct gp_greenlet *k;

	turns_after = 1;
	v = gp_spawn(victim, "1");
	gp_yield();
	k = gp_spawn(killer, "1");
	join_both(k, gp_spawn(other, "1"));
	EXPECT_STR(unit_trace, "v1 o1 told1 p1 end1 killed1");
	EXPECT(gp_successful(v) && gp_value(v) == GP_EXITED);
	EXPECT(gp_killed(v));
	gp_unref(v);
}

CASE("killed by two: told twice, and both wait for the end")
{
	struct gp_greenlet *k;

	turns_after = 1;
	v = gp_spawn(victim, "1");
	gp_yield();
	k = gp_spawn(killer, "1");
	gp_unref(gp_spawn(killer, "2"));
	join_both(k, gp_spawn(other, "1"));
	EXPECT_HAS(unit_trace, "v1 o1 told1 ");
	EXPECT_HAS(unit_trace, "killed1");
	EXPECT_HAS(unit_trace, "killed2");
	EXPECT(gp_value(v) == GP_EXITED);
	gp_unref(v);
}

static void *yielder(void *arg)
{
	trace("y0");
	trace("y1:%d", gp_yield());
	trace("yend");
	return NULL;
}

CASE("one that gives way ends by itself if its turn comes before the kill's")
{
	struct gp_greenlet *k;

	v = gp_spawn(yielder, NULL);
	k = gp_spawn(killer, "1");
	join_both(k, gp_spawn(other, "1"));
	EXPECT_STR(unit_trace, "y0 o1 y1:0 yend killed1 p1");
	EXPECT(!gp_value(v));
	gp_unref(v);
}

CASE("one that gives way is told by that call if the kill's turn comes before its own")
{
	gp_set_error_handler(no_report);
	v = gp_spawn(yielder, NULL);
	EXPECT_INT(gp_kill_soon(v, -ECANCELED), 0); /* not started yet */
	gp_unref(v);
	v = gp_spawn(yielder, NULL);
	gp_yield();
	EXPECT_INT(gp_kill_soon(v, -EIO), 0); /* its turn stands before the kill's, and it yields again: */
	gp_yield();
	EXPECT_STR(unit_trace, "y0 y1:0 yend");
	EXPECT(!gp_error(v)); /* ended before it was told */
	gp_unref(v);
}

static void *yields_twice(void *arg)
{
	EXPECT_INT(gp_yield(), 0);
	EXPECT_INT(gp_yield(), -ECANCELED);
	EXPECT_INT(gp_yield(), 0);
	trace("done");
	return NULL;
}

CASE("a kill is told once; who ignores it goes on, with what value it likes")
{
	v = gp_spawn(yields_twice, NULL);
	gp_yield();
	EXPECT_INT(gp_kill(v, GP_NEVER), 0);
	EXPECT_STR(unit_trace, "done");
	EXPECT(gp_killed(v));
	gp_unref(v);
}

static void *gives_value(void *arg)
{
	EXPECT_INT(gp_sleep(1000 * GP_SEC), -EIO);
	return arg;
}

static void *gives_none(void *arg)
{
	EXPECT_INT(gp_sleep(1000 * GP_SEC), -EIO);
	return NULL;
}

CASE("a kill with an error of the killer's: the victim ends with it, unless it gives a value")
{
	struct gp_greenlet *with = gp_spawn(gives_value, "value"), *without = gp_spawn(gives_none, NULL), *unborn;

	gp_set_error_handler(no_report);
	gp_yield();
	unborn = gp_spawn(gives_none, NULL);
	EXPECT_INT(gp_kill_error(with, -EIO, GP_NEVER), 0);
	EXPECT_INT(gp_kill_error(without, -EIO, GP_NEVER), 0);
	EXPECT_INT(gp_kill_error(unborn, -EIO, GP_NEVER), 0);
	EXPECT_STR(gp_value(with), "value");
	EXPECT_INT(gp_error(without), -EIO);
	EXPECT_INT(gp_error(unborn), -EIO);
	EXPECT(!gp_successful(without) && !gp_value(without));
	gp_unref(with);
	gp_unref(without);
	gp_unref(unborn);
}

static void *say(void *arg)
{
	trace("%s", (char *)arg);
	return arg;
}

CASE("one that has not begun never does: not started, started, or to be started later; joiners are told")
{
	struct gp_greenlet *gs[] = { gp_new(NULL, say, "new"), gp_spawn(say, "spawned"),
		                     gp_spawn_later(GP_SEC * 1000, say, "later") };
	unsigned long live = gp_self()->hub->stats.live;

	for (int i = 0; i < 3; i++) {
		EXPECT_INT(gp_kill(gs[i], 0), 0);
		EXPECT(gp_ready(gs[i]) && gp_value(gs[i]) == GP_EXITED);
		EXPECT_INT(gp_start(gs[i]), -EINVAL);
		EXPECT_INT(gp_join(gs[i], 0), 0);
	}
	gp_yield();
	EXPECT_STR(unit_trace, "");
	EXPECT_INT(gp_self()->hub->stats.live, live - 1);
	EXPECT_INT(gp_self()->hub->deadlines.count, 0);
	for (int i = 0; i < 3; i++)
		gp_unref(gs[i]);
}

static void *joins(void *arg)
{
	EXPECT_INT(gp_join(arg, GP_NEVER), 0);
	trace("joined");
	return NULL;
}

CASE("who joins one that is killed before it began goes on")
{
	struct gp_greenlet *g = gp_spawn_later(GP_SEC * 1000, say, "later"), *j = gp_spawn(joins, g);

	gp_yield();
	EXPECT_INT(gp_kill(g, GP_NEVER), 0);
	EXPECT_INT(gp_join(j, GP_NEVER), 0);
	EXPECT_STR(unit_trace, "joined");
	gp_unref(g);
	gp_unref(j);
}

CASE("one that has ended cannot be killed any more, and is not changed")
{
	struct gp_greenlet *g = gp_spawn(say, "said");

	gp_join(g, GP_NEVER);
	EXPECT_INT(gp_kill(g, 0), 0);
	EXPECT_INT(gp_kill_soon(g, -EIO), 0);
	EXPECT_STR(gp_value(g), "said");
	EXPECT(!gp_killed(g));
	EXPECT_INT(gp_error(g), 0);
	gp_unref(g);
}

static void *kills_itself(void *arg)
{
	EXPECT_INT(gp_kill(gp_self(), GP_NEVER), 0);
	trace("s1");
	EXPECT_INT(gp_yield(), -ECANCELED);
	trace("stold");
	EXPECT_INT(gp_yield(), 0);
	trace("send");
	return NULL;
}

CASE("one that kills itself is told by its next call that waits")
{
	struct gp_greenlet *g = gp_spawn(kills_itself, NULL);

	gp_join(g, GP_NEVER);
	EXPECT_STR(unit_trace, "s1 stold send");
	EXPECT(gp_value(g) == GP_EXITED);
	gp_unref(g);
}

static void *ends_untold(void *arg)
{
	gp_kill_soon(gp_self(), -EIO);
	return arg;
}

CASE("one that ends before it was told ends as if nothing had been")
{
	struct gp_greenlet *none = gp_spawn(ends_untold, NULL), *value = gp_spawn(ends_untold, "value");

	gp_join(none, GP_NEVER);
	gp_join(value, GP_NEVER);
	EXPECT(!gp_error(none) && !gp_value(none) && gp_successful(none));
	EXPECT_STR(gp_value(value), "value");
	gp_unref(none);
	gp_unref(value);
}

static void *impatient(void *arg)
{
	EXPECT_INT(gp_kill(v, GP_NEVER), -ECANCELED);
	trace("k-killed");
	return NULL;
}

static struct gp_greenlet *k1;

static void *kills_the_killer(void *arg)
{
	EXPECT_INT(gp_kill(k1, GP_NEVER), 0);
	trace("killed2");
	return NULL;
}

CASE("a killer that waits may be killed itself")
{
	struct gp_greenlet *k2;

	turns_after = 5;
	v = gp_spawn(victim, "1");
	gp_yield();
	k1 = gp_spawn(impatient, NULL);
	gp_yield();
	k2 = gp_spawn(kills_the_killer, NULL);
	gp_join(k2, GP_NEVER);
	join_both(v, k2);
	EXPECT_STR(unit_trace, "v1 told1 k-killed killed2 end1");
	gp_unref(k1);
}

static bool may_end;

static void *goes_on(void *arg)
{
	while (!may_end)
		gp_yield();
	return NULL;
}

CASE("kill gives up at its deadline, whether or not the victim was told by then")
{
	struct gp_greenlet *g;

	g = gp_spawn(goes_on, NULL);
	gp_yield();
	EXPECT_INT(gp_kill(g, gp_now()), -ETIMEDOUT);
	EXPECT(gp_killed(g));
	EXPECT_INT(gp_kill(g, gp_after(GP_MSEC)), -ETIMEDOUT);
	may_end = true;
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
}

CASE("kill of all: told in order, in one go for those that have begun, and all have ended at the end")
{
	struct gp_greenlet *gs[5], *o;

	turns_after = 1;
	for (int i = 0; i < 3; i++)
		gs[i] = gp_spawn(victim, (char *[]){ "0", "1", "2" }[i]);
	gp_yield();
	gs[3] = NULL;
	gs[4] = gp_spawn(victim, "4");
	o = gp_spawn(other, "1");
	EXPECT_INT(gp_kill_all(gs, 5, -ECANCELED, GP_NEVER), 0);
	trace("all");
	gp_join(o, GP_NEVER);
	EXPECT_STR(unit_trace, "v0 v1 v2 o1 told0 told1 told2 p1 end0 end1 end2 all");
	for (int i = 0; i < 5; i++)
		gp_unref(gs[i]);
	gp_unref(o);
}

static void *from_a_thread(void *arg)
{
	struct gp_greenlet *g = arg, *none[] = { NULL };

	EXPECT_INT(gp_kill(g, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_kill_soon(g, -ECANCELED), -EINVAL);
	EXPECT_INT(gp_kill_all(&g, 1, -ECANCELED, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_kill_all(none, 1, -ECANCELED, 0), 0);
	return NULL;
}

CASE("kill of all with one that cannot be killed, or a wrong error: nobody is told")
{
	struct gp_greenlet *gs[] = { gp_spawn(victim, "0"), NULL, NULL, gp_self() };
	pthread_t t;

	turns_after = 0;
	gp_yield();
	gs[2] = gp_spawn(say, "unborn");
	EXPECT_INT(gp_kill_all(gs, 4, -ECANCELED, GP_NEVER), -EPERM);
	EXPECT_INT(gp_kill_all(gs, 3, 0, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_kill_all(gs, 3, EIO, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_kill_all(NULL, 1, -ECANCELED, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_kill_all(NULL, 0, 0, GP_NEVER), -EINVAL);
	NEED(!pthread_create(&t, NULL, from_a_thread, gs[0]) && !pthread_join(t, NULL));
	EXPECT(!gp_killed(gs[0]) && !gp_killed(gs[2]) && !gp_killed(gs[3]));
	EXPECT_INT(gp_kill_all(gs, 3, -ECANCELED, GP_NEVER), 0);
	EXPECT_STR(unit_trace, "v0 told0 end0");
	gp_unref(gs[0]);
	gp_unref(gs[2]);
}

CASE("kill of all of nobody, or of those that have ended: nothing to wait for")
{
	struct gp_greenlet *gs[] = { gp_spawn(say, "said"), NULL };

	EXPECT_INT(gp_join(gs[0], GP_NEVER), 0);
	EXPECT_INT(gp_kill_all(NULL, 0, -ECANCELED, 0), 0);
	EXPECT_INT(gp_kill_all(gs, 0, -ECANCELED, 0), 0);
	EXPECT_INT(gp_kill_all(&gs[1], 1, -ECANCELED, 0), 0);
	EXPECT_INT(gp_kill_all(gs, 2, -ECANCELED, 0), 0);
	EXPECT(!gp_killed(gs[0]));
	gp_unref(gs[0]);
}

static void *kills_all_with_itself(void *arg)
{
	struct gp_greenlet *gs[] = { gp_self(), arg };

	EXPECT_INT(gp_kill_all(gs, arg ? 2 : 1, -ECANCELED, GP_NEVER), arg ? -ECANCELED : 0);
	trace("s%d", arg ? 2 : 1);
	EXPECT_INT(gp_yield(), arg ? 0 : -ECANCELED);
	return NULL;
}

CASE("kill of all with the caller among them: told by this wait, or by its next one; the others are told as well")
{
	struct gp_greenlet *k = gp_spawn(kills_all_with_itself, NULL);

	turns_after = 0;
	EXPECT_INT(gp_join(k, GP_NEVER), 0);
	EXPECT(gp_killed(k) && gp_value(k) == GP_EXITED);
	gp_unref(k);
	v = gp_spawn(victim, "1");
	k = gp_spawn(kills_all_with_itself, v);
	join_both(k, v);
	EXPECT_STR(unit_trace, "s1 v1 s2 told1 end1");
}

CASE("kill of all: one twice is told once; at the deadline all have been told")
{
	struct gp_greenlet *gs[] = { gp_spawn(victim, "1"), NULL, gp_spawn(goes_on, NULL) };

	turns_after = 0;
	gs[1] = gs[0];
	gp_yield();
	EXPECT_INT(gp_kill_all(gs, 3, -ECANCELED, gp_after(GP_MSEC)), -ETIMEDOUT);
	while (!gp_ready(gs[0])) /* its turn may not have come by then */
		gp_yield();
	EXPECT_STR(unit_trace, "v1 told1 end1");
	EXPECT(gp_killed(gs[2]));
	may_end = true;
	join_both(gs[0], gs[2]);
}

CASE("misuse: the main greenlet, NULL, another thread, an error that is none")
{
	struct gp_greenlet *g = gp_spawn(say, "said");
	pthread_t t;

	EXPECT_INT(gp_kill(gp_self(), GP_NEVER), -EPERM);
	EXPECT_INT(gp_kill_soon(gp_self(), -ECANCELED), -EPERM);
	EXPECT_INT(gp_kill(NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_kill_error(g, 0, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_kill_error(g, 5, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_kill_soon(NULL, -ECANCELED), -EINVAL);
	EXPECT(!gp_killed(NULL));
	NEED(!pthread_create(&t, NULL, from_a_thread, g) && !pthread_join(t, NULL));
	gp_join(g, GP_NEVER);
	EXPECT_STR(unit_trace, "said");
	gp_unref(g);
}

static void *joiner_killed(void *arg)
{
	EXPECT_INT(gp_join(arg, GP_NEVER), -ECANCELED);
	trace("gave-up");
	return NULL;
}

CASE("a kill ends whatever call waits, and its object knows nothing of it any more")
{
	struct gp_greenlet *sleeper = gp_spawn(victim, "1"), *j = gp_spawn(joiner_killed, sleeper);

	turns_after = 0;
	gp_yield();
	EXPECT_INT(gp_kill(j, GP_NEVER), 0);
	EXPECT(gp__list_empty(&sleeper->links));
	EXPECT_INT(gp_kill(sleeper, GP_NEVER), 0);
	EXPECT_STR(unit_trace, "v1 gave-up told1 end1");
	gp_unref(j);
	gp_unref(sleeper);
}

CASE("the main greenlet's join is -EDEADLK when nothing can ever wake anybody, and others wait on")
{
	struct gp_semaphore *never = gp_semaphore_new(0);
	struct gp_greenlet *g;

	g = gp_spawn(joiner_killed, gp_self());
	EXPECT_INT(gp_join(g, GP_NEVER), -EDEADLK);
	EXPECT_INT(gp_semaphore_acquire(never, GP_NEVER), -EDEADLK);
	EXPECT(!gp_ready(g));
	EXPECT_INT(gp_kill(g, GP_NEVER), 0);
	gp_unref(g);
	gp_semaphore_free(never);
}

/* ---- the end of all ----------------------------------------------------------------- */

static void *starts_another(void *arg)
{
	gp_sleep(1000 * GP_SEC);
	trace("starts");
	gp_go(victim, "9");
	gp_unref(gp_spawn_later(GP_SEC * 1000, say, "later"));
	gp_yield();
	return NULL;
}

CASE("shutdown kills everybody in order, also those that come meanwhile, and waits")
{
	turns_after = 1;
	gp_go(victim, "1");
	gp_go(starts_another, NULL);
	gp_go(victim, "2");
	gp_yield();
	gp_go(say, "never");
	gp_unref(gp_spawn_later(GP_SEC * 1000, say, "later"));
	gp_unref(gp_spawn_later(GP_SEC * 2000, say, "later"));
	EXPECT_INT(gp_shutdown(GP_NEVER), 0);
	EXPECT_HAS(unit_trace, "v1 v2 told1 starts told2");
	EXPECT(!strstr(unit_trace, "never") && !strstr(unit_trace, "later"));
	EXPECT_INT(gp_self()->hub->stats.live, 1);
	EXPECT_INT(gp_self()->hub->deadlines.count, 0);
	EXPECT_INT(gp_shutdown(0), 0);
}

static void *ignores(void *arg)
{
	int told = 0;

	while (!may_end)
		told += gp_yield() == -ECANCELED;
	EXPECT_INT(told, 1);
	return NULL;
}

static void *shuts_down(void *arg)
{
	EXPECT_INT(gp_shutdown(GP_NEVER), 0);
	trace("shut");
	return NULL;
}

CASE("shutdown gives up at its deadline, tells nobody twice, and may be called by any greenlet")
{
	struct gp_greenlet *g;

	EXPECT_INT(gp_shutdown(GP_NEVER), 0); /* no hub yet */
	gp_go(ignores, NULL);
	gp_yield();
	EXPECT_INT(gp_shutdown(gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_shutdown(0), -ETIMEDOUT);
	g = gp_spawn(shuts_down, NULL);
	gp_yield();
	may_end = true;
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	EXPECT_STR(unit_trace, "shut");
	gp_unref(g);
}
