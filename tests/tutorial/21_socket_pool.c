/* A bounded pool of greenlets, each of which listens to one socket. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <greenpatch.h>

/* One connection: its far end is the other side's, its near end ours. */
struct line {
	const char *name;
	int far, near;
};

enum { ENTRY = 100 }; /* bytes of an entry of the report */

static struct gp_group *lines;
static struct gp_queue *report;

static void *text(const char *name, const char *what)
{
	char *copy = malloc(ENTRY);

	snprintf(copy, ENTRY, "%s: %s", name, what);
	return copy;
}

static void *listen_to(void *arg)
{
	const struct line *l = arg;
	char data[41], heard[64];
	ssize_t n;

	while ((n = gp_recv(l->near, data, sizeof data - 1, 0, GP_NEVER)) > 0) {
		data[n] = 0;
		snprintf(heard, sizeof heard, "heard \"%s\"", data);
		gp_queue_put(report, text(l->name, heard), GP_NEVER);
	}
	gp_queue_put(report, text(l->name, n ? "told to stop" : "other side closed"), GP_NEVER);
	return NULL;
}

static struct gp_greenlet *open_line(struct line *l)
{
	struct gp_greenlet *g;

	if (gp_pool_full(lines)) {
		printf("%s: refused, no place left\n", l->name);
		return NULL;
	}
	gp_group_spawn(lines, listen_to, l, &g, GP_NEVER);
	printf("%s: listening, %zu of %zu places taken\n", l->name, gp_group_size(lines), gp_pool_limit(lines));
	return g;
}

static void say(const struct line *l, const char *words)
{
	gp_send_all(l->far, words, strlen(words), 0, GP_NEVER);
}

static void print_next(void)
{
	void *entry;

	gp_queue_get(report, &entry, GP_NEVER);
	printf("%s\n", (char *)entry);
	free(entry);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int main(void)
{
	struct line one = { "one", -1, -1 }, two = { "two", -1, -1 }, three = { "three", -1, -1 };
	struct line *all[] = { &one, &two, &three };
	struct gp_greenlet *first, *second, *third;
	void *last[2];

	for (int i = 0; i < 3; i++) {
		int ends[2];

		socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
		all[i]->far = ends[0];
		all[i]->near = ends[1];
	}
	lines = gp_pool_new(2);
	report = gp_queue_new(0);
	first = open_line(&one);
	second = open_line(&two);
	open_line(&three);

	say(&two, "good morning");
	print_next();
	say(&one, "good evening");
	print_next();

	gp_close(two.far);
	print_next();
	/* the greenlet is dead by now, but it has not left the pool yet: that is done by a link of it */
	printf("two has ended: %s, full: %s\n", gp_ready(second) ? "yes" : "no", gp_pool_full(lines) ? "yes" : "no");
	printf("places to be had after waiting: %d\n", gp_pool_wait_available(lines, GP_NEVER));
	third = open_line(&three);
	say(&three, "at last");
	print_next();

	gp_group_kill(lines, -ECANCELED, GP_NEVER);
	printf("shutdown: %zu handlers left\n", gp_group_size(lines));
	gp_queue_get(report, &last[0], GP_NEVER);
	gp_queue_get(report, &last[1], GP_NEVER);
	qsort(last, 2, sizeof last[0], by_text);
	for (int i = 0; i < 2; i++) {
		printf("%s\n", (char *)last[i]);
		free(last[i]);
	}

	gp_unref(first);
	gp_unref(second);
	gp_unref(third);
	gp_queue_free(report);
	gp_group_free(lines);
	return 0;
}
