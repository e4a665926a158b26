/* Waiting for a group of greenlets. */
#include <stdio.h>
#include <greenpatch.h>

static void *talk(void *word)
{
	for (int turn = 0; turn < 3; turn++)
		printf("%s %d\n", (char *)word, turn);
	return NULL;
}

int main(void)
{
	struct gp_greenlet *apple = gp_spawn(talk, "apple");
	struct gp_greenlet *pear = gp_spawn(talk, "pear");
	struct gp_greenlet *plum = gp_spawn(talk, "plum");
	struct gp_group *group = gp_group_new();

	gp_group_add(group, apple, GP_NEVER);
	gp_group_add(group, pear, GP_NEVER);
	printf("group holds %zu\n", gp_group_size(group));
	gp_group_join(group, GP_NEVER);
	printf("first join is over, group holds %zu\n", gp_group_size(group));

	/* plum was scheduled with the others: it ran during the first join */
	printf("plum has ended: %s\n", gp_ready(plum) ? "yes" : "no");
	gp_group_add(group, plum, GP_NEVER);
	gp_group_join(group, GP_NEVER);
	printf("second join is over, group holds %zu\n", gp_group_size(group));

	gp_group_free(group);
	gp_unref(apple);
	gp_unref(pear);
	gp_unref(plum);
	return 0;
}
