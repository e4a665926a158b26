/* The same tasks one after another, then all at once. The delays look random but are a fixed table. */
#include <stdio.h>
#include <greenpatch.h>

enum { TASKS = 10 };

static const int units[TASKS] = { 1, 2, 0, 1, 0, 2, 1, 0, 2, 0 };

static void *task(void *arg)
{
	int number = (int)(intptr_t)arg;

	gp_sleep(units[number] * 60 * GP_MSEC);
	printf("task %d finished\n", number);
	return NULL;
}

static void one_by_one(void)
{
	for (intptr_t number = 1; number < TASKS; number++)
		task((void *)number);
}

static void all_at_once(void)
{
	struct gp_greenlet *tasks[TASKS];

	for (intptr_t number = 0; number < TASKS; number++)
		tasks[number] = gp_spawn(task, (void *)number);
	gp_join_all(tasks, TASKS, GP_NEVER);
	for (int number = 0; number < TASKS; number++)
		gp_unref(tasks[number]);
}

static int64_t timed(void (*function)(void))
{
	int64_t start = gp_now();

	function();
	return gp_now() - start;
}

int main(void)
{
	int64_t slow, fast;

	printf("one by one:\n");
	slow = timed(one_by_one);
	printf("all at once:\n");
	fast = timed(all_at_once);
	printf("all at once was faster: %s\n", fast < slow ? "yes" : "no");
	return 0;
}
