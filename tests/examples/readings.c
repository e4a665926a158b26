/* readings.c - a WebSocket that sends readings, and a page that draws them (tests/examples/page/readings.html).
 *
 *	readings [-p DIRECTORY] [ADDRESS]      usual: -p tests/examples/page, :8081
 *
 * The browser sends how many milliseconds shall lie between two readings, 0 for none. A reading is {"x":1,"y":20.5}:
 * the x-th, and a value that wanders. One greenlet does both: it waits for a message until the next reading is due.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <greenpatch-web.h>
#include <greenpatch.h>

static const char *pages = "tests/examples/page";

static int send_reading(struct gp_websocket *ws, unsigned x, double *y)
{
	char text[64];

	*y += (double)(rand() % 201 - 100) / 100 - (*y - 20) / 25; /* back to 20 in the end */
	return gp_websocket_send(ws, GP_WEBSOCKET_TEXT, text,
	                         (size_t)snprintf(text, sizeof text, "{\"x\":%u,\"y\":%.2f}", x, *y));
}

static int readings(struct gp_http_request *r)
{
	struct gp_websocket_options o = { .max_message = 32, .ping_time = 20 * GP_SEC };
	struct gp_websocket_message m;
	struct gp_websocket *ws;
	int64_t every = 500 * GP_MSEC, due = gp_after(0);
	unsigned x = 0;
	double y = 20;
	int e = gp_websocket_accept(&ws, r, &o);

	while (!e) {
		e = gp_websocket_receive(ws, &m, due);
		if (!e) {
			every = atol(m.data) * GP_MSEC;
			due = every > 0 ? gp_after(every < 20 * GP_MSEC ? 20 * GP_MSEC : every) : GP_NEVER;
		} else if (e == -ETIMEDOUT && gp_now() >= due) {
			due += every;
			e = send_reading(ws, ++x, &y);
		}
	}
	return e == -ESHUTDOWN ? 0 : e;
}

static int handle(struct gp_http_request *r, void *arg)
{
	const char *path = gp_http_path(r);

	if (!strcmp(path, "/readings"))
		return readings(r);
	gp_http_add_header(r, "Content-Security-Policy", "default-src 'self'");
	gp_http_add_header(r, "Cache-Control", "no-cache");
	return gp_http_answer_file(r, pages, strcmp(path, "/") ? path + 1 : "readings.html", NULL);
}

static void end(int signo, void *arg)
{
	gp_event_set(arg);
}

int main(int argc, char **argv)
{
	struct gp_event *over = gp_event_new();
	struct gp_http_server *s;
	int c, e;

	while ((c = getopt(argc, argv, "p:")) != -1) {
		if (c == '?')
			return fprintf(stderr, "usage: readings [-p DIRECTORY] [ADDRESS]\n"), 2;
		pages = optarg;
	}
	s = gp_http_server_new(optind < argc ? argv[optind] : ":8081", handle, NULL, NULL);
	gp_signal_handler(SIGTERM, end, over);
	gp_signal_handler(SIGINT, end, over);
	e = gp_http_server_start(s);
	if (e)
		return fprintf(stderr, "readings: %s\n", strerror(-e)), 1;
	printf("ready %s\n", gp_server_address(gp_http_server_base(s)));
	fflush(stdout);
	gp_event_wait(over, GP_NEVER);
	return gp_http_server_stop(s, gp_after(5 * GP_SEC)) ? 1 : 0;
}
