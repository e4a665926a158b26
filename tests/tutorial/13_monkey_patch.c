/* Which parts of the program are cooperative, before and after patching. It
 * links libgreenpatch.so, and sleeps with plain usleep(). */
#include <stdio.h>
#include <unistd.h>
#include <greenpatch.h>

static const struct {
	const char *name;
	unsigned group;
} groups[] = {
	{ "socket", GP_PATCH_SOCKET }, { "dns", GP_PATCH_DNS },       { "select", GP_PATCH_SELECT },
	{ "time", GP_PATCH_TIME },     { "thread", GP_PATCH_THREAD }, { "process", GP_PATCH_PROCESS },
};

static void show(const char *when)
{
	printf("%s\n", when);
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
		printf("  %s: %s\n", groups[i].name, gp_patched(groups[i].group) ? "cooperative" : "blocking");
}

static void *sleeper(void *name)
{
	printf("  %s goes to sleep\n", (const char *)name);
	usleep(100000);
	printf("  %s is awake\n", (const char *)name);
	return NULL;
}

static void two_sleepers(void)
{
	struct gp_greenlet *two[] = { gp_spawn(sleeper, "one"), gp_spawn(sleeper, "two") };

	gp_join_all(two, 2, GP_NEVER);
	gp_unref(two[0]);
	gp_unref(two[1]);
}

int main(void)
{
	show("untouched");
	two_sleepers();
	gp_patch(GP_PATCH_SOCKET | GP_PATCH_DNS);
	show("sockets patched");
	gp_patch(GP_PATCH_SELECT);
	show("select patched");
	gp_patch_all();
	show("everything patched");
	two_sleepers();
	return 0;
}
