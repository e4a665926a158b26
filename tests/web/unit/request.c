/* request.c - what a handler may ask of a request and do with its answer, and the options of the HTTP server that count
 * requests and stop it. Clients are greenlets of the same program, with the request as a text. */
#include "unit.h"
#include <stdlib.h>
#include <sys/socket.h>
#include "greenpatch-web.h"
#include "greenpatch.h"

#define SOON gp_after(20 * GP_SEC)

/* Lets others run until the condition holds. */
#define UNTIL(condition)     \
	while (!(condition)) \
	NEED(!gp_sleep(GP_MSEC))

static struct gp_http_server *serve(int (*handle)(struct gp_http_request *r, void *arg), void *arg,
                                    const struct gp_http_options *o)
{
	struct gp_http_server *s = gp_http_server_new("127.0.0.1:0", handle, arg, o);

	NEED(s && !gp_http_server_start(s));
	return s;
}

static struct gp_stream *visit(struct gp_http_server *s, const char *text)
{
	struct gp_stream *c;

	NEED(!gp_stream_connect(&c, gp_server_address(gp_http_server_base(s)), SOON));
	NEED(gp_stream_send(c, text, strlen(text), SOON) == (ssize_t)strlen(text));
	return c;
}

/* All that comes until the server closes, or until it ends with `last`; lives until the next call. */
static const char *hear(struct gp_stream *c, const char *last)
{
	static char text[65536];
	size_t used = 0, n = last ? strlen(last) : 0;

	while (!n || used < n || memcmp(text + used - n, last, n)) {
		ssize_t got = gp_stream_recv(c, text + used, sizeof text - 1 - used, SOON);

		NEED(got >= 0 || got == -ECONNRESET);
		if (got <= 0)
			break;
		used += (size_t)got;
	}
	text[used] = 0;
	return text;
}

/* What one connection brings. */
static const char *ask(struct gp_http_server *s, const char *text)
{
	struct gp_stream *c = visit(s, text);
	const char *answer = hear(c, NULL);

	gp_stream_free(c);
	return answer;
}

static int count(const char *text, const char *part)
{
	int n = 0;

	while ((text = strstr(text, part)))
		text += strlen(part), n++;
	return n;
}

/* ---- what came --------------------------------------------------------------------------------- */

static int tell(struct gp_http_request *r, void *arg)
{
	char text[2000], peer[GP_ADDRESS_TEXT];
	const char *name = "untouched", *value = "untouched";
	int n;

	gp_address_text(gp_http_peer(r), peer, sizeof peer);
	n = snprintf(text, sizeof text, "%s|%s|%s|%s|%d|%s\n", gp_http_method(r), gp_http_target(r), gp_http_path(r),
	             gp_http_query(r), gp_http_version(r), peer);
	for (unsigned i = 0; gp_http_header_at(r, i, &name, &value); i++)
		n += snprintf(text + n, sizeof text - (size_t)n, "%s=%s;", name, value);
	EXPECT(!gp_http_header_at(r, 1000, &name, &value));
	value = gp_http_header(r, "x-TWICE");
	n += snprintf(text + n, sizeof text - (size_t)n, "first %s", value ? value : "none");
	return gp_http_answer(r, 200, "text/plain", text, (size_t)n);
}

CASE("a request: target, path, query, version, peer, fields in their order")
{
	struct gp_http_server *s = serve(tell, NULL, NULL);
	struct gp_address a = { .length = sizeof a.storage };
	struct gp_stream *c;
	char peer[GP_ADDRESS_TEXT], wanted[300];
	const char *came;

	c = visit(s, "GET /a%20b/%41?q=1%20&r HTTP/1.1\r\nHost: x\r\nX-Twice:  one \r\nconnection: close\r\nX-Twice: "
	             "two\r\n\r\n");
	NEED(!getsockname(gp_stream_fd(c), (struct sockaddr *)&a.storage, &a.length));
	gp_address_text(&a, peer, sizeof peer);
	snprintf(wanted, sizeof wanted,
	         "\r\n\r\nGET|/a%%20b/%%41|/a b/A|q=1%%20&r|11|%s\n"
	         "Host=x;X-Twice=one;connection=close;X-Twice=two;first one",
	         peer);
	came = hear(c, NULL);
	EXPECT_HAS(came, wanted);
	gp_stream_free(c);
	came = ask(s, "HEAD / HTTP/1.0\r\n\r\n");
	EXPECT(count(came, "|") == 0);
	came = ask(s, "OPTIONS * HTTP/1.0\r\n\r\n");
	EXPECT_HAS(came, "\r\n\r\nOPTIONS|*|*||10|127.0.0.1:");
	EXPECT_HAS(came, "\nfirst none");
	gp_http_server_free(s);
}

/* ---- its body, in pieces ---------------------------------------------------------------------------- */

struct reading {
	int error, again; /* of gp_http_read(), and of one more */
	size_t n, pieces;
};

static int read_pieces(struct gp_http_request *r, void *arg)
{
	struct reading *reading = arg;
	char text[64], piece[4];
	ssize_t n;

	*reading = (struct reading){ 0 };
	while ((n = gp_http_read(r, piece, sizeof piece)) > 0) {
		EXPECT(n <= (ssize_t)sizeof piece);
		memcpy(text + reading->n, piece, (size_t)n);
		reading->n += (size_t)n;
		reading->pieces++;
	}
	reading->error = (int)n;
	reading->again = (int)gp_http_read(r, piece, sizeof piece);
	return n < 0 ? (int)n : gp_http_answer(r, 200, "text/plain", text, reading->n);
}

#define POST "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"

CASE("a body is read in pieces, to its end and no further")
{
	struct reading reading;
	struct gp_http_server *s = serve(read_pieces, &reading, NULL);

	EXPECT_HAS(ask(s, POST "Content-Length: 10\r\n\r\n0123456789"), "\r\n\r\n0123456789");
	EXPECT_INT(reading.pieces, 3);
	EXPECT_INT(reading.again, 0);
	EXPECT_HAS(ask(s, POST "Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n2\r\n56\r\n0\r\n\r\n"),
	           "\r\n\r\n0123456");
	EXPECT_INT(reading.again, 0);
	EXPECT_HAS(ask(s, POST "\r\n"), " 200 OK\r\n");
	EXPECT_INT(reading.n, 0);
	gp_http_server_free(s);
}

CASE("a body that is too large, malformed, too slow, cut: what read says, and the status")
{
	struct gp_http_options o = { .max_body = 8, .body_time = 50 * GP_MSEC };
	struct reading reading;
	struct gp_http_server *s = serve(read_pieces, &reading, &o);
	struct gp_stream *c;

	EXPECT_HAS(ask(s, POST "Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n"),
	           "HTTP/1.1 413 ");
	EXPECT_INT(reading.error, -EMSGSIZE);
	EXPECT_INT(reading.n, 5);
	EXPECT(reading.again < 0);
	EXPECT_HAS(ask(s, POST "Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\nx\r\n\r\n"), "HTTP/1.1 400 ");
	EXPECT_INT(reading.error, -EBADMSG);
	EXPECT_INT(reading.again, -EBADMSG);
	EXPECT_HAS(ask(s, POST "Content-Length: 8\r\n\r\n0123"), "HTTP/1.1 408 ");
	EXPECT_INT(reading.error, -ETIMEDOUT);
	EXPECT_INT(reading.n, 4);
	c = visit(s, POST "Content-Length: 8\r\n\r\n01");
	NEED(!gp_stream_shutdown(c, SOON));
	EXPECT_STR(hear(c, NULL), "");
	EXPECT_INT(reading.error, -ECONNRESET);
	gp_stream_free(c);
	gp_http_server_free(s);
}

/* ---- its value ----------------------------------------------------------------------------------------- */

static int ended[3];

static void end_value(void *value)
{
	ended[(intptr_t)value]++;
}
static void quiet(struct gp_greenlet *g)
{
	(void)g;
}

static int with_value(struct gp_http_request *r, void *arg)
{
	int before = ended[1];

	EXPECT(!gp_http_value(r)); /* not that of the request before */
	gp_http_set_value(r, (void *)1, end_value);
	EXPECT((intptr_t)gp_http_value(r) == 1);
	EXPECT_INT(ended[1], before);
	if (!strcmp(gp_http_path(r), "/none"))
		gp_http_set_value(r, (void *)2, NULL);
	if (!strcmp(gp_http_path(r), "/die"))
		gp_fail(-EIO, "on purpose");
	return !strcmp(gp_http_path(r), "/fail") ? -EIO : gp_http_answer(r, 200, NULL, NULL, 0);
}

CASE("the handler's value ends with the request, however that ends")
{
	struct gp_http_server *s = serve(with_value, NULL, NULL);
	const char *came;

	gp_set_error_handler(quiet);
	came = ask(s, "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /none HTTP/1.1\r\nHost: x\r\n\r\n"
	              "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	EXPECT_INT(count(came, " 200 OK\r\n"), 3);
	UNTIL(ended[1] == 3);
	EXPECT_INT(ended[2], 0);
	EXPECT_HAS(ask(s, "GET /fail HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), " 500 ");
	UNTIL(ended[1] == 4);
	EXPECT_HAS(ask(s, "GET /die HTTP/1.1\r\nHost: x\r\n\r\n"), " 500 ");
	UNTIL(ended[1] == 5);
	gp_http_server_free(s);
}

/* ---- the end of an answer ----------------------------------------------------------------------------------- */

static struct gp_event *go_on;

static int end_early(struct gp_http_request *r, void *arg)
{
	EXPECT_INT(gp_http_end(r), -EINVAL); /* of nothing */
	EXPECT_INT(gp_http_begin(r, 200, NULL), 0);
	EXPECT_INT(gp_http_write(r, "all", 3), 0);
	EXPECT_INT(gp_http_end(r), 0);
	EXPECT_INT(gp_http_end(r), 0);
	EXPECT_INT(gp_http_write(r, "more", 4), -EINVAL);
	EXPECT_INT(gp_http_begin(r, 200, NULL), -EALREADY);
	return gp_event_wait(go_on, SOON);
}

CASE("an answer that is ended is whole for the client while the handler goes on")
{
	struct gp_http_server *s = serve(end_early, NULL, NULL);
	struct gp_stream *c;

	go_on = gp_event_new();
	c = visit(s, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	EXPECT_HAS(hear(c, "0\r\n\r\n"), "\r\n\r\n3\r\nall\r\n0\r\n\r\n");
	gp_event_set(go_on);
	EXPECT_STR(hear(c, NULL), "");
	gp_stream_free(c);
	gp_http_server_free(s);
	gp_event_free(go_on);
}

/* ---- the server's options -------------------------------------------------------------------------------------- */

static int ok(struct gp_http_request *r, void *arg)
{
	return gp_http_answer(r, 200, NULL, "ok", 2);
}

CASE("after max_requests a connection ends, and the last answer says so")
{
	struct gp_http_options o = { .max_requests = 2 };
	struct gp_http_server *s = serve(ok, NULL, &o);
	const char *came;

	for (int i = 0; i < 2; i++) {
		came = ask(s, "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\nGET / "
		              "HTTP/1.1\r\nHost: x\r\n\r\n");
		EXPECT_INT(count(came, " 200 OK\r\n"), 2);
		EXPECT_INT(count(came, "Connection: close\r\n"), 1);
	}
	gp_http_server_free(s);
}

static struct gp_http_server *stopped;
static int in_flight;

static void *stop(void *arg)
{
	return (void *)(intptr_t)gp_http_server_stop(stopped, GP_NEVER);
}

/* In flight until the server stops. */
static int until_stopping(struct gp_http_request *r, void *arg)
{
	int e = 0;

	EXPECT(!gp_http_server_stopping(gp_http_server_of(r)) || strcmp(gp_http_path(r), "/stream"));
	in_flight++;
	while (!e && !strcmp(gp_http_path(r), "/stream") && !gp_http_server_stopping(gp_http_server_of(r)))
		e = gp_sleep(GP_MSEC);
	return e ? e : gp_http_answer(r, 200, NULL, "ok", 2);
}

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

CASE("while it stops: what is in flight, and what comes on an open connection within drain_time, is answered")
{
	struct gp_http_options o = { .drain_time = 20 * GP_SEC };
	struct gp_http_server *s = stopped = serve(until_stopping, NULL, &o);
	struct gp_stream *busy, *idle, *c;
	struct gp_greenlet *g;
	void *value;

	EXPECT(!gp_http_server_stopping(s));
	EXPECT(!gp_http_server_stopping(NULL));
	idle = visit(s, GET);
	EXPECT_HAS(hear(idle, "ok"), " 200 OK\r\n");
	busy = visit(s, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	UNTIL(in_flight == 2);
	g = gp_spawn(stop, NULL);
	UNTIL(gp_http_server_stopping(s));
	EXPECT_INT(gp_stream_connect(&c, gp_server_address(gp_http_server_base(s)), SOON), -ECONNREFUSED);
	EXPECT_HAS(hear(busy, NULL), "Connection: close\r\n");
	NEED(gp_stream_send(idle, GET, strlen(GET), SOON) > 0);
	EXPECT_HAS(hear(idle, NULL), "Connection: close\r\n");
	EXPECT_INT(in_flight, 3);
	EXPECT_INT(gp_get(g, &value, SOON), 0);
	EXPECT_INT((intptr_t)value, 0);
	gp_unref(g);
	gp_stream_free(busy);
	gp_stream_free(idle);
	EXPECT_INT(gp_http_server_start(s), 0);
	EXPECT(!gp_http_server_stopping(s));
	EXPECT_HAS(ask(s, "GET / HTTP/1.0\r\n\r\n"), " 200 OK\r\n");
	gp_http_server_free(s);
}

CASE("while it stops: a connection on which nothing comes ends after drain_time")
{
	struct gp_http_options o = { .drain_time = GP_MSEC };
	struct gp_http_server *s = stopped = serve(until_stopping, NULL, &o);
	struct gp_stream *idle = visit(s, GET), *never = visit(s, "");

	EXPECT_HAS(hear(idle, "ok"), " 200 OK\r\n");
	EXPECT_INT((intptr_t)stop(NULL), 0); /* which waits for them, without a deadline */
	EXPECT_STR(hear(idle, NULL), "");
	EXPECT_STR(hear(never, NULL), "");
	gp_stream_free(idle);
	gp_stream_free(never);
	gp_http_server_free(s);
}
