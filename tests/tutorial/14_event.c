/* One event wakes everybody who waits for it. */
#include <errno.h>
#include <stdio.h>
#include <greenpatch.h>

enum { WAITERS = 5 };

static struct gp_event *ready;

static void *setter(void *arg)
{
	printf("setter: busy, hold on\n");
	gp_sleep(100 * GP_MSEC);
	printf("setter: finished\n");
	gp_event_set(ready);
	printf("setter: the flag is up\n");
	return NULL;
}

static void *waiter(void *arg)
{
	int number = (int)(intptr_t)arg;

	printf("waiter %d: waiting\n", number);
	gp_event_wait(ready, GP_NEVER);
	printf("waiter %d: off we go\n", number);
	return NULL;
}

int main(void)
{
	struct gp_greenlet *all[1 + WAITERS];

	ready = gp_event_new();
	all[0] = gp_spawn(setter, NULL);
	for (intptr_t n = 1; n <= WAITERS; n++)
		all[n] = gp_spawn(waiter, (void *)n);
	gp_join_all(all, 1 + WAITERS, GP_NEVER);
	for (int n = 0; n <= WAITERS; n++)
		gp_unref(all[n]);

	printf("a wait on a raised flag returns at once: %s\n", gp_event_wait(ready, GP_NEVER) ? "no" : "yes");
	gp_event_clear(ready);
	printf("a wait on a lowered flag runs into its limit: %s\n",
	       gp_event_wait(ready, gp_after(50 * GP_MSEC)) == -ETIMEDOUT ? "yes" : "no");
	gp_event_free(ready);
	return 0;
}
