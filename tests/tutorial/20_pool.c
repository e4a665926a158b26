/* A pool limits how many run at a time. */
#include <stdio.h>
#include <greenpatch.h>

static void *const numbers[] = { (void *)0, (void *)1, (void *)2, (void *)3, (void *)4 };
static struct gp_group *pool;
static int busy, peak;

static void *hello(void *number)
{
	printf("call %d: the pool holds %zu\n", (int)(intptr_t)number, gp_group_size(pool));
	return NULL;
}

static void *load(void *number)
{
	busy++;
	if (busy > peak)
		peak = busy;
	printf("load %d begins\n", (int)(intptr_t)number);
	gp_yield();
	printf("load %d ends\n", (int)(intptr_t)number);
	busy--;
	return NULL;
}

int main(void)
{
	pool = gp_pool_new(2);
	gp_group_map(pool, hello, numbers, 3, NULL, GP_NEVER);
	printf("free places: %zu, full: %s\n", gp_pool_free_count(pool), gp_pool_full(pool) ? "yes" : "no");
	gp_group_map(pool, load, numbers, 5, NULL, GP_NEVER);
	printf("never more than %d at a time\n", peak);
	gp_group_free(pool);
	return 0;
}
