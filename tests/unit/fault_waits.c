/* fault_waits.c - waits, kills and timeouts whose deadline needs a place in the heap of timers, without memory for it:
 * nothing has begun to wait, nobody has been told. */
#include "unit.h"
#include "fault.h"

static struct gp_queue *queue, *full, *full_priority;
static struct gp_channel *channel;
static struct gp_event *event;
static struct gp_semaphore *semaphore;
static struct gp_lock *lock;
static struct gp_condition *condition;
static struct gp_barrier *barrier;
static struct gp_rwlock *rwlock;
static struct gp_async_result *result;
static struct gp_group *pool;
static struct gp_greenlet *sleeper;

/* ---- waits with a deadline ------------------------------------------------------------------- */

/* Far away, so that it is never passed already: the clock below lets it come. */
static int64_t soon(void)
{
	fault_no_heap();
	return gp_after(3600 * GP_SEC);
}

static bool clock_stops;

/* Whoever waits until a deadline has come to it. */
static void *deadlines_come(void *arg)
{
	struct gp_hub *h = arg;

	while (!clock_stops) {
		gp__list_each(n, &h->all) {
			struct gp_greenlet *g = gp__list_entry(n, struct gp_greenlet, all);

			if (g->state == GP__PARKED && g->deadline.slot >= 0)
				gp__wake(g, -ETIMEDOUT);
		}
		gp_yield();
	}
	return NULL;
}

static int late(int r) { return r == -ETIMEDOUT ? 0 : r ? r : -EPROTO; }

static int do_get(void) { return late(gp_queue_get(queue, NULL, soon())); }
static int do_peek(void) { return late(gp_queue_peek(queue, NULL, soon())); }
static int do_put(void) { return late(gp_queue_put(full, NULL, soon())); }
static int do_put_priority(void) { return late(gp_queue_put_priority(full_priority, NULL, 1, soon())); }
static int do_channel_get(void) { return late(gp_channel_get(channel, NULL, soon())); }
static int do_channel_put(void) { return late(gp_channel_put(channel, NULL, soon())); }
static int do_event(void) { return late(gp_event_wait(event, soon())); }
static int do_acquire(void) { return late(gp_semaphore_acquire(semaphore, soon())); }
static int do_semaphore_wait(void) { return late(gp_semaphore_wait(semaphore, soon())); }
static int do_condition(void) { return late(gp_condition_wait(condition, soon())); }
static bool never(void *arg) { return false; }
static int do_condition_for(void) { return late(gp_condition_wait_for(condition, never, NULL, soon())); }
static int do_result_get(void) { return late(gp_async_result_get(result, NULL, soon())); }
static int do_result_wait(void) { return late(gp_async_result_wait(result, soon())); }
static int do_join(void) { return late(gp_join(sleeper, soon())); }
static int do_get_greenlet(void) { return late(gp_get(sleeper, NULL, soon())); }
static int do_idle(void) { return late(gp_idle(soon())); }
static int do_pool(void) { return late(gp_pool_wait_available(pool, soon())); }

/* A barrier breaks at a deadline, and stays whole where there is no memory for one. */
static int do_barrier(void)
{
	int r = late(gp_barrier_wait(barrier, soon()));

	EXPECT_INT(gp_barrier_broken(barrier), !r);
	EXPECT_INT(gp_barrier_reset(barrier), 0);
	return r;
}

static int do_select(void)
{
	struct gp_case cases[] = { gp_case_queue_get(queue), gp_case_event(event), gp_case_channel_get(channel) };

	return late(gp_select(cases, 3, soon()));
}

static void *take_both(void *arg)
{
	int *r = arg;

	r[0] = late(gp_lock_acquire(lock, soon()));
	r[1] = r[0] ? r[0] : late(gp_rwlock_read(rwlock, soon()));
	r[2] = r[1] ? r[1] : late(gp_rwlock_write(rwlock, soon()));
	return NULL;
}

static int do_locks(void)
{
	int r[3];
	struct gp_greenlet *g = gp_spawn(take_both, r);

	if (!g)
		return -ENOMEM;
	EXPECT_INT(fault_join(g), 0);
	return r[2];
}

static int do_sleep(void)
{
	fault_no_heap();
	return gp_sleep(3600 * GP_SEC);
}

/* The scope of a timeout that has just been started, or not. */
static int scope(struct gp_timeout *t, int r)
{
	EXPECT_INT(gp_timeout_pending(t), !r);
	return r ? r : gp_timeout_stop(t);
}

static int do_timeout(void)
{
	struct gp_timeout t;

	fault_no_heap();
	return scope(&t, gp_timeout_start(&t, 3600 * GP_SEC));
}

static int do_timeout_error(void)
{
	struct gp_timeout t;

	fault_no_heap();
	return scope(&t, gp_timeout_start_error(&t, 3600 * GP_SEC, -EPROTO));
}

static int do_timeout_silent(void)
{
	struct gp_timeout t;

	fault_no_heap();
	return scope(&t, gp_timeout_start_silent(&t, 3600 * GP_SEC));
}

static void *called(void *arg)
{
	++*(int *)arg;
	return arg;
}

static int do_with_timeout(void)
{
	int calls = 0, r;
	void *value = NULL;

	fault_no_heap();
	r = gp_with_timeout(3600 * GP_SEC, called, &calls, &value);
	EXPECT_INT(calls, !r);
	EXPECT(value == (r ? NULL : (void *)&calls));
	return r;
}

static void *asleep(void *arg)
{
	gp_event_wait(event, GP_NEVER);
	return NULL;
}

CASE("a wait whose deadline gets no memory is refused, and waits in nothing")
{
	static const struct fault_call calls[] = {
		{ "queue_get", do_get, 0 },
		{ "queue_peek", do_peek, 0 },
		{ "queue_put", do_put, 0 },
		{ "queue_put_priority", do_put_priority, 0 },
		{ "channel_get", do_channel_get, 0 },
		{ "channel_put", do_channel_put, 0 },
		{ "event_wait", do_event, 0 },
		{ "semaphore_acquire", do_acquire, 0 },
		{ "semaphore_wait", do_semaphore_wait, 0 },
		{ "condition_wait", do_condition, 0 },
		{ "condition_wait_for", do_condition_for, 0 },
		{ "async_result_get", do_result_get, 0 },
		{ "async_result_wait", do_result_wait, 0 },
		{ "barrier_wait", do_barrier, 0 },
		{ "join", do_join, 0 },
		{ "get", do_get_greenlet, 0 },
		{ "idle", do_idle, 0 },
		{ "pool_wait_available", do_pool, 0 },
		{ "select", do_select, 0 },
		{ "locks", do_locks, 0 },
		{ "sleep", do_sleep, 0 },
		{ "timeout", do_timeout, 0 },
		{ "timeout_start_error", do_timeout_error, 0 },
		{ "timeout_start_silent", do_timeout_silent, 0 },
		{ "with_timeout", do_with_timeout, 0 },
	};
	struct gp_greenlet *clock;

	queue = gp_queue_new(0);
	full = gp_queue_new(1);
	full_priority = gp_queue_new_priority(1);
	channel = gp_channel_new();
	event = gp_event_new();
	semaphore = gp_semaphore_new(0);
	lock = gp_lock_new();
	condition = gp_condition_new(lock);
	barrier = gp_barrier_new(2, NULL, NULL);
	rwlock = gp_rwlock_new();
	result = gp_async_result_new();
	pool = gp_pool_new(1);
	NEED(!gp_group_spawn(pool, asleep, NULL, &sleeper, GP_NEVER));
	clock = gp_spawn(deadlines_come, gp_self()->hub);
	NEED(!gp_queue_try_put(full, NULL) && !gp_queue_try_put(full_priority, NULL));
	NEED(!gp_lock_acquire(lock, GP_NEVER) && !gp_rwlock_write(rwlock, GP_NEVER));
	gp_yield();
	FAULT_EACH(calls);
	EXPECT_INT(gp_queue_length(queue), 0);
	EXPECT_INT(gp_queue_length(full_priority), 1);
	EXPECT(gp__list_empty(&gp_self()->hub->idlers));
	EXPECT_INT(gp_channel_balance(channel), 0);
	EXPECT_INT(gp_barrier_waiting(barrier), 0);
	/* Nobody was left behind in any of them: what is given now stays. */
	EXPECT_INT(gp_queue_try_put(queue, NULL), 0);
	EXPECT_INT(gp_semaphore_release(semaphore), 0);
	gp_yield();
	gp_yield();
	EXPECT_INT(gp_queue_length(queue), 1);
	EXPECT_INT(gp_semaphore_value(semaphore), 1);
	EXPECT_INT(gp_event_set(event), 0);
	EXPECT_INT(fault_join(sleeper), 0);
	clock_stops = true;
	EXPECT_INT(fault_join(clock), 0);
	gp_queue_free(queue);
	gp_queue_free(full);
	gp_queue_free(full_priority);
	gp_channel_free(channel);
	gp_event_free(event);
	gp_semaphore_free(semaphore);
	gp_condition_free(condition);
	gp_lock_free(lock);
	gp_barrier_free(barrier);
	gp_rwlock_free(rwlock);
	gp_async_result_free(result);
	gp_group_free(pool);
}

/* ---- kills ----------------------------------------------------------------------------------- */

static struct gp_greenlet *victims[2];

static void *waits(void *arg)
{
	gp_event_wait(event, GP_NEVER);
	return "ended";
}

/* They are there and have begun: only the kill meets the failure. */
static void make_victims(void)
{
	int at = fault_at;

	fault_at = -1;
	for (int i = 0; i < 2; i++)
		NEED(victims[i] = gp_spawn(waits, NULL));
	gp_yield();
	fault_at = at;
}

/* After a kill of the first n: they have ended; or it failed, and nobody was told. */
static int killed(int r, int n)
{
	for (int i = 0; i < 2; i++) {
		EXPECT_INT(gp_killed(victims[i]), !r && i < n);
		EXPECT_INT(gp_ready(victims[i]), !r && i < n);
		EXPECT_INT(gp_kill(victims[i], GP_NEVER), 0);
		EXPECT_STR(gp_value(victims[i]), "ended");
		gp_unref(victims[i]);
	}
	return r;
}

static int do_kill(void)
{
	make_victims();
	return killed(gp_kill(victims[0], soon()), 1);
}

static int do_kill_error(void)
{
	make_victims();
	return killed(gp_kill_error(victims[0], -EPROTO, soon()), 1);
}

static int do_kill_all(void)
{
	make_victims();
	return killed(gp_kill_all(victims, 2, -EPROTO, soon()), 2);
}

static int do_shutdown(void)
{
	make_victims();
	return killed(gp_shutdown(soon()), 2);
}

static int do_group_kill(void)
{
	struct gp_group *group;
	int at = fault_at, r;

	make_victims();
	fault_at = -1;
	group = gp_group_new();
	NEED(group && !gp_group_add(group, victims[0], GP_NEVER) && !gp_group_add(group, victims[1], GP_NEVER));
	fault_at = at;
	r = gp_group_kill(group, -EPROTO, soon());
	EXPECT_INT(gp_group_size(group), r ? 2 : 0);
	gp_group_free(group);
	return killed(r, 2);
}

CASE("a kill whose deadline gets no memory is refused, and nobody is told")
{
	static const struct fault_call calls[] = {
		{ "kill", do_kill, 0 },           { "kill_error", do_kill_error, 0 },
		{ "kill_all", do_kill_all, 0 },   { "group_kill", do_group_kill, 0 },
		{ "shutdown", do_shutdown, 0 },
	};

	event = gp_event_new();
	NEED(event);
	FAULT_EACH(calls);
	gp_event_free(event);
}
