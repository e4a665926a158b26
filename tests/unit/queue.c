/* queue.c - queues: what comes out, who waits, closing and freeing, errors of misuse. The order among greenlets is
 * queue_order.c's affair, random operations are queue_random.c's. */
#include "unit.h"
#include <pthread.h>
#include "core/alloc.h"
#include "core/sync/queue.h"
#include "greenpatch.h"

static int fail_alloc_at = -1; /* the n-th from now fails; counts down */
static bool fail_realloc;

void *gp__alloc(size_t size)
{
	if (fail_alloc_at >= 0 && !fail_alloc_at--)
		return NULL;
	return calloc(1, size ? size : 1);
}
void gp__free(void *p) { free(p); }
void *gp__realloc(void *p, size_t size) { return fail_realloc ? NULL : realloc(p, size); }

static void *ptr(intptr_t n) { return (void *)n; }

/* The next item as a number; an error as it is. */
static intptr_t got(struct gp_queue *q)
{
	void *item = ptr(-1);
	int r = gp_queue_try_get(q, &item);

	return r ? r : (intptr_t)item;
}

static void finish(struct gp_greenlet *g)
{
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
}

/* ---- what comes out ------------------------------------------------------------------- */

CASE("first in, first out, also when the table wraps around and grows")
{
	struct gp_queue *q = gp_queue_new(0);
	intptr_t in = 0, out = 0;

	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 7 + round; i++)
			EXPECT_INT(gp_queue_put(q, ptr(in++), GP_NEVER), 0);
		for (int i = 0; i < 5; i++)
			EXPECT_INT(got(q), out++);
		EXPECT_INT(gp_queue_length(q), in - out);
	}
	while (out < in)
		EXPECT_INT(got(q), out++);
	EXPECT(gp_queue_empty(q));
	EXPECT_INT(got(q), -EAGAIN);
	gp_queue_free(q);
}

CASE("last in, first out")
{
	struct gp_queue *q = gp_queue_new_lifo(0);

	for (intptr_t i = 0; i < 100; i++)
		EXPECT_INT(gp_queue_try_put(q, ptr(i)), 0);
	for (intptr_t i = 99; i >= 0; i--)
		EXPECT_INT(got(q), i);
	gp_queue_free(q);
}

CASE("the lowest priority first, equal ones first in first out; 0 if none is given")
{
	struct gp_queue *q = gp_queue_new_priority(0);
	const intptr_t order[] = { 2, 4, 6, 1, 5, 3 };

	EXPECT_INT(gp_queue_put_priority(q, ptr(1), 5, GP_NEVER), 0);
	EXPECT_INT(gp_queue_put_priority(q, ptr(2), INT64_MIN, GP_NEVER), 0);
	EXPECT_INT(gp_queue_put_priority(q, ptr(3), INT64_MAX, GP_NEVER), 0);
	EXPECT_INT(gp_queue_put(q, ptr(4), GP_NEVER), 0);
	EXPECT_INT(gp_queue_try_put_priority(q, ptr(5), 5), 0);
	EXPECT_INT(gp_queue_try_put(q, ptr(6)), 0);
	for (intptr_t i = 0; i < 6; i++)
		EXPECT_INT(got(q), order[i]);
	gp_queue_free(q);
	q = gp_queue_new(0);
	EXPECT_INT(gp_queue_put_priority(q, NULL, 1, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_queue_try_put_priority(q, NULL, 1), -EINVAL);
	EXPECT(gp_queue_empty(q));
	gp_queue_free(q);
}

CASE("a long queue of priorities against a sorted array")
{
	struct gp_queue *q = gp_queue_new_priority(0);
	enum { N = 3000 };
	static int64_t priority[N];
	intptr_t last = -1;

	unit_seed();
	for (intptr_t i = 0; i < N; i++)
		EXPECT_INT(gp_queue_try_put_priority(q, ptr(i), priority[i] = (int64_t)unit_random(50) - 25), 0);
	for (int n = 0; n < N; n++) {
		intptr_t i = got(q);

		NEED(i >= 0 && i < N);
		if (last >= 0)
			EXPECT(priority[last] < priority[i] || (priority[last] == priority[i] && last < i));
		last = i;
	}
	EXPECT_INT(got(q), -EAGAIN);
	gp_queue_free(q);
}

CASE("peek leaves the item; an item that nobody wants is dropped")
{
	struct gp_queue *qs[] = { gp_queue_new(0), gp_queue_new_lifo(0), gp_queue_new_priority(0) };

	for (int i = 0; i < 3; i++) {
		void *item;

		EXPECT_INT(gp_queue_try_peek(qs[i], &item), -EAGAIN);
		EXPECT_INT(gp_queue_put(qs[i], ptr(7), GP_NEVER), 0);
		EXPECT_INT(gp_queue_put(qs[i], ptr(8), GP_NEVER), 0);
		EXPECT_INT(gp_queue_try_peek(qs[i], &item), 0);
		EXPECT_INT((intptr_t)item, i == 1 ? 8 : 7);
		EXPECT_INT(gp_queue_peek(qs[i], &item, GP_NEVER), 0);
		EXPECT_INT(gp_queue_length(qs[i]), 2);
		EXPECT_INT(gp_queue_try_get(qs[i], NULL), 0);
		EXPECT_INT(got(qs[i]), i == 1 ? 7 : 8);
		gp_queue_free(qs[i]);
	}
}

/* ---- limits --------------------------------------------------------------------------- */

CASE("a full queue: try is -EAGAIN, a deadline -ETIMEDOUT")
{
	struct gp_queue *q = gp_queue_new(2);

	EXPECT_INT(gp_queue_maxsize(q), 2);
	EXPECT(!gp_queue_full(q));
	EXPECT_INT(gp_queue_try_put(q, ptr(1)), 0);
	EXPECT_INT(gp_queue_try_put(q, ptr(2)), 0);
	EXPECT(gp_queue_full(q));
	EXPECT_INT(gp_queue_try_put(q, ptr(3)), -EAGAIN);
	EXPECT_INT(gp_queue_put(q, ptr(3), gp_now()), -ETIMEDOUT);
	EXPECT_INT(gp_queue_put(q, ptr(3), gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_queue_length(q), 2);
	EXPECT_INT(gp_queue_unfinished(q), 2);
	EXPECT_INT(got(q), 1);
	EXPECT_INT(gp_queue_put(q, ptr(3), gp_now()), 0);
	gp_queue_free(q);
	q = gp_queue_new(0);
	EXPECT_INT(gp_queue_maxsize(q), 0);
	EXPECT_INT(gp_queue_get(q, NULL, gp_now()), -ETIMEDOUT);
	EXPECT_INT(gp_queue_get(q, NULL, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_queue_peek(q, NULL, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_queue_join(q, gp_now()), 0);
	EXPECT_INT(gp_queue_put(q, NULL, gp_now()), 0);
	EXPECT_INT(gp_queue_join(q, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_queue_join(q, gp_now()), -ETIMEDOUT);
	gp_queue_free(q);
}

static struct gp_queue *shared;

static void *put_one(void *item)
{
	int r = gp_queue_put(shared, item, GP_NEVER);

	trace("put%ld:%d", (long)(intptr_t)item, r);
	return NULL;
}

static void *get_one(void *name)
{
	void *item = ptr(-1);
	int r = gp_queue_get(shared, &item, GP_NEVER);

	trace("%s:%ld", (const char *)name, r ? r : (long)(intptr_t)item);
	return NULL;
}

static void *peek_one(void *name)
{
	void *item = ptr(-1);
	int r = gp_queue_peek(shared, &item, GP_NEVER);

	trace("%s:%ld", (const char *)name, r ? r : (long)(intptr_t)item);
	return NULL;
}

static void *join_one(void *name)
{
	trace("%s:%d", (const char *)name, gp_queue_join(shared, GP_NEVER));
	return NULL;
}

CASE("a larger maxsize lets those in for whom there is room now; a smaller one keeps what is there")
{
	shared = gp_queue_new(1);
	for (intptr_t i = 1; i <= 5; i++)
		gp_go(put_one, ptr(i));
	gp_yield();
	EXPECT_STR(unit_trace, "put1:0");
	EXPECT_INT(gp_queue_set_maxsize(shared, 3), 0);
	gp_yield();
	EXPECT_STR(unit_trace, "put1:0 put2:0 put3:0");
	EXPECT_INT(gp_queue_set_maxsize(shared, 1), 0);
	EXPECT(gp_queue_full(shared));
	for (int i = 1; i <= 3; i++) {
		EXPECT_INT(got(shared), i);
		gp_yield();
	}
	EXPECT_STR(unit_trace, "put1:0 put2:0 put3:0 put4:0");
	EXPECT_INT(gp_queue_set_maxsize(shared, 0), 0);
	gp_yield();
	EXPECT_INT(gp_queue_length(shared), 2);
	gp_queue_free(shared);
}

/* ---- waiters that go ------------------------------------------------------------------- */

CASE("what a killed or late getter would have got goes to the next one")
{
	struct gp_greenlet *a, *b;

	shared = gp_queue_new(0);
	a = gp_spawn(get_one, "a");
	b = gp_spawn(get_one, "b");
	gp_yield();
	EXPECT_INT(gp_kill_soon(a, -ECANCELED), 0);
	EXPECT_INT(gp_queue_put(shared, ptr(1), GP_NEVER), 0);
	finish(b);
	EXPECT_STR(unit_trace, "a:-125 b:1");
	gp_unref(a);
	gp_queue_free(shared);
}

CASE("a killed putter puts nothing, and the next one gets its place")
{
	struct gp_greenlet *a, *b;

	shared = gp_queue_new(1);
	EXPECT_INT(gp_queue_put(shared, ptr(1), GP_NEVER), 0);
	a = gp_spawn(put_one, ptr(2));
	b = gp_spawn(put_one, ptr(3));
	gp_yield();
	EXPECT_INT(gp_kill(a, GP_NEVER), 0);
	EXPECT_INT(got(shared), 1);
	finish(b);
	EXPECT_INT(got(shared), 3);
	EXPECT_STR(unit_trace, "put2:-125 put3:0");
	EXPECT_INT(gp_queue_unfinished(shared), 2);
	gp_unref(a);
	gp_queue_free(shared);
}

static void *get_late(void *arg)
{
	EXPECT_INT(gp_queue_get(shared, NULL, *(int64_t *)arg), -ETIMEDOUT);
	trace("late");
	return NULL;
}

CASE("an item that comes while a getter's time is up goes to the next getter")
{
	int64_t deadline = gp_after(GP_MSEC);
	struct gp_greenlet *a, *b;

	shared = gp_queue_new(0);
	a = gp_spawn(get_late, &deadline);
	b = gp_spawn(get_one, "b");
	gp_yield();
	unit_spin_until(deadline);
	EXPECT_INT(gp_queue_put(shared, ptr(1), GP_NEVER), 0);
	gp__yield_poll(gp__hub()); /* the deadline fires before the turn of the queue */
	gp_yield();
	finish(a);
	finish(b);
	EXPECT_HAS(unit_trace, "b:1");
	gp_queue_free(shared);
}

/* ---- closing --------------------------------------------------------------------------- */

CASE("a closed queue takes nothing, and gives what is left")
{
	shared = gp_queue_new(2);
	EXPECT(!gp_queue_closed(shared));
	for (intptr_t i = 1; i <= 4; i++)
		gp_go(put_one, ptr(i));
	gp_yield();
	EXPECT_INT(gp_queue_close(shared), 0);
	EXPECT_INT(gp_queue_close(shared), 0);
	EXPECT(gp_queue_closed(shared));
	EXPECT_INT(gp_queue_put(shared, ptr(9), GP_NEVER), -ESHUTDOWN);
	EXPECT_INT(gp_queue_try_put(shared, ptr(9)), -ESHUTDOWN);
	gp_yield();
	EXPECT_STR(unit_trace, "put1:0 put2:0 put3:-108 put4:-108");
	EXPECT_INT(got(shared), 1);
	EXPECT_INT(gp_queue_try_peek(shared, NULL), 0);
	EXPECT_INT(gp_queue_get(shared, NULL, GP_NEVER), 0);
	EXPECT_INT(gp_queue_get(shared, NULL, GP_NEVER), -ESHUTDOWN);
	EXPECT_INT(gp_queue_peek(shared, NULL, GP_NEVER), -ESHUTDOWN);
	EXPECT_INT(got(shared), -ESHUTDOWN);
	gp_queue_free(shared);
}

CASE("a close wakes getters and peekers in order; whoever joins still waits for the work")
{
	shared = gp_queue_new(0);
	EXPECT_INT(gp_queue_put(shared, ptr(1), GP_NEVER), 0);
	EXPECT_INT(got(shared), 1);
	gp_go(get_one, "a");
	gp_go(peek_one, "b");
	gp_go(get_one, "c");
	gp_go(join_one, "j");
	gp_yield();
	EXPECT_INT(gp_queue_close(shared), 0);
	EXPECT_STR(unit_trace, "");
	gp_yield();
	EXPECT_STR(unit_trace, "a:-108 b:-108 c:-108");
	EXPECT_INT(gp_queue_task_done(shared), 0);
	gp_yield();
	EXPECT_STR(unit_trace, "a:-108 b:-108 c:-108 j:0");
	EXPECT_INT(gp_queue_task_done(shared), -EINVAL);
	gp_queue_free(shared);
}

static void *drain(void *arg)
{
	gp_queue_each(item, shared) {
		if (item == ptr(2))
			continue;
		trace("%ld", (long)(intptr_t)item);
	}
	trace("end");
	return NULL;
}

CASE("gp_queue_each goes on until the queue is closed and empty")
{
	struct gp_greenlet *g;

	shared = gp_queue_new(1);
	g = gp_spawn(drain, NULL);
	for (intptr_t i = 1; i <= 4; i++)
		EXPECT_INT(gp_queue_put(shared, ptr(i), GP_NEVER), 0);
	EXPECT_INT(gp_queue_close(shared), 0);
	finish(g);
	EXPECT_STR(unit_trace, "1 3 4 end");
	gp_queue_free(shared);
}

CASE("a free wakes all who wait with -ESHUTDOWN")
{
	shared = gp_queue_new(1);
	EXPECT_INT(gp_queue_put(shared, ptr(1), GP_NEVER), 0);
	gp_go(put_one, ptr(2));
	gp_go(put_one, ptr(3));
	gp_go(join_one, "j");
	gp_yield();
	gp_queue_free(shared);
	gp_yield();
	gp_yield();
	EXPECT_INT(strlen(unit_trace), strlen("put2:-108 put3:-108 j:-108"));
	unit_trace[0] = 0;
	shared = gp_queue_new(0);
	gp_go(get_one, "a");
	gp_go(peek_one, "b");
	gp_yield();
	EXPECT_INT(gp_queue_try_put(shared, ptr(1)), 0);
	gp_queue_free(shared); /* while their turn is due */
	gp_yield();
	EXPECT_STR(unit_trace, "a:-108 b:-108");
}

static void *free_it(void *arg)
{
	gp_queue_free(shared);
	return NULL;
}

CASE("a queue is freed while its only waiter is being killed")
{
	struct gp_greenlet *g;

	shared = gp_queue_new(0);
	g = gp_spawn(get_one, "a");
	gp_yield();
	gp_kill_soon(g, -ECANCELED);
	gp_go(free_it, NULL);
	finish(g);
	gp_yield();
	EXPECT_STR(unit_trace, "a:-125");
}

/* ---- misuse ------------------------------------------------------------------------------ */

static void *from_elsewhere(void *arg)
{
	struct gp_queue *q = arg;

	EXPECT_INT(gp_queue_put(q, NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_queue_try_get(q, NULL), -EINVAL);
	EXPECT_INT(gp_queue_close(q), -EINVAL);
	gp_queue_free(q);
	return NULL;
}

CASE("NULL, and a call from another kernel thread, are -EINVAL")
{
	struct gp_queue *q = gp_queue_new(0);
	pthread_t t;

	EXPECT_INT(gp_queue_put(NULL, NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_queue_put_priority(NULL, NULL, 0, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_queue_get(NULL, NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_queue_peek(NULL, NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_queue_try_put(NULL, NULL), -EINVAL);
	EXPECT_INT(gp_queue_try_get(NULL, NULL), -EINVAL);
	EXPECT_INT(gp_queue_try_peek(NULL, NULL), -EINVAL);
	EXPECT_INT(gp_queue_join(NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_queue_task_done(NULL), -EINVAL);
	EXPECT_INT(gp_queue_close(NULL), -EINVAL);
	EXPECT_INT(gp_queue_set_maxsize(NULL, 1), -EINVAL);
	EXPECT_INT(gp_queue_length(NULL) + gp_queue_maxsize(NULL) + gp_queue_unfinished(NULL), 0);
	EXPECT(gp_queue_empty(NULL) && !gp_queue_full(NULL) && !gp_queue_closed(NULL));
	gp_queue_free(NULL);
	EXPECT_INT(gp_queue_task_done(q), -EINVAL);
	NEED(!pthread_create(&t, NULL, from_elsewhere, q) && !pthread_join(t, NULL));
	EXPECT(!gp_queue_closed(q));
	EXPECT_INT(gp_queue_put(q, NULL, GP_NEVER), 0);
	gp_queue_free(q);
}

CASE("a get that nothing can ever end is -EDEADLK in the main greenlet")
{
	struct gp_queue *q = gp_queue_new(0);

	capture(2);
	EXPECT_INT(gp_queue_get(q, NULL, GP_NEVER), -EDEADLK);
	captured(2);
	EXPECT(gp__list_empty(&q->getters));
	EXPECT_INT(gp_queue_put(q, ptr(1), GP_NEVER), 0);
	EXPECT_INT(got(q), 1);
	gp_queue_free(q);
}

CASE("without memory nothing is made, nothing is put, and nothing is lost")
{
	struct gp_queue *q;

	gp_self();
	fail_alloc_at = 0;
	EXPECT(!gp_queue_new(0));
	q = gp_queue_new(0);
	fail_realloc = true;
	EXPECT_INT(gp_queue_put(q, ptr(1), GP_NEVER), -ENOMEM);
	EXPECT_INT(gp_queue_length(q), 0);
	EXPECT_INT(gp_queue_unfinished(q), 0);
	EXPECT_INT(gp_queue_get(q, NULL, gp_after(GP_SEC)), -ENOMEM); /* for the deadline */
	fail_realloc = false;
	for (intptr_t i = 0; i < 8; i++)
		EXPECT_INT(gp_queue_put(q, ptr(i), GP_NEVER), 0);
	fail_realloc = true;
	EXPECT_INT(gp_queue_try_put(q, ptr(9)), -ENOMEM);
	fail_realloc = false;
	fail_alloc_at = 0;
	EXPECT_INT(gp_queue_join(q, GP_NEVER), -ENOMEM);
	EXPECT_INT(gp_queue_try_put(q, ptr(8)), 0);
	for (intptr_t i = 0; i < 9; i++)
		EXPECT_INT(got(q), i);
	gp_queue_free(q);
}

CASE("a waiting putter whose item finds no memory gets -ENOMEM, the next one goes on")
{
	shared = gp_queue_new(8);
	for (intptr_t i = 0; i < 8; i++)
		EXPECT_INT(gp_queue_put(shared, ptr(i), GP_NEVER), 0);
	gp_go(put_one, ptr(8));
	gp_yield();
	EXPECT_INT(gp_queue_set_maxsize(shared, 9), 0);
	fail_realloc = true;
	gp_yield();
	fail_realloc = false;
	EXPECT_STR(unit_trace, "put8:-12");
	EXPECT_INT(gp_queue_length(shared), 8);
	gp_queue_free(shared);
}

CASE("a table that was large is given back when the queue is empty")
{
	struct gp_queue *q = gp_queue_new(0);

	for (intptr_t i = 0; i < 5000; i++)
		EXPECT_INT(gp_queue_put(q, ptr(i), GP_NEVER), 0);
	for (intptr_t i = 0; i < 5000; i++)
		EXPECT_INT(got(q), i);
	EXPECT_INT(q->items.room, 0);
	EXPECT_INT(gp_queue_put(q, ptr(1), GP_NEVER), 0);
	EXPECT_INT(got(q), 1);
	gp_queue_free(q);
}
