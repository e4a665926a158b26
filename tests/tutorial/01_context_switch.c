/* Two greenlets give way to each other with gp_yield(). */
#include <stdio.h>
#include <greenpatch.h>

static void *side(void *name)
{
	printf("%s: first half\n", (const char *)name);
	gp_yield();
	printf("%s: second half\n", (const char *)name);
	return NULL;
}

int main(void)
{
	struct gp_greenlet *both[] = { gp_spawn(side, "left"), gp_spawn(side, "right") };

	gp_join_all(both, 2, GP_NEVER);
	gp_unref(both[0]);
	gp_unref(both[1]);
	printf("both sides are done\n");
	return 0;
}
