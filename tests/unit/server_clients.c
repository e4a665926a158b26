/* server_clients.c - stream and datagram servers against clients that misbehave: the others are served meanwhile, and
 * afterwards as many greenlets and descriptors are there as before, and not much more memory. */
#include "unit.h"
#include <sys/socket.h>
#include <sys/un.h>
#include "greenpatch.h"

#define SOON   gp_after(20 * GP_SEC)
#define ROUNDS 3

static struct gp_server_counts counts_of(struct gp_server *s)
{
	struct gp_server_counts c;

	NEED(!gp_server_count(s, &c));
	return c;
}

static unsigned long came; /* connections, in all */

/* The state after the first round, in which what is kept was made, is that after each other one. */
static void leaves_nothing(struct gp_server *s, void (*one_round)(struct gp_server *s))
{
	size_t live = 0;
	int fds = 0;
	long kib = 0;

	for (int i = 0; i < ROUNDS; i++) {
		one_round(s);
		UNTIL(counts_of(s).accepted >= came && !counts_of(s).connections);
		live = live ? live : gp_list(NULL, 0);
		fds = fds ? fds : unit_descriptors();
		kib = kib ? kib : unit_resident_kib();
		UNTIL(gp_list(NULL, 0) == live);
		EXPECT_INT(unit_descriptors(), fds);
		if (!getenv("UNIT_TOOL"))
			EXPECT(unit_resident_kib() < kib + 2048);
	}
	EXPECT_INT(gp_server_stop(s, 0), 0);
	UNTIL(gp_list(NULL, 0) == 1); /* the acceptor, too, has a last turn */
	gp_server_free(s);
}

/* ---- streams ------------------------------------------------------------------------------------ */

static int64_t patience; /* of the handlers, for each step of a client */

/* A line with a number brings so many KiB; anything else ends it. */
static void kibibytes(int fd, const struct gp_address *peer, void *arg)
{
	static char kib[1024];
	char line[8];
	size_t n = 0;

	for (;;) {
		char *end;
		long count;

		if (n == sizeof line || gp_recv(fd, line + n, 1, 0, gp_after(patience)) <= 0)
			return;
		if (line[n++] != '\n')
			continue;
		count = strtol(line, &end, 10);
		if (end != line + n - 1 || end == line)
			return;
		while (count--)
			if (gp_send_all(fd, kib, sizeof kib, 0, gp_after(patience)) < 0)
				return;
		n = 0;
	}
}

static int visit(struct gp_server *s, const char *text)
{
	int fd = gp_create_connection(gp_server_address(s), SOON);

	came++;
	NEED(fd >= 0 && gp_send_all(fd, text, strlen(text), 0, SOON) == (ssize_t)strlen(text));
	return fd;
}

/* How much comes until the server closes. */
static size_t hear(int fd)
{
	char block[5000];
	size_t n = 0;
	ssize_t got;

	while ((got = gp_recv(fd, block, sizeof block, 0, SOON)) > 0) {
		n += (size_t)got;
		gp_yield();
	}
	EXPECT(!got || got == -ECONNRESET);
	return n;
}

static void is_served(struct gp_server *s)
{
	int fd;

	patience = 20 * GP_SEC;
	fd = visit(s, "1\n2\nend\n");
	EXPECT_INT(hear(fd), 3 * 1024);
	gp_close(fd);
}

static void leave(int fd, bool by_reset)
{
	struct linger none = { 1, 0 };

	if (by_reset)
		NEED(!setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none));
	gp_close(fd);
}

static void misbehave(struct gp_server *s, int how, bool by_reset)
{
	int fd = -1;

	patience = (how == 3 || how == 4 ? 20 : 20000) * GP_MSEC;
	switch (how) {
	case 0: /* no word at all */ fd = visit(s, ""); break;
	case 1: /* nothing that the server knows */
		fd = visit(s, "GET / HTTP/1.1\r\n\r\n");
		EXPECT_INT(hear(fd), 0);
		break;
	case 2: /* half a line */ fd = visit(s, "12"); break;
	case 3: /* half a line, and its time is up */
		fd = visit(s, "12");
		EXPECT_INT(hear(fd), 0);
		break;
	case 4: /* asks for much, takes nothing, and its time is up */
		fd = visit(s, "99999\n");
		UNTIL(counts_of(s).accepted == came && !counts_of(s).connections);
		break;
	case 5: /* asks for much, and goes in the middle */
		fd = visit(s, "99999\n99999\n");
		NEED(gp_wait_read(fd, SOON) == 0);
		break;
	case 6: /* a byte at a time, and takes it slowly: gets all */
		fd = visit(s, "");
		for (const char *p = "900\nx\n"; *p; p++)
			NEED(gp_send(fd, p, 1, 0, SOON) == 1 && !gp_yield());
		EXPECT_INT(hear(fd), 900 * 1024);
		break;
	}
	leave(fd, by_reset);
}

static void one_stream_round(struct gp_server *s)
{
	for (int i = 0; i < 14; i++) {
		misbehave(s, i / 2, i % 2);
		if (i % 4 == 0)
			is_served(s);
	}
	for (int i = 0; i < 40; i++)
		misbehave(s, i % 3 ? 2 : 0, i % 2);
	is_served(s);
}

CASE("clients of a stream server that are slow, speak otherwise, take nothing or vanish leave nothing")
{
	struct gp_server *s = gp_server_new("127.0.0.1:0", kibibytes, NULL, NULL);

	NEED(s && !gp_server_start(s));
	leaves_nothing(s, one_stream_round);
}

/* ---- datagrams ------------------------------------------------------------------------------------ */

/* A number brings an answer of so many bytes. */
static void answer(struct gp_server *s, const void *data, size_t n, const struct gp_address *peer, void *arg)
{
	static const char block[70000];
	char text[8] = "";
	long size;

	if (n >= sizeof text)
		return;
	memcpy(text, data, n);
	size = atol(text);
	if (size > 0 && size < (long)sizeof block)
		gp_datagram_send(s, block, (size_t)size, peer, gp_after(patience));
}

static struct gp_address server_address;

static int socket_of(int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_un any = { .sun_family = AF_UNIX };

	NEED(fd >= 0);
	if (family == AF_UNIX)
		NEED(!bind(fd, (struct sockaddr *)&any, sizeof any.sun_family)); /* the kernel finds a name */
	return fd;
}

static ssize_t say(int fd, const char *text, size_t n)
{
	return sendto(fd, text, n, 0, (struct sockaddr *)&server_address.storage, server_address.length);
}

/* A datagram may be lost: it is asked again. */
static void is_answered(struct gp_server *s)
{
	int fd = socket_of(server_address.storage.ss_family);
	char block[200];

	do
		say(fd, "123", 3);
	while (gp_recv(fd, block, sizeof block, 0, gp_after(50 * GP_MSEC)) != 123);
	close(fd);
}

static void one_datagram_round(struct gp_server *s)
{
	static const char large[60000] = "1";
	int deaf = socket_of(AF_INET), gone;

	patience = 20 * GP_SEC;
	EXPECT_INT(say(deaf, "", 0), 0);
	EXPECT_INT(say(deaf, "x", 1), 1);
	EXPECT_INT(say(deaf, large, sizeof large), (ssize_t)sizeof large);
	EXPECT_INT(say(deaf, "69999", 5), 5); /* no datagram is that large */
	is_answered(s);
	for (int i = 0; i < 2000; i++) { /* and reads none of the answers */
		say(deaf, "999", 3);
		if (i % 500 == 0)
			is_answered(s);
	}
	for (int i = 0; i < 100; i++) { /* asks, and is gone */
		gone = socket_of(AF_INET);
		say(gone, "999", 3);
		close(gone);
	}
	is_answered(s);
	close(deaf);
}

CASE("clients of a datagram server that say nothing of sense, too much, or do not read, leave nothing")
{
	struct gp_server_options o = { .max_connections = 8 };
	struct gp_server *s = gp_datagram_server_new("127.0.0.1:0", answer, NULL, &o);

	NEED(s && !gp_server_start(s) && !gp_address_parse(&server_address, gp_server_address(s)));
	leaves_nothing(s, one_datagram_round);
}

static uint32_t parks_of(struct gp_greenlet *g)
{
	struct gp_info info[16];
	size_t n = gp_list(info, 16);

	for (size_t i = 0; i < n && i < 16; i++)
		if (info[i].greenlet == g)
			return info[i].parks;
	return 0;
}

static struct gp_greenlet *sender; /* that fill() runs in */
static int sent, end;              /* how much it has sent; what has ended it */

static void fill(struct gp_server *s, const void *data, size_t n, const struct gp_address *peer, void *arg)
{
	int r = 0;

	if (n == 3) {
		answer(s, data, n, peer, arg);
		return;
	}
	sender = gp_self();
	while (!r && sent < 300)
		if (!(r = gp_datagram_send(s, "x", 1, peer, gp_after(patience))))
			sent++;
	end = r;
	sender = NULL;
}

/* Nothing tells when such a peer's queue has room again: the server looks now and then. */
CASE("a peer of a Unix datagram server that does not read: others are answered, nobody spins, and nothing is lost")
{
	FILE *limit = fopen("/proc/sys/net/unix/max_dgram_qlen", "re");
	struct gp_server *s;
	uint32_t parks;
	int deaf, got = 0, queue = 0;
	char address[64], c;

	if (!limit || fscanf(limit, "%d", &queue) != 1 || queue > 100)
		unit_skip("a peer's queue has room for more here than the sender's socket");
	fclose(limit);
	snprintf(address, sizeof address, "unix:@greenpatch-clients-%d", getpid());
	s = gp_datagram_server_new(address, fill, NULL, NULL);
	NEED(s && !gp_server_start(s) && !gp_address_parse(&server_address, address));
	deaf = socket_of(AF_UNIX);
	patience = 20 * GP_SEC;
	EXPECT_INT(say(deaf, "f", 1), 1);
	UNTIL(sent);
	for (int i = 0; i < 10; i++)
		is_answered(s);
	EXPECT(sender && sent < 300);
	parks = parks_of(sender);
	for (int i = 0; i < 5000; i++)
		gp_yield();
	EXPECT(sender && parks_of(sender) - parks < 500);
	while (got < 300 && gp_recv(deaf, &c, 1, 0, SOON) == 1)
		got++;
	EXPECT_INT(got, 300);
	UNTIL(!sender);
	EXPECT_INT(end, 0);
	patience = 20 * GP_MSEC;
	sent = 0;
	EXPECT_INT(say(deaf, "f", 1), 1);
	UNTIL(sent && !sender);
	EXPECT_INT(end, -ETIMEDOUT);
	close(deaf);
	UNTIL(!counts_of(s).connections);
	gp_server_free(s);
}
