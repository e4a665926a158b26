/* streams.c - streams by hand, plain and through TLS, and the TLS server against clients that misbehave: after them as
 * many greenlets and descriptors are there as before, and not much more memory. */
#include "unit.h"
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "greenpatch-web.h"
#include "greenpatch.h"

#define SOON gp_after(20 * GP_SEC)

/* ---- plain ------------------------------------------------------------------------------------- */

static void pair(struct gp_stream **a, struct gp_stream **b)
{
	int fd[2];

	NEED(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd));
	*a = gp_stream_new(fd[0]);
	*b = gp_stream_new(fd[1]);
	NEED(*a && *b);
}

CASE("a stream over a socket of one's own: it parks, ends in one direction, and closes the socket")
{
	struct gp_stream *a, *b;
	char text[8];
	int fd;

	pair(&a, &b);
	fd = gp_stream_fd(a);
	EXPECT(fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_INT(gp_stream_recv(a, text, sizeof text, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_stream_send(a, "hello", 5, SOON), 5);
	EXPECT_INT(gp_stream_send(a, NULL, 0, SOON), 0);
	EXPECT_INT(gp_stream_recv(b, text, sizeof text, SOON), 5);
	EXPECT_INT(gp_stream_shutdown(a, SOON), 0);
	EXPECT_INT(gp_stream_recv(b, text, sizeof text, SOON), 0);
	EXPECT_INT(gp_stream_send(a, "x", 1, SOON), -EPIPE); /* and no SIGPIPE */
	EXPECT_INT(gp_stream_send(b, "back", 4, SOON), 4);   /* the other direction goes on */
	EXPECT_INT(gp_stream_recv(a, text, sizeof text, SOON), 4);
	gp_stream_free(a);
	EXPECT(fcntl(fd, F_GETFD) < 0);
	EXPECT_INT(gp_stream_recv(b, text, sizeof text, SOON), 0);
	EXPECT_INT(gp_stream_send(b, "x", 1, SOON), -EPIPE);
	EXPECT_INT(gp_stream_recv(NULL, text, 1, SOON), -EINVAL);
	EXPECT_INT(gp_stream_recv(b, NULL, 1, SOON), -EINVAL);
	EXPECT_INT(gp_stream_send(b, NULL, 1, SOON), -EINVAL);
	EXPECT_INT(gp_stream_shutdown(NULL, SOON), -EINVAL);
	EXPECT_INT(gp_stream_fd(NULL), -1);
	gp_stream_free(b);
}

CASE("a peer that takes nothing: send gives up at its deadline")
{
	static char block[1 << 20];
	struct gp_stream *a, *b;

	pair(&a, &b);
	EXPECT_INT(gp_stream_send(a, block, sizeof block, gp_after(GP_MSEC)), -ETIMEDOUT);
	gp_stream_free(a);
	gp_stream_free(b);
}

/* ---- TLS --------------------------------------------------------------------------------------------- */

static struct gp_tls *server_tls, *client_tls;

/* A certificate for localhost, and both sides that know it. */
static void need_tls(void)
{
	char dir[] = "/tmp/greenpatch-tls-XXXXXX", command[400], cert[64], key[64];
	int e;

	NEED(mkdtemp(dir));
	snprintf(cert, sizeof cert, "%s/cert.pem", dir);
	snprintf(key, sizeof key, "%s/key.pem", dir);
	snprintf(command, sizeof command,
	         "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout %s -out %s "
	         "-subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null",
	         key, cert);
	e = system(command);
	e = e ? e : gp_tls_server(&server_tls, cert, key);
	e = e ? e : gp_tls_client(&client_tls, cert);
	unlink(cert);
	unlink(key);
	rmdir(dir);
	if (e)
		unit_skip("no openssl here");
	gp_sleep(1); /* the hub has its descriptors */
}

static void *accept_one(void *stream)
{
	return (void *)(intptr_t)gp_tls_accept(stream, server_tls, SOON);
}

/* Both ends of a connection through TLS. */
static void tls_pair(struct gp_stream **client, struct gp_stream **server)
{
	struct gp_greenlet *g;
	void *value;

	need_tls();
	pair(client, server);
	g = gp_spawn(accept_one, *server);
	EXPECT_INT(gp_tls_connect(*client, client_tls, "localhost", SOON), 0);
	NEED(!gp_get(g, &value, SOON));
	EXPECT_INT((intptr_t)value, 0);
	gp_unref(g);
}

static void tls_end(struct gp_stream *client, struct gp_stream *server)
{
	gp_stream_free(client);
	gp_stream_free(server);
	gp_tls_free(client_tls);
	gp_tls_free(server_tls);
}

CASE("TLS over sockets of one's own: one direction ends, the other goes on")
{
	struct gp_stream *client, *server;
	char text[8];

	tls_pair(&client, &server);
	EXPECT_INT(gp_tls_accept(server, server_tls, SOON), -EINVAL); /* it is */
	EXPECT_INT(gp_stream_send(client, "hello", 5, SOON), 5);
	EXPECT_INT(gp_stream_recv(server, text, sizeof text, SOON), 5);
	EXPECT_INT(gp_stream_recv(server, text, sizeof text, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_stream_shutdown(client, SOON), 0);
	EXPECT_INT(gp_stream_recv(server, text, sizeof text, SOON), 0);
	EXPECT_INT(gp_stream_send(server, "back", 4, SOON), 4);
	EXPECT_INT(gp_stream_recv(client, text, sizeof text, SOON), 4);
	EXPECT_INT(gp_stream_shutdown(server, SOON), 0);
	EXPECT_INT(gp_stream_recv(client, text, sizeof text, SOON), 0);
	tls_end(client, server);
}

struct reader {
	struct gp_stream *s;
	size_t n;
	int end; /* 0, or the error */
};

static void *read_to_end(void *arg)
{
	struct reader *r = arg;
	char block[4096];
	ssize_t n;

	while ((n = gp_stream_recv(r->s, block, sizeof block, SOON)) > 0)
		r->n += (size_t)n;
	r->end = (int)n;
	return r;
}

/* The socket is full when the end is to be said: it has to wait, or the peer would take the end for a cut. */
CASE("TLS: what was sent and its end come whole, however full the socket is")
{
	struct gp_stream *client, *server;
	struct reader reader = { 0 };
	struct gp_greenlet *g;
	char fill[512] = "";
	int room, queued = 0;
	socklen_t size = sizeof room;
	size_t sent = 0;

	tls_pair(&client, &server);
	NEED(!getsockopt(gp_stream_fd(client), SOL_SOCKET, SO_SNDBUF, &room, &size));
	for (; queued < room; sent += sizeof fill) {
		NEED(gp_stream_send(client, fill, sizeof fill, SOON) == sizeof fill);
		NEED(!ioctl(gp_stream_fd(client), TIOCOUTQ, &queued));
	}
	EXPECT_INT(gp_stream_shutdown(client, gp_after(GP_MSEC)), -ETIMEDOUT);
	reader.s = server;
	g = gp_spawn(read_to_end, &reader);
	EXPECT_INT(gp_stream_shutdown(client, SOON), 0);
	EXPECT_INT(gp_stream_shutdown(client, SOON), 0); /* again: nothing */
	EXPECT_INT(gp_join(g, SOON), 0);
	EXPECT_INT(reader.end, 0);
	EXPECT_INT(reader.n, sent);
	gp_unref(g);
	tls_end(client, server);
}

CASE("TLS: a peer that speaks otherwise, says nothing, leaves; misuse")
{
	struct gp_stream *a, *b;

	need_tls();
	pair(&a, &b);
	EXPECT_INT(gp_tls_accept(a, client_tls, SOON), -EINVAL);
	EXPECT_INT(gp_tls_accept(NULL, server_tls, SOON), -EINVAL);
	EXPECT_INT(gp_tls_accept(a, NULL, SOON), -EINVAL);
	EXPECT_INT(gp_tls_connect(a, server_tls, "localhost", SOON), -EINVAL);
	EXPECT_INT(gp_tls_connect(a, client_tls, NULL, SOON), -EINVAL);
	EXPECT_INT(gp_stream_send(b, "GET / HTTP/1.0\r\n\r\n", 18, SOON), 18);
	EXPECT_INT(gp_tls_accept(a, server_tls, SOON), -EPROTO);
	gp_stream_free(a);
	gp_stream_free(b);
	pair(&a, &b);
	EXPECT_INT(gp_tls_accept(a, server_tls, gp_after(GP_MSEC)), -ETIMEDOUT);
	gp_stream_free(a);
	gp_stream_free(b);
	pair(&a, &b);
	EXPECT_INT(gp_stream_send(b, "\x16\x03\x01\x01", 4, SOON), 4);
	gp_stream_free(b);
	EXPECT_INT(gp_tls_accept(a, server_tls, SOON), -ECONNRESET);
	gp_stream_free(a);
	gp_tls_free(client_tls);
	gp_tls_free(server_tls);
}

/* ---- the TLS server, and clients that misbehave -------------------------------------------------------------- */

static int served;       /* handlers that have begun */
static int64_t patience; /* of theirs, for each step of a client */

/* "0" to "9": so many blocks of 16 KiB come back; anything else ends it. */
static void blocks(struct gp_stream *s, const struct gp_address *peer, void *arg)
{
	static char block[16384];
	char text[GP_ADDRESS_TEXT], c;

	served++;
	EXPECT(gp_address_text(peer, text, sizeof text) > 0);
	EXPECT(!strncmp(text, "127.0.0.1:", 10));
	EXPECT_STR(arg, "arg");
	while (gp_stream_recv(s, &c, 1, gp_after(patience)) == 1 && c >= '0' && c <= '9')
		for (int i = 0; i < (c - '0'); i++)
			if (gp_stream_send(s, block, sizeof block, gp_after(patience)) < 0)
				return;
}

static struct gp_stream *visit(struct gp_server *server)
{
	struct gp_stream *s;

	NEED(!gp_stream_connect(&s, gp_server_address(server), SOON));
	return s;
}

/* A client that behaves is served. */
static void is_served(struct gp_server *server)
{
	struct gp_stream *s = visit(server);
	struct reader reader = { .s = s };

	patience = 20 * GP_SEC;
	NEED(!gp_tls_connect(s, client_tls, "localhost", SOON));
	NEED(gp_stream_send(s, "1.", 2, SOON) == 2);
	read_to_end(&reader);
	EXPECT_INT(reader.n, 16384);
	EXPECT_INT(reader.end, 0);
	gp_stream_free(s);
}

/* A client that misbehaves in one of several ways, and leaves; by a reset, if `resets`. */
static void misbehave(struct gp_server *server, int how, bool resets)
{
	static const char hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
	static const char part[] = "\x17\x03\x03\x00\x20x";
	struct linger none = { 1, 0 };
	struct gp_stream *s = visit(server);
	char c;

	if (resets)
		NEED(!setsockopt(gp_stream_fd(s), SOL_SOCKET, SO_LINGER, &none, sizeof none));
	patience = (how == 4 || how == 5 ? 20 : 20000) * GP_MSEC;
	switch (how) {
	case 0: /* no word at all */ break;
	case 1: /* another language: refused */
		NEED(gp_stream_send(s, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27, SOON) == 27);
		while (gp_stream_recv(s, &c, 1, SOON) > 0)
			;
		break;
	case 2: /* half a greeting */ NEED(gp_stream_send(s, hello, sizeof hello - 1, SOON) > 0); break;
	case 3: /* a greeting, and nonsense in the middle of the talk */
		NEED(!gp_tls_connect(s, client_tls, "localhost", SOON));
		NEED(send(gp_stream_fd(s), "nonsense, and more of it", 24, MSG_NOSIGNAL) == 24);
		EXPECT(gp_stream_recv(s, &c, 1, SOON) <= 0);
		break;
	case 4: /* asks for much and takes nothing */
		NEED(!gp_tls_connect(s, client_tls, "localhost", SOON));
		for (int i = 0; i < 200 && gp_stream_send(s, "9999999999", 10, gp_after(10 * GP_MSEC)) == 10; i++)
			;
		break;
	case 5: /* asks for nothing: its time is up */
		NEED(!gp_tls_connect(s, client_tls, "localhost", SOON));
		EXPECT_INT(gp_stream_recv(s, &c, 1, SOON), 0);
		break;
	case 6: /* a byte of a record at a time, and away */
		NEED(!gp_tls_connect(s, client_tls, "localhost", SOON));
		for (size_t i = 0; i < sizeof part - 1; i++)
			NEED(send(gp_stream_fd(s), part + i, 1, MSG_NOSIGNAL) == 1 && !gp_yield());
		break;
	}
	gp_stream_free(s);
}

CASE("the TLS server: clients that misbehave leave nothing, and the others are served")
{
	struct gp_server *server;
	struct gp_server_counts counts;
	int before = 0, fds = 0, clients = 0, good = 0;
	size_t live = 0;
	long kib = 0;

	need_tls();
	EXPECT(!gp_tls_server_new("127.0.0.1:0", client_tls, blocks, "arg", NULL));
	EXPECT(!gp_tls_server_new("127.0.0.1:0", NULL, blocks, "arg", NULL));
	EXPECT(!gp_tls_server_new("127.0.0.1:0", server_tls, NULL, "arg", NULL));
	EXPECT(!gp_tls_server_new(NULL, server_tls, blocks, "arg", NULL));
	before = unit_descriptors();
	server = gp_tls_server_new("127.0.0.1:0", server_tls, blocks, "arg", NULL);
	gp_tls_free(server_tls); /* the server has its own reference */
	NEED(server && !gp_server_start(server));
	for (int round = 0; round < 3; round++) {
		for (int how = 0; how < 14; how++, clients++) {
			misbehave(server, how / 2, how % 2);
			if (how % 4 == 0)
				is_served(server), good++;
		}
		UNTIL(!gp_server_count(server, &counts) && counts.accepted == (unsigned long)(clients + good));
		UNTIL(!gp_server_count(server, &counts) && !counts.connections);
		UNTIL(!round || gp_list(NULL, 0) == live);
		EXPECT(!round || unit_descriptors() == fds);
		EXPECT(!round || unit_under("asan") || unit_resident_kib() < kib + 4096);
		live = gp_list(NULL, 0);
		fds = unit_descriptors();
		kib = kib ? kib : unit_resident_kib();
	}
	EXPECT(served >= good);
	EXPECT_INT(gp_server_stop(server, 0), 0);
	EXPECT_INT(unit_descriptors(), before);
	gp_server_free(server);
	gp_tls_free(client_tls);
}
