/* async_result.c - gp_async_result: gevent's order of wake-ups, values and errors, greenlets that fill it, misuse. */
#include "sync.h"

/* What gevent printed (orders.py). */
static const struct order recorded[] = {
	{ "r g g s",
	  "ag bg cs a5 b5" },
	{ "r g w x g",
	  "ag bw cx dg d/ a/ b+" },
	{ "r g g sw w",
	  "ag bg cs cw dw a5 b5 c+ d+" },
	{ "r gg g s yg",
	  "ag bg cs dy a5 ag a5 b5 dg d5" },
	{ "r g kas g",
	  "ag bk bs cg c5 a!" },
	{ "r t t zs g",
	  "at bt cz dg a- b- cs d5" },
	{ "r g xs g",
	  "ag bx bs cg c5 a5" },
	{ "r sg xg w",
	  "as ag a5 bx bg b5 cw c+" },
	{ "r w w s yw",
	  "aw bw cs dy a+ b+ dw d+" },
	{ "r g kag w ys",
	  "ag bk bg cw dy a! ds b5 c+" },
};

CASE("the order of events is gevent's")
{
	ORDERS_HOLD(recorded);
}

static struct gp_async_result *result;

CASE("empty, with a value, with an error")
{
	struct gp_async_result *r = gp_async_result_new();
	void *value = "old";

	EXPECT(!gp_async_result_ready(r) && !gp_async_result_successful(r));
	EXPECT_INT(gp_async_result_try_get(r, &value), -EAGAIN);
	EXPECT_INT(gp_async_result_get(r, &value, PASSED), -ETIMEDOUT);
	EXPECT_INT(gp_async_result_get(r, &value, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_async_result_wait(r, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_STR(value, "old");
	EXPECT_INT(gp_async_result_set_error(r, 77, "a text"), 0);
	EXPECT(gp_async_result_ready(r) && !gp_async_result_successful(r));
	EXPECT_INT(gp_async_result_get(r, &value, PASSED), 77);
	EXPECT_INT(gp_async_result_try_get(r, NULL), 77);
	EXPECT_INT(gp_async_result_wait(r, GP_NEVER), 0);
	EXPECT_INT(gp_async_result_error(r), 77);
	EXPECT_STR(gp_async_result_message(r), "a text");
	EXPECT(!gp_async_result_value(r));
	EXPECT_INT(gp_async_result_set_error(r, -EIO, NULL), 0);
	EXPECT_INT(gp_async_result_error(r), -EIO);
	EXPECT_STR(gp_async_result_message(r), "");
	EXPECT_INT(gp_async_result_set(r, "new"), 0);
	EXPECT(gp_async_result_successful(r));
	EXPECT_INT(gp_async_result_get(r, &value, GP_NEVER), 0);
	EXPECT_STR(value, "new");
	EXPECT_STR(gp_async_result_value(r), "new");
	gp_async_result_free(r);
}

CASE("NULL is a value")
{
	struct gp_async_result *r = gp_async_result_new();
	void *value = "old";

	EXPECT_INT(gp_async_result_set(r, NULL), 0);
	EXPECT(gp_async_result_successful(r));
	EXPECT_INT(gp_async_result_try_get(r, &value), 0);
	EXPECT(!value);
	gp_async_result_free(r);
}

static void *get_it(void *arg)
{
	void *value = "none";
	int r = gp_async_result_get(result, &value, GP_NEVER);

	trace("%s=%d,%s", (const char *)arg, r, (char *)value);
	return NULL;
}

static void *return_it(void *arg)
{
	gp_yield();
	trace("returns");
	return arg;
}

static void *fail_it(void *arg)
{
	return (void *)(intptr_t)gp_fail(55, arg);
}

static void silent(struct gp_greenlet *g) {}

CASE("a greenlet that ends fills it, with its value or its error and message")
{
	struct gp_greenlet *g = gp_spawn(return_it, "fruit");

	gp_set_error_handler(silent);
	result = gp_async_result_new();
	EXPECT_INT(gp_async_result_follow(result, g), 0);
	EXPECT_INT(gp_async_result_follow(result, g), -EBUSY);
	gp_unref(gp_spawn(get_it, "x"));
	gp_unref(g);
	turns(6);
	EXPECT_STR(unit_trace, "returns x=0,fruit");
	gp_async_result_free(result);

	result = gp_async_result_new();
	g = gp_spawn(fail_it, "out of order");
	EXPECT_INT(gp_async_result_follow(result, g), 0);
	EXPECT_INT(gp_async_result_get(result, NULL, GP_NEVER), 55);
	EXPECT_STR(gp_async_result_message(result), "out of order");
	gp_async_result_free(result);

	result = gp_async_result_new(); /* has ended already */
	EXPECT_INT(gp_async_result_follow(result, g), 0);
	EXPECT(!gp_async_result_ready(result));
	EXPECT_INT(gp_async_result_get(result, NULL, GP_NEVER), 55);
	EXPECT_INT(gp_async_result_follow(result, g), 0); /* and again */
	gp_async_result_free(result);
	gp_unref(g);
	turns(3);
}

CASE("a killed greenlet fills it with GP_EXITED; one that was never started keeps it empty")
{
	struct gp_greenlet *g = gp_new(NULL, return_it, NULL);
	void *value;

	result = gp_async_result_new();
	EXPECT_INT(gp_async_result_follow(result, g), 0);
	turns(3);
	EXPECT(!gp_async_result_ready(result));
	kill_one(g);
	EXPECT_INT(gp_async_result_get(result, &value, GP_NEVER), 0);
	EXPECT(value == GP_EXITED);
	gp_async_result_free(result);

	result = gp_async_result_new();
	g = gp_new(NULL, return_it, NULL);
	EXPECT_INT(gp_async_result_follow(result, g), 0);
	gp_unref(g);
	gp_async_result_free(result);
}

CASE("its end wakes all who wait with -ESHUTDOWN; a greenlet that was to fill it ends without it")
{
	struct gp_greenlet *a, *b, *g = gp_spawn(return_it, "late");

	result = gp_async_result_new();
	gp_async_result_follow(result, g);
	a = gp_spawn(get_it, "a");
	b = gp_spawn(get_it, "b");
	gp_yield();
	gp_async_result_free(result);
	join_one(a);
	join_one(b);
	join_one(g);
	EXPECT_STR(unit_trace, "returns a=-108,none b=-108,none");
}

CASE("a kill and a timeout end a get")
{
	struct gp_timeout t;
	struct gp_greenlet *g;

	result = gp_async_result_new();
	g = gp_spawn(get_it, "g");
	gp_yield();
	kill_one(g);
	gp_timeout_start(&t, GP_MSEC);
	EXPECT_INT(gp_async_result_get(result, NULL, GP_NEVER), -ETIMEDOUT);
	EXPECT(gp_timeout_hit(&t));
	gp_timeout_stop(&t);
	EXPECT_STR(unit_trace, "g=-125,none");
	gp_async_result_free(result);
}

static void misused_elsewhere(void)
{
	EXPECT_INT(gp_async_result_set(result, NULL), -EINVAL);
	EXPECT_INT(gp_async_result_set_error(result, 1, NULL), -EINVAL);
	EXPECT_INT(gp_async_result_get(result, NULL, PASSED), -EINVAL);
	EXPECT_INT(gp_async_result_try_get(result, NULL), -EINVAL);
	EXPECT_INT(gp_async_result_wait(result, PASSED), -EINVAL);
	gp_async_result_free(result);
}

CASE("misuse is -EINVAL: NULL, no error, another kernel thread")
{
	result = gp_async_result_new();
	EXPECT_INT(gp_async_result_set(NULL, NULL), -EINVAL);
	EXPECT_INT(gp_async_result_set_error(NULL, 1, NULL), -EINVAL);
	EXPECT_INT(gp_async_result_set_error(result, 0, NULL), -EINVAL);
	EXPECT_INT(gp_async_result_get(NULL, NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_async_result_try_get(NULL, NULL), -EINVAL);
	EXPECT_INT(gp_async_result_wait(NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_async_result_follow(result, NULL), -EINVAL);
	EXPECT_INT(gp_async_result_follow(NULL, gp_self()), -EINVAL);
	EXPECT(!gp_async_result_ready(NULL) && !gp_async_result_successful(NULL) && !gp_async_result_value(NULL));
	EXPECT_INT(gp_async_result_error(NULL), 0);
	EXPECT_STR(gp_async_result_message(NULL), "");
	gp_async_result_free(NULL);
	elsewhere(misused_elsewhere);
	EXPECT(!gp_async_result_ready(result));
	gp_async_result_free(result);
}

CASE("without memory there is none, and an error with a message leaves it as it was")
{
	struct gp_async_result *r;

	NEED(gp_self());
	alloc_fails_at = 0;
	EXPECT(!gp_async_result_new());
	r = gp_async_result_new();
	alloc_fails_at = 0;
	EXPECT_INT(gp_async_result_set_error(r, 5, "text"), -ENOMEM);
	EXPECT(!gp_async_result_ready(r));
	EXPECT_INT(gp_async_result_set_error(r, 5, "text"), 0);
	alloc_fails_at = 0;
	EXPECT_INT(gp_async_result_set_error(r, 6, "other"), -ENOMEM);
	EXPECT_INT(gp_async_result_error(r), 5);
	EXPECT_STR(gp_async_result_message(r), "text");
	gp_async_result_free(r);
}
