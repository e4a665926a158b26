/* What can be asked of a greenlet: before, while and after it runs. A failure stays inside its greenlet (it is reported on
 * standard error). */
#include <stdio.h>
#include <greenpatch.h>

enum { UNLUCKY = 1 };

static const char *yes(bool flag)
{
	return flag ? "yes" : "no";
}

static void *win(void *unused)
{
	return "a prize";
}

static void *lose(void *unused)
{
	gp_fail(UNLUCKY, "drew a blank");
	return NULL;
}

static void show(const char *name, struct gp_greenlet *g)
{
	const char *value = gp_value(g);

	printf("%s: started %s, ready %s, successful %s, value %s\n", name, yes(gp_started(g)), yes(gp_ready(g)),
	       yes(gp_successful(g)), value ? value : "-");
}

int main(void)
{
	struct gp_greenlet *idle = gp_new(NULL, win, NULL), *winner, *loser, *both[2], *g;
	struct gp_iwait it;
	void *prize;

	show("idle", idle);

	both[0] = winner = gp_spawn(win, NULL);
	both[1] = loser = gp_spawn(lose, NULL);
	show("winner", winner);
	show("loser", loser);

	if (gp_join_all(both, 2, GP_NEVER) == 2)
		printf("joinall came back without an error\n");
	else
		printf("joinall raised\n");

	show("winner", winner);
	show("loser", loser);
	printf("error kept by winner: %s\n", gp_error(winner) ? gp_message(winner) : "-");
	printf("error kept by loser: %s\n", gp_error(loser) ? gp_message(loser) : "-");

	gp_get(winner, &prize, GP_NEVER);
	printf("get on winner: %s\n", (char *)prize);
	if (gp_get(loser, NULL, GP_NEVER) == UNLUCKY)
		printf("get on loser raises: %s\n", gp_message(loser));

	/* a join that asks for errors: as they end, until the first one that has one */
	gp_iwait_begin(&it, both, 2, GP_NEVER);
	while ((g = gp_iwait_next(&it)) && !gp_error(g))
		;
	gp_iwait_end(&it);
	if (g)
		printf("joinall that asks for errors raises: %s\n", gp_message(g));

	gp_unref(idle);
	gp_unref(winner);
	gp_unref(loser);
	return 0;
}
