/* Map over a group: all at once, in order as they come, and as they finish. */
#include <stdio.h>
#include <greenpatch.h>

enum { CALLS = 3 };

static void *const numbers[CALLS] = { (void *)0, (void *)1, (void *)2 };
static struct gp_group *group;
static unsigned long members[CALLS];

static void *hello(void *arg)
{
	intptr_t number = (intptr_t)arg;

	members[number] = gp_id(gp_self());
	printf("call %d: the group holds %zu\n", (int)number, gp_group_size(group));
	return (void *)(number * 10);
}

static void *heavy(void *number)
{
	gp_sleep((300 - (intptr_t)number * 100) * GP_MSEC);
	printf("  task %d done\n", (int)(intptr_t)number);
	return number;
}

static void *instant(void *number)
{
	printf("  task %d done\n", (int)(intptr_t)number);
	return number;
}

static void receive(struct gp_imap *it)
{
	while (gp_imap_next(it, GP_NEVER))
		printf("  received %d\n", (int)(intptr_t)it->value);
	gp_imap_end(it);
}

int main(void)
{
	void *results[CALLS];
	struct gp_imap it;

	group = gp_group_new();
	gp_group_map(group, hello, numbers, CALLS, results, GP_NEVER);
	printf("results:");
	for (int i = 0; i < CALLS; i++)
		printf(" %d", (int)(intptr_t)results[i]);
	printf("\neach call had its own greenlet: %s\n",
	       members[0] != members[1] && members[1] != members[2] && members[2] != members[0] ? "yes" : "no");

	printf("in order:\n");
	gp_imap_begin(&it, group, heavy, numbers, CALLS, 0);
	receive(&it);

	printf("as they finish:\n");
	gp_imap_unordered_begin(&it, group, heavy, numbers, CALLS, 0);
	receive(&it);

	printf("without any wait, in order:\n");
	gp_imap_begin(&it, group, instant, numbers, CALLS, 0);
	receive(&it);

	printf("without any wait, as they finish:\n");
	gp_imap_unordered_begin(&it, group, instant, numbers, CALLS, 0);
	receive(&it);

	gp_group_free(group);
	return 0;
}
