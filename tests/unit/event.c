/* event.c - gp_event: gevent's order of wake-ups, waits that end otherwise, misuse. */
#include "sync.h"

/* What gevent printed (orders.py). */
static const struct order recorded[] = {
	{ "e w w w s",
	  "aw bw cw ds a+ b+ c+" },
	{ "e w w sc w",
	  "aw bw cs cc dw a+ b+ d+" },
	{ "e wy w sy yw",
	  "aw bw cs cy dy a+ ay b+ dw d+" },
	{ "e w w sww",
	  "aw bw cs cw a+ b+ c+ cw c+" },
	{ "e wcw w s ys",
	  "aw bw cs dy a+ ac aw b+ ds a+" },
	{ "e ww w sy w yyc",
	  "aw bw cs cy dw ey a+ aw b+ d+ a+ ey ec" },
	{ "e w w kbs w",
	  "aw bw ck cs dw b! a+ d+" },
	{ "e sw w cw ys",
	  "as aw a+ bw b+ cc cw dy ds c+" },
	{ "e wsw w sc yw ys",
	  "aw bw cs cc dy ey a+ as aw b+ a+ dw d+ es" },
	{ "e w t s t zs",
	  "aw bt cs dt ez a+ b+ d+ es" },
	{ "e t t zs w",
	  "at bt cz dw a- b- cs d+" },
	{ "e w tw zs ky",
	  "aw bt cz dk b- bw cs a+ b+" },
	{ "e wkb w w s",
	  "aw bw cw ds a+ ak b+ c+" },
	{ "e w kayw yc s",
	  "aw bk by cy ds a! bw b+ cc" },
};

CASE("the order of events is gevent's")
{
	ORDERS_HOLD(recorded);
}

/* gevent forgets late waiters if the last of the older ones is killed (d, then b and c), and one that came too late even
 * for the late ones if the event is cleared before the next round (c at the end). Each found the event set, and goes on
 * here. */
static const struct order repaired[] = {
	{ "e w kay s w",
	  "aw bk by cs dw a! d+" },
	{ "e w kasw w",
	  "aw bk bs bw cw a! b+ c+" },
	{ "e wwccw scyw swww",
	  "aw bs bc by cs cw a+ aw c+ cw a+ ac ac aw bw c+ cw a? b? c?" },
};

CASE("who finds an event set goes on, where gevent loses it")
{
	ORDERS_HOLD(repaired);
}

static struct gp_event *event;
static struct gp_greenlet *waiters[3];

static void *wait_for_it(void *arg)
{
	int r = gp_event_wait(event, GP_NEVER);

	trace("%s=%d", (const char *)arg, r);
	return NULL;
}

static void three_wait(void)
{
	event = gp_event_new();
	NEED(event);
	for (int i = 0; i < 3; i++)
		waiters[i] = gp_spawn(wait_for_it, i == 0 ? "a" : i == 1 ? "b" : "c");
	gp_yield();
}

CASE("it is set and cleared; a wait at a set one does not switch")
{
	struct gp_event *e = gp_event_new();
	unsigned long switches;

	EXPECT(!gp_event_is_set(e));
	EXPECT_INT(gp_event_set(e), 0);
	EXPECT(gp_event_is_set(e));
	EXPECT_INT(gp_event_set(e), 0);
	switches = gp__hub()->stats.switches;
	EXPECT_INT(gp_event_wait(e, GP_NEVER), 0);
	EXPECT_INT(gp_event_wait(e, PASSED), 0);
	EXPECT_INT(gp__hub()->stats.switches, switches);
	EXPECT_INT(gp_event_clear(e), 0);
	EXPECT(!gp_event_is_set(e));
	gp_event_free(e);
}

CASE("a deadline that has passed ends the wait at once, one that comes ends it then")
{
	struct gp_event *e = gp_event_new();
	unsigned long switches = gp__hub()->stats.switches;
	int64_t at = gp_after(2 * GP_MSEC);

	EXPECT_INT(gp_event_wait(e, PASSED), -ETIMEDOUT);
	EXPECT_INT(gp__hub()->stats.switches, switches);
	EXPECT_INT(gp_event_wait(e, at), -ETIMEDOUT);
	EXPECT(gp_now() >= at);
	EXPECT_INT(gp__hub()->deadlines.count, 0);
	gp_event_free(e);
}

CASE("a kill and a timeout end a wait, once")
{
	struct gp_timeout t;

	three_wait();
	kill_one(waiters[1]);
	EXPECT_STR(unit_trace, "b=-125");
	gp_timeout_start_error(&t, GP_MSEC, -1234);
	EXPECT_INT(gp_event_wait(event, GP_NEVER), -1234);
	gp_timeout_stop(&t);
	gp_event_set(event);
	join_one(waiters[0]);
	join_one(waiters[2]);
	EXPECT_STR(unit_trace, "b=-125 a=0 c=0");
	gp_event_free(event);
}

CASE("the end of an event wakes all who wait with -ESHUTDOWN, and frees it when they are gone")
{
	three_wait();
	gp_event_free(event);
	EXPECT_STR(unit_trace, "");
	for (int i = 0; i < 3; i++)
		join_one(waiters[i]);
	EXPECT_STR(unit_trace, "a=-108 b=-108 c=-108");
}

static void *free_it(void *arg)
{
	EXPECT_INT(gp_event_wait(event, GP_NEVER), 0);
	gp_event_free(event);
	return NULL;
}

CASE("one that was woken may free it: the others get -ESHUTDOWN")
{
	struct gp_greenlet *g;

	event = gp_event_new();
	g = gp_spawn(free_it, NULL);
	gp_unref(gp_spawn(wait_for_it, "later"));
	gp_yield();
	gp_event_set(event);
	join_one(g);
	turns(3);
	EXPECT_STR(unit_trace, "later=-108");
}

CASE("freed while one has been killed or timed out, and has not run since")
{
	three_wait();
	gp_kill_soon(waiters[0], -ECANCELED);
	gp__wake(waiters[1], -ETIMEDOUT); /* as its deadline would */
	gp_event_free(event);
	for (int i = 0; i < 3; i++)
		join_one(waiters[i]);
	EXPECT_STR(unit_trace, "a=-125 b=-110 c=-108");
}

static void misused_elsewhere(void)
{
	EXPECT_INT(gp_event_set(event), -EINVAL);
	EXPECT_INT(gp_event_clear(event), -EINVAL);
	EXPECT_INT(gp_event_wait(event, PASSED), -EINVAL);
	EXPECT(!gp_event_is_set(event));
	gp_event_free(event);
}

CASE("misuse is -EINVAL: NULL, another kernel thread")
{
	event = gp_event_new();
	EXPECT_INT(gp_event_set(NULL), -EINVAL);
	EXPECT_INT(gp_event_clear(NULL), -EINVAL);
	EXPECT_INT(gp_event_wait(NULL, GP_NEVER), -EINVAL);
	EXPECT(!gp_event_is_set(NULL));
	gp_event_free(NULL);
	elsewhere(misused_elsewhere);
	EXPECT_INT(gp_event_set(event), 0);
	gp_event_free(event);
}

CASE("without memory there is none, and a deadline is -ENOMEM and leaves nothing behind")
{
	struct gp_event *e;

	NEED(gp_self());
	alloc_fails_at = 0;
	EXPECT(!gp_event_new());
	e = gp_event_new();
	realloc_fails = true;
	EXPECT_INT(gp_event_wait(e, gp_after(GP_SEC)), -ENOMEM);
	realloc_fails = false;
	EXPECT_INT(gp_event_wait(e, gp_after(GP_MSEC)), -ETIMEDOUT);
	gp_event_free(e);
}

CASE("a wait that nothing can end is -EDEADLK in the main greenlet")
{
	struct gp_event *e = gp_event_new();

	capture(2);
	EXPECT_INT(gp_event_wait(e, GP_NEVER), -EDEADLK);
	captured(2);
	gp_event_free(e);
}
