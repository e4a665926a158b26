/* Equal input, equal order: four runs over a pool give the same sequence. */
#include <stdio.h>
#include <string.h>
#include <greenpatch.h>

enum { CALLS = 10, RUNS = 4 };

static void *echo(void *number)
{
	gp_sleep(GP_MSEC);
	return number;
}

static void *echo_in_turns(void *number)
{
	/* the higher the number, the fewer times it gives way */
	for (intptr_t left = CALLS - 1 - (intptr_t)number; left > 0; left--)
		gp_yield();
	return number;
}

static void run(struct gp_group *pool, void *(*function)(void *), int order[CALLS])
{
	void *numbers[CALLS];
	struct gp_imap it;
	int n = 0;

	for (intptr_t i = 0; i < CALLS; i++)
		numbers[i] = (void *)i;
	gp_imap_unordered_begin(&it, pool, function, numbers, CALLS, 0);
	while (gp_imap_next(&it, GP_NEVER))
		order[n++] = (int)(intptr_t)it.value;
	gp_imap_end(&it);
}

static void report(const char *title, unsigned places, void *(*function)(void *))
{
	struct gp_group *pool = gp_pool_new(places);
	int orders[RUNS][CALLS];
	int agree = 1;

	for (int i = 0; i < RUNS; i++) {
		run(pool, function, orders[i]);
		agree = agree && !memcmp(orders[i], orders[0], sizeof orders[0]);
	}
	printf("%s:", title);
	for (int i = 0; i < CALLS; i++)
		printf(" %d", orders[0][i]);
	printf("\nall four runs agree: %s\n", agree ? "yes" : "no");
	gp_group_free(pool);
}

int main(void)
{
	report("ten at a time, timed", 10, echo);
	report("three at a time, timed", 3, echo);
	report("ten at a time, in turns", 10, echo_in_turns);
	report("three at a time, in turns", 3, echo_in_turns);
	return 0;
}
