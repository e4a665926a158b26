/* select.c - one of several cases is carried out: which one, how it goes, and what becomes of the others. */
#include "unit.h"
#include <pthread.h>
#include <sys/socket.h>
#include "core/run/hub.h"
#include "core/sync/channel.h"
#include "greenpatch.h"

static void *ptr(intptr_t n) { return (void *)n; }

static struct gp_queue *q[3];
static struct gp_channel *c;
static struct gp_event *e;
static struct gp_semaphore *s;
static int p[2];

static void make(void)
{
	for (int i = 0; i < 3; i++)
		NEED(q[i] = gp_queue_new(1));
	NEED((c = gp_channel_new()) && (e = gp_event_new()) && (s = gp_semaphore_new(0)));
	NEED(!pipe(p));
}

static void drop(void)
{
	for (int i = 0; i < 3; i++) {
		EXPECT_INT(q[i]->life.users, 0);
		EXPECT(gp__list_empty(&q[i]->getters) && gp__list_empty(&q[i]->putters));
		gp_queue_free(q[i]);
	}
	EXPECT_INT(c->life.users, 0);
	EXPECT_INT(((struct gp_linkable *)e)->users, 0);
	EXPECT_INT(((struct gp_linkable *)s)->users, 0);
	EXPECT(!gp__fd(gp__hub(), p[0]) || gp__list_empty(&gp__fd(gp__hub(), p[0])->waits));
	gp_channel_free(c);
	gp_event_free(e);
	gp_semaphore_free(s);
	close(p[0]);
	close(p[1]);
}

static void finish(struct gp_greenlet *g)
{
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
}

/* Waits for everything, and says what came. */
static void *wait_for_all(void *name)
{
	struct gp_case cases[] = { gp_case_queue_get(q[0]), gp_case_queue_peek(q[1]), gp_case_channel_get(c),
	                           gp_case_event(e),        gp_case_acquire(s),       gp_case_readable(p[0]),
	                           { .kind = GP_CASE_OFF } };
	int i = gp_select(cases, 7, GP_NEVER);

	trace("%s:%d", (const char *)name, i);
	if (i >= 0)
		trace("%d,%ld", cases[i].error, (long)(intptr_t)cases[i].item);
	return NULL;
}

static void *put_channel(void *item)
{
	trace("put:%d", gp_channel_put(c, item, GP_NEVER));
	return NULL;
}

static void make_ready(int i)
{
	switch (i) {
	case 0: EXPECT_INT(gp_queue_put(q[0], ptr(10), GP_NEVER), 0); break;
	case 1: EXPECT_INT(gp_queue_put(q[1], ptr(11), GP_NEVER), 0); break;
	case 2: gp_go(put_channel, ptr(12)); gp_yield(); break;
	case 3: gp_event_set(e); break;
	case 4: gp_semaphore_release(s); break;
	default: NEED(write(p[1], "x", 1) == 1);
	}
}

static const char *const outcome[] = { "a:0 0,10", "a:1 0,11", "a:2 0,12 put:0", "a:3 0,0", "a:4 0,0", "a:5 0,0" };

CASE("whatever becomes ready first is carried out")
{
	for (int i = 0; i < 6; i++) {
		struct gp_greenlet *g;

		make();
		unit_trace[0] = 0;
		g = gp_spawn(wait_for_all, "a");
		gp_yield();
		EXPECT_INT(g->state, GP__PARKED);
		make_ready(i);
		finish(g);
		gp_yield();
		EXPECT_STR(unit_trace, outcome[i]);
		EXPECT(gp_queue_empty(q[0]));
		EXPECT_INT(gp_queue_length(q[1]), i == 1);
		EXPECT_INT(gp_semaphore_value(s), 0);
		drop();
	}
}

CASE("of what is ready already the lowest index is carried out, the others are left alone")
{
	make();
	for (int i = 5; i >= 0; i--)
		make_ready(i);
	for (int i = 0; i < 6; i++) {
		unit_trace[0] = 0;
		wait_for_all("a");
		gp_yield();
		EXPECT_STR(unit_trace, outcome[i]);
		if (i == 1)
			EXPECT_INT(gp_queue_try_get(q[1], NULL), 0);
		if (i == 3)
			gp_event_clear(e);
	}
	EXPECT_INT(gp_channel_balance(c), 0);
	drop();
}

CASE("nothing is ready: try is -EAGAIN, a deadline -ETIMEDOUT, and nobody waits any more")
{
	struct gp_case cases[3];

	make();
	cases[0] = gp_case_queue_get(q[0]);
	cases[1] = gp_case_readable(p[0]);
	cases[2] = gp_case_channel_put(c, NULL);
	EXPECT_INT(gp_try_select(cases, 3), -EAGAIN);
	EXPECT_INT(gp_select(cases, 3, gp_now()), -ETIMEDOUT);
	EXPECT_INT(gp_select(cases, 3, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_channel_balance(c), 0);
	EXPECT_INT(gp_select(NULL, 0, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_try_select(NULL, 0), -EAGAIN);
	gp_queue_put(q[0], ptr(5), GP_NEVER);
	EXPECT_INT(gp_select(cases, 3, gp_now()), 0);
	EXPECT_INT((intptr_t)cases[0].item, 5);
	drop();
}

static void *select_put(void *arg)
{
	struct gp_case cases[] = { gp_case_queue_put(q[0], ptr(1)), gp_case_queue_put(q[1], ptr(2)),
	                           gp_case_channel_put(c, ptr(3)) };
	int i = gp_select(cases, 3, GP_NEVER);

	trace("case%d:%d", i, i < 0 ? 0 : cases[i].error);
	return NULL;
}

static void *select_get(void *arg)
{
	struct gp_case cases[] = { gp_case_queue_get(q[2]), gp_case_channel_get(c) };
	int i = gp_select(cases, 2, GP_NEVER);

	trace("got%d:%ld", i, i < 0 ? 0 : (long)(intptr_t)cases[i].item);
	return NULL;
}

CASE("a put waits for room in one of several, and puts once")
{
	struct gp_greenlet *g;
	void *item;

	make();
	EXPECT_INT(gp_queue_put(q[0], ptr(8), GP_NEVER), 0);
	EXPECT_INT(gp_queue_put(q[1], ptr(9), GP_NEVER), 0);
	g = gp_spawn(select_put, NULL);
	gp_yield();
	EXPECT_INT(gp_queue_try_get(q[1], NULL), 0);
	EXPECT_INT(gp_queue_try_get(q[0], NULL), 0);
	finish(g);
	EXPECT_STR(unit_trace, "case1:0");
	EXPECT(gp_queue_empty(q[0]));
	EXPECT_INT(gp_queue_try_get(q[1], &item), 0);
	EXPECT_INT((intptr_t)item, 2);
	EXPECT_INT(gp_channel_balance(c), 0);
	drop();
}

CASE("two selects meet in a channel, whoever comes first")
{
	for (int first = 0; first < 2; first++) {
		struct gp_greenlet *g, *b;

		make();
		unit_trace[0] = 0;
		EXPECT_INT(gp_queue_put(q[0], ptr(8), GP_NEVER), 0);
		EXPECT_INT(gp_queue_put(q[1], ptr(9), GP_NEVER), 0);
		if (first)
			g = gp_spawn(select_put, NULL);
		b = gp_spawn(select_get, NULL);
		if (!first)
			g = gp_spawn(select_put, NULL);
		finish(g);
		finish(b);
		EXPECT_STR(unit_trace, "got1:3 case2:0");
		drop();
	}
}

CASE("a greenlet does not meet itself in a channel")
{
	struct gp_case cases[2];
	struct gp_greenlet *g;

	make();
	cases[0] = gp_case_channel_get(c);
	cases[1] = gp_case_channel_put(c, ptr(1));
	EXPECT_INT(gp_select(cases, 2, gp_after(GP_MSEC)), -ETIMEDOUT);
	g = gp_spawn(put_channel, ptr(4));
	EXPECT_INT(gp_select(cases, 2, GP_NEVER), 0);
	EXPECT_INT((intptr_t)cases[0].item, 4);
	finish(g);
	drop();
}

static void *give(void *value)
{
	gp_yield();
	if (!value)
		gp_fail(-7, NULL);
	return value;
}

static void quiet(struct gp_greenlet *g) {}

CASE("the end of a greenlet: its value, or its error; of the caller itself: -EDEADLK")
{
	struct gp_greenlet *g = gp_spawn(give, ptr(6)), *bad;
	struct gp_case cases[2];

	gp_set_error_handler(quiet);
	make();
	cases[0] = gp_case_join(g);
	cases[1] = gp_case_queue_get(q[0]);
	EXPECT_INT(gp_select(cases, 2, GP_NEVER), 0);
	EXPECT_INT((intptr_t)cases[0].item, 6);
	EXPECT_INT(cases[0].error, 0);
	cases[0].item = NULL;
	EXPECT_INT(gp_try_select(cases, 2), 0);
	EXPECT_INT((intptr_t)cases[0].item, 6);
	cases[0] = gp_case_join(bad = gp_spawn(give, NULL));
	EXPECT_INT(gp_select(cases, 2, GP_NEVER), 0);
	EXPECT_INT(cases[0].error, -7);
	cases[0] = gp_case_join(gp_self());
	EXPECT_INT(gp_select(cases, 2, GP_NEVER), -EDEADLK);
	gp_unref(g);
	gp_unref(bad);
	drop();
}

CASE("descriptors: writable, at their end, closed meanwhile, not open")
{
	struct gp_case cases[2];
	struct gp_greenlet *g;
	int pair[2];

	make();
	NEED(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	cases[0] = gp_case_readable(pair[0]);
	cases[1] = gp_case_writable(pair[0]);
	EXPECT_INT(gp_select(cases, 2, GP_NEVER), 1);
	close(pair[1]);
	EXPECT_INT(gp_select(cases, 2, GP_NEVER), 0);
	EXPECT_INT(cases[0].error, 0);
	close(pair[0]);
	EXPECT_INT(gp_select(cases, 2, GP_NEVER), 0);
	EXPECT_INT(cases[0].error, -EBADF);
	cases[0] = gp_case_readable(-1);
	EXPECT_INT(gp_select(cases, 1, GP_NEVER), 0);
	EXPECT_INT(cases[0].error, -EBADF);
	g = gp_spawn(wait_for_all, "a");
	gp_yield();
	gp__fd_closing(gp__hub(), p[0]);
	finish(g);
	EXPECT_STR(unit_trace, "a:5 -9,0");
	drop();
}

CASE("a closed or freed object is ready, with its error")
{
	const char *const closed[] = { "a:0 -108,0", "a:1 -108,0", "a:2 -108,0", "a:3 -108,0", "a:4 -108,0" };
	struct gp_case cases[2];
	struct gp_greenlet *g;

	for (int i = 0; i < 5; i++) {
		make();
		unit_trace[0] = 0;
		g = gp_spawn(wait_for_all, "a");
		gp_yield();
		switch (i) {
		case 0: gp_queue_close(q[0]); break;
		case 1: gp_queue_free(q[1]); q[1] = gp_queue_new(1); break;
		case 2: gp_channel_free(c); c = gp_channel_new(); break;
		case 3: gp_event_free(e); e = gp_event_new(); break;
		default: gp_semaphore_free(s); s = gp_semaphore_new(0);
		}
		finish(g);
		EXPECT_STR(unit_trace, closed[i]);
		drop();
	}
	make();
	gp_queue_close(q[0]);
	gp_channel_close(c);
	cases[0] = gp_case_channel_put(c, NULL);
	cases[1] = gp_case_queue_put(q[0], NULL);
	EXPECT_INT(gp_try_select(cases, 2), 0);
	EXPECT_INT(cases[0].error, -ESHUTDOWN);
	cases[0].kind = GP_CASE_OFF;
	EXPECT_INT(gp_try_select(cases, 2), 1);
	EXPECT_INT(cases[1].error, -ESHUTDOWN);
	drop();
}

static void *get_one(void *name)
{
	void *item = ptr(-1);
	int r = gp_queue_get(q[0], &item, GP_NEVER);

	trace("%s:%ld", (const char *)name, r ? r : (long)(intptr_t)item);
	return NULL;
}

CASE("a select that is killed or took another case leaves what it would have got to the next")
{
	struct gp_greenlet *a, *b;

	make();
	a = gp_spawn(wait_for_all, "a");
	b = gp_spawn(get_one, "b");
	gp_yield();
	EXPECT_INT(gp_kill_soon(a, -ECANCELED), 0);
	gp_queue_put(q[0], ptr(1), GP_NEVER);
	finish(b);
	EXPECT_STR(unit_trace, "a:-125 b:1");
	gp_unref(a);
	unit_trace[0] = 0;
	a = gp_spawn(wait_for_all, "a");
	b = gp_spawn(get_one, "b");
	gp_yield();
	gp_event_set(e);
	gp_queue_put(q[0], ptr(2), GP_NEVER);
	finish(b);
	finish(a);
	EXPECT_STR(unit_trace, "a:3 0,0 b:2");
	drop();
}

CASE("a kill is told even if a descriptor has become ready since")
{
	struct gp_greenlet *a;

	make();
	a = gp_spawn(wait_for_all, "a");
	gp_sleep(GP_MSEC); /* the watcher is set */
	NEED(write(p[1], "x", 1) == 1);
	EXPECT(gp__wake(a, -ECANCELED)); /* as a kill does; it runs after the look at the loop */
	gp__yield_poll(gp__hub());
	finish(a);
	EXPECT_STR(unit_trace, "a:-125");
	drop();
}

static void *get_and_spin(void *arg)
{
	EXPECT_INT(gp_channel_get(c, NULL, GP_NEVER), 0);
	unit_spin_until(*(int64_t *)arg);
	gp__yield_poll(gp__hub()); /* the putter's deadline fires before its turn */
	return NULL;
}

CASE("what an object has settled counts, even if the deadline comes before the greenlet runs")
{
	struct gp_case cases[2];
	struct gp_greenlet *g;
	int64_t deadline;

	make();
	cases[0] = gp_case_readable(p[0]);
	cases[1] = gp_case_channel_put(c, ptr(1));
	g = gp_spawn(get_and_spin, &deadline);
	deadline = gp_after(200 * GP_MSEC);
	EXPECT_INT(gp_select(cases, 2, deadline), 1); /* waits before the getter comes */
	EXPECT_INT(cases[1].error, 0);
	finish(g);
	drop();
}

static void *from_elsewhere(void *arg)
{
	struct gp_case cases[] = { gp_case_queue_get(q[0]) };

	EXPECT_INT(gp_select(cases, 1, GP_NEVER), -EINVAL);
	return NULL;
}

CASE("NULL, an unknown kind, and a call from another kernel thread are -EINVAL")
{
	struct gp_case one = { .kind = 99 };
	pthread_t t;

	make();
	EXPECT_INT(gp_select(NULL, 1, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_select(&one, 1, GP_NEVER), -EINVAL);
	one.kind = -1;
	EXPECT_INT(gp_select(&one, 1, GP_NEVER), -EINVAL);
	for (int kind = GP_CASE_QUEUE_GET; kind <= GP_CASE_JOIN; kind++) {
		one = gp_case_make(kind, NULL);
		EXPECT_INT(gp_try_select(&one, 1), -EINVAL);
	}
	NEED(!pthread_create(&t, NULL, from_elsewhere, NULL) && !pthread_join(t, NULL));
	drop();
}

static void *producer(void *arg)
{
	for (int i = 0; i < 300; i++) {
		struct gp_case cases[] = { gp_case_queue_put(q[0], ptr(1)), gp_case_queue_put(q[1], ptr(1)),
		                           gp_case_channel_put(c, ptr(1)) };
		int64_t deadline = unit_random(4) ? GP_NEVER : gp_after(unit_random(50) * GP_USEC);
		int r = gp_select(cases + unit_random(3), 1, deadline);

		EXPECT(r == 0 || r == -ETIMEDOUT);
		if (!unit_random(4))
			gp_yield();
		*(int *)arg += !r;
	}
	return NULL;
}

static void *consumer(void *arg)
{
	for (;;) {
		struct gp_case cases[] = { gp_case_channel_get(c), gp_case_queue_get(q[1]), gp_case_queue_get(q[0]),
		                           gp_case_event(e) };
		int64_t deadline = unit_random(4) ? GP_NEVER : gp_after(unit_random(50) * GP_USEC);
		int r = gp_select(cases, 4, deadline);

		if (r == 3)
			return NULL;
		EXPECT(r == -ETIMEDOUT || (r >= 0 && !cases[r].error && cases[r].item == ptr(1)));
		*(int *)arg += r >= 0;
		if (!unit_random(4))
			gp_yield();
	}
}

CASE("many selects that meet lose nothing and give nothing twice")
{
	struct gp_greenlet *from[6], *to[4];
	int put = 0, got = 0;

	unit_seed();
	make();
	for (int i = 0; i < 6; i++)
		from[i] = gp_spawn(producer, &put);
	for (int i = 0; i < 4; i++)
		to[i] = gp_spawn(consumer, &got);
	for (int i = 0; i < 6; i++)
		finish(from[i]);
	gp_event_set(e);
	for (int i = 0; i < 4; i++)
		finish(to[i]);
	EXPECT_INT(got + (int)gp_queue_length(q[0]) + (int)gp_queue_length(q[1]), put);
	drop();
}
