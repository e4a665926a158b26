/* A timeout that is started by hand hits the greenlet that started it. */
#include <errno.h>
#include <stdio.h>
#include <greenpatch.h>

static void *slow(void *unused)
{
	gp_sleep(5 * GP_SEC);
	return NULL;
}

int main(void)
{
	struct gp_timeout limit = { 0 };
	struct gp_greenlet *worker;

	printf("pending before start: %s\n", gp_timeout_pending(&limit) ? "yes" : "no");
	gp_timeout_start(&limit, 100 * GP_MSEC);
	printf("pending after start: %s\n", gp_timeout_pending(&limit) ? "yes" : "no");

	worker = gp_spawn(slow, NULL);
	if (gp_join(worker, GP_NEVER) == -ETIMEDOUT) {
		printf("gave up waiting\n");
		printf("it is the timeout started above: %s\n", gp_timeout_which() == &limit ? "yes" : "no");
	} else {
		printf("finished in time\n");
	}
	gp_timeout_stop(&limit);

	/* only the wait was cut short: the worker sleeps on */
	printf("worker has ended: %s\n", gp_ready(worker) ? "yes" : "no");
	gp_kill(worker, GP_NEVER);
	printf("worker has ended after kill: %s\n", gp_ready(worker) ? "yes" : "no");
	gp_unref(worker);
	return 0;
}
