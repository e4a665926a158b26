/* hello.c - the program of README's "Write a server": a page, a stream, and a WebSocket that says what it hears. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <greenpatch-web.h>
#include <greenpatch.h>

static int echo(struct gp_http_request *r)
{
	struct gp_websocket_message m;
	struct gp_websocket *ws;
	int e = gp_websocket_accept(&ws, r, NULL);

	while (!e && !(e = gp_websocket_receive(ws, &m, GP_NEVER)))
		e = gp_websocket_send(ws, m.type, m.data, m.n);
	return e == -ESHUTDOWN ? 0 : e;
}

static int count(struct gp_http_request *r)
{
	char line[32];
	int e = gp_http_begin(r, 200, "text/plain");

	for (int i = 1; i <= 3 && !e; i++) {
		e = gp_http_write(r, line, (size_t)snprintf(line, sizeof line, "%d\n", i));
		if (!e)
			e = gp_sleep(100 * GP_MSEC); /* the others go on */
	}
	return e;
}

static int handle(struct gp_http_request *r, void *arg)
{
	if (!strcmp(gp_http_path(r), "/echo"))
		return echo(r);
	if (!strcmp(gp_http_path(r), "/count"))
		return count(r);
	return gp_http_answer(r, 200, "text/plain", "hello\n", 6);
}

int main(int argc, char **argv)
{
	struct gp_http_server *s = gp_http_server_new(argc > 1 ? argv[1] : ":8080", handle, NULL, NULL);
	int e = gp_http_server_serve_forever(s);

	fprintf(stderr, "hello: %s\n", strerror(-e));
	return 1;
}
