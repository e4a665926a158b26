/* Time limits around join, get and a plain call; and a bare deadline given to join. */
#include <errno.h>
#include <stdio.h>
#include <greenpatch.h>

static void *slow(void *unused)
{
	gp_sleep(5 * GP_SEC);
	return "late";
}

static const char *ours(struct gp_timeout *timer)
{
	return gp_timeout_hit(timer) ? "yes" : "no";
}

int main(void)
{
	struct gp_timeout timer;
	struct gp_greenlet *one, *two, *four, *all[3];
	void *value = "a stand-in value";

	/* 1: a timer of our own is running while we join */
	gp_timeout_start(&timer, 100 * GP_MSEC);
	one = gp_spawn(slow, NULL);
	if (!gp_join(one, GP_NEVER))
		printf("one: joined\n");
	else
		printf("one: timed out by our timer: %s\n", ours(&timer));
	gp_timeout_stop(&timer);

	/* 2: the same around get */
	gp_timeout_start(&timer, 100 * GP_MSEC);
	two = gp_spawn(slow, NULL);
	if (!gp_get(two, NULL, GP_NEVER))
		printf("two: got a value\n");
	else
		printf("two: timed out by our timer: %s\n", ours(&timer));
	gp_timeout_stop(&timer);

	/* 3: a call with a limit around it; what it does not give stays as it was */
	if (gp_with_timeout(100 * GP_MSEC, slow, NULL, NULL) == -ETIMEDOUT)
		printf("three: timed out\n");
	else
		printf("three: returned\n");
	gp_with_timeout(100 * GP_MSEC, slow, NULL, &value);
	printf("three again: %s\n", (char *)value);

	/* 4: a deadline of the call itself */
	four = gp_spawn(slow, NULL);
	gp_join(four, gp_after(100 * GP_MSEC));
	printf("four: join came back, greenlet has ended: %s\n", gp_ready(four) ? "yes" : "no");
	all[0] = one;
	all[1] = two;
	all[2] = four;
	printf("joinall with a limit: %d of 3 have ended\n", gp_join_all(all, 3, gp_after(100 * GP_MSEC)));

	gp_kill_all(all, 3, -ECANCELED, GP_NEVER);
	printf("after killall: %d of 3 have ended\n", gp_ready(one) + gp_ready(two) + gp_ready(four));
	for (int i = 0; i < 3; i++)
		gp_unref(all[i]);
	return 0;
}
