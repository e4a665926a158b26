/* serve.c - a server with a bit of everything, for the tests of the web library.
 *
 *	serve ADDRESS [CERTIFICATE KEY]
 *
 * Says "ready ADDRESS" on standard output, ends gracefully at SIGTERM and says how many greenlets and descriptors are
 * left. The small limits make the tests quick: WEB_HEAD_TIME and so on in milliseconds, WEB_CONNECTIONS, WEB_ROOT,
 * WEB_LOG=1.
 *
 *	/               hello world\n
 *	/echo           the body comes back, with its length
 *	/stream?n=      n pieces
 *	/endless        a piece of 64 KiB after the other
 *	/slow?ms=       answers after so long
 *	/wait           never answers; notices that the client goes
 *	/waiting        how many are in /wait now
 *	/header?name=   a field of the request
 *	/path           the decoded path
 *	/query?a=       the decoded value of a
 *	/fail           the handler ends with an error
 *	/die            its greenlet does
 *	/cut?die=1      fails, or its greenlet does, in the middle of an answer
 *	/nothing        gives no answer
 *	/files/...      a file below WEB_ROOT
 *	/ws             a WebSocket that says what it hears
 *	/ticks          a WebSocket that sends a number and when it was due, each second
 *	/counts         connections that are open
 *	/left           greenlets and descriptors, with those of the request itself
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <greenpatch-web.h>
#include <greenpatch.h>

static int waiting;

static int64_t ms(const char *name)
{
	const char *text = getenv(name);

	return text ? atoll(text) * GP_MSEC : 0;
}

static long number(struct gp_http_request *r, const char *name)
{
	char text[32];
	const char *query = gp_http_query(r);

	return gp_form_value(query, strlen(query), name, text, sizeof text) > 0 ? atol(text) : 0;
}

static int say(struct gp_http_request *r, const char *text)
{
	return gp_http_answer(r, 200, "text/plain", text, strlen(text));
}

static int echo(struct gp_http_request *r)
{
	char *body;
	size_t n;
	int e = gp_http_read_all(r, &body, &n);

	return e ? e : gp_http_answer(r, 200, "application/octet-stream", body, n);
}

static int stream(struct gp_http_request *r)
{
	int e = gp_http_begin(r, 200, "text/plain");

	for (long i = 0, n = number(r, "n"); i < n && !e; i++) {
		char line[32];

		e = gp_http_write(r, line, (size_t)snprintf(line, sizeof line, "piece %ld\n", i));
		if (!e)
			e = gp_yield();
	}
	return e;
}

static int endless(struct gp_http_request *r)
{
	static char block[65536];
	int e = gp_http_begin(r, 200, "application/octet-stream");

	while (!e)
		e = gp_http_write(r, block, sizeof block);
	return e;
}

static int wait_here(struct gp_http_request *r)
{
	int e = gp_http_watch(r);

	waiting++;
	while (!e)
		e = gp_sleep(GP_SEC);
	waiting--;
	return e;
}

static int answer_number(struct gp_http_request *r, long n)
{
	char text[32];

	return gp_http_answer(r, 200, "text/plain", text, (size_t)snprintf(text, sizeof text, "%ld\n", n));
}

static int answer_decoded(struct gp_http_request *r, const char *name)
{
	char value[4096];
	const char *query = gp_http_query(r), *field = NULL;
	ssize_t n = gp_form_value(query, strlen(query), name, value, sizeof value);

	if (n == -ENOENT)
		return say(r, "none\n");
	if (n < 0)
		return gp_http_answer(r, 400, "text/plain", "bad\n", 4);
	if (strcmp(name, "name"))
		return gp_http_answer(r, 200, "text/plain", value, (size_t)n);
	field = gp_http_header(r, value);
	return say(r, field ? field : "none\n");
}

/* What comes goes back; "flood": message after message. */
static int websocket(struct gp_http_request *r)
{
	struct gp_websocket_options o = { .max_message = 100000, .write_time = ms("WEB_WRITE_TIME"), .ping_time = ms("WEB_PING_TIME") };
	static char block[50000];
	struct gp_websocket_message m;
	struct gp_websocket *ws;
	int e = gp_websocket_accept(&ws, r, &o);

	while (!e && !(e = gp_websocket_receive(ws, &m, GP_NEVER))) {
		if (!strcmp(m.data, "close"))
			return gp_websocket_close(ws, 1001, "bye", gp_after(GP_SEC));
		do
			e = strcmp(m.data, "flood") ? gp_websocket_send(ws, m.type, m.data, m.n) :
			                              gp_websocket_send(ws, GP_WEBSOCKET_BINARY, block, sizeof block);
		while (!e && !strcmp(m.data, "flood"));
	}
	return e == -ESHUTDOWN ? 0 : e;
}

static int ticks(struct gp_http_request *r)
{
	struct gp_websocket_message m;
	struct gp_websocket *ws;
	int64_t due = gp_after(GP_SEC);
	unsigned number = 0;
	int e = gp_websocket_accept(&ws, r, NULL);

	while (!e) {
		char text[64];

		e = gp_websocket_receive(ws, &m, due);
		if (e != -ETIMEDOUT || gp_now() < due)
			continue;
		e = gp_websocket_send(ws, GP_WEBSOCKET_TEXT, text,
		                      (size_t)snprintf(text, sizeof text, "%u %lld", ++number, (long long)due));
		due += GP_SEC;
	}
	return e == -ESHUTDOWN ? 0 : e;
}

static int cut(struct gp_http_request *r)
{
	int e = gp_http_begin(r, 200, "text/plain");

	if (!e)
		e = gp_http_write(r, "half", 4);
	if (!e && number(r, "die"))
		gp_fail(-EIO, "the handler gives up in the middle");
	return e ? e : -EIO;
}

static int descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = -3;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static int greenlets(void) { return (int)gp_list(NULL, 0); }

static int answer_left(struct gp_http_request *r)
{
	char text[64];

	return gp_http_answer(r, 200, "text/plain", text, (size_t)snprintf(text, sizeof text, "%d %d\n", greenlets(), descriptors()));
}

static int handle(struct gp_http_request *r, void *arg)
{
	const char *path = gp_http_path(r);
	struct gp_server_counts counts;

	if (!strcmp(path, "/"))
		return gp_http_answer(r, 200, "text/plain", "hello world\n", 12);
	if (!strcmp(path, "/echo"))
		return echo(r);
	if (!strcmp(path, "/stream"))
		return stream(r);
	if (!strcmp(path, "/endless"))
		return endless(r);
	if (!strcmp(path, "/slow")) {
		int e = gp_sleep(number(r, "ms") * GP_MSEC);

		return e ? e : say(r, "slow\n");
	}
	if (!strcmp(path, "/wait"))
		return wait_here(r);
	if (!strcmp(path, "/waiting"))
		return answer_number(r, waiting);
	if (!strcmp(path, "/header"))
		return answer_decoded(r, "name");
	if (!strncmp(path, "/path", 5))
		return say(r, path);
	if (!strcmp(path, "/query"))
		return answer_decoded(r, "a");
	if (!strcmp(path, "/fail"))
		return -EIO;
	if (!strcmp(path, "/die"))
		gp_fail(-EIO, "the handler gives up");
	if (!strcmp(path, "/ws"))
		return websocket(r);
	if (!strcmp(path, "/ticks"))
		return ticks(r);
	if (!strcmp(path, "/cut"))
		return cut(r);
	if (!strcmp(path, "/nothing"))
		return 0;
	if (!strncmp(path, "/files/", 7) && getenv("WEB_ROOT"))
		return gp_http_answer_file(r, getenv("WEB_ROOT"), path + 7, NULL);
	if (!strcmp(path, "/counts")) {
		gp_server_count(gp_http_server_base(gp_http_server_of(r)), &counts);
		return answer_number(r, counts.connections);
	}
	if (!strcmp(path, "/left"))
		return answer_left(r);
	return gp_http_answer(r, 404, "text/plain", "no such page\n", 13);
}

int main(int argc, char **argv)
{
	const char *connections = getenv("WEB_CONNECTIONS");
	struct gp_http_options o = {
		.server = { .max_connections = connections ? (unsigned)atoi(connections) : 0 },
		.head_time = ms("WEB_HEAD_TIME"),
		.body_time = ms("WEB_BODY_TIME"),
		.write_time = ms("WEB_WRITE_TIME"),
		.idle_time = ms("WEB_IDLE_TIME"),
		.log = getenv("WEB_LOG") ? gp_http_log_fd : NULL,
		.log_arg = (void *)(intptr_t)2,
	};
	struct gp_server_counts counts;
	struct gp_http_server *s;
	sigset_t mask;
	char info[128];
	int fd, e, before, greenlets_before;

	if (argc > 3 && (e = gp_tls_server(&o.tls, argv[2], argv[3])))
		return fprintf(stderr, "serve: %s: %s\n", argv[2], strerror(-e)), 1;
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	s = gp_http_server_new(argc > 1 ? argv[1] : "127.0.0.1:0", handle, NULL, &o);
	gp_sleep(1);
	before = descriptors();
	greenlets_before = greenlets();
	e = gp_http_server_start(s);
	if (e)
		return fprintf(stderr, "serve: %s\n", strerror(-e)), 1;
	printf("ready %s\n", gp_server_address(gp_http_server_base(s)));
	fflush(stdout);
	gp_read(fd, info, sizeof info, GP_NEVER);
	e = gp_http_server_stop(s, gp_after(5 * GP_SEC));
	gp_server_count(gp_http_server_base(s), &counts);
	/* The acceptor, and what watched the clients, end by themselves when it is their turn. */
	for (int i = 0; i < 5000 && greenlets() > greenlets_before; i++)
		gp_sleep(GP_MSEC);
	printf("stopped %d: %u connections left, %lu accepted, %d greenlets and %d descriptors more\n", e, counts.connections,
	       counts.accepted, greenlets() - greenlets_before, descriptors() - before);
	gp_http_server_free(s);
	gp_tls_free(o.tls);
	return 0;
}
