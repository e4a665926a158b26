/* A greenlet with fields of its own and a run function. */
#include <stdio.h>
#include <greenpatch.h>

struct countdown {
	struct gp_task task; /* first: run() gets it back */
	const char *label;
	int left;
	int64_t pause;
	char result[32];
};

static void *run(struct gp_task *self)
{
	struct countdown *c = (struct countdown *)self;

	while (c->left) {
		printf("%s: %d\n", c->label, c->left);
		c->left--;
		gp_sleep(c->pause);
	}
	snprintf(c->result, sizeof c->result, "%s is over", c->label);
	return c->result;
}

int main(void)
{
	struct countdown counter = { .label = "count", .left = 3, .pause = 50 * GP_MSEC };

	gp_task_init(&counter.task, run, NULL);
	printf("made, not started: %d to go\n", counter.left);
	gp_task_start(&counter.task);
	gp_join(counter.task.greenlet, GP_NEVER);
	printf("after the join: %d to go\n", counter.left);
	printf("result: %s\n", (char *)gp_value(counter.task.greenlet));
	gp_task_destroy(&counter.task);
	return 0;
}
