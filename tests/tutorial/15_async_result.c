/* A value (or an error) that arrives later. */
#include <stdio.h>
#include <greenpatch.h>

enum { NO_DELIVERY = 1 };

static struct gp_async_result *answer, *broken;

static void *setter(void *arg)
{
	gp_sleep(100 * GP_MSEC);
	printf("setter: delivering\n");
	gp_async_result_set(answer, "forty-two");
	gp_async_result_set_error(broken, NO_DELIVERY, "no delivery");
	printf("setter: delivered\n");
	return NULL;
}

static void *reader(void *arg)
{
	int number = (int)(intptr_t)arg;
	void *text;

	printf("reader %d: waiting\n", number);
	if (!gp_async_result_get(answer, &text, GP_NEVER))
		printf("reader %d: got %s\n", number, (char *)text);
	return NULL;
}

static void *unlucky(void *arg)
{
	if (gp_async_result_get(broken, NULL, GP_NEVER) == NO_DELIVERY)
		printf("unlucky: got an error: %s\n", gp_async_result_message(broken));
	return NULL;
}

static const char *yes_no(bool is)
{
	return is ? "yes" : "no";
}

int main(void)
{
	struct gp_greenlet *all[4];
	void *text = "nothing";

	answer = gp_async_result_new();
	broken = gp_async_result_new();
	printf("ready at first: %s\n", yes_no(gp_async_result_ready(answer)));
	all[0] = gp_spawn(setter, NULL);
	all[1] = gp_spawn(reader, (void *)1);
	all[2] = gp_spawn(unlucky, NULL);
	all[3] = gp_spawn(reader, (void *)2);
	gp_join_all(all, 4, GP_NEVER);
	for (int i = 0; i < 4; i++)
		gp_unref(all[i]);

	gp_async_result_get(answer, &text, GP_NEVER);
	printf("ready now: %s, and still there: %s\n", yes_no(gp_async_result_ready(answer)), (char *)text);
	printf("the broken one was successful: %s\n", yes_no(gp_async_result_successful(broken)));
	gp_async_result_free(answer);
	gp_async_result_free(broken);
	return 0;
}
