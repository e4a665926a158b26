/* fault_more.c - the calls that need memory and are in none of the other fault files: greenlets in all their forms, calls
 * over groups, less usual objects. Each fails with a clear error and changes nothing. */
#include "unit.h"
#include <sys/socket.h>
#include "fault.h"

static struct gp_group *pool;
static int ran;

static void *nothing(void *arg)
{
	ran++;
	return arg;
}

/* ---- greenlets ------------------------------------------------------------------------- */

static void note(void *arg) { (*(int *)arg)++; }

/* What deferred functions there are have run. */
static void *defers(void *arg)
{
	int *done = arg;

	if (gp_defer(note, done))
		return (void *)1;
	if (!gp_defer(note, done))
		return NULL;
	return (void *)1;
}

static int do_defer(void)
{
	int done = 0, r;
	struct gp_greenlet *g = gp_spawn(defers, &done);
	void *value = NULL;

	if (!g)
		return -ENOMEM;
	r = gp_get(g, &value, GP_NEVER);
	gp_unref(g);
	if (!r && value) {
		EXPECT(done < 2);
		return -ENOMEM;
	}
	EXPECT_INT(done, 2);
	return r;
}

static int do_new(void)
{
	struct gp_greenlet *g = gp_new(NULL, nothing, NULL);
	int r = g ? gp_start(g) : -ENOMEM;

	if (r) {
		gp_unref(g);
		return r;
	}
	return fault_join(g);
}

static int do_spawn_later(void)
{
	fault_no_heap();
	return fault_join(gp_spawn_later(1, nothing, NULL));
}

static int do_start_later(void)
{
	struct gp_greenlet *g = gp_new(NULL, nothing, NULL);
	int r;

	fault_no_heap();
	r = g ? gp_start_later(g, 1) : -ENOMEM;
	if (r) {
		EXPECT(!gp_started(g));
		gp_unref(g);
		return r;
	}
	return fault_join(g);
}

static void *run_task(struct gp_task *self) { return self; }

static int do_task(void)
{
	struct gp_task t;
	int r = gp_task_init(&t, run_task, NULL);

	if (r)
		return r;
	r = gp_task_start(&t);
	if (!r)
		r = gp_join(t.greenlet, GP_NEVER);
	gp_task_destroy(&t);
	return r;
}

static void told(struct gp_greenlet *g, void *arg) { ran++; }

static int do_links(void)
{
	struct gp_greenlet *g = gp_spawn(nothing, NULL);
	int r = g ? gp_link_value(g, told, NULL) : -ENOMEM, e;

	if (!r) {
		r = gp_link_error(g, told, NULL);
		e = gp_unlink(g, told, NULL);
		EXPECT_INT(e, 0);
		if (!r)
			EXPECT_INT(gp_unlink(g, told, NULL), 0);
		EXPECT_INT(gp_unlink(g, told, NULL), -ENOENT);
	}
	if (g)
		EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
	return r;
}

static int do_wait_count(void)
{
	struct gp_greenlet *g[2] = { gp_spawn(nothing, NULL), gp_spawn(nothing, NULL) };
	int r = g[0] && g[1] ? gp_wait_count(g, 2, 0, GP_NEVER) : -ENOMEM;

	for (int i = 0; i < 2; i++)
		if (g[i])
			EXPECT_INT(fault_join(g[i]), 0);
	return r == 2 ? 0 : r;
}

CASE("greenlets: made, started later, with fields, links, deferred functions, waits for several")
{
	static const struct fault_call calls[] = {
		{ "defer", do_defer, 0 },
		{ "new, start", do_new, 0 },
		{ "spawn_later", do_spawn_later, 0 },
		{ "start_later", do_start_later, 0 },
		{ "task", do_task, 0 },
		{ "links", do_links, 0 },
		{ "wait_count", do_wait_count, 0 },
	};

	FAULT_EACH(calls);
}

/* ---- groups and pools -------------------------------------------------------------------- */

static int do_try_spawn(void)
{
	struct gp_greenlet *g = NULL;
	int r = gp_pool_try_spawn(pool, nothing, NULL, &g);

	EXPECT_INT(gp_group_size(pool), !r);
	return r ? r : fault_join(g);
}

static int do_group_start(void)
{
	struct gp_greenlet *g = gp_new(NULL, nothing, NULL);
	int r = g ? gp_group_start(pool, g, GP_NEVER) : -ENOMEM;

	if (r) {
		EXPECT_INT(gp_group_size(pool), 0);
		gp_unref(g);
		return r;
	}
	return fault_join(g);
}

static int do_apply(void)
{
	void *value = NULL;
	int r = gp_group_apply(pool, nothing, &ran, &value, GP_NEVER);

	EXPECT(r ? !value : value == &ran);
	return r;
}

static void callback(void *value, void *arg) { ran++; }

static int do_apply_async(void)
{
	struct gp_greenlet *g = NULL;
	int r = gp_group_apply_async(pool, nothing, NULL, callback, NULL, &g);

	return r ? r : fault_join(g);
}

static bool three(void *state, void **arg)
{
	*arg = NULL;
	return (*(int *)state)++ < 3;
}

/* Those that had begun are given, then the error. */
static int take_all(struct gp_imap *it)
{
	int r;

	while (gp_imap_next(it, GP_NEVER))
		EXPECT_INT(it->error, 0);
	r = it->error;
	gp_imap_end(it);
	return r;
}

static int do_imap_from(void)
{
	int state = 0, r;
	struct gp_imap it;

	r = gp_imap_from(&it, pool, nothing, three, &state, 1);
	return r ? r : take_all(&it);
}

static int do_imap_unordered_from(void)
{
	int state = 0, r;
	struct gp_imap it;

	r = gp_imap_unordered_from(&it, pool, nothing, three, &state, 0);
	return r ? r : take_all(&it);
}

static int do_imap_unordered(void)
{
	void *args[2] = { NULL, NULL };
	struct gp_imap it;
	int r = gp_imap_unordered_begin(&it, pool, nothing, args, 2, 0);

	return r ? r : take_all(&it);
}

static int do_map(void)
{
	void *args[2] = { &ran, pool }, *values[2] = { NULL, NULL };
	int r = gp_group_map(pool, nothing, args, 2, values, GP_NEVER);

	EXPECT(r ? !values[0] && !values[1] : values[0] == &ran && values[1] == pool);
	return r;
}

CASE("groups: places, calls whose results come at once or one by one")
{
	static const struct fault_call calls[] = {
		{ "pool_try_spawn", do_try_spawn, 0 },
		{ "group_start", do_group_start, 0 },
		{ "group_apply", do_apply, 0 },
		{ "group_apply_async", do_apply_async, 0 },
		{ "imap_from", do_imap_from, 0 },
		{ "imap_unordered_from", do_imap_unordered_from, 0 },
		{ "imap_unordered", do_imap_unordered, 0 },
		{ "group_map", do_map, 0 },
	};

	pool = gp_pool_new(2);
	NEED(pool);
	FAULT_EACH(calls);
	EXPECT_INT(gp_group_size(pool), 0);
	gp_group_free(pool);
}

/* ---- objects ------------------------------------------------------------------------------ */

static int made(void *object, void (*destroy)(void *object))
{
	if (!object)
		return -ENOMEM;
	destroy(object);
	return 0;
}

static void free_queue(void *q) { gp_queue_free(q); }
static void free_lock(void *l) { gp_lock_free(l); }
static void free_semaphore(void *s) { gp_semaphore_free(s); }
static void free_group(void *g) { gp_group_free(g); }

static int do_lifo(void) { return made(gp_queue_new_lifo(3), free_queue); }
static int do_recursive(void) { return made(gp_lock_new_recursive(), free_lock); }
static int do_bounded(void) { return made(gp_semaphore_new_bounded(1), free_semaphore); }
static int do_group(void) { return made(gp_group_new(), free_group); }

static int do_pipe_over(void)
{
	int fds[2];
	struct gp_pipe *p;

	NEED(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	p = gp_pipe_over(fds[0]);
	if (!p) /* it stays the caller's */
		EXPECT_INT(close(fds[0]), 0);
	gp_pipe_free(p);
	close(fds[1]);
	return p ? 0 : -ENOMEM;
}

static int do_queue_join(void)
{
	struct gp_queue *q = gp_queue_new(0);
	int r;

	if (!q)
		return -ENOMEM;
	r = gp_queue_try_put(q, NULL);
	if (!r) {
		r = gp_queue_join(q, gp_after(1));
		r = r == -ETIMEDOUT ? 0 : r;
	}
	gp_queue_free(q);
	return r;
}

CASE("objects of the less usual kinds")
{
	static const struct fault_call calls[] = {
		{ "queue_new_lifo", do_lifo, 0 },
		{ "lock_new_recursive", do_recursive, 0 },
		{ "semaphore_new_bounded", do_bounded, 0 },
		{ "group_new", do_group, 0 },
		{ "pipe_over", do_pipe_over, 0 },
		{ "queue_join", do_queue_join, 0 },
	};

	FAULT_EACH(calls);
}
