/* scope.c - gp_timeout: limits of time around calls; nested, at once, in time, too late, silent, after a fork, and against
 * a model. Which limit hit is what the tests look at, not how long it took. */
#include "unit.h"
#include "core/run/hub.h"
#include "greenpatch.h"

enum { INNER = -1001, OUTER = -1002 };

CASE("a limit ends the call that waits, once, and its stop says so, however often")
{
	struct gp_timeout t = { 0 };

	EXPECT(!gp_timeout_pending(&t) && !gp_timeout_hit(&t));
	EXPECT_INT(gp_timeout_start(&t, GP_MSEC), 0);
	EXPECT(gp_timeout_pending(&t));
	EXPECT_INT(gp_sleep(1000 * GP_SEC), -ETIMEDOUT);
	EXPECT(gp_timeout_hit(&t) && !gp_timeout_pending(&t));
	EXPECT(gp_timeout_which() == &t);
	EXPECT_INT(gp_sleep(GP_MSEC), 0);
	EXPECT_INT(gp_timeout_stop(&t), -ETIMEDOUT);
	EXPECT_INT(gp_timeout_stop(&t), -ETIMEDOUT);
	EXPECT(!gp_timeout_which());
}

CASE("a limit that is stopped in time hits nothing")
{
	struct gp_timeout t;

	EXPECT_INT(gp_timeout_start(&t, GP_MSEC), 0);
	EXPECT_INT(gp_timeout_stop(&t), 0);
	EXPECT(!gp_timeout_pending(&t) && !gp_timeout_hit(&t));
	EXPECT_INT(gp_sleep(3 * GP_MSEC), 0);
	EXPECT_INT(gp_timeout_start(&t, GP_NEVER), 0);
	EXPECT_INT(gp_sleep(GP_MSEC), 0);
	EXPECT(gp_timeout_pending(&t));
	EXPECT_INT(gp_timeout_stop(&t), 0);
	EXPECT_INT(gp_self()->hub->deadlines.count, 0);
}

CASE("the outer limit hits in the inner scope, which sees that it was not its own")
{
	struct gp_timeout outer, inner;

	gp_timeout_start_error(&outer, GP_MSEC, OUTER);
	gp_timeout_start_error(&inner, 1000 * GP_SEC, INNER);
	EXPECT_INT(gp_sleep(GP_NEVER), OUTER);
	EXPECT(!gp_timeout_hit(&inner) && gp_timeout_hit(&outer));
	EXPECT_INT(gp_timeout_stop(&inner), 0);
	EXPECT_INT(gp_timeout_stop(&outer), OUTER);
}

CASE("the inner limit hits, and the outer goes on")
{
	struct gp_timeout outer, inner;

	gp_timeout_start_error(&outer, 1000 * GP_SEC, OUTER);
	gp_timeout_start_error(&inner, GP_MSEC, INNER);
	EXPECT_INT(gp_sleep(GP_NEVER), INNER);
	EXPECT_INT(gp_timeout_stop(&inner), INNER);
	EXPECT(gp_timeout_pending(&outer));
	EXPECT_INT(gp_timeout_stop(&outer), 0);
}

CASE("both due at once: each ends a call of its own, the earlier one first")
{
	struct gp_timeout outer, inner;

	gp_timeout_start_error(&outer, 1, OUTER);
	gp_timeout_start_error(&inner, 2 * GP_MSEC, INNER);
	unit_spin_until(unit_now() + 4 * GP_MSEC);
	EXPECT_INT(gp_sleep(GP_NEVER), OUTER);
	EXPECT_INT(gp_sleep(GP_NEVER), INNER);
	EXPECT_INT(gp_sleep(GP_MSEC), 0);
	EXPECT_INT(gp_timeout_stop(&inner), INNER);
	EXPECT_INT(gp_timeout_stop(&outer), OUTER);
}

CASE("a silent limit ends the call and its stop says nothing")
{
	struct gp_timeout t;

	gp_timeout_start_silent(&t, GP_MSEC);
	EXPECT_INT(gp_sleep(GP_NEVER), -ETIMEDOUT);
	EXPECT(gp_timeout_hit(&t));
	EXPECT_INT(gp_timeout_stop(&t), 0);
}

static void *never_stops(void *t)
{
	gp_timeout_start_error(t, GP_MSEC, INNER);
	EXPECT_INT(gp_sleep(GP_NEVER), INNER);
	return NULL;
}

static void *starts_only(void *t)
{
	gp_timeout_start(t, 1000 * GP_SEC);
	return "value";
}

static void no_report(struct gp_greenlet *g) {}

CASE("a greenlet whose limit hit and was never stopped ends with its error; one that did not hit ends with it")
{
	struct gp_timeout t;
	struct gp_greenlet *g;

	gp_set_error_handler(no_report);
	g = gp_spawn(never_stops, &t);
	EXPECT_INT(gp_get(g, NULL, GP_NEVER), INNER);
	gp_unref(g);
	g = gp_spawn(starts_only, &t);
	EXPECT_INT(gp_get(g, NULL, GP_NEVER), 0);
	EXPECT_STR(gp_value(g), "value");
	EXPECT_INT(gp_self()->hub->deadlines.count, 0);
	gp_unref(g);
}

CASE("a limit whose time is up while its greenlet runs hits the next call that waits")
{
	struct gp_timeout t;

	gp_timeout_start(&t, 1);
	unit_spin_until(unit_now() + GP_MSEC);
	EXPECT(!gp_timeout_hit(&t));
	EXPECT_INT(gp_sleep(GP_NEVER), -ETIMEDOUT);
	EXPECT_INT(gp_timeout_stop(&t), -ETIMEDOUT);
	gp_timeout_start(&t, 0);
	EXPECT_INT(gp_sleep(GP_NEVER), -ETIMEDOUT);
	EXPECT_INT(gp_timeout_stop(&t), -ETIMEDOUT);
}

CASE("a limit whose time is up and that has ended nothing counts as not reached")
{
	struct gp_timeout t;

	gp_timeout_start(&t, 1);
	unit_spin_until(unit_now() + GP_MSEC);
	EXPECT_INT(gp_timeout_stop(&t), 0);
	EXPECT_INT(gp_sleep(GP_MSEC), 0);
}

static void *waits(void *arg)
{
	EXPECT_INT(gp_sleep(1000 * GP_SEC), -ECANCELED);
	return NULL;
}

CASE("a limit hits who started it, not who is waited for")
{
	struct gp_greenlet *g = gp_spawn(waits, NULL);
	struct gp_timeout t;

	gp_timeout_start(&t, GP_MSEC);
	EXPECT_INT(gp_join(g, GP_NEVER), -ETIMEDOUT);
	EXPECT_INT(gp_timeout_stop(&t), -ETIMEDOUT);
	EXPECT(!gp_ready(g));
	EXPECT_INT(gp_kill(g, GP_NEVER), 0);
	gp_unref(g);
}

CASE("a limit that runs when its process forks runs in the child, too, once in each")
{
	struct gp_timeout t, long_one;
	pid_t pid;

	gp_timeout_start_error(&long_one, 1000 * GP_SEC, OUTER);
	gp_timeout_start(&t, 20 * GP_MSEC);
	EXPECT_INT(gp_sleep(1), 0);
	pid = unit_fork();
	if (!pid) {
		EXPECT_INT(gp_sleep(GP_NEVER), -ETIMEDOUT);
		EXPECT_INT(gp_timeout_stop(&t), -ETIMEDOUT);
		EXPECT(gp_timeout_pending(&long_one));
		EXPECT_INT(gp_timeout_stop(&long_one), 0);
		unit_leave();
	}
	EXPECT_INT(gp_sleep(GP_NEVER), -ETIMEDOUT);
	EXPECT_INT(gp_timeout_stop(&t), -ETIMEDOUT);
	EXPECT_INT(gp_timeout_stop(&long_one), 0);
	EXPECT_INT(unit_wait(pid), 0);
}

static void *add_one(void *arg)
{
	return gp_sleep((intptr_t)arg) ? NULL : "came";
}

CASE("with_timeout gives the value, or keeps the stand-in")
{
	void *value = "stand-in";

	EXPECT_INT(gp_with_timeout(GP_MSEC, add_one, (void *)(1000 * GP_SEC), &value), -ETIMEDOUT);
	EXPECT_STR(value, "stand-in");
	EXPECT_INT(gp_with_timeout(1000 * GP_SEC, add_one, (void *)GP_MSEC, &value), 0);
	EXPECT_STR(value, "came");
	EXPECT_INT(gp_with_timeout(GP_MSEC, add_one, (void *)(1000 * GP_SEC), NULL), -ETIMEDOUT);
	EXPECT_INT(gp_with_timeout(GP_MSEC, NULL, NULL, NULL), -EINVAL);
	EXPECT_INT(gp_self()->hub->deadlines.count, 0);
}

CASE("misuse: NULL, an error that is none")
{
	struct gp_timeout t = { 0 };

	EXPECT_INT(gp_timeout_start(NULL, 1), -EINVAL);
	EXPECT_INT(gp_timeout_start_error(&t, 1, 0), -EINVAL);
	EXPECT_INT(gp_timeout_start_error(&t, 1, 7), -EINVAL);
	EXPECT_INT(gp_timeout_stop(NULL), -EINVAL);
	EXPECT_INT(gp_timeout_stop(&t), 0);
	EXPECT(!gp_timeout_pending(NULL) && !gp_timeout_hit(NULL));
}

/* ---- against a model -------------------------------------------------------------------- */

enum { DEEP = 6, STEPS = 400, GREENLETS = 4 };

/* Scopes that nest at random; some are due at once, the others never. The model: among those that are due and not told,
 * the earliest start time comes first, each ends one call, then calls end by themselves. */
static void *nests(void *arg)
{
	struct gp_timeout scopes[DEEP];
	bool due[DEEP], told[DEEP];
	int depth = 0;

	for (int i = 0; i < STEPS; i++) {
		unsigned what = unit_random(3);

		if (what == 0 && depth < DEEP) {
			due[depth] = unit_random(2);
			told[depth] = false;
			EXPECT_INT(gp_timeout_start_error(&scopes[depth], due[depth] ? 0 : 1000 * GP_SEC, -2000 - depth), 0);
			depth++;
		} else if (what == 1 && depth) {
			depth--;
			EXPECT_INT(gp_timeout_hit(&scopes[depth]), told[depth]);
			EXPECT_INT(gp_timeout_stop(&scopes[depth]), told[depth] ? -2000 - depth : 0);
		} else if (what == 2) {
			int first = -1, r = 0;

			for (int k = 0; k < depth && first < 0; k++)
				if (due[k] && !told[k])
					first = k;
			while (first >= 0 && (r = gp_sleep(GP_MSEC)) == 0)
				; /* not looked at the clock yet */
			if (first >= 0) {
				EXPECT_INT(r, -2000 - first);
				EXPECT(gp_timeout_which() == &scopes[first]);
				told[first] = true;
			} else {
				EXPECT_INT(gp_sleep(1), 0);
			}
		}
	}
	while (depth) {
		depth--;
		EXPECT_INT(gp_timeout_stop(&scopes[depth]), told[depth] ? -2000 - depth : 0);
	}
	return NULL;
}

CASE("scopes that nest at random, in several greenlets at once, against a model")
{
	struct gp_greenlet *gs[GREENLETS];

	unit_seed();
	for (int i = 0; i < GREENLETS; i++)
		gs[i] = gp_spawn(nests, NULL);
	EXPECT_INT(gp_join_all(gs, GREENLETS, GP_NEVER), GREENLETS);
	for (int i = 0; i < GREENLETS; i++)
		gp_unref(gs[i]);
	EXPECT_INT(gp_self()->hub->deadlines.count, 0);
}
