/* A timeout for the length of a block, with its own error, silent, or nested. */
#include <stdio.h>
#include <greenpatch.h>

enum { TOO_SLOW = -1000 };

static int nested(struct gp_timeout *outer)
{
	struct gp_timeout inner;
	int r;

	gp_timeout_start(&inner, 400 * GP_MSEC);
	r = gp_sleep(5 * GP_SEC);
	if (r)
		printf("nested: the inner block sees the %s limit\n", gp_timeout_hit(&inner) ? "inner" : "outer");
	gp_timeout_stop(&inner);
	return r; /* as an exception goes on upwards */
}

int main(void)
{
	struct gp_timeout t;

	gp_timeout_start_error(&t, 100 * GP_MSEC, TOO_SLOW);
	if (!gp_sleep(5 * GP_SEC))
		printf("own error: block ran through\n");
	if (gp_timeout_stop(&t) == TOO_SLOW)
		printf("own error: too slow\n");

	gp_timeout_start_silent(&t, 100 * GP_MSEC);
	if (!gp_sleep(5 * GP_SEC))
		printf("silent: block ran through\n");
	if (!gp_timeout_stop(&t))
		printf("silent: went on after the block\n");

	gp_timeout_start_error(&t, 500 * GP_MSEC, TOO_SLOW);
	if (!gp_sleep(10 * GP_MSEC))
		printf("quick: block ran through\n");
	gp_timeout_stop(&t);
	gp_yield();
	printf("quick: the timeout is gone with its block\n");

	gp_timeout_start(&t, 100 * GP_MSEC);
	if (nested(&t))
		printf("nested: the outer block sees the %s limit\n", gp_timeout_hit(&t) ? "outer" : "inner");
	gp_timeout_stop(&t);
	return 0;
}
