/* channel.c - channels: who meets whom, tries, closing and freeing, errors of misuse. The order among greenlets is
 * queue_order.c's affair, random operations are queue_random.c's. */
#include "unit.h"
#include <pthread.h>
#include "core/sync/channel.h"
#include "greenpatch.h"

static struct gp_channel *c;

static void *ptr(intptr_t n) { return (void *)n; }

static void finish(struct gp_greenlet *g)
{
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
}

static void *put_one(void *item)
{
	int r = gp_channel_put(c, item, GP_NEVER);

	trace("put%ld:%d", (long)(intptr_t)item, r);
	return NULL;
}

static void *get_one(void *name)
{
	void *item = ptr(-1);
	int r = gp_channel_get(c, &item, GP_NEVER);

	trace("%s:%ld", (const char *)name, r ? r : (long)(intptr_t)item);
	return NULL;
}

CASE("a put waits until it is taken; the balance says who waits")
{
	struct gp_greenlet *a, *b;
	void *item;

	c = gp_channel_new();
	a = gp_spawn(put_one, ptr(1));
	b = gp_spawn(put_one, ptr(2));
	gp_yield();
	EXPECT_STR(unit_trace, "");
	EXPECT_INT(gp_channel_balance(c), 2);
	EXPECT_INT(gp_channel_get(c, &item, GP_NEVER), 0);
	EXPECT_INT((intptr_t)item, 1);
	EXPECT_INT(gp_channel_get(c, NULL, GP_NEVER), 0);
	finish(a);
	finish(b);
	EXPECT_STR(unit_trace, "put1:0 put2:0");
	a = gp_spawn(get_one, "a");
	gp_yield();
	EXPECT_INT(gp_channel_balance(c), -1);
	EXPECT_INT(gp_channel_put(c, ptr(3), GP_NEVER), 0);
	finish(a);
	EXPECT_STR(unit_trace, "put1:0 put2:0 a:3");
	EXPECT_INT(gp_channel_balance(c), 0);
	gp_channel_free(c);
}

CASE("nobody comes: try is -EAGAIN, a deadline -ETIMEDOUT, and nothing stays behind")
{
	c = gp_channel_new();
	EXPECT_INT(gp_channel_try_put(c, ptr(1)), -EAGAIN);
	EXPECT_INT(gp_channel_try_get(c, NULL), -EAGAIN);
	EXPECT_INT(gp_channel_put(c, ptr(1), gp_now()), -ETIMEDOUT);
	EXPECT_INT(gp_channel_get(c, NULL, gp_now()), -ETIMEDOUT);
	EXPECT_INT(gp_channel_put(c, ptr(1), gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_channel_get(c, NULL, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_channel_balance(c), 0);
	EXPECT_INT(c->life.users, 0);
	gp_channel_free(c);
}

CASE("a try meets one that waits and has no partner yet")
{
	struct gp_greenlet *a, *b;
	void *item;

	c = gp_channel_new();
	a = gp_spawn(get_one, "a");
	gp_yield();
	EXPECT_INT(gp_channel_try_put(c, ptr(1)), 0);
	finish(a);
	EXPECT_STR(unit_trace, "a:1");
	a = gp_spawn(put_one, ptr(2));
	gp_yield();
	EXPECT_INT(gp_channel_try_get(c, &item), 0);
	EXPECT_INT((intptr_t)item, 2);
	finish(a);
	unit_trace[0] = 0;
	a = gp_spawn(get_one, "a");
	gp_yield();
	b = gp_spawn(put_one, ptr(3)); /* before us in the line */
	gp_yield();
	EXPECT_INT(gp_channel_try_put(c, ptr(4)), -EAGAIN);
	finish(a);
	finish(b);
	EXPECT_STR(unit_trace, "a:3 put3:0");
	gp_channel_free(c);
}

CASE("a try whose partner is killed before they meet is -EAGAIN")
{
	struct gp_greenlet *a;

	c = gp_channel_new();
	a = gp_spawn(get_one, "a");
	gp_yield();
	gp_kill_soon(a, -ECANCELED);
	EXPECT_INT(gp_channel_try_put(c, ptr(1)), -EAGAIN);
	finish(a);
	EXPECT_STR(unit_trace, "a:-125");
	EXPECT_INT(gp_channel_balance(c), 0);
	gp_channel_free(c);
}

static void *get_and_spin(void *arg)
{
	EXPECT_INT(gp_channel_get(c, NULL, GP_NEVER), 0);
	unit_spin_until(*(int64_t *)arg);
	gp__yield_poll(gp__hub()); /* the putter's deadline fires before its turn */
	return NULL;
}

CASE("a put whose item was taken says so, even if its time was up before it ran")
{
	int64_t deadline;
	struct gp_greenlet *g;

	c = gp_channel_new();
	g = gp_spawn(get_and_spin, &deadline);
	gp_yield();
	deadline = gp_after(200 * GP_MSEC);
	EXPECT_INT(gp_channel_put(c, ptr(1), deadline), 0);
	EXPECT(!c->owed);
	finish(g);
	gp_channel_free(c);
}

CASE("a close lets those meet who can, and ends the others with -ESHUTDOWN")
{
	c = gp_channel_new();
	for (intptr_t i = 1; i <= 3; i++)
		gp_go(put_one, ptr(i));
	gp_go(get_one, "a");
	for (int i = 0; i < 3; i++)
		gp__list_empty(&c->getters) ? gp_yield() : 0;
	EXPECT_INT(gp_channel_close(c), 0);
	EXPECT_INT(gp_channel_close(c), 0);
	EXPECT(gp_channel_closed(c));
	EXPECT_INT(gp_channel_put(c, NULL, GP_NEVER), -ESHUTDOWN);
	EXPECT_INT(gp_channel_get(c, NULL, gp_now()), -ESHUTDOWN);
	EXPECT_INT(gp_channel_try_put(c, NULL), -ESHUTDOWN);
	EXPECT_INT(gp_channel_try_get(c, NULL), -ESHUTDOWN);
	gp_yield();
	EXPECT_STR(unit_trace, "a:1 put1:0 put2:-108 put3:-108");
	gp_channel_free(c);
}

static void *drain(void *arg)
{
	gp_channel_each(item, c)
		trace("%ld", (long)(intptr_t)item);
	trace("end");
	return NULL;
}

CASE("gp_channel_each goes on until the channel is closed")
{
	struct gp_greenlet *g;

	c = gp_channel_new();
	g = gp_spawn(drain, NULL);
	for (intptr_t i = 1; i <= 3; i++)
		EXPECT_INT(gp_channel_put(c, ptr(i), GP_NEVER), 0);
	EXPECT_INT(gp_channel_close(c), 0);
	finish(g);
	EXPECT_STR(unit_trace, "1 2 3 end");
	gp_channel_free(c);
}

CASE("a free wakes all who wait with -ESHUTDOWN")
{
	c = gp_channel_new();
	gp_go(get_one, "a");
	gp_go(get_one, "b");
	gp_yield();
	gp_channel_free(c);
	gp_yield();
	EXPECT_STR(unit_trace, "a:-108 b:-108");
}

static void *from_elsewhere(void *arg)
{
	EXPECT_INT(gp_channel_put(c, NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_channel_try_get(c, NULL), -EINVAL);
	EXPECT_INT(gp_channel_close(c), -EINVAL);
	gp_channel_free(c);
	return NULL;
}

CASE("NULL, and a call from another kernel thread, are -EINVAL")
{
	pthread_t t;

	c = gp_channel_new();
	EXPECT_INT(gp_channel_put(NULL, NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_channel_get(NULL, NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_channel_try_put(NULL, NULL), -EINVAL);
	EXPECT_INT(gp_channel_try_get(NULL, NULL), -EINVAL);
	EXPECT_INT(gp_channel_close(NULL), -EINVAL);
	EXPECT_INT(gp_channel_balance(NULL), 0);
	EXPECT(!gp_channel_closed(NULL));
	gp_channel_free(NULL);
	NEED(!pthread_create(&t, NULL, from_elsewhere, NULL) && !pthread_join(t, NULL));
	EXPECT(!gp_channel_closed(c));
	gp_channel_free(c);
}
