/* crowd.c - many WebSocket clients at once; what scripts/bench-web and tests/web_crowd.bats measure with.
 *
 *	crowd ticks ADDRESS PID CLIENTS SECONDS    each client of serve's /ticks gets a message a second
 *	crowd chat ADDRESS PID USERS MESSAGES      a room of examples/chat; what one says comes to all, 20 lines a second
 *
 * PID is the server's: its memory is read before and while they are connected. A message carries when it was due, so
 * that the delay contains all waiting, on either side. Prints one line; exit status 1 if anything was lost, came twice
 * or came out of order.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <greenpatch-web.h>
#include <greenpatch.h>

#define AT_ONCE 200             /* connections under way: the backlog is finite */
#define PACE    (50 * GP_MSEC)  /* between two lines of the chat */
#define PATIENCE (60 * GP_SEC)

struct client {
	unsigned number;
	struct gp_websocket *ws;
	struct gp_greenlet *g;
	unsigned next;  /* number of the next message; 0: any */
	unsigned got;   /* that count */
};

static const char *address;
static struct client *clients;
static unsigned count, connected, arrived;
static struct gp_semaphore *gate;
static struct gp_event *all_here;
static bool measuring;
static unsigned wrong;
static int *delays; /* in us */
static size_t delays_n, delays_max;

static void die(const char *what, int e)
{
	fprintf(stderr, "crowd: %s: %s\n", what, strerror(-e));
	exit(1);
}

static void note(int64_t due)
{
	if (delays_n == delays_max) {
		delays_max = delays_max ? 2 * delays_max : 65536;
		delays = realloc(delays, delays_max * sizeof *delays);
		if (!delays)
			die("memory", -ENOMEM);
	}
	delays[delays_n++] = (int)((gp_now() - due) / 1000);
}

static void come(struct client *c, const char *path)
{
	char url[256];
	int e;

	snprintf(url, sizeof url, "ws://%s%s", address, path);
	gp_semaphore_acquire(gate, GP_NEVER);
	e = gp_websocket_connect(&c->ws, url, NULL, gp_after(PATIENCE));
	gp_semaphore_release(gate);
	if (e)
		die("connect", e);
	if (++connected == count)
		gp_event_set(all_here);
}

static void receive(struct client *c, struct gp_websocket_message *m)
{
	int e = gp_websocket_receive(c->ws, m, gp_after(PATIENCE));

	if (e)
		die("receive", e);
}

/* ---- a message a second ---------------------------------------------------------------------- */

static void *tick(void *arg)
{
	struct client *c = arg;
	struct gp_websocket_message m;

	come(c, "/ticks");
	for (;;) {
		unsigned number;
		long long due;

		receive(c, &m);
		if (sscanf(m.data, "%u %lld", &number, &due) != 2 || (c->next && number != c->next))
			wrong++;
		c->next = number + 1;
		if (measuring) {
			c->got++;
			note(due);
		}
	}
	return NULL;
}

/* ---- the chat ----------------------------------------------------------------------------------- */

static unsigned lines_wanted;

static void *chat(void *arg)
{
	struct client *c = arg;
	struct gp_websocket_message m;
	char path[64];

	snprintf(path, sizeof path, "/talk?room=garden&name=user%u", c->number);
	come(c, path);
	while (c->got < lines_wanted) {
		const char *text;
		unsigned number;
		long long due;

		receive(c, &m);
		text = strstr(m.data, "\"text\":\"");
		if (!strstr(m.data, "\"said\"") || !text)
			continue;
		if (sscanf(text + 8, "%u %lld", &number, &due) != 2 || number != c->got)
			wrong++;
		c->got++;
		note(due);
	}
	arrived++;
	return NULL;
}

static void talk(void)
{
	int64_t due = gp_now();

	for (unsigned i = 0; i < lines_wanted; i++, due += PACE) {
		char text[64];
		int e;

		if (due > gp_now())
			gp_sleep(due - gp_now());
		e = gp_websocket_send(clients[i * 7 % count].ws, GP_WEBSOCKET_TEXT, text,
		                      (size_t)snprintf(text, sizeof text, "%u %lld", i, (long long)due));
		if (e)
			die("send", e);
		/* The next one is another connection's: this one has to be heard first, to have an order. */
		while (clients[count - 1].got <= i)
			gp_sleep(GP_MSEC);
	}
	for (unsigned i = 0; i < count; i++)
		gp_join(clients[i].g, GP_NEVER);
}

/* ---- the whole -------------------------------------------------------------------------------------- */

static long memory_of(const char *pid)
{
	char path[64], line[256];
	long kib = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%s/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		sscanf(line, "VmRSS: %ld", &kib);
	if (f)
		fclose(f);
	return kib;
}

static int by_size(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static double part(double p) { return delays_n ? delays[(size_t)(p * (double)(delays_n - 1))] / 1000.0 : 0; }

static void gather(void *(*fn)(void *arg))
{
	for (unsigned i = 0; i < count; i++) {
		clients[i].number = i;
		clients[i].g = gp_spawn(fn, &clients[i]);
		if (!clients[i].g)
			die("spawn", -ENOMEM);
	}
	gp_event_wait(all_here, GP_NEVER);
}

int main(int argc, char **argv)
{
	struct rlimit files;
	unsigned much, missing = 0;
	long before, during;
	int64_t began = gp_now(), there;

	if (argc != 6)
		return fprintf(stderr, "usage: crowd ticks|chat ADDRESS PID COUNT SECONDS|MESSAGES\n"), 2;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	address = argv[2];
	count = (unsigned)atoi(argv[4]);
	much = lines_wanted = (unsigned)atoi(argv[5]);
	clients = calloc(count, sizeof *clients);
	gate = gp_semaphore_new(AT_ONCE);
	all_here = gp_event_new();
	before = memory_of(argv[3]);
	gather(strcmp(argv[1], "chat") ? tick : chat);
	there = gp_now();
	if (!strcmp(argv[1], "chat")) {
		talk();
	} else {
		measuring = true;
		gp_sleep(much * GP_SEC);
		measuring = false;
		/* As many as seconds, or one less or more at the edges. */
		for (unsigned i = 0; i < count; i++)
			if (clients[i].got + 1 < much)
				missing += much - 1 - clients[i].got;
	}
	during = memory_of(argv[3]);
	qsort(delays, delays_n, sizeof *delays, by_size);
	printf("%u clients came in %.1f s; %zu messages, %u lost or wrong; delay %.1f ms median, %.1f ms 99th percentile, "
	       "%.1f ms most; %.1f KiB of the server for each\n",
	       count, (double)(there - began) / 1e9, delays_n, missing + wrong, part(0.5), part(0.99), part(1),
	       (double)(during - before) / count);
	fflush(stdout);
	_Exit(missing + wrong || !delays_n);
}
