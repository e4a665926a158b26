/* Fetch a JSON time stamp nine times in turn, then nine times at once.
 *
 * The server is local, its clock stands still, and each of the concurrent
 * requests has its own (fixed) service time: the answers come in the server's
 * order. Both halves of HTTP are as small as can be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <greenpatch.h>
#include "listener.h"

#define STEP (60 * GP_MSEC)

static int busy, peak, served;

/* ---- the server ------------------------------------------------------------------- */

/* Reads up to the empty line that ends the head: its length, 0 for none. */
static size_t read_head(int fd, char *head, size_t size)
{
	size_t n = 0;
	ssize_t r;

	while (n < size - 1 && (r = gp_recv(fd, head + n, size - 1 - n, 0, GP_NEVER)) > 0) {
		n += (size_t)r;
		head[n] = 0;
		if (strstr(head, "\r\n\r\n"))
			return n;
	}
	return 0;
}

static void *clock_for(void *connection)
{
	static const char body[] = "{\"datetime\": \"2012-05-15 10:20:30\"}";
	int fd = (int)(intptr_t)connection, units;
	char text[512];

	if (read_head(fd, text, sizeof text) && sscanf(text, "GET /time/%d ", &units) == 1) {
		busy++;
		peak = busy > peak ? busy : peak;
		gp_sleep(units * STEP);
		busy--;
		served++;
		snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
			 "Connection: close\r\n\r\n%s", strlen(body), body);
		gp_send_all(fd, text, strlen(text), 0, GP_NEVER);
	}
	gp_close(fd);
	return NULL;
}

static void *serve(void *listener)
{
	int fd;

	while ((fd = gp_accept((int)(intptr_t)listener, NULL, SOCK_CLOEXEC, GP_NEVER)) >= 0)
		gp_go(clock_for, (void *)(intptr_t)fd);
	return NULL;
}

/* ---- the client ------------------------------------------------------------------- */

static void fetch(int number, int units)
{
	int fd = gp_connect_name("127.0.0.1", port, GP_NEVER);
	char text[512], *stamp;

	snprintf(text, sizeof text, "GET /time/%d HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", units);
	gp_send_all(fd, text, strlen(text), 0, GP_NEVER);
	text[gp_recv_exactly(fd, text, sizeof text - 1, GP_NEVER)] = 0; /* to its end */
	gp_close(fd);
	stamp = strstr(text, "\"datetime\": \"");
	printf("request %d: %.19s\n", number, stamp ? stamp + strlen("\"datetime\": \"") : "none");
}

static void one_by_one(void)
{
	for (int number = 1; number <= 9; number++)
		fetch(number, 0);
}

static void *fetch_one(void *arg)
{
	int number = (int)(intptr_t)arg;

	/* 1 2 3 .. 9 take 5 9 4 8 3 7 2 6 1 units */
	fetch(number, number < 9 ? number * 4 % 9 + 1 : 1);
	return NULL;
}

static void all_at_once(void)
{
	struct gp_greenlet *all[9];

	for (intptr_t i = 0; i < 9; i++)
		all[i] = gp_spawn(fetch_one, (void *)(i + 1));
	gp_join_all(all, 9, GP_NEVER);
	for (int i = 0; i < 9; i++)
		gp_unref(all[i]);
}

int main(void)
{
	int listener = listen_somewhere();

	gp_go(serve, (void *)(intptr_t)listener);
	printf("one by one:\n");
	one_by_one();
	printf("at most %d request was in service at a time\n", peak);
	printf("all at once:\n");
	all_at_once();
	printf("several requests were in service at a time: %s\n", peak > 1 ? "yes" : "no");
	printf("the server answered %d requests\n", served);
	gp_close(listener); /* ends serve() */
	return 0;
}
