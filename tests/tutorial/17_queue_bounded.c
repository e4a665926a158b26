/* A queue with three places: the foreman waits to put, the workers to get. */
#include <errno.h>
#include <stdio.h>
#include <greenpatch.h>

static struct gp_queue *jobs;

static void *worker(void *name)
{
	void *job;

	while (gp_queue_get(jobs, &job, gp_after(200 * GP_MSEC)) != -ETIMEDOUT) {
		printf("%s takes job %d\n", (char *)name, (int)(intptr_t)job);
		gp_yield();
	}
	printf("%s found nothing and goes home\n", (char *)name);
	return NULL;
}

static void *foreman(void *arg)
{
	intptr_t job = 1;

	while (job < 10)
		gp_queue_put(jobs, (void *)job++, GP_NEVER);
	printf("foreman: first lot handed out\n");
	while (job < 20)
		gp_queue_put(jobs, (void *)job++, GP_NEVER);
	printf("foreman: second lot handed out\n");
	return NULL;
}

int main(void)
{
	struct gp_greenlet *all[4];
	void *job;

	jobs = gp_queue_new(3);
	all[0] = gp_spawn(foreman, NULL);
	all[1] = gp_spawn(worker, "anna");
	all[2] = gp_spawn(worker, "ben");
	all[3] = gp_spawn(worker, "clara");
	gp_join_all(all, 4, GP_NEVER);
	for (int i = 0; i < 4; i++)
		gp_unref(all[i]);

	for (intptr_t i = 0; i < 3; i++)
		gp_queue_try_put(jobs, (void *)i);
	if (gp_queue_try_put(jobs, (void *)3) == -EAGAIN)
		printf("the fourth does not fit\n");
	while (!gp_queue_try_get(jobs, &job))
		printf("took %d back out\n", (int)(intptr_t)job);
	printf("nothing left\n");
	gp_queue_free(jobs);
	return 0;
}
