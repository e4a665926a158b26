/* Workers empty a queue that was filled beforehand. */
#include <stdio.h>
#include <greenpatch.h>

static struct gp_queue *jobs;

static void *foreman(void *arg)
{
	for (intptr_t job = 1; job < 25; job++)
		gp_queue_try_put(jobs, (void *)job);
	printf("foreman: %zu jobs are waiting\n", gp_queue_length(jobs));
	return NULL;
}

static void *worker(void *name)
{
	void *job;

	while (!gp_queue_empty(jobs)) {
		gp_queue_get(jobs, &job, GP_NEVER);
		printf("%s takes job %d\n", (char *)name, (int)(intptr_t)job);
		gp_yield();
	}
	printf("%s goes home\n", (char *)name);
	return NULL;
}

int main(void)
{
	char *names[] = { "anna", "ben", "clara" };
	struct gp_greenlet *first, *workers[3];

	jobs = gp_queue_new(0);
	first = gp_spawn(foreman, NULL);
	gp_join(first, GP_NEVER);
	gp_unref(first);
	for (int i = 0; i < 3; i++)
		workers[i] = gp_spawn(worker, names[i]);
	gp_join_all(workers, 3, GP_NEVER);
	for (int i = 0; i < 3; i++)
		gp_unref(workers[i]);
	gp_queue_free(jobs);
	return 0;
}
