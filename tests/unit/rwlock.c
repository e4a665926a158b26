/* rwlock.c - gp_rwlock: who gets in together, that nobody overtakes, waits that end otherwise, misuse. */
#include "sync.h"

static struct gp_rwlock *lock;

/* A script: r read, w write, u unlock, y yield; R and W try. */
static void *follow(void *arg)
{
	const char *script = arg;
	char name = *script++;
	int r = 0;

	for (; *script && !r; script++) {
		switch (*script) {
		case 'y': r = gp_yield(); continue;
		case 'r': r = gp_rwlock_read(lock, GP_NEVER); break;
		case 'w': r = gp_rwlock_write(lock, GP_NEVER); break;
		case 'R': r = gp_rwlock_try_read(lock); break;
		case 'W': r = gp_rwlock_try_write(lock); break;
		case 'u': r = gp_rwlock_unlock(lock); break;
		}
		if (r)
			trace("%c%c=%d", name, *script, r);
		else
			trace("%c%c", name, *script);
	}
	return NULL;
}

static struct gp_greenlet *players[8];

/* Up to 8 scripts, each begins with a name. */
static void play(const char *scripts)
{
	static char copy[256];
	int n = 0;

	unit_trace[0] = 0;
	lock = gp_rwlock_new();
	snprintf(copy, sizeof copy, "%s", scripts);
	for (char *s = strtok(copy, " "); s; s = strtok(NULL, " "))
		players[n++] = gp_spawn(follow, s);
	turns(40);
	for (int i = 0; i < n; i++) {
		EXPECT(gp_ready(players[i]));
		gp_unref(players[i]);
	}
	gp_rwlock_free(lock);
}

CASE("readers read together, a writer writes alone")
{
	play("aryu bryu cwyu dwyu eryu fryu");
	EXPECT_STR(unit_trace, "ar br au bu cw cu dw du er fr eu fu");
}

CASE("a reader that comes while a writer waits stands behind it; readers next to each other get in together")
{
	play("aryyu bwu cru dru ewu fru");
	EXPECT_STR(unit_trace, "ar au bw bu cr cu dr du ew eu fr fu");
}

CASE("who gives it back and asks again stands behind those who waited: neither writers nor readers starve")
{
	play("aryuryu bwyuwyu cryu");
	EXPECT_STR(unit_trace, "ar au bw bu cr ar cu au bw bu");
}

CASE("a try is -EAGAIN if it is not free, or if somebody waits")
{
	play("ayyyRuWu");
	EXPECT_STR(unit_trace, "aR au aW au");
	play("aryyu bR cW");
	EXPECT_STR(unit_trace, "ar bR cW=-11 au");
	play("awyu bR cW");
	EXPECT_STR(unit_trace, "aw bR=-11 cW=-11 au");
	play("aryyu bwu cR");
	EXPECT_STR(unit_trace, "ar cR=-11 au bw bu");
}

static void *hold(void *arg)
{
	int r = *(const char *)arg == 'r' ? gp_rwlock_read(lock, GP_NEVER) : gp_rwlock_write(lock, GP_NEVER);

	trace("%s=%d", (const char *)arg, r);
	if (!r) {
		gp_yield();
		EXPECT_INT(gp_rwlock_unlock(lock), 0);
	}
	return NULL;
}

CASE("a writer that is killed or times out while it waits lets those behind it in")
{
	struct gp_greenlet *w, *r1, *r2;

	for (int timed = 0; timed < 2; timed++) {
		lock = gp_rwlock_new();
		EXPECT_INT(gp_rwlock_read(lock, GP_NEVER), 0);
		w = gp_spawn(hold, "w");
		r1 = gp_spawn(hold, "r1");
		r2 = gp_spawn(hold, "r2");
		gp_yield();
		EXPECT_INT(gp_rwlock_readers(lock), 1);
		if (timed)
			gp__wake(w, -ETIMEDOUT); /* as its deadline would */
		else
			gp_kill_soon(w, -ECANCELED);
		EXPECT_INT(gp_rwlock_try_read(lock), -EAGAIN);
		join_one(r1);
		join_one(r2);
		join_one(w);
		EXPECT_INT(gp_rwlock_unlock(lock), 0);
		EXPECT_INT(gp_rwlock_readers(lock), 0);
		gp_rwlock_free(lock);
	}
	EXPECT_STR(unit_trace, "w=-125 r1=0 r2=0 w=-110 r1=0 r2=0");
}

CASE("a killed first reader does not take the round of those behind it along")
{
	struct gp_greenlet *r1, *w;

	lock = gp_rwlock_new();
	EXPECT_INT(gp_rwlock_write(lock, GP_NEVER), 0);
	r1 = gp_spawn(hold, "r1");
	w = gp_spawn(hold, "w");
	gp_yield();
	gp_kill_soon(r1, -ECANCELED);
	gp_rwlock_unlock(lock);
	join_one(r1);
	join_one(w);
	EXPECT_STR(unit_trace, "r1=-125 w=0");
	gp_rwlock_free(lock);
}

static void *ask_in_vain(void *arg)
{
	trace("unlock=%d read=%d write=%d", gp_rwlock_unlock(lock), gp_rwlock_read(lock, PASSED),
	      gp_rwlock_write(lock, gp_after(GP_MSEC)));
	return NULL;
}

CASE("the writer is known: -EPERM for others, -EDEADLK for itself; a deadline is -ETIMEDOUT")
{
	lock = gp_rwlock_new();
	EXPECT_INT(gp_rwlock_unlock(lock), -EPERM);
	EXPECT_INT(gp_rwlock_write(lock, PASSED), 0);
	EXPECT_INT(gp_rwlock_writer(lock), gp_id(gp_self()));
	EXPECT_INT(gp_rwlock_write(lock, GP_NEVER), -EDEADLK);
	EXPECT_INT(gp_rwlock_read(lock, GP_NEVER), -EDEADLK);
	EXPECT_INT(gp_rwlock_try_read(lock), -EAGAIN);
	join_one(gp_spawn(ask_in_vain, NULL));
	EXPECT_STR(unit_trace, "unlock=-1 read=-110 write=-110");
	EXPECT_INT(gp_rwlock_unlock(lock), 0);
	EXPECT_INT(gp_rwlock_writer(lock), 0);
	gp_rwlock_free(lock);
}

CASE("its end wakes all who wait with -ESHUTDOWN")
{
	struct gp_greenlet *w, *r;

	lock = gp_rwlock_new();
	gp_rwlock_read(lock, GP_NEVER);
	w = gp_spawn(hold, "w");
	r = gp_spawn(hold, "r");
	gp_yield();
	gp_rwlock_free(lock);
	join_one(w);
	join_one(r);
	EXPECT_STR(unit_trace, "w=-108 r=-108");
}

/* ---- chance ---------------------------------------------------------------------------- */

enum { PLAYERS = 10, ROUNDS = 60 };

static int reading, writing, asked, got_in[PLAYERS * ROUNDS];

/* Everybody asks, is sometimes disturbed, holds it for a while. Nobody who asked later may be in earlier, but readers who
 * come next to each other. */
static void *chance(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		bool write = unit_random(3) == 0;
		int64_t deadline = unit_random(4) ? GP_NEVER : gp_after(unit_random(1000) * GP_USEC);
		int number = asked++, r = write ? gp_rwlock_write(lock, deadline) : gp_rwlock_read(lock, deadline);

		got_in[number] = 1;
		if (r) {
			EXPECT(r == -ETIMEDOUT || r == -ECANCELED);
			continue;
		}
		*(write ? &writing : &reading) += 1;
		EXPECT(writing == 0 || (writing == 1 && reading == 0));
		for (int j = 0; j < number; j++)
			EXPECT(got_in[j]);
		for (unsigned j = unit_random(4); j; j--)
			gp_yield();
		*(write ? &writing : &reading) -= 1;
		EXPECT_INT(gp_rwlock_unlock(lock), 0);
		if (unit_random(2))
			gp_yield();
	}
	return NULL;
}

CASE("random readers and writers, kills and deadlines: exclusive, in order, and nobody is forgotten")
{
	struct gp_greenlet *g[PLAYERS];
	int left = PLAYERS;

	unit_seed();
	lock = gp_rwlock_new();
	for (int i = 0; i < PLAYERS; i++)
		g[i] = gp_spawn(chance, NULL);
	while (left) {
		gp_kill_soon(g[unit_random(PLAYERS)], -ECANCELED);
		gp_sleep(unit_random(3) * 50 * GP_USEC);
		left = PLAYERS;
		for (int i = 0; i < PLAYERS; i++)
			left -= gp_ready(g[i]);
	}
	EXPECT_INT(gp_rwlock_readers(lock), 0);
	EXPECT_INT(gp_rwlock_writer(lock), 0);
	EXPECT_INT(gp_rwlock_try_write(lock), 0);
	for (int i = 0; i < PLAYERS; i++)
		gp_unref(g[i]);
	gp_rwlock_free(lock);
}

static void misused_elsewhere(void)
{
	EXPECT_INT(gp_rwlock_read(lock, PASSED), -EINVAL);
	EXPECT_INT(gp_rwlock_write(lock, PASSED), -EINVAL);
	EXPECT_INT(gp_rwlock_try_read(lock), -EINVAL);
	EXPECT_INT(gp_rwlock_try_write(lock), -EINVAL);
	EXPECT_INT(gp_rwlock_unlock(lock), -EINVAL);
	gp_rwlock_free(lock);
}

CASE("misuse is -EINVAL: NULL, another kernel thread; without memory there is none")
{
	lock = gp_rwlock_new();
	EXPECT_INT(gp_rwlock_read(NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_rwlock_write(NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_rwlock_try_read(NULL), -EINVAL);
	EXPECT_INT(gp_rwlock_try_write(NULL), -EINVAL);
	EXPECT_INT(gp_rwlock_unlock(NULL), -EINVAL);
	EXPECT_INT(gp_rwlock_readers(NULL), -EINVAL);
	EXPECT_INT(gp_rwlock_writer(NULL), 0);
	gp_rwlock_free(NULL);
	elsewhere(misused_elsewhere);
	gp_rwlock_free(lock);
	alloc_fails_at = 0;
	EXPECT(!gp_rwlock_new());
}
