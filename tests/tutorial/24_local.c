/* Data that each greenlet has for itself. */
#include <stdio.h>
#include <greenpatch.h>

static struct gp_local *x, *y;

static void *first(void *unused)
{
	gp_local_set(x, (void *)1);
	gp_yield();
	printf("first: x is %d\n", (int)(intptr_t)gp_local_get(x));
	if (gp_local_has(y))
		printf("first: y is %d\n", (int)(intptr_t)gp_local_get(y));
	else
		printf("first: y is not set\n");
	return NULL;
}

static void *second(void *unused)
{
	gp_local_set(y, (void *)2);
	gp_yield();
	printf("second: y is %d\n", (int)(intptr_t)gp_local_get(y));
	if (gp_local_has(x))
		printf("second: x is %d\n", (int)(intptr_t)gp_local_get(x));
	else
		printf("second: x is not set\n");
	return NULL;
}

int main(void)
{
	struct gp_greenlet *both[2];

	x = gp_local_new(NULL);
	y = gp_local_new(NULL);
	gp_local_set(x, (void *)100);
	both[0] = gp_spawn(first, NULL);
	both[1] = gp_spawn(second, NULL);
	gp_join_all(both, 2, GP_NEVER);
	printf("main: x is %d\n", (int)(intptr_t)gp_local_get(x));

	gp_unref(both[0]);
	gp_unref(both[1]);
	gp_local_free(x);
	gp_local_free(y);
	return 0;
}
