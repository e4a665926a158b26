/* ending.c - how greenlets begin and end: values, errors and who is told, from however deep; what is done at the end;
 * greenlets in a struct of the caller's; a later start. */
#include "unit.h"
#include <pthread.h>
#include "core/run/hub.h"
#include "greenpatch.h"

static void said(struct gp_greenlet *g)
{
	trace("error:%d:%s", gp_error(g), gp_message(g));
}

static void *say(void *arg)
{
	trace("%s", (char *)arg);
	return arg;
}

static int come_back(struct gp_greenlet *g, void **value)
{
	int r = gp_get(g, value, GP_NEVER);

	gp_unref(g);
	return r;
}

CASE("get waits for the value; on one that has ended it does not park")
{
	struct gp_greenlet *g = gp_spawn(say, "a");
	unsigned long parks;
	void *value = NULL;

	EXPECT(!gp_value(g) && !gp_successful(g) && gp_started(g));
	EXPECT_INT(gp_get(g, &value, gp_now()), -ETIMEDOUT);
	EXPECT_INT(gp_get(g, &value, GP_NEVER), 0);
	EXPECT_STR(value, "a");
	parks = gp_self()->hub->stats.parks;
	EXPECT_INT(gp_get(g, NULL, 0), 0);
	EXPECT_INT(gp_self()->hub->stats.parks, parks);
	EXPECT(gp_successful(g) && !gp_started(g) && gp_ready(g));
	EXPECT_INT(gp_get(NULL, NULL, GP_NEVER), -EINVAL);
	gp_unref(g);
}

static void deep(int n)
{
	if (n)
		deep(n - 1);
	gp_exit("from-the-deep");
}

static void *exits(void *arg)
{
	deep(20);
	return "not-this";
}

static void *fails(void *arg)
{
	char message[] = "drew a blank";

	gp_fail(arg ? -EIO : 7, arg ? message : NULL);
	return "not-this";
}

CASE("exit ends it with a value from however deep; fail with an error, which is told once and stays")
{
	void *value = NULL;
	struct gp_greenlet *g;

	gp_set_error_handler(said);
	EXPECT_INT(come_back(gp_spawn(exits, NULL), &value), 0);
	EXPECT_STR(value, "from-the-deep");
	g = gp_spawn(fails, "x");
	EXPECT_INT(gp_get(g, &value, GP_NEVER), -EIO);
	EXPECT_INT(gp_get(g, &value, GP_NEVER), -EIO);
	EXPECT_STR(value, "from-the-deep");
	EXPECT_STR(gp_message(g), "drew a blank");
	EXPECT(!gp_value(g) && !gp_successful(g) && gp_ready(g));
	gp_unref(g);
	EXPECT_INT(come_back(gp_spawn(fails, NULL), NULL), 7);
	EXPECT_STR(unit_trace, "error:-5:drew a blank error:7:");
}

CASE("an error is said on stderr, with its name and message, unless there is a handler")
{
	struct gp_greenlet *g = gp_spawn_with(&(struct gp_attr){ .name = "loser" }, fails, "x");
	const char *text;

	capture(2);
	gp_join(g, GP_NEVER);
	text = captured(2);
	EXPECT_HAS(text, "loser failed: drew a blank (error -5)");
	gp_unref(g);
	gp_set_error_handler(said);
	EXPECT_INT(come_back(gp_spawn(fails, "x"), NULL), -EIO);
	gp_set_error_handler(NULL);
	capture(2);
	EXPECT_INT(come_back(gp_spawn(fails, "x"), NULL), -EIO);
	EXPECT_HAS(captured(2), "drew a blank");
	EXPECT_STR(unit_trace, "error:-5:drew a blank");
}

CASE("exit, fail and defer are for greenlets of gp_spawn, and fail wants an error")
{
	EXPECT(gp_self());
	EXPECT_INT(gp_exit(NULL), -EPERM);
	EXPECT_INT(gp_fail(-EIO, NULL), -EPERM);
	EXPECT_INT(gp_fail(0, NULL), -EINVAL);
	EXPECT_INT(gp_defer((void (*)(void *))gp_unref, NULL), -EPERM);
	EXPECT_INT(gp_defer(NULL, NULL), -EINVAL);
	EXPECT(!gp_undefer(NULL, NULL));
}

static void cleanup(void *arg)
{
	trace("~%s", (char *)arg);
	gp_yield(); /* may park */
}

static void cleanup_adds(void *arg)
{
	trace("~%s", (char *)arg);
	EXPECT_INT(gp_defer(cleanup, "added"), 0);
}

static void *defers(void *how)
{
	gp_defer(cleanup, "a");
	gp_defer(cleanup, "b");
	gp_defer(cleanup, "x");
	gp_defer(cleanup_adds, "c");
	EXPECT(gp_undefer(cleanup, "x"));
	EXPECT(!gp_undefer(cleanup, "x"));
	if (!strcmp(how, "exit"))
		gp_exit("v");
	if (!strcmp(how, "fail"))
		gp_fail(-EIO, NULL);
	if (!strcmp(how, "wait"))
		gp_sleep(1000 * GP_SEC);
	return "v";
}

CASE("what was deferred runs at the end, the latest first, however it ends")
{
	gp_set_error_handler(said);
	for (int i = 0; i < 4; i++) {
		char *how = (char *[]){ "return", "exit", "fail", "wait" }[i];
		struct gp_greenlet *g = gp_spawn(defers, how);

		unit_trace[0] = 0;
		gp_yield();
		if (i == 3)
			EXPECT_INT(gp_kill(g, GP_NEVER), 0);
		gp_join(g, GP_NEVER);
		EXPECT_STR(unit_trace, i == 2 ? "~c ~added ~b ~a error:-5:" : "~c ~added ~b ~a");
		gp_unref(g);
	}
}

struct counter {
	struct gp_task task;
	int left;
};

static void *count_down(struct gp_task *self)
{
	struct counter *c = (struct counter *)self;

	while (c->left) {
		c->left--;
		gp_yield();
	}
	return "over";
}

CASE("a greenlet in a struct of the caller's")
{
	struct counter c = { .left = 3 };
	void *value = NULL;

	EXPECT_INT(gp_task_init(NULL, count_down, NULL), -EINVAL);
	EXPECT_INT(gp_task_init(&c.task, NULL, NULL), -EINVAL);
	EXPECT_INT(gp_task_init(&c.task, count_down, &(struct gp_attr){ .stack_size = 4096 }), -EINVAL);
	EXPECT_INT(gp_task_init(&c.task, count_down, &(struct gp_attr){ .name = "counter" }), 0);
	EXPECT(!gp_started(c.task.greenlet));
	gp_yield();
	EXPECT_INT(c.left, 3);
	EXPECT_INT(gp_task_start(&c.task), 0);
	EXPECT_INT(gp_task_start(&c.task), -EINVAL);
	EXPECT_INT(gp_get(c.task.greenlet, &value, GP_NEVER), 0);
	EXPECT_STR(value, "over");
	EXPECT_INT(c.left, 0);
	EXPECT_STR(gp_name(c.task.greenlet), "counter");
	gp_task_destroy(&c.task);
	gp_task_destroy(&c.task);
	gp_task_destroy(NULL);
	EXPECT_INT(gp_task_start(NULL), -EINVAL);
	EXPECT_INT(gp_task_init(&c.task, count_down, NULL), 0); /* and never started */
	gp_task_destroy(&c.task);
}

CASE("started later: in the order of their times; a kill takes the start back; once only")
{
	struct gp_greenlet *now = gp_spawn_later(0, say, "now"), *a = gp_spawn_later(GP_MSEC, say, "a"),
			   *never = gp_spawn_later(1000 * GP_SEC, say, "never"),
			   *b = gp_spawn_later(20 * GP_MSEC, say, "b");

	EXPECT(gp_started(b) && !gp_ready(b));
	EXPECT_INT(gp_start(b), -EINVAL);
	EXPECT_INT(gp_start_later(b, 1), -EINVAL);
	EXPECT_INT(gp_kill(never, GP_NEVER), 0);
	EXPECT_INT(come_back(b, NULL), 0);
	EXPECT_STR(unit_trace, "now a b");
	EXPECT_INT(come_back(a, NULL), 0);
	EXPECT_INT(come_back(now, NULL), 0);
	gp_unref(never);
	EXPECT(!gp_spawn_later(1, NULL, NULL));
	EXPECT_INT(gp_start(NULL), -EINVAL);
}

CASE("who wants no handle; who made whom; names")
{
	struct gp_greenlet *g = gp_new(&(struct gp_attr){ .name = "a name that is too long" }, say, "x");

	EXPECT_INT(gp_go(say, "gone"), 0);
	EXPECT_INT(gp_go(NULL, NULL), -EINVAL);
	gp_yield();
	EXPECT_STR(unit_trace, "gone");
	EXPECT_INT(gp_parent(g), gp_id(gp_self()));
	EXPECT_STR(gp_name(g), "a name that is ");
	gp_set_name(g, NULL);
	EXPECT_STR(gp_name(g), "");
	EXPECT_STR(gp_name(NULL), "");
	EXPECT_INT(gp_id(NULL) + gp_parent(NULL), 0);
	gp_unref(g);
}

CASE("what can be asked of NULL")
{
	EXPECT(!gp_started(NULL) && !gp_ready(NULL) && !gp_successful(NULL) && !gp_value(NULL));
	EXPECT_INT(gp_error(NULL), 0);
	EXPECT_STR(gp_message(NULL), "");
	gp_ref(NULL);
	gp_unref(NULL);
	gp_set_name(NULL, "x");
}
