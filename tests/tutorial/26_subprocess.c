/* Waiting for a child process does not stop the other greenlets. */
#include <stdio.h>
#include <string.h>
#include <greenpatch.h>

static void *ticker(void *arg)
{
	for (int tick = 1; tick <= 3; tick++) {
		printf("tick %d\n", tick);
		gp_sleep(100 * GP_MSEC);
	}
	gp_sleep(1000 * GP_SEC); /* quiet from here on, until killed */
	return NULL;
}

int main(void)
{
	struct gp_greenlet *ticking = gp_spawn(ticker, NULL);
	const char *const sleep[] = { "sleep", "1000", NULL };
	struct gp_subprocess *child;
	struct gp_output out;
	int status;

	gp_subprocess_spawn(&child, &(struct gp_subprocess_options){ .shell = "sleep 0.7; uname", .out = GP_PIPE });
	gp_subprocess_communicate(child, NULL, 0, &out, NULL, GP_NEVER);
	printf("ticker still there: %s\n", gp_ready(ticking) ? "no" : "yes");
	gp_kill(ticking, GP_NEVER);
	gp_unref(ticking);
	out.data[strcspn(out.data, "\n")] = 0;
	printf("child said: %s\n", out.data);
	gp_subprocess_poll(child, &status);
	printf("child ended with status %d\n", status);
	gp_free(out.data);
	gp_subprocess_free(child);

	gp_subprocess_spawn(&child, &(struct gp_subprocess_options){ .shell = "exit 3" });
	gp_subprocess_wait(child, &status, GP_NEVER);
	printf("second child ended with status %d\n", status);
	gp_subprocess_free(child);

	gp_subprocess_spawn(&child, &(struct gp_subprocess_options){ .argv = sleep });
	gp_subprocess_terminate(child);
	gp_subprocess_wait(child, &status, GP_NEVER);
	printf("third child ended by signal %d\n", -status);
	gp_subprocess_free(child);
	return 0;
}
