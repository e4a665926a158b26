/* interrupted.c - a waiter that takes a signal, as threads under the shim do: it keeps its place among those who wait,
 * and what happens to the object while its handler runs is not lost. The shim's hook is played here: the handler gives
 * way a few times. */
#include "unit.h"
#include "core/run/hub.h"
#include "greenpatch.h"

static struct gp_queue *queue, *full;
static struct gp_channel *getting, *putting;
static struct gp_semaphore *semaphore;
static struct gp_lock *locked;
static struct gp_rwlock *written;
static struct gp_event *event;
static struct gp_greenlet *ends;
static int in_handler; /* turns that it gives to others */

static void handler(struct gp_hub *h)
{
	trace("(");
	for (int i = 0; i < in_handler; i++)
		gp_yield();
	trace(")");
}

static void signal_to(struct gp_greenlet *g)
{
	static struct gp_hooks hooks;
	struct gp_hub *h = gp__hub();

	hooks = *h->hooks;
	hooks.interrupted = handler;
	h->hooks = &hooks;
	EXPECT(gp__wake(g, -EINTR));
}

static void turns(void)
{
	for (int i = 0; i < 8; i++)
		gp_yield();
}

/* ---- ways to wait, and what lets one through ---------------------------------------------- */

static int get(void) { return gp_queue_get(queue, NULL, GP_NEVER); }
static int get_soon(void) { return gp_queue_get(queue, NULL, gp_after(3600 * GP_SEC)); }
static void got(void) { EXPECT_INT(gp_queue_try_put(queue, NULL), 0); }
static int put(void) { return gp_queue_put(full, NULL, GP_NEVER); }
static void taken(void) { EXPECT_INT(gp_queue_try_get(full, NULL), 0); }
static int channel_get(void) { return gp_channel_get(getting, NULL, GP_NEVER); }
static void channel_put_one(void) { EXPECT_INT(gp_channel_put(getting, NULL, GP_NEVER), 0); }
static int channel_put(void) { return gp_channel_put(putting, NULL, GP_NEVER); }
static void channel_get_one(void) { EXPECT_INT(gp_channel_get(putting, NULL, GP_NEVER), 0); }
static int acquire(void) { return gp_semaphore_acquire(semaphore, GP_NEVER); }
static void released(void) { EXPECT_INT(gp_semaphore_release(semaphore), 0); }

static int select_get(void)
{
	struct gp_case cases[] = { gp_case_acquire(semaphore), gp_case_queue_get(queue), gp_case_event(event) };

	return gp_select(cases, 3, GP_NEVER) == 1 ? 0 : -1;
}

static int select_put(void)
{
	struct gp_case cases[] = { gp_case_queue_put(full, NULL) };

	return gp_select(cases, 1, GP_NEVER);
}

static int select_acquire(void)
{
	struct gp_case cases[] = { gp_case_queue_get(queue), gp_case_acquire(semaphore) };

	return gp_select(cases, 2, GP_NEVER) == 1 ? 0 : -1;
}

static int lock(void)
{
	int r = gp_lock_acquire(locked, GP_NEVER);

	return r ? r : gp_lock_release(locked);
}
static void unlocked(void) { gp_lock_release(locked); }

static int write_lock(void)
{
	int r = gp_rwlock_write(written, GP_NEVER);

	return r ? r : gp_rwlock_unlock(written);
}
static void unwritten(void) { gp_rwlock_unlock(written); }

static int wait_event(void) { return gp_event_wait(event, GP_NEVER); }
static void set(void) { EXPECT_INT(gp_event_set(event), 0); }
static int join(void) { return gp_join(ends, GP_NEVER); }
static void end(void) { EXPECT_INT(gp_kill_soon(ends, -ECANCELED), 0); }

static int select_join(void)
{
	struct gp_case cases[] = { gp_case_queue_get(queue), gp_case_join(ends) };

	return gp_select(cases, 2, GP_NEVER) == 1 ? 0 : -1;
}

static const struct way {
	const char *name;
	int (*wait)(void);
	void (*give)(void); /* to one; or, with `all`, to all */
	bool all;
} ways[] = {
	{ "queue get", get, got, false },
	{ "queue get with a deadline", get_soon, got, false },
	{ "queue put", put, taken, false },
	{ "channel get", channel_get, channel_put_one, false },
	{ "channel put", channel_put, channel_get_one, false },
	{ "semaphore", acquire, released, false },
	{ "select of a queue", select_get, got, false },
	{ "select of a full queue", select_put, taken, false },
	{ "select of a semaphore", select_acquire, released, false },
	{ "lock", lock, unlocked, true },
	{ "rwlock", write_lock, unwritten, true },
	{ "event", wait_event, set, true },
	{ "join", join, end, true },
	{ "select of a greenlet", select_join, end, true },
};
#define WAYS (sizeof ways / sizeof *ways)

static void *sleeps(void *arg)
{
	gp_sleep(3600 * GP_SEC);
	return NULL;
}

static void make(void)
{
	queue = gp_queue_new(0);
	full = gp_queue_new(1);
	gp_queue_try_put(full, NULL);
	getting = gp_channel_new();
	putting = gp_channel_new();
	semaphore = gp_semaphore_new(0);
	locked = gp_lock_new();
	gp_lock_acquire(locked, GP_NEVER);
	written = gp_rwlock_new();
	gp_rwlock_write(written, GP_NEVER);
	event = gp_event_new();
	ends = gp_spawn(sleeps, NULL);
}

static void throw_away(void)
{
	gp_kill(ends, GP_NEVER);
	gp_unref(ends);
	gp_queue_free(queue);
	gp_queue_free(full);
	gp_channel_free(getting);
	gp_channel_free(putting);
	gp_semaphore_free(semaphore);
	gp_lock_free(locked);
	gp_rwlock_free(written);
	gp_event_free(event);
}

static const struct way *way;

static void *waiter(void *name)
{
	EXPECT_INT(way->wait(), 0);
	trace("%s", (const char *)name);
	return NULL;
}

static struct gp_greenlet *waiters[4];

static void begin(const struct way *this)
{
	static char *names[] = { "a", "b", "c", "d" };

	way = this;
	make();
	for (int i = 0; i < 4; i++)
		waiters[i] = gp_spawn(waiter, names[i]);
	turns();
	turns();
	unit_trace[0] = 0; /* the hook is called at the start of a greenlet, too */
}

static void finish(const char *expected)
{
	turns();
	for (int i = 0; i < 4; i++) {
		EXPECT(gp_ready(waiters[i]));
		gp_kill(waiters[i], GP_NEVER);
		gp_unref(waiters[i]);
	}
	if (strcmp(unit_trace, expected))
		printf("# in %s\n", way->name);
	EXPECT_STR(unit_trace, expected);
	throw_away();
}

static void give_all(void)
{
	for (int i = 0; i < (way->all ? 1 : 4); i++) {
		way->give();
		turns();
	}
}

CASE("a waiter whose handler has run stands where it stood, the first as well as one in the middle")
{
	in_handler = 2;
	for (size_t i = 0; i < WAYS; i++) {
		begin(&ways[i]);
		signal_to(waiters[0]);
		turns();
		signal_to(waiters[2]);
		turns();
		signal_to(waiters[0]);
		turns();
		give_all();
		finish("( ) ( ) ( ) a b c d");
	}
}

CASE("handlers of several that run at once and end in another order")
{
	in_handler = 3;
	for (size_t i = 0; i < WAYS; i++) {
		begin(&ways[i]);
		signal_to(waiters[2]);
		gp_yield();
		signal_to(waiters[1]);
		signal_to(waiters[0]);
		turns();
		give_all();
		finish("( ( ( ) ) ) a b c d");
	}
}

CASE("what is given while the handler runs goes to the next, and the place is kept")
{
	in_handler = 4;
	for (size_t i = 0; i < WAYS; i++) {
		if (ways[i].all)
			continue;
		begin(&ways[i]);
		signal_to(waiters[0]);
		gp_yield();
		ways[i].give();
		turns();
		EXPECT_STR(unit_trace, "( b )");
		for (int k = 0; k < 3; k++) {
			ways[i].give();
			turns();
		}
		finish("( b ) a c d");
	}
}

CASE("what is given to one whose signal has come and whose handler has not run yet is not lost")
{
	in_handler = 1;
	for (size_t i = 0; i < WAYS; i++) {
		begin(&ways[i]);
		for (int k = 0; k < 4; k++)
			signal_to(waiters[k]);
		give_all();
		turns();
		for (int k = 0; k < 4; k++)
			EXPECT(gp_ready(waiters[k]));
		unit_trace[0] = 0;
		finish("");
	}
}

static int select_event(void)
{
	struct gp_case cases[] = { gp_case_queue_get(queue), gp_case_event(event) };

	return gp_select(cases, 2, GP_NEVER) == 1 ? 0 : -1;
}

CASE("an event that was set is not lost though it is cleared when the handler returns, in gp_select neither")
{
	static const struct way pulses[] = { { "event", wait_event, set, true }, { "select of an event", select_event, set, true } };

	in_handler = 4;
	for (size_t i = 0; i < sizeof pulses / sizeof *pulses; i++) {
		begin(&pulses[i]);
		signal_to(waiters[1]);
		gp_yield();
		EXPECT_INT(gp_event_set(event), 0);
		EXPECT_INT(gp_event_clear(event), 0);
		turns();
		finish("( a c d ) b");
	}
}

static int wait_semaphore(void) { return gp_semaphore_wait(semaphore, GP_NEVER) >= 0 ? 0 : -1; }
static int join_queue(void) { return gp_queue_join(full, GP_NEVER); }

CASE("a semaphore that was free, a queue whose work was done, meanwhile")
{
	struct way semaphore_wait = { "semaphore wait", wait_semaphore, released, true };
	struct way queue_join = { "queue join", join_queue, NULL, true };

	in_handler = 4;
	begin(&semaphore_wait);
	signal_to(waiters[0]);
	gp_yield();
	EXPECT_INT(gp_semaphore_release(semaphore), 0);
	turns();
	finish("( b c d ) a");

	begin(&queue_join);
	signal_to(waiters[0]);
	gp_yield();
	EXPECT_INT(gp_queue_try_get(full, NULL), 0);
	EXPECT_INT(gp_queue_task_done(full), 0);
	EXPECT_INT(gp_queue_try_put(full, NULL), 0);
	turns();
	finish("( b c d ) a");
}
