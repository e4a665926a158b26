/* Three ways to get a running greenlet. */
#include <stdio.h>
#include <greenpatch.h>

struct saying {
	const char *message;
	int64_t delay;
};

static void *say_later(void *arg)
{
	const struct saying *s = arg;

	gp_sleep(s->delay);
	printf("%s\n", s->message);
	return NULL;
}

static void *add_one(void *n)
{
	return (void *)((intptr_t)n + 1);
}

int main(void)
{
	struct saying one = { "from the class method", 100 * GP_MSEC };
	struct saying two = { "from the module function", 200 * GP_MSEC };
	struct gp_attr named = { .name = "first" };
	struct gp_greenlet *first = gp_new(&named, say_later, &one);
	struct gp_greenlet *second, *third;

	gp_start(first);
	second = gp_spawn(say_later, &two);
	third = gp_spawn(add_one, (void *)2);

	printf("nothing has run yet: %s\n", gp_ready(third) ? "no" : "yes");
	gp_join_all((struct gp_greenlet *[]){ first, second, third }, 3, GP_NEVER);
	printf("the lambda returned %d\n", (int)(intptr_t)gp_value(third));
	printf("the others returned nothing: %s\n", !gp_value(first) && !gp_value(second) ? "yes" : "no");

	gp_unref(first);
	gp_unref(second);
	gp_unref(third);
	return 0;
}
