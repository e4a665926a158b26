/* fault_kills.c - kills, timeouts, idling and waits for each other while the n-th system call of the hub fails
 * (fault_calls.h): who is killed ends, a limit holds, and nobody waits for ever. */
#include "unit.h"
#include "fault_calls.h"

static int64_t soon(void)
{
	return gp_after(3 * GP_SEC);
}

/* ---- kills --------------------------------------------------------------------------------------- */

static int ends[2];

/* Nothing ever comes: only a kill ends it, or a wait that fails. */
static void *reads(void *arg)
{
	int r = gp_wait_read(ends[0], GP_NEVER);

	EXPECT(r < 0);
	return "ended";
}

/* They wait in the loop, as far as they can. */
static void make_victims(struct gp_greenlet *g[2])
{
	NEED(!pipe2(ends, O_CLOEXEC));
	for (int i = 0; i < 2; i++)
		NEED(g[i] = gp_spawn(reads, NULL));
	gp_sleep(1000);
}

static int ended(struct gp_greenlet *g[2], int n, int r)
{
	for (int i = 0; i < 2; i++) {
		EXPECT(gp_ready(g[i]) || i >= n);
		EXPECT_INT(gp_kill(g[i], GP_NEVER), 0);
		EXPECT_STR(gp_value(g[i]), "ended");
		gp_unref(g[i]);
	}
	for (int i = 0; i < 2; i++)
		gp_close(ends[i]);
	return r;
}

static int do_kill_error(void)
{
	struct gp_greenlet *g[2];

	make_victims(g);
	return ended(g, 1, gp_kill_error(g[0], -EPROTO, soon()));
}

static int do_kill_all(void)
{
	struct gp_greenlet *g[2];

	make_victims(g);
	return ended(g, 2, gp_kill_all(g, 2, -EPROTO, soon()));
}

static int do_shutdown(void)
{
	struct gp_greenlet *g[2];

	make_victims(g);
	return ended(g, 2, gp_shutdown(soon()));
}

static int do_group_kill(void)
{
	struct gp_group *group = gp_group_new();
	struct gp_greenlet *g[2];
	int r;

	make_victims(g);
	NEED(group && !gp_group_add(group, g[0], GP_NEVER) && !gp_group_add(group, g[1], GP_NEVER));
	r = gp_group_kill(group, -EPROTO, soon());
	EXPECT_INT(gp_group_size(group), 0);
	gp_group_free(group);
	return ended(g, 2, r);
}

CASE("kills: whoever is told ends, in whatever state its wait is")
{
	static const struct fault_call calls[] = {
		{ "kill_error", do_kill_error, 0 },
		{ "kill_all", do_kill_all, 0 },
		{ "shutdown", do_shutdown, 0 },
		{ "group_kill", do_group_kill, 0 },
	};

	FAULT_CALLS(calls);
}

/* ---- timeouts -------------------------------------------------------------------------------------- */

/* A wait in vain, in the scope of t: what stopped it, which the scope's end says as well. */
static int wait_within(struct gp_timeout *t, int started)
{
	bool hit;
	int r;

	NEED(!started && !pipe2(ends, O_CLOEXEC));
	r = gp_wait_read(ends[0], soon());
	hit = gp_timeout_hit(t);
	EXPECT(gp_timeout_pending(t) == !hit);
	gp_close(ends[0]);
	gp_close(ends[1]);
	EXPECT(r < 0);
	return hit ? r : r == -ETIMEDOUT ? -EPROTO : r;
}

static int do_timeout_error(void)
{
	struct gp_timeout t;
	int r = wait_within(&t, gp_timeout_start_error(&t, GP_MSEC, -ECHRNG)), end = gp_timeout_stop(&t);

	EXPECT_INT(end, r == -ECHRNG ? r : 0);
	return end ? 0 : r;
}

static int do_timeout_silent(void)
{
	struct gp_timeout t;
	int r = wait_within(&t, gp_timeout_start_silent(&t, GP_MSEC));

	EXPECT_INT(gp_timeout_stop(&t), 0);
	EXPECT_INT(gp_timeout_hit(&t), r == -ETIMEDOUT);
	return r == -ETIMEDOUT ? 0 : r;
}

static void *wait_in_vain(void *arg)
{
	return (void *)(intptr_t)gp_wait_read(ends[0], soon());
}

static int do_with_timeout(void)
{
	void *value = NULL;
	int r;

	NEED(!pipe2(ends, O_CLOEXEC));
	r = gp_with_timeout(GP_MSEC, wait_in_vain, NULL, &value);
	EXPECT(r == -ETIMEDOUT ? !value : !r && (intptr_t)value < 0);
	gp_close(ends[0]);
	gp_close(ends[1]);
	return r == -ETIMEDOUT ? 0 : r ? r : (int)(intptr_t)value;
}

CASE("timeouts: the limit holds, or the wait says why it has failed")
{
	static const struct fault_call calls[] = {
		{ "timeout_start_error", do_timeout_error, 0 },
		{ "timeout_start_silent", do_timeout_silent, 0 },
		{ "with_timeout", do_with_timeout, 0 },
	};

	FAULT_CALLS(calls);
}

/* ---- waiting for each other --------------------------------------------------------------------------- */

static void *sleep_shortly(void *arg)
{
	gp_sleep(1000);
	return NULL;
}

static int join(struct gp_greenlet *g, int r)
{
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
	return r;
}

static int do_idle(void)
{
	struct gp_greenlet *g = gp_spawn(sleep_shortly, NULL);
	int r = gp_idle(soon());

	EXPECT(gp__list_empty(&gp_self()->hub->idlers));
	return join(g, r);
}

static struct gp_lock *lock;
static struct gp_condition *condition;
static bool there;

static bool is_there(void *arg) { return there; }

static void *brings(void *arg)
{
	gp_sleep(1000);
	EXPECT_INT(gp_lock_acquire(lock, GP_NEVER), 0);
	there = true;
	EXPECT_INT(gp_condition_notify_all(condition), 0);
	EXPECT_INT(gp_lock_release(lock), 0);
	return NULL;
}

static int do_condition(void)
{
	struct gp_greenlet *g = gp_spawn(brings, NULL);
	int r;

	there = false;
	EXPECT_INT(gp_lock_acquire(lock, GP_NEVER), 0);
	r = gp_condition_wait_for(condition, is_there, NULL, soon());
	EXPECT(r || there);
	EXPECT_INT(gp_lock_release(lock), 0);
	return join(g, r);
}

static struct gp_group *pool;

static int do_pool(void)
{
	struct gp_greenlet *g = NULL;
	int r;

	NEED(!gp_group_spawn(pool, sleep_shortly, NULL, &g, GP_NEVER));
	r = gp_pool_wait_available(pool, soon());
	EXPECT(r < 0 || r == 1);
	return join(g, r > 0 ? 0 : r);
}

static struct gp_queue *queue;

static void *gets(void *arg)
{
	gp_sleep(1000);
	EXPECT_INT(gp_queue_get(queue, NULL, GP_NEVER), 0);
	return NULL;
}

static int do_put_priority(void)
{
	struct gp_greenlet *g = gp_spawn(gets, NULL);
	int r = gp_queue_put_priority(queue, NULL, 1, soon());

	EXPECT_INT(gp_queue_length(queue), 1);
	join(g, 0);
	if (r)
		EXPECT_INT(gp_queue_try_put(queue, NULL), 0);
	return r;
}

CASE("idling, conditions, pools, queues: whoever waits goes on when the time has come")
{
	static const struct fault_call calls[] = {
		{ "idle", do_idle, 0 },
		{ "condition_wait_for", do_condition, 0 },
		{ "pool_wait_available", do_pool, 0 },
		{ "queue_put_priority", do_put_priority, 0 },
	};

	lock = gp_lock_new();
	condition = gp_condition_new(lock);
	pool = gp_pool_new(1);
	queue = gp_queue_new_priority(1);
	NEED(condition && pool && queue && !gp_queue_try_put(queue, NULL));
	FAULT_CALLS(calls);
	gp_queue_free(queue);
	gp_group_free(pool);
	gp_condition_free(condition);
	gp_lock_free(lock);
}
