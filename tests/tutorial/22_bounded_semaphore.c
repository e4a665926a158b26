/* Two at a time: a semaphore, taken by hand and taken for a block. */
#include <errno.h>
#include <stdio.h>
#include <greenpatch.h>

static struct gp_semaphore *places;

static void *by_hand(void *arg)
{
	int number = (int)(intptr_t)arg;

	gp_semaphore_acquire(places, GP_NEVER);
	printf("by hand %d: in\n", number);
	gp_sleep(0);
	gp_semaphore_release(places);
	printf("by hand %d: out\n", number);
	return NULL;
}

/* The body of this loop runs with one place taken, and gives it back at its end. */
#define WITH(semaphore)                                                                  \
	for (int r_ = gp_semaphore_acquire(semaphore, GP_NEVER), once_ = 1; !r_ && once_; \
	     once_ = 0, gp_semaphore_release(semaphore))

static void *for_a_block(void *arg)
{
	int number = (int)(intptr_t)arg;

	WITH (places) {
		printf("block %d: in\n", number);
		gp_sleep(0);
	}
	printf("block %d: out\n", number);
	return NULL;
}

/* fn for each number from first to last, all at once. */
static void map(struct gp_group *pool, void *(*fn)(void *), intptr_t first, intptr_t last)
{
	void *numbers[8] = { NULL };
	size_t n = 0;

	for (intptr_t number = first; number <= last; number++)
		numbers[n++] = (void *)number;
	gp_group_map(pool, fn, numbers, n, NULL, GP_NEVER);
}

static const char *yes_no(int r)
{
	return r ? "no" : "yes";
}

int main(void)
{
	struct gp_group *pool = gp_group_new();

	places = gp_semaphore_new_bounded(2);
	map(pool, by_hand, 0, 1);
	map(pool, for_a_block, 3, 5);
	printf("now with more in the queue\n");
	map(pool, by_hand, 6, 10);

	if (gp_semaphore_release(places) == -EOVERFLOW)
		printf("a release too many is refused\n");
	else
		printf("released once too often\n");
	printf("acquire without waiting:");
	for (int i = 0; i < 3; i++)
		printf(" %s", yes_no(gp_semaphore_try_acquire(places)));
	printf("\nacquire with a limit: %s\n", yes_no(gp_semaphore_acquire(places, gp_after(50 * GP_MSEC))));
	gp_semaphore_free(places);
	gp_group_free(pool);
	return 0;
}
