/* timeout.c - the heap of deadlines against a plain array, and sleeps that follow it. */
#include "unit.h"
#include "core/run/hub.h"
#include "greenpatch.h"

enum { SLEEPERS = 64 };

/* A hub that has only what the heap needs, and greenlets that never run. */
static struct gp_hub hub;
static struct gp_greenlet sleeper[SLEEPERS];

static struct {
	int64_t at;
	uint64_t order; /* of setting */
	bool set;
} model[SLEEPERS];

static void make_fake(void)
{
	gp__list_init(&hub.runq);
	for (int i = 0; i < SLEEPERS; i++) {
		struct gp_greenlet *g = &sleeper[i];

		gp__list_init(&g->turn.link);
		gp__list_init(&g->wait_link);
		g->hub = &hub;
		g->state = GP__PARKED;
		g->deadline.slot = -1;
		g->id = (unsigned long)i;
	}
}

static void heap_is_sound(void)
{
	struct gp_deadlines *d = &hub.deadlines;
	int set = 0;

	for (int i = 0; i < d->count; i++) {
		const struct gp_deadline *x = &d->heap[i], *up = &d->heap[(i - 1) / 2];

		EXPECT_INT(x->t->slot, i);
		if (i)
			EXPECT(up->at < x->at || (up->at == x->at && up->seq < x->seq));
	}
	for (int i = 0; i < SLEEPERS; i++) {
		set += model[i].set;
		EXPECT_INT(sleeper[i].deadline.slot >= 0, model[i].set);
	}
	EXPECT_INT(d->count, set);
}

/* The one that is due first in the model, or -1. */
static int first(void)
{
	int best = -1;

	for (int i = 0; i < SLEEPERS; i++)
		if (model[i].set && (best < 0 || model[i].at < model[best].at ||
		                     (model[i].at == model[best].at && model[i].order < model[best].order)))
			best = i;
	return best;
}

/* Fires what is due at now, and compares who was woken, in order, with the model. */
static void fire(int64_t now)
{
	gp__deadlines_fire(&hub, now);
	for (int want; (want = first()) >= 0 && model[want].at <= now;) {
		struct gp_greenlet *g = gp__list_first(&hub.runq, struct gp_greenlet, turn.link);

		model[want].set = false;
		if (gp__list_empty(&hub.runq)) {
			unit_fail(__FILE__, __LINE__, "at %lld: expected sleeper %d to be woken, came nobody",
			          (long long)now, want);
			continue;
		}
		EXPECT_INT(g->id, want);
		EXPECT_INT(g->wake_result, -ETIMEDOUT);
		EXPECT_INT(g->state, GP__RUNNABLE);
		g->state = GP__PARKED;
		gp__list_del(&g->turn.link);
	}
	EXPECT(gp__list_empty(&hub.runq));
}

CASE("the heap: random operations give what an array gives")
{
	uint64_t order = 0;
	int64_t now = 0;

	unit_seed();
	make_fake();
	for (int step = 0; step < 20000; step++) {
		int i = (int)unit_random(SLEEPERS), next;

		if (!unit_random(8)) {
			now += unit_random(20);
			fire(now);
		} else if (model[i].set) {
			gp__deadline_del(&hub, &sleeper[i]);
			model[i].set = false;
		} else {
			/* Few different times, so that many are equal. */
			model[i].at = now + unit_random(30);
			model[i].order = order++;
			model[i].set = true;
			EXPECT_INT(gp__deadline_add(&hub, &sleeper[i], model[i].at), 0);
		}
		heap_is_sound();
		next = first();
		EXPECT_INT(gp__deadline_next(&hub), next < 0 ? GP__NEVER : model[next].at);
	}
	free(hub.deadlines.heap);
}

CASE("equal deadlines fire in the order in which they were set")
{
	make_fake();
	for (int i = 0; i < SLEEPERS; i++)
		EXPECT_INT(gp__deadline_add(&hub, &sleeper[(i * 37) % SLEEPERS], 100), 0);
	gp__deadlines_fire(&hub, 99);
	EXPECT(gp__list_empty(&hub.runq));
	gp__deadlines_fire(&hub, 100);
	for (int i = 0; i < SLEEPERS; i++) {
		struct gp_greenlet *g = gp__list_first(&hub.runq, struct gp_greenlet, turn.link);

		NEED(!gp__list_empty(&hub.runq));
		EXPECT_INT(g->id, (i * 37) % SLEEPERS);
		gp__list_del(&g->turn.link);
	}
	EXPECT_INT(gp__deadline_next(&hub), GP__NEVER);
	free(hub.deadlines.heap);
}

CASE("a wake-up for another reason takes the deadline out")
{
	make_fake();
	EXPECT_INT(gp__deadline_add(&hub, &sleeper[0], 10), 0);
	EXPECT_INT(gp__deadline_add(&hub, &sleeper[1], 20), 0);
	EXPECT(gp__wake(&sleeper[0], 7));
	EXPECT_INT(sleeper[0].wake_result, 7);
	EXPECT_INT(gp__deadline_next(&hub), 20);
	EXPECT(!gp__wake(&sleeper[0], 8));
	EXPECT_INT(sleeper[0].wake_result, 7);
	free(hub.deadlines.heap);
}

CASE("a time that lies too far ahead is never, a negative one is now")
{
	int64_t before = gp__now(), at = gp__deadline_after(-5);

	EXPECT_INT(gp__deadline_after(INT64_MAX), GP__NEVER);
	EXPECT(at >= before && at <= gp__now());
	before = gp__now();
	at = gp__deadline_after(1000);
	EXPECT(at >= before + 1000 && at <= gp__now() + 1000);
}

/* ---- a real hub -------------------------------------------------------------- */

static int64_t base;

static void *sleeper_of(void *arg)
{
	int64_t at = base + *(const int64_t *)arg;

	EXPECT_INT(gp__park(gp__hub(), "test", 0, at, 0), -ETIMEDOUT);
	EXPECT(gp_now() >= at);
	trace("%lld", *(const long long *)arg / GP__MSEC);
	return NULL;
}

CASE("sleepers wake in the order of their deadlines, and not too early")
{
	static int64_t ns[] = { 3 * GP__MSEC, 1 * GP__MSEC, 5 * GP__MSEC, 2 * GP__MSEC, 4 * GP__MSEC };
	struct gp_greenlet *g[5];

	for (int i = 0; i < 5; i++)
		g[i] = gp_spawn(sleeper_of, &ns[i]);
	base = gp_now();
	for (int i = 0; i < 5; i++) {
		EXPECT_INT(gp_join(g[i], GP_NEVER), 0);
		gp_unref(g[i]);
	}
	EXPECT_STR(unit_trace, "1 2 3 4 5");
}

CASE("a sleep is not shorter than asked for")
{
	static const int64_t ns[] = { 1, 1000, 999999, GP__MSEC, 3 * GP__MSEC + 1 };

	for (unsigned i = 0; i < gp__count(ns); i++) {
		int64_t began = gp_now();

		EXPECT_INT(gp_sleep(ns[i]), 0);
		EXPECT(gp_now() - began >= ns[i]);
	}
}

static void *sleep_once(void *arg)
{
	EXPECT_INT(gp_sleep(1), 0);
	trace("%ld", (long)(intptr_t)arg);
	return NULL;
}

CASE("sleepers that are due together wake in the order in which they began")
{
	struct gp_greenlet *last = NULL;

	for (intptr_t i = 0; i < 9; i++) {
		gp_unref(last);
		last = gp_spawn(sleep_once, (void *)i);
	}
	EXPECT_INT(gp_join(last, GP_NEVER), 0);
	gp_unref(last);
	EXPECT_STR(unit_trace, "0 1 2 3 4 5 6 7 8");
}

CASE("the hub sleeps to less than a millisecond")
{
	int64_t least = INT64_MAX;

	/* libev alone would round 100 us up to whole milliseconds. The best of many: others use this machine too. */
	for (int i = 0; i < 200 && least > 900000; i++) {
		int64_t began = gp_now();

		EXPECT_INT(gp_sleep(100000), 0);
		least = gp__min(least, gp_now() - began);
	}
	EXPECT(least >= 100000);
	if (!unit_under("valgrind"))
		EXPECT(least < 900000);
}
