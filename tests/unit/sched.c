/* sched.c - who runs when. The order is gevent's: one queue of turns, first in, first out; a wake-up never switches;
 * timers and descriptors are looked at when the queue is empty. */
#include "unit.h"
#include "core/run/hub.h"
#include "greenpatch.h"

static void join_one(struct gp_greenlet *g)
{
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
}

static void *thrice(void *arg)
{
	for (int i = 0; i < 3; i++) {
		trace("%s%d", (const char *)arg, i);
		gp_yield();
	}
	return NULL;
}

CASE("turns are taken first in, first out")
{
	struct gp_greenlet *a = gp_spawn(thrice, "a"), *b = gp_spawn(thrice, "b"), *c = gp_spawn(thrice, "c");

	join_one(a);
	join_one(b);
	join_one(c);
	EXPECT_STR(unit_trace, "a0 b0 c0 a1 b1 c1 a2 b2 c2");
}

static void *say(void *arg)
{
	trace("%s", (const char *)arg);
	return NULL;
}

static void *spawn_two(void *arg)
{
	trace("spawner");
	gp_unref(gp_spawn(say, "child1"));
	gp_unref(gp_spawn(say, "child2"));
	trace("goes-on");
	return NULL;
}

CASE("a spawned greenlet comes behind those that were there")
{
	gp_unref(gp_spawn(spawn_two, NULL));
	gp_unref(gp_spawn(say, "other"));
	gp_yield();
	trace("main");
	gp_yield();
	EXPECT_STR(unit_trace, "spawner goes-on other main child1 child2");
}

static struct gp_greenlet *parked[4];

static void *park_here(void *arg)
{
	intptr_t i = (intptr_t)arg;

	trace("%ld-got-%d", (long)i, gp__park(gp__hub(), "test", 0, GP__NEVER, 0));
	return NULL;
}

static void park_four(void)
{
	for (intptr_t i = 0; i < 4; i++)
		parked[i] = gp_spawn(park_here, (void *)i);
	gp_yield();
}

CASE("a wake-up never switches: the caller goes on, the woken run in the order of the wake-ups")
{
	park_four();
	for (int i = 3; i >= 0; i--) {
		EXPECT(gp__wake(parked[i], 10 + i));
		trace("woke-%d", i);
	}
	for (int i = 0; i < 4; i++)
		join_one(parked[i]);
	EXPECT_STR(unit_trace, "woke-3 woke-2 woke-1 woke-0 3-got-13 2-got-12 1-got-11 0-got-10");
}

CASE("who is not parked cannot be woken, nor twice")
{
	park_four();
	EXPECT(!gp__wake(gp_self(), 1));
	EXPECT(gp__wake(parked[0], 1));
	EXPECT(!gp__wake(parked[0], 2));
	for (int i = 1; i < 4; i++)
		EXPECT(gp__wake(parked[i], 0));
	for (int i = 0; i < 4; i++)
		EXPECT_INT(gp_join(parked[i], GP_NEVER), 0);
	EXPECT(!gp__wake(parked[0], 3));
	for (int i = 0; i < 4; i++)
		gp_unref(parked[i]);
	EXPECT_STR(unit_trace, "0-got-1 1-got-0 2-got-0 3-got-0");
}

CASE("a wake-up takes the greenlet out of the list that it waits in")
{
	struct gp_list waiters;

	gp__list_init(&waiters);
	park_four();
	for (int i = 0; i < 4; i++)
		gp__list_append(&waiters, &parked[i]->wait_link);
	gp__wake(parked[2], 0);
	EXPECT(gp__list_first(&waiters, struct gp_greenlet, wait_link) == parked[0]);
	gp__list_each(n, &waiters) gp__wake(gp__list_entry(n, struct gp_greenlet, wait_link), 0);
	EXPECT(gp__list_empty(&waiters));
	for (int i = 0; i < 4; i++)
		join_one(parked[i]);
	EXPECT_STR(unit_trace, "2-got-0 0-got-0 1-got-0 3-got-0");
}

static struct gp_greenlet *awaited;

static void *end_at_once(void *arg)
{
	trace("ends");
	return NULL;
}

static void *joiner(void *arg)
{
	EXPECT_INT(gp_join(awaited, GP_NEVER), 0);
	trace("%s", (const char *)arg);
	return NULL;
}

CASE("an end appends its joiners; who was runnable before comes first")
{
	gp_unref(gp_spawn(joiner, "joiner1"));
	gp_unref(gp_spawn(joiner, "joiner2"));
	awaited = gp_spawn(end_at_once, NULL);
	gp_unref(gp_spawn(say, "bystander"));
	for (int i = 0; i < 3; i++)
		gp_yield();
	EXPECT_STR(unit_trace, "ends bystander joiner1 joiner2");
	gp_unref(awaited);
}

static struct gp_turn turn;

static void turn_runs(struct gp_hub *h, struct gp_turn *t)
{
	EXPECT(t == &turn);
	trace("turn");
}

CASE("a function in the queue runs in its turn")
{
	struct gp_hub *h;

	gp_unref(gp_spawn(say, "before"));
	h = gp__hub();
	turn.run = turn_runs;
	gp__list_init(&turn.link);
	gp__hub_call(h, &turn);
	gp_unref(gp_spawn(say, "after"));
	trace("main");
	gp_yield();
	EXPECT_STR(unit_trace, "main before turn after");
	EXPECT(gp__list_empty(&turn.link));
}

/* ---- when the loop is looked at ------------------------------------------------------- */

static void *sleep_a_little(void *arg)
{
	EXPECT_INT(gp_sleep(1), 0);
	trace("woken");
	return NULL;
}

CASE("a yield lets no timer run that is due, unless 10,000 turns are over")
{
	struct gp_greenlet *g = gp_spawn(sleep_a_little, NULL);
	int turns = 0;

	gp_yield();
	unit_spin_until(gp_now() + GP__MSEC);
	for (; turns < 9000; turns++)
		gp_yield();
	EXPECT_STR(unit_trace, "");
	for (; turns < 10010; turns++)
		gp_yield();
	EXPECT_STR(unit_trace, "woken");
	join_one(g);
}

CASE("gp_sleep(0) and less is a yield")
{
	struct gp_greenlet *g = gp_spawn(sleep_a_little, NULL), *other;

	gp_yield();
	unit_spin_until(gp_now() + GP__MSEC);
	other = gp_spawn(say, "other");
	EXPECT_INT(gp_sleep(0), 0);
	EXPECT_INT(gp_sleep(-1), 0);
	EXPECT_INT(gp_sleep(INT64_MIN), 0);
	EXPECT_STR(unit_trace, "other");
	gp_unref(other);
	join_one(g);
}

CASE("with a time for it, the loop is looked at when that time is over")
{
	struct gp_greenlet *g = gp_spawn(sleep_a_little, NULL);
	struct gp_hub *h = gp__hub();

	h->turns_max = 4;
	h->poll_after = 3600 * GP__SEC;
	gp_yield();
	unit_spin_until(gp_now() + GP__MSEC);
	for (int i = 0; i < 100; i++)
		gp_yield();
	EXPECT_STR(unit_trace, "");
	h->poll_after = 1; /* and a small part of the time for the look itself */
	for (int i = 0; i < 1000000 && !unit_trace[0]; i++)
		gp_yield();
	EXPECT_STR(unit_trace, "woken");
	join_one(g);
}

CASE("a yield that polls lets a timer run that is due, before the caller")
{
	struct gp_greenlet *g = gp_spawn(sleep_a_little, NULL);

	gp_yield();
	unit_spin_until(gp_now() + GP__MSEC);
	gp__yield_poll(gp__hub()); /* the caller is in the queue when the timer comes behind it */
	gp_yield();
	EXPECT_STR(unit_trace, "woken");
	join_one(g);
}

static int pipe_ends[2];

static void *read_late(void *arg)
{
	EXPECT_INT(gp__wait_fd(gp__hub(), pipe_ends[0], GP__READ, GP__NEVER), GP__READ);
	trace("descriptor");
	return NULL;
}

static void *sleep_late(void *arg)
{
	EXPECT_INT(gp_sleep(GP__MSEC), 0);
	trace("timer");
	return NULL;
}

CASE("what is due comes before what is readable")
{
	struct gp_greenlet *reader, *sleeper;

	NEED(!pipe(pipe_ends));
	reader = gp_spawn(read_late, NULL);
	sleeper = gp_spawn(sleep_late, NULL);
	gp_yield();
	NEED(write(pipe_ends[1], "x", 1) == 1);
	unit_spin_until(gp_now() + 2 * GP__MSEC);
	join_one(reader);
	join_one(sleeper);
	EXPECT_STR(unit_trace, "timer descriptor");
}

/* ---- parking ---------------------------------------------------------------------------- */

CASE("a park ends at its deadline with -ETIMEDOUT and leaves nothing behind")
{
	struct gp_hub *h = gp_self()->hub;
	struct gp_list list;
	int64_t at = gp_now() + GP__MSEC;

	gp__list_init(&list);
	gp__list_append(&list, &h->current->wait_link);
	EXPECT_INT(gp__park(h, "test", 0, at, 0), -ETIMEDOUT);
	EXPECT(gp_now() >= at);
	EXPECT(gp__list_empty(&list));
	EXPECT_INT(h->external, 0);
	EXPECT_INT(h->deadlines.count, 0);
	EXPECT_INT(gp__park(h, "test", 0, 0, 0), -ETIMEDOUT);
}

static void *sleep_long(void *arg)
{
	gp_sleep(3600 * GP__SEC);
	return NULL;
}

CASE("a hub is quiet when nothing is runnable and nothing outside can wake anybody")
{
	struct gp_hub *h = gp_self()->hub;
	struct gp_greenlet *g;

	EXPECT(gp__hub_quiet(h));
	park_four();
	EXPECT(gp__hub_quiet(h));
	g = gp_spawn(sleep_long, NULL);
	EXPECT(!gp__hub_quiet(h));
	gp_yield();
	EXPECT_INT(h->external, 1);
	EXPECT(!gp__hub_quiet(h));
	EXPECT(gp__wake(g, 0));
	EXPECT_INT(h->external, 0);
	join_one(g);
	for (int i = 0; i < 4; i++) {
		gp__wake(parked[i], 0);
		join_one(parked[i]);
	}
	gp_yield(); /* the hub frees what ended in a turn of its own */
	EXPECT(gp__hub_quiet(h));
}

CASE("switches and parks are counted")
{
	struct gp_hub *h = gp_self()->hub;
	unsigned long switches = h->stats.switches, parks = h->stats.parks;
	struct gp_greenlet *a = gp_spawn(thrice, "a"), *b = gp_spawn(thrice, "b");

	join_one(a);
	join_one(b);
	/* Four turns of each, then main, for which b has ended as well. */
	EXPECT_INT(h->stats.switches - switches, 9);
	EXPECT_INT(h->stats.parks - parks, 1);
}

/* ---- determinism -------------------------------------------------------------------------- */

enum { PLAYERS = 12, MOVES = 40 };

static uint64_t history;
static struct gp_greenlet *player[PLAYERS];

static void moved(uint64_t what)
{
	history = (history ^ what) * 0x100000001b3;
}

static void *play(void *arg)
{
	uint64_t chance = (uint64_t)(uintptr_t)arg;

	for (int i = 0; i < MOVES; i++) {
		chance = chance * 6364136223846793005 + 1442695040888963407;
		moved(gp_id(gp_self()) << 32 | (unsigned)i);
		switch (chance >> 60 & 3) {
		case 0: gp_yield(); break;
		case 1: gp_sleep(0); break;
		case 2: gp__park(gp__hub(), "test", 0, GP__NEVER, GP__EXTERNAL); break;
		default:
			for (unsigned j = 0; j < PLAYERS; j++)
				if (chance >> j & 1)
					gp__wake(player[j], 0);
			break;
		}
	}
	return NULL;
}

static uint64_t game(void)
{
	history = 0xcbf29ce484222325;
	for (uintptr_t i = 0; i < PLAYERS; i++)
		player[i] = gp_spawn(play, (void *)(i * 977 + 5));
	for (bool all = false; !all;) {
		all = true;
		for (int i = 0; i < PLAYERS; i++) {
			all = all && gp_ready(player[i]);
			gp__wake(player[i], 0);
		}
		gp_yield();
	}
	for (int i = 0; i < PLAYERS; i++)
		gp_unref(player[i]);
	return history;
}

CASE("the same program runs in the same order every time")
{
	uint64_t first[2];
	int out[2];

	/* The numbers of greenlets go on, so each run has a process of its own. */
	NEED(!pipe(out));
	for (int i = 0; i < 2; i++) {
		pid_t pid = unit_fork();

		if (!pid) {
			uint64_t came = game();

			NEED(write(out[1], &came, sizeof came) == sizeof came);
			unit_leave();
		}
		EXPECT_INT(unit_wait(pid), 0);
		NEED(read(out[0], &first[i], sizeof first[i]) == sizeof first[i]);
	}
	EXPECT_INT(first[0], first[1]);
}
