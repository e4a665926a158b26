/* A select() with a deadline parks one greenlet, not the process. */
#include <stdio.h>
#include <greenpatch.h>

#define PAUSE (300 * GP_MSEC)

static void *poller(void *name)
{
	int64_t start = gp_now();
	int ready;

	printf("%s: select starts\n", (const char *)name);
	ready = gp_select_fds(0, NULL, NULL, NULL, gp_after(PAUSE));
	printf("%s: select is over, ready lists hold %d entries\n", (const char *)name, ready);
	printf("%s: waited the full time: %s\n", (const char *)name, gp_now() - start > PAUSE - 50 * GP_MSEC ? "yes" : "no");
	return NULL;
}

static void *bystander(void *arg)
{
	printf("bystander: runs while the others wait\n");
	gp_sleep(PAUSE / 3);
	printf("bystander: done before them\n");
	return NULL;
}

int main(void)
{
	int64_t begin = gp_now();
	struct gp_greenlet *all[] = { gp_spawn(poller, "first"), gp_spawn(poller, "second"), gp_spawn(bystander, NULL) };

	gp_join_all(all, 3, GP_NEVER);
	printf("the waits overlapped: %s\n", gp_now() - begin < 2 * PAUSE ? "yes" : "no");
	for (int i = 0; i < 3; i++)
		gp_unref(all[i]);
	return 0;
}
