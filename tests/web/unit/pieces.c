/* pieces.c - the parts of the web library that its servers' tests do not reach: clients, ZeroMQ's patterns, the chat, misuse. */
#include "unit.h"
#include <stdlib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <zmq.h>
#include "greenpatch-web.h"
#include "greenpatch.h"

static int echo(struct gp_http_request *r, void *arg)
{
	struct gp_websocket_message m;
	struct gp_websocket *ws;
	int e = gp_websocket_accept(&ws, r, NULL);

	while (!e && !(e = gp_websocket_receive(ws, &m, GP_NEVER)))
		e = gp_websocket_send(ws, m.type, m.data, m.n);
	return e == -ESHUTDOWN ? 0 : e;
}

static void talk(const char *scheme, struct gp_tls *server_tls, struct gp_tls *client_tls)
{
	struct gp_http_options o = { .tls = server_tls };
	struct gp_websocket_options w = { .tls = client_tls };
	struct gp_http_server *s = gp_http_server_new("127.0.0.1:0", echo, NULL, &o);
	struct gp_websocket_message m;
	struct gp_websocket *ws;
	static char large[200000];
	char url[64];

	NEED(s && !gp_http_server_start(s));
	snprintf(url, sizeof url, "%s://localhost:%d/x", scheme, gp_server_port(gp_http_server_base(s)));
	EXPECT_INT(gp_websocket_connect(&ws, url, &w, gp_after(5 * GP_SEC)), 0);
	EXPECT_INT(gp_websocket_send(ws, GP_WEBSOCKET_TEXT, "hello", 5), 0);
	EXPECT_INT(gp_websocket_receive(ws, &m, gp_after(5 * GP_SEC)), 0);
	EXPECT_STR(m.data, "hello");
	EXPECT_INT(m.type, GP_WEBSOCKET_TEXT);
	EXPECT_INT(gp_websocket_send(ws, GP_WEBSOCKET_TEXT, NULL, 0), 0);
	EXPECT_INT(gp_websocket_receive(ws, &m, gp_after(5 * GP_SEC)), 0);
	EXPECT_INT(m.n, 0);
	EXPECT_INT(gp_websocket_send(ws, GP_WEBSOCKET_BINARY, large, sizeof large), 0);
	EXPECT_INT(gp_websocket_receive(ws, &m, gp_after(5 * GP_SEC)), 0);
	EXPECT_INT(m.n, sizeof large);
	EXPECT_INT(gp_websocket_receive(ws, &m, gp_after(10 * GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_websocket_close(ws, 1000, "done", gp_after(5 * GP_SEC)), 0);
	EXPECT_INT(gp_websocket_code(ws), 1000);
	EXPECT_INT(gp_websocket_send(ws, GP_WEBSOCKET_TEXT, "x", 1), -ESHUTDOWN);
	gp_websocket_free(ws);
	EXPECT_INT(gp_http_server_stop(s, gp_after(5 * GP_SEC)), 0);
	gp_http_server_free(s);
}

CASE("a WebSocket client against the server") { talk("ws", NULL, NULL); }

static const char *asked; /* of the handler's request: Sec-WebSocket-Protocol */
static int sent;          /* by flood() */

static const struct gp_websocket_options chat_only = { .protocol = "chat" };

/* Says which protocol was asked for, after a ping, and goes when the client does. */
static int chat(struct gp_http_request *r, void *arg)
{
	struct gp_websocket_message m;
	struct gp_websocket *ws;
	char large[126] = "";
	int e;

	asked = gp_http_header(r, "sec-websocket-protocol");
	asked = asked ? asked : "none";
	e = gp_websocket_accept(&ws, r, &chat_only);
	if (e)
		return e;
	EXPECT_INT(gp_websocket_ping(ws, large, sizeof large), -EINVAL);
	EXPECT_INT(gp_websocket_ping(NULL, "x", 1), -EINVAL);
	EXPECT_INT(gp_websocket_ping(ws, "there?", 6), 0);
	e = gp_websocket_send(ws, GP_WEBSOCKET_TEXT, asked, strlen(asked));
	while (!e)
		e = gp_websocket_receive(ws, &m, GP_NEVER);
	return e == -ESHUTDOWN ? 0 : e;
}

static struct gp_http_server *serve(int (*handle)(struct gp_http_request *r, void *arg), void *arg)
{
	struct gp_http_server *s = gp_http_server_new("127.0.0.1:0", handle, arg, NULL);

	NEED(s && !gp_http_server_start(s));
	return s;
}

/* A client by hand: the head of the answer in text, which lives until the next call. */
static struct gp_stream *upgrade(struct gp_http_server *s, const char *more, const char **head)
{
	static char text[1024];
	struct gp_stream *c;
	size_t n = 0;

	NEED(!gp_stream_connect(&c, gp_server_address(gp_http_server_base(s)), gp_after(20 * GP_SEC)));
	snprintf(text, sizeof text,
	         "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
	         more);
	NEED(gp_stream_send(c, text, strlen(text), gp_after(20 * GP_SEC)) > 0);
	do
		NEED(n < sizeof text - 1 && gp_stream_recv(c, text + n++, 1, gp_after(20 * GP_SEC)) == 1);
	while (n < 4 || memcmp(text + n - 4, "\r\n\r\n", 4));
	text[n] = 0;
	*head = text;
	return c;
}

static void receive_exactly(struct gp_stream *s, void *buf, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t got = gp_stream_recv(s, (char *)buf + at, n - at, gp_after(20 * GP_SEC));

		NEED(got > 0);
		at += (size_t)got;
	}
}

CASE("a WebSocket's protocol is answered if it was asked for, and asked for; pings")
{
	struct gp_http_server *s = serve(chat, NULL);
	struct gp_websocket_message m;
	struct gp_websocket *ws;
	struct gp_stream *c;
	const char *head;
	char url[64], frame[16] = "";

	c = upgrade(s, "Sec-WebSocket-Protocol: other, chat\r\n", &head);
	EXPECT_HAS(head, "\r\nSec-WebSocket-Protocol: chat\r\n");
	receive_exactly(c, frame, 8);
	EXPECT_STR(frame, "\x89\x06there?");
	gp_stream_free(c);
	for (int i = 0; i < 3; i++) {
		static const char *const others[] = { "", "Sec-WebSocket-Protocol: other, chats\r\n", "Sec-WebSocket-Protocol: Chat\r\n" };

		c = upgrade(s, others[i], &head);
		EXPECT(!strstr(head, "Protocol: "));
		gp_stream_free(c);
	}
	snprintf(url, sizeof url, "ws://%s/", gp_server_address(gp_http_server_base(s)));
	for (int i = 0; i < 2; i++) {
		NEED(!gp_websocket_connect(&ws, url, i ? &chat_only : NULL, gp_after(20 * GP_SEC)));
		NEED(!gp_websocket_receive(ws, &m, gp_after(20 * GP_SEC))); /* the ping is answered meanwhile */
		EXPECT_STR(m.data, i ? "chat" : "none");
		EXPECT_INT(gp_websocket_ping(ws, NULL, 0), 0);
		EXPECT_INT(gp_websocket_close(ws, 1000, NULL, gp_after(20 * GP_SEC)), 0);
		gp_websocket_free(ws);
	}
	gp_http_server_free(s);
}

static int says_another(struct gp_http_request *r, void *arg)
{
	struct gp_websocket *ws;

	EXPECT_INT(gp_http_add_header(r, "Sec-WebSocket-Protocol", "another"), 0);
	return gp_websocket_accept(&ws, r, NULL);
}

CASE("a WebSocket client refuses a protocol that it has not asked for")
{
	struct gp_http_server *s = serve(says_another, NULL);
	struct gp_websocket_options o = { .protocol = "one, another" };
	struct gp_websocket *ws;
	char url[64];

	snprintf(url, sizeof url, "ws://%s/", gp_server_address(gp_http_server_base(s)));
	EXPECT_INT(gp_websocket_connect(&ws, url, NULL, gp_after(20 * GP_SEC)), -EPROTO);
	EXPECT_INT(gp_websocket_connect(&ws, url, &chat_only, gp_after(20 * GP_SEC)), -EPROTO);
	EXPECT_INT(gp_websocket_connect(&ws, url, &o, gp_after(20 * GP_SEC)), 0);
	gp_websocket_free(ws);
	gp_http_server_free(s);
}

#define PIECE 10000

static void *note_turn(void *arg)
{
	*(bool *)arg = true;
	return NULL;
}

/* Sends numbered messages without parking until there is no more room, waits for "go", then one that parks. */
static int flood(struct gp_http_request *r, void *arg)
{
	struct gp_websocket_options o = { .max_queued = 5 * PIECE };
	struct gp_websocket *ws;
	static char piece[PIECE];
	bool turn = false;
	int e = gp_websocket_accept(&ws, r, &o);

	NEED(!e);
	gp_unref(gp_spawn(note_turn, &turn));
	for (sent = 0; !(e = gp_websocket_try_send(ws, GP_WEBSOCKET_BINARY, piece, sizeof piece)); sent++)
		snprintf(piece, sizeof piece, "%d", sent + 1);
	EXPECT_INT(e, -EAGAIN);
	EXPECT_INT(gp_websocket_try_send(ws, GP_WEBSOCKET_BINARY, piece, sizeof piece), -EAGAIN);
	EXPECT(!turn); /* nobody else had a turn: it does not park */
	e = gp_event_set(arg);
	return e ? e : gp_websocket_send(ws, GP_WEBSOCKET_TEXT, "end", 3);
}

CASE("try_send leaves max_queued bytes unsent and no more; what it left goes with the next send")
{
	struct gp_event *full = gp_event_new();
	struct gp_http_server *s = serve(flood, full);
	struct gp_stream *c;
	const char *head;
	static char frame[4 + PIECE];
	int came = 0;

	EXPECT_INT(gp_websocket_try_send(NULL, GP_WEBSOCKET_TEXT, "x", 1), -EINVAL);
	c = upgrade(s, "", &head);
	NEED(!gp_event_wait(full, gp_after(20 * GP_SEC)));
	EXPECT(sent > 5);
	for (; came < sent; came++) {
		receive_exactly(c, frame, sizeof frame);
		NEED(!memcmp(frame, "\x82\x7e\x27\x10", 4)); /* 10,000 bytes */
		if (came)
			EXPECT_INT(atoi(frame + 4), came);
	}
	receive_exactly(c, frame, 5);
	EXPECT(!memcmp(frame, "\x81\x03"
	                      "end",
	               5));
	gp_stream_free(c);
	gp_http_server_free(s);
	gp_event_free(full);
}

CASE("the same through TLS; who is not trusted is refused")
{
	char dir[] = "/tmp/greenpatch-tls-XXXXXX", command[400], cert[64], key[64];
	struct gp_tls *server, *client, *nobody, *s_none;
	struct gp_stream *s;

	NEED(mkdtemp(dir));
	snprintf(cert, sizeof cert, "%s/cert.pem", dir);
	snprintf(key, sizeof key, "%s/key.pem", dir);
	snprintf(command, sizeof command, "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout %s -out %s -subj /CN=localhost "
	         "-addext subjectAltName=DNS:localhost 2>/dev/null", key, cert);
	if (system(command))
		unit_skip("no openssl here");
	NEED(!gp_tls_server(&server, cert, key) && !gp_tls_client(&client, cert) && !gp_tls_client(&nobody, NULL));
	EXPECT_INT(gp_tls_server(&s_none, cert, "/nowhere"), -ENOENT);
	EXPECT_INT(gp_tls_server(&s_none, "/dev/null", "/dev/null"), -EPROTO);
	talk("wss", server, client);
	{
		struct gp_http_options o = { .tls = server };
		struct gp_http_server *h = gp_http_server_new("127.0.0.1:0", echo, NULL, &o);

		NEED(h && !gp_http_server_start(h));
		NEED(!gp_stream_connect(&s, gp_server_address(gp_http_server_base(h)), GP_NEVER));
		EXPECT_INT(gp_tls_connect(s, nobody, "localhost", gp_after(5 * GP_SEC)), -EACCES);
		gp_stream_free(s);
		NEED(!gp_stream_connect(&s, gp_server_address(gp_http_server_base(h)), GP_NEVER));
		EXPECT_INT(gp_tls_connect(s, client, "elsewhere", gp_after(5 * GP_SEC)), -EACCES);
		gp_stream_free(s);
		gp_http_server_free(h);
	}
	gp_tls_free(server);
	gp_tls_free(client);
	gp_tls_free(nobody);
	unlink(cert);
	unlink(key);
	rmdir(dir);
}

static void *receive_three(void *arg)
{
	char word[16];
	intptr_t n = 0;

	while (n < 3 && gp_zmq_recv(arg, word, sizeof word, NULL, gp_after(5 * GP_SEC)) > 0)
		n++;
	return (void *)n;
}

static void pattern(int from, int to, bool subscribe)
{
	void *context = zmq_ctx_new(), *a = zmq_socket(context, from), *b = zmq_socket(context, to);
	char endpoint[64];
	size_t size = sizeof endpoint;
	struct gp_zmq *out, *in;
	struct gp_greenlet *g;
	void *n = NULL;

	NEED(!zmq_bind(a, "tcp://127.0.0.1:*") && !zmq_getsockopt(a, ZMQ_LAST_ENDPOINT, endpoint, &size));
	NEED(!subscribe || !zmq_setsockopt(b, ZMQ_SUBSCRIBE, "", 0));
	NEED(!zmq_connect(b, endpoint));
	out = gp_zmq_new(a);
	in = gp_zmq_new(b);
	g = gp_spawn(receive_three, in);
	for (int i = 0; !gp_ready(g) && i < 1000; i++) { /* a subscriber that is not there yet misses some */
		EXPECT_INT(gp_zmq_send(out, "word", 4, 0, gp_after(5 * GP_SEC)), 0);
		gp_sleep(GP_MSEC);
	}
	EXPECT_INT(gp_get(g, &n, gp_after(5 * GP_SEC)), 0);
	EXPECT_INT((intptr_t)n, 3);
	EXPECT_INT(gp_zmq_recv(in, NULL, 1, NULL, GP_NEVER), -EINVAL);
	gp_unref(g);
	gp_zmq_close(out);
	gp_zmq_close(in);
	zmq_ctx_term(context);
}

CASE("ZeroMQ: publish and subscribe") { pattern(ZMQ_PUB, ZMQ_SUB, true); }
CASE("ZeroMQ: push and pull") { pattern(ZMQ_PUSH, ZMQ_PULL, false); }

CASE("ZeroMQ: a message of several parts, and parts larger than there is room for")
{
	void *context = zmq_ctx_new(), *a = zmq_socket(context, ZMQ_PAIR), *b = zmq_socket(context, ZMQ_PAIR);
	static const char *const parts[] = { "one", "", "three and more" };
	struct gp_zmq *out, *in;
	char text[6];
	int more;

	NEED(!zmq_bind(a, "inproc://parts") && !zmq_connect(b, "inproc://parts"));
	out = gp_zmq_new(a);
	in = gp_zmq_new(b);
	EXPECT(gp_zmq_socket(out) == a);
	EXPECT(!gp_zmq_socket(NULL));
	for (int message = 0; message < 2; message++) {
		for (int i = 0; i < 3; i++)
			EXPECT_INT(gp_zmq_send(out, parts[i], strlen(parts[i]), i < 2 ? ZMQ_SNDMORE : 0, gp_after(20 * GP_SEC)), 0);
		for (int i = 0; i < 3; i++) {
			memset(text, 0, sizeof text);
			EXPECT_INT(gp_zmq_recv(in, text, sizeof text - 1, message ? NULL : &more, gp_after(20 * GP_SEC)), strlen(parts[i]));
			EXPECT(!strncmp(text, parts[i], sizeof text - 1));
			EXPECT(message || more == (i < 2));
		}
	}
	EXPECT_INT(gp_zmq_recv(in, text, sizeof text, &more, gp_after(GP_MSEC)), -ETIMEDOUT);
	gp_zmq_close(out);
	gp_zmq_close(in);
	zmq_ctx_term(context);
}

CASE("ZeroMQ: a deadline, a turn that is not one's own, a close while somebody waits")
{
	void *context = zmq_ctx_new(), *rep = zmq_socket(context, ZMQ_REP);
	struct gp_zmq *z;
	struct gp_greenlet *g;
	char word[8];

	NEED(!zmq_bind(rep, "inproc://nobody"));
	z = gp_zmq_new(rep);
	EXPECT_INT(gp_zmq_recv(z, word, sizeof word, NULL, gp_after(10 * GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_zmq_send(z, "x", 1, 0, GP_NEVER), -EFSM);
	g = gp_spawn(receive_three, z);
	gp_sleep(GP_MSEC);
	gp_zmq_close(z);
	EXPECT_INT(gp_join(g, gp_after(5 * GP_SEC)), 0);
	EXPECT_INT((intptr_t)gp_value(g), 0);
	gp_unref(g);
	EXPECT(!gp_zmq_new(NULL));
	zmq_ctx_term(context);
}

static void *poll_one(void *arg)
{
	char *line = NULL;
	int e = gp_chat_poll(arg, "user 0", &line, GP_NEVER);

	free(line);
	return (void *)(intptr_t)e;
}

CASE("a chat with 1,000 users in a room; full inboxes; who leaves")
{
	struct gp_chat *c = gp_chat_new(3, 10);
	struct gp_greenlet *g;
	char name[32], *line;

	EXPECT_INT(gp_chat_add_room(c, "room"), 0);
	EXPECT_INT(gp_chat_add_room(c, "room"), -EEXIST);
	EXPECT_INT(gp_chat_enter(c, "other", "x"), -ENOENT);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "user %d", i);
		EXPECT_INT(gp_chat_enter(c, "room", name), 0);
	}
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "%d", i);
		EXPECT_INT(gp_chat_say(c, "room", "user 5", name), 0);
	}
	EXPECT_STR(gp_chat_said(c, "room", 0), "user 5: 17");
	EXPECT(!gp_chat_said(c, "room", 3));
	for (int i = 10; i < 20; i++) { /* the first ten were dropped */
		NEED(!gp_chat_poll(c, "user 999", &line, GP_NEVER));
		snprintf(name, sizeof name, "user 5: %d", i);
		EXPECT_STR(line, name);
		free(line);
	}
	EXPECT_INT(gp_chat_poll(c, "user 999", &line, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_chat_poll(c, "nobody", &line, GP_NEVER), -ENOENT);
	for (int i = 0; i < 10; i++) {
		NEED(!gp_chat_poll(c, "user 0", &line, GP_NEVER));
		free(line);
	}
	g = gp_spawn(poll_one, c);
	gp_sleep(1);
	EXPECT_INT(gp_chat_leave(c, NULL, "user 0"), 0);
	EXPECT_INT(gp_join(g, gp_after(5 * GP_SEC)), 0);
	EXPECT_INT((intptr_t)gp_value(g), -ESHUTDOWN);
	EXPECT(!gp_chat_has_user(c, "user 0"));
	gp_unref(g);
	gp_chat_free(c);
}

CASE("a line of the chat as it is, kept or not")
{
	struct gp_chat *c = gp_chat_new(0, 0);
	char *line;

	EXPECT_INT(gp_chat_add_room(c, "room"), 0);
	EXPECT_INT(gp_chat_enter(c, "room", "x"), 0);
	EXPECT_INT(gp_chat_post(c, "room", "{}", false), 0);
	EXPECT_INT(gp_chat_post(c, "room", "[]", true), 0);
	EXPECT_INT(gp_chat_post(c, "other", "x", true), -ENOENT);
	EXPECT_INT(gp_chat_post(c, "room", NULL, true), -EINVAL);
	EXPECT_STR(gp_chat_said(c, "room", 0), "[]");
	EXPECT(!gp_chat_said(c, "room", 1));
	for (int i = 0; i < 2; i++) {
		NEED(!gp_chat_poll(c, "x", &line, gp_after(GP_SEC)));
		EXPECT_STR(line, i ? "[]" : "{}");
		free(line);
	}
	gp_chat_free(c);
}

static void *stop_server(void *arg)
{
	return (void *)(intptr_t)gp_http_server_stop(arg, gp_after(5 * GP_SEC));
}

CASE("a server that stops closes its WebSockets with 1001")
{
	struct gp_http_server *s = gp_http_server_new("127.0.0.1:0", echo, NULL, NULL);
	struct gp_websocket_message m;
	struct gp_websocket *ws;
	struct gp_greenlet *g;
	void *value;
	char url[64];

	NEED(s && !gp_http_server_start(s));
	snprintf(url, sizeof url, "ws://%s/", gp_server_address(gp_http_server_base(s)));
	NEED(!gp_websocket_connect(&ws, url, NULL, gp_after(5 * GP_SEC)));
	g = gp_spawn(stop_server, s);
	EXPECT_INT(gp_websocket_receive(ws, &m, gp_after(5 * GP_SEC)), -ESHUTDOWN);
	EXPECT_INT(gp_websocket_code(ws), 1001);
	EXPECT_INT(gp_get(g, &value, gp_after(5 * GP_SEC)), 0);
	EXPECT_INT((intptr_t)value, 0);
	gp_unref(g);
	gp_websocket_free(ws);
	gp_http_server_free(s);
}

CASE("what is small goes at once: no stream waits for the peer to acknowledge what it got last")
{
	struct gp_http_server *s = gp_http_server_new("127.0.0.1:0", echo, NULL, NULL);
	struct gp_stream *stream;
	socklen_t n = sizeof(int);
	int is = 0;

	NEED(s && !gp_http_server_start(s));
	NEED(!gp_stream_connect(&stream, gp_server_address(gp_http_server_base(s)), gp_after(5 * GP_SEC)));
	EXPECT_INT(getsockopt(gp_stream_fd(stream), IPPROTO_TCP, TCP_NODELAY, &is, &n), 0);
	EXPECT_INT(is, 1);
	gp_stream_free(stream);
	gp_http_server_free(s);
}

CASE("misuse is an error")
{
	struct gp_websocket *ws;
	struct gp_stream *s;
	struct gp_tls *t;

	EXPECT(!gp_http_server_new(NULL, echo, NULL, NULL));
	EXPECT(!gp_http_server_new("127.0.0.1:0", NULL, NULL, NULL));
	EXPECT_INT(gp_http_server_start(NULL), -EINVAL);
	EXPECT_INT(gp_http_server_stop(NULL, 0), -EINVAL);
	EXPECT_INT(gp_http_answer(NULL, 200, NULL, NULL, 0), -EINVAL);
	EXPECT_INT(gp_websocket_connect(&ws, "http://x/", NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_websocket_connect(&ws, "wss://localhost:1/", NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_websocket_connect(&ws, "ws://127.0.0.1:1/a b", NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_websocket_send(NULL, GP_WEBSOCKET_TEXT, "x", 1), -EINVAL);
	EXPECT_INT(gp_stream_connect(&s, "127.0.0.1:1", gp_after(GP_SEC)), -ECONNREFUSED);
	EXPECT_INT(gp_tls_client(&t, "/nowhere"), -ENOENT);
	EXPECT_INT(gp_chat_add_room(NULL, "x"), -EINVAL);
	gp_http_server_free(NULL);
	gp_websocket_free(NULL);
	gp_stream_free(NULL);
	gp_tls_free(NULL);
	gp_chat_free(NULL);
	gp_zmq_close(NULL);
}
