// pool_work: a pool of ten works off a queue that three producers fill; workers yield, idle, lock and fail as the item
// says, and one is killed. No timer: when one is due, the clock decides. Prints what was done.
#include "greenpatch.h"

#include <errno.h>
#include <stdio.h>

enum { PRODUCERS = 3, EACH = 40 };

static struct gp_queue *jobs;
static struct gp_lock *lock;
static long sum;

static void quiet(struct gp_greenlet *g) {}

static void *produce(void *arg)
{
	for (intptr_t i = 1; i <= EACH; i++) {
		gp_queue_put(jobs, (void *)((intptr_t)arg * 100 + i), GP_NEVER);
		if (i % 7 == 0)
			gp_sleep(0);
	}
	return NULL;
}

static void *work(void *arg)
{
	intptr_t n = (intptr_t)arg;

	if (n % 3 == 0)
		gp_yield();
	if (n % 5 == 0)
		gp_idle(GP_NEVER);
	if (n % 11 == 0)
		gp_fail(-EIO, "unlucky");
	gp_lock_acquire(lock, GP_NEVER);
	gp_yield();
	sum += n;
	gp_lock_release(lock);
	return arg;
}

int main(void)
{
	struct gp_group *pool = gp_pool_new(10);
	struct gp_greenlet *producer[PRODUCERS];
	struct gp_greenlet *last = NULL;

	gp_set_error_handler(quiet);
	jobs = gp_queue_new(5);
	lock = gp_lock_new();
	for (intptr_t i = 0; i < PRODUCERS; i++)
		producer[i] = gp_spawn(produce, (void *)(i + 1));
	for (int i = 0; i < PRODUCERS * EACH; i++) {
		void *item;

		gp_queue_get(jobs, &item, GP_NEVER);
		gp_unref(last);
		last = NULL;
		gp_group_spawn(pool, work, item, &last, GP_NEVER);
		if (i == 60)
			gp_kill_soon(last, -ECANCELED);
	}
	gp_unref(last);
	gp_group_join(pool, GP_NEVER);
	for (int i = 0; i < PRODUCERS; i++) {
		gp_join(producer[i], GP_NEVER);
		gp_unref(producer[i]);
	}
	printf("%ld\n", sum);
	gp_group_free(pool);
	gp_lock_free(lock);
	gp_queue_free(jobs);
	return 0;
}
