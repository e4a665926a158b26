/* semaphore.c - gp_semaphore: gevent's order of wake-ups, random operations against a model, waits that end otherwise,
 * misuse. */
#include "sync.h"

/* What gevent printed (orders.py). */
static const struct order recorded[] = {
	{ "1 ayr ayr ayr",
	  "aa a+ ay ba ca ar b+ by br c+ cy cr" },
	{ "1 ayrayr ayr",
	  "aa a+ ay ba ar aa a+ ay ar b+ by br" },
	{ "0 a a a rr",
	  "aa ba ca dr dr a+ b+ c?" },
	{ "0 a a rn",
	  "aa ba cr cn c+ a? b?" },
	{ "0 ar a r",
	  "aa ba cr a+ ar b+" },
	{ "0 a a kar",
	  "aa ba ck cr a! b+" },
	{ "0 a a rka",
	  "aa ba cr ck a+ b?" },
	{ "0 a a kbrr a",
	  "aa ba ck cr cr da d+ b! a+" },
	{ "2 ayr ayr ayr ayr ayr",
	  "aa a+ ay ba b+ by ca da ea ar br c+ cy d+ dy cr dr e+ ey er" },
	{ "0 w a r",
	  "aw ba cr a1 b+" },
	{ "0 w w r n",
	  "aw bw cr dn d+ a? b?" },
	{ "1 a n yr n",
	  "aa a+ bn b- cy dn d- cr" },
	{ "0 t a zr",
	  "at ba cz a- cr b+" },
	{ "0 t t zrr a",
	  "at bt cz da a- b- cr cr d+" },
	{ "0 a kar a yn",
	  "aa bk br ca c+ dy a! dn d-" },
	{ "1 aryar aryar nyn",
	  "aa a+ ar ay ba b+ br by cn c+ cy aa ba cn c- a? b?" },
	{ "3 aaa ar yra yyrr kb",
	  "aa a+ aa a+ aa a+ ba cy dy ek cr ca c+ dy b! dr dr" },
	{ "0 a kaya ya yr ryn",
	  "aa bk by cy dy er ey a! ba b+ ca dr en e+ c?" },
};

CASE("the order of events is gevent's")
{
	ORDERS_HOLD(recorded);
}

/* ---- a model -------------------------------------------------------------------------- */

/* Greenlets follow random scripts: the model says who gets what when, from the rules alone: a release asks for one round,
 * at the end of the queue of turns, if somebody waits and none is asked for; the round wakes those who waited when it
 * began, in order, as long as there is something; a kill is a turn, too, and its victim runs in it; who ends a wait
 * otherwise leaves what there was to the next. */
enum { PLAYERS = 9, STEPS = 14, PHASES = 4, MOST = 4000 };
enum op { ACQUIRE, LIMITED, PASSED_BY, TRY, RELEASE, YIELD, KILL, OPS };
enum { NEVER_RAN, QUEUED, WAITS, ENDED };

struct step {
	enum op op;
	int whom; /* to kill */
};

static struct step script[PLAYERS][STEPS];
static struct gp_semaphore *semaphore;
static struct gp_greenlet *player[PLAYERS];
static int64_t limit; /* of this phase */

struct event {
	int who, step, result;
};

static struct event came[MOST], due[MOST];
static int came_count, due_count;

static void *play(void *arg)
{
	int me = (int)(intptr_t)arg;

	for (int i = 0; i < STEPS; i++) {
		const struct step *s = &script[me][i];
		int r = 0;

		switch (s->op) {
		case ACQUIRE: r = gp_semaphore_acquire(semaphore, GP_NEVER); break;
		case LIMITED: r = gp_semaphore_acquire(semaphore, limit); break;
		case PASSED_BY: r = gp_semaphore_acquire(semaphore, PASSED); break;
		case TRY: r = gp_semaphore_try_acquire(semaphore); break;
		case RELEASE: r = gp_semaphore_release(semaphore); break;
		case YIELD: r = gp_yield(); break;
		default: r = gp_kill_soon(player[s->whom], -ECANCELED); break;
		}
		came[came_count++] = (struct event){ me, i, r };
	}
	return NULL;
}

/* A turn of the model's queue: that of a player, a kill of one, or the round. */
enum what { RUN, THROW, ROUND };

struct turn {
	enum what what;
	int who;
};

static struct turn queue[MOST];
static int queue_from, queue_to;
static int value, waiters[PLAYERS], waiting;
static bool round_asked, round_runs;

static struct {
	int state, step;
	int kills; /* turns that will throw at it */
	bool limited;
} model[PLAYERS];

static void ask(enum what what, int who)
{
	queue[queue_to++] = (struct turn){ what, who };
}

static void unask(enum what what, int who)
{
	for (int i = queue_from; i < queue_to; i++)
		if (queue[i].what == what && queue[i].who == who) {
			memmove(&queue[i], &queue[i + 1], (size_t)(--queue_to - i) * sizeof *queue);
			return;
		}
}

static void ask_round(void)
{
	if (value && waiting && !round_asked && !round_runs) {
		round_asked = true;
		ask(ROUND, 0);
	}
}

static void stop_waiting(int who)
{
	int i = 0;

	while (waiters[i] != who)
		i++;
	memmove(&waiters[i], &waiters[i + 1], (size_t)(--waiting - i) * sizeof *waiters);
}

static void happened(int who, int result)
{
	due[due_count++] = (struct event){ who, model[who].step++, result };
}

static void throw_at(int victim)
{
	if (model[victim].state == NEVER_RAN) {
		unask(RUN, victim);
		model[victim].state = ENDED;
	} else if (model[victim].state != ENDED && !model[victim].kills) {
		model[victim].kills = 1;
		ask(THROW, victim);
	}
}

/* From its step on, until it waits, yields or ends. */
static void follow(int who)
{
	while (model[who].step < STEPS) {
		const struct step *s = &script[who][model[who].step];

		switch (s->op) {
		case YIELD:
			model[who].state = QUEUED;
			ask(RUN, who);
			return;
		case KILL:
			throw_at(s->whom);
			happened(who, 0);
			break;
		case RELEASE:
			value++;
			ask_round();
			happened(who, 0);
			break;
		default:
			if (value) {
				value--;
				happened(who, 0);
			} else if (s->op == TRY) {
				happened(who, -EAGAIN);
			} else if (s->op == PASSED_BY) {
				happened(who, -ETIMEDOUT);
			} else {
				model[who].state = WAITS;
				model[who].limited = s->op == LIMITED;
				waiters[waiting++] = who;
				return;
			}
		}
	}
	model[who].state = ENDED;
}

static void goes_on(int who, int result)
{
	if (model[who].state == WAITS)
		stop_waiting(who);
	model[who].state = QUEUED;
	if (result && !waiting && round_asked && !round_runs) {
		round_asked = false; /* nobody is left to wake */
		unask(ROUND, 0);
	}
	if (!result)
		value--;
	happened(who, result);
	follow(who);
}

static void run_round(void)
{
	int last = waiters[waiting - 1], who = -1;

	round_asked = false;
	round_runs = true;
	while (value && waiting && who != last) {
		who = waiters[0];
		goes_on(who, 0);
	}
	round_runs = false;
	ask_round();
}

static void run_model(void)
{
	while (queue_from < queue_to) {
		struct turn t = queue[queue_from++];

		if (t.what == ROUND) {
			run_round();
		} else if (t.what == THROW) {
			model[t.who].kills = 0;
			if (model[t.who].state == WAITS) {
				goes_on(t.who, -ECANCELED);
			} else if (model[t.who].state == QUEUED) {
				unask(RUN, t.who);
				happened(t.who, -ECANCELED);
				follow(t.who);
			}
		} else {
			if (model[t.who].state == QUEUED)
				happened(t.who, 0);
			model[t.who].state = QUEUED;
			follow(t.who);
		}
	}
	queue_from = queue_to = 0;
}

static void compare(int phase)
{
	EXPECT_INT(came_count, due_count);
	for (int i = 0; i < came_count && i < due_count; i++)
		if (memcmp(&came[i], &due[i], sizeof *came)) {
			unit_fail(__FILE__, __LINE__, "phase %d, event %d: expected player %d, step %d, result %d, came %d, %d, %d",
			          phase, i, due[i].who, due[i].step, due[i].result, came[i].who, came[i].step, came[i].result);
			break;
		}
	EXPECT_INT(gp_semaphore_value(semaphore), value);
}

/* The limit of those who wait with one comes. */
static void time_passes(void)
{
	int64_t now = limit;
	int who[PLAYERS], n = 0;

	limit += GP_SEC;
	clock_to(now);
	for (int i = 0; i < waiting; i++)
		if (model[waiters[i]].limited)
			who[n++] = waiters[i];
	for (int i = 0; i < n; i++)
		goes_on(who[i], -ETIMEDOUT);
}

static void one_game(void)
{
	value = (int)unit_random(4);
	semaphore = gp_semaphore_new((unsigned)value);
	came_count = due_count = waiting = 0;
	limit = stands_at + GP_SEC;
	for (int i = 0; i < PLAYERS; i++)
		for (int j = 0; j < STEPS; j++) {
			static const enum op often[] = { ACQUIRE, ACQUIRE, LIMITED, RELEASE, RELEASE, YIELD };
			enum op op = unit_random(2) ? often[unit_random(6)] : (enum op)unit_random(OPS);
			int whom = (int)unit_random(PLAYERS);

			script[i][j] = (struct step){ op == KILL && whom == i ? YIELD : op, whom };
		}
	memset(model, 0, sizeof model);
	for (intptr_t i = 0; i < PLAYERS; i++) {
		player[i] = gp_spawn(play, (void *)i);
		ask(RUN, (int)i);
	}
	for (int phase = 0; phase < PHASES && !unit_failures; phase++) {
		settle();
		run_model();
		compare(phase);
		time_passes();
	}
	settle();
	run_model();
	compare(PHASES);
	EXPECT(!waiting || !gp_semaphore_value(semaphore)); /* nobody is forgotten */
	for (int i = 0; i < PLAYERS; i++)
		while (!gp_ready(player[i])) {
			gp_kill_soon(player[i], -ECANCELED);
			gp_yield();
		}
	for (int i = 0; i < PLAYERS; i++)
		gp_unref(player[i]);
	gp_semaphore_free(semaphore);
}

CASE("random operations, kills and limits go as in the model")
{
	unit_seed();
	stands_at = unit_now();
	for (int i = 0; i < 300 && !unit_failures; i++)
		one_game();
}

/* ---- the rest --------------------------------------------------------------------------- */

CASE("it counts; a bounded one refuses a release too many with -EOVERFLOW")
{
	struct gp_semaphore *s = gp_semaphore_new_bounded(2);
	unsigned long switches = gp__hub()->stats.switches;

	EXPECT_INT(gp_semaphore_release(s), -EOVERFLOW);
	EXPECT_INT(gp_semaphore_value(s), 2);
	EXPECT_INT(gp_semaphore_acquire(s, GP_NEVER), 0);
	EXPECT_INT(gp_semaphore_acquire(s, PASSED), 0);
	EXPECT(gp_semaphore_locked(s));
	EXPECT_INT(gp_semaphore_try_acquire(s), -EAGAIN);
	EXPECT_INT(gp_semaphore_acquire(s, PASSED), -ETIMEDOUT);
	EXPECT_INT(gp_semaphore_wait(s, PASSED), -ETIMEDOUT);
	EXPECT_INT(gp_semaphore_release(s), 0);
	EXPECT(!gp_semaphore_locked(s));
	EXPECT_INT(gp_semaphore_wait(s, GP_NEVER), 1);
	EXPECT_INT(gp_semaphore_try_acquire(s), 0);
	EXPECT_INT(gp__hub()->stats.switches, switches);
	gp_semaphore_free(s);

	s = gp_semaphore_new(0);
	for (int i = 1; i < 5; i++) {
		EXPECT_INT(gp_semaphore_release(s), 0);
		EXPECT_INT(gp_semaphore_value(s), i);
	}
	gp_semaphore_free(s);

	s = gp_semaphore_new_bounded(0);
	EXPECT_INT(gp_semaphore_release(s), -EOVERFLOW);
	gp_semaphore_free(s);
	s = gp_semaphore_new(INT_MAX);
	EXPECT_INT(gp_semaphore_release(s), -EOVERFLOW);
	gp_semaphore_free(s);
	EXPECT(!gp_semaphore_new((unsigned)INT_MAX + 1));
	EXPECT(!gp_semaphore_new_bounded((unsigned)INT_MAX + 1));
}

static void *take_one(void *arg)
{
	int r = gp_semaphore_acquire(semaphore, GP_NEVER);

	trace("%s=%d", (const char *)arg, r);
	return NULL;
}

CASE("what a killed or timed-out waiter would have been woken for wakes the next")
{
	struct gp_greenlet *a, *b;
	struct gp_timeout t;

	for (int timed = 0; timed < 2; timed++) {
		semaphore = gp_semaphore_new(0);
		a = gp_spawn(take_one, "a");
		b = gp_spawn(take_one, "b");
		gp_yield();
		if (timed)
			gp__wake(a, -ETIMEDOUT); /* its deadline has come, and it has not run yet */
		else
			gp_kill_soon(a, -ECANCELED);
		EXPECT_INT(gp_semaphore_release(semaphore), 0);
		join_one(a);
		join_one(b);
		EXPECT_INT(gp_semaphore_value(semaphore), 0);
		gp_semaphore_free(semaphore);
	}
	EXPECT_STR(unit_trace, "a=-125 b=0 a=-110 b=0");
	semaphore = gp_semaphore_new(0);
	gp_timeout_start_error(&t, GP_MSEC, -4321);
	EXPECT_INT(gp_semaphore_acquire(semaphore, GP_NEVER), -4321);
	gp_timeout_stop(&t);
	EXPECT_INT(gp_semaphore_acquire(semaphore, gp_after(GP_MSEC)), -ETIMEDOUT);
	gp_semaphore_free(semaphore);
}

CASE("its end wakes all who wait with -ESHUTDOWN")
{
	struct gp_greenlet *a, *b;

	semaphore = gp_semaphore_new(0);
	a = gp_spawn(take_one, "a");
	b = gp_spawn(take_one, "b");
	gp_yield();
	gp_semaphore_release(semaphore);
	gp_semaphore_free(semaphore);
	join_one(a);
	join_one(b);
	EXPECT_STR(unit_trace, "a=-108 b=-108");
}

static void misused_elsewhere(void)
{
	EXPECT_INT(gp_semaphore_acquire(semaphore, PASSED), -EINVAL);
	EXPECT_INT(gp_semaphore_try_acquire(semaphore), -EINVAL);
	EXPECT_INT(gp_semaphore_release(semaphore), -EINVAL);
	EXPECT_INT(gp_semaphore_wait(semaphore, PASSED), -EINVAL);
	EXPECT_INT(gp_semaphore_value(semaphore), -EINVAL);
	EXPECT(!gp_semaphore_locked(semaphore));
	gp_semaphore_free(semaphore);
}

CASE("misuse is -EINVAL: NULL, another kernel thread")
{
	semaphore = gp_semaphore_new(1);
	EXPECT_INT(gp_semaphore_acquire(NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_semaphore_try_acquire(NULL), -EINVAL);
	EXPECT_INT(gp_semaphore_release(NULL), -EINVAL);
	EXPECT_INT(gp_semaphore_wait(NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_semaphore_value(NULL), -EINVAL);
	EXPECT(!gp_semaphore_locked(NULL));
	gp_semaphore_free(NULL);
	elsewhere(misused_elsewhere);
	EXPECT_INT(gp_semaphore_value(semaphore), 1);
	gp_semaphore_free(semaphore);
}

CASE("without memory there is none, and a deadline is -ENOMEM and takes nothing")
{
	NEED(gp_self());
	alloc_fails_at = 0;
	EXPECT(!gp_semaphore_new(1));
	alloc_fails_at = 0;
	EXPECT(!gp_semaphore_new_bounded(1));
	semaphore = gp_semaphore_new(0);
	realloc_fails = true;
	EXPECT_INT(gp_semaphore_acquire(semaphore, gp_after(GP_SEC)), -ENOMEM);
	realloc_fails = false;
	EXPECT_INT(gp_semaphore_release(semaphore), 0);
	EXPECT_INT(gp_semaphore_acquire(semaphore, gp_after(GP_SEC)), 0);
	gp_semaphore_free(semaphore);
}
