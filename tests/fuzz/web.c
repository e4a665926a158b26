/* web.c - a libFuzzer target: the HTTP and WebSocket surface of the web library.
 *
 * The bytes are what a client sends, at once or cut in two; a server with a handler that reads everything is in the same
 * process: it must answer or close, and leave no connection.
 *
 *	scripts/fuzz-web SECONDS
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <greenpatch-web.h>
#include <greenpatch.h>

static struct gp_http_server *server;

static int handle(struct gp_http_request *r, void *arg)
{
	struct gp_websocket_options o = { .max_message = 5000 };
	struct gp_websocket_message m;
	struct gp_websocket *ws;
	char value[64], *body;
	size_t n;
	int e;

	gp_form_value(gp_http_query(r), strlen(gp_http_query(r)), "a", value, sizeof value);
	if (gp_http_header(r, "upgrade")) {
		e = gp_websocket_accept(&ws, r, &o);
		while (!e && !(e = gp_websocket_receive(ws, &m, GP_NEVER)))
			e = gp_websocket_send(ws, m.type, m.data, m.n);
		return e;
	}
	if (!strncmp(gp_http_path(r), "/f", 2))
		return gp_http_answer_file(r, "/usr/share/doc", gp_http_path(r) + 2, NULL);
	e = gp_http_read_all(r, &body, &n);
	return e ? e : gp_http_answer(r, 200, "text/plain", body, n);
}

static void start(void)
{
	struct gp_http_options o = { .max_head = 2048, .max_body = 20000, .head_time = GP_SEC, .idle_time = GP_SEC };
	char address[64];

	snprintf(address, sizeof address, "unix:@greenpatch-fuzz-%d", getpid());
	server = gp_http_server_new(address, handle, NULL, &o);
	if (gp_http_server_start(server))
		abort();
}

static void drain(int fd)
{
	char bin[65536];

	while (gp_recv(fd, bin, sizeof bin, MSG_DONTWAIT, GP_NEVER) > 0)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct gp_server_counts counts;
	size_t cut = n > 1 ? data[0] * n / 256 : n;
	unsigned long seen;
	int fd;

	if (!server)
		start();
	gp_server_count(gp_http_server_base(server), &counts);
	seen = counts.accepted;
	fd = gp_create_connection(gp_server_address(gp_http_server_base(server)), GP_NEVER);
	if (fd < 0)
		abort();
	gp_send(fd, data, cut, MSG_DONTWAIT, GP_NEVER);
	gp_sleep(1); /* a look at the loop */
	gp_sleep(1);
	drain(fd);
	gp_send(fd, data + cut, n - cut, MSG_DONTWAIT, GP_NEVER);
	shutdown(fd, SHUT_WR);
	for (int i = 0;; i++) {
		gp_server_count(gp_http_server_base(server), &counts);
		if (!counts.connections && counts.accepted > seen)
			break;
		if (i > 20000) /* some seconds: a connection that does not end */
			abort();
		drain(fd);
		gp_sleep(i < 100 ? 1 : 100 * GP_USEC);
	}
	gp_close(fd);
	return 0;
}
