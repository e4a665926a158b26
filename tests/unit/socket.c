/* socket.c - data and connections: pieces, whole messages, addresses, refusals, resets, no descriptors. */
#include "unit.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>
#include "core/run/hub.h"
#include "greenpatch.h"

static int p[2];
static struct sockaddr_in here;

static void join_one(struct gp_greenlet *g)
{
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
}

static int listener(int backlog)
{
	socklen_t len = sizeof here;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	here = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	NEED(fd >= 0 && !bind(fd, (struct sockaddr *)&here, sizeof here) && !listen(fd, backlog));
	NEED(!getsockname(fd, (struct sockaddr *)&here, &len));
	return fd;
}

static void *server(void *arg)
{
	struct gp_address from;
	char buf[8] = "";
	int fd = gp_accept(*(int *)arg, &from, SOCK_CLOEXEC, GP_NEVER);

	EXPECT(fd >= 0);
	EXPECT_INT(from.storage.ss_family, AF_INET);
	EXPECT_INT(from.length, sizeof here);
	EXPECT_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EXPECT_INT(gp_recv_exactly(fd, buf, 6, GP_NEVER), 6);
	EXPECT_STR(buf, "abcdef");
	EXPECT_INT(gp_send_all(fd, "world", 5, 0, GP_NEVER), 5);
	EXPECT_INT(gp_close(fd), 0);
	return NULL;
}

static void talk(int fd)
{
	char buf[8] = "";

	EXPECT_INT(gp_send(fd, "abc", 3, 0, GP_NEVER), 3);
	gp_sleep(GP_MSEC);
	EXPECT_INT(gp_send(fd, "def", 3, 0, GP_NEVER), 3);
	EXPECT_INT(gp_recv_exactly(fd, buf, 7, GP_NEVER), 5); /* the stream ends */
	EXPECT_STR(buf, "world");
	EXPECT_INT(gp_recv(fd, buf, 1, 0, GP_NEVER), 0);
	EXPECT_INT(gp_close(fd), 0);
}

CASE("accept waits for connect; what is sent in pieces is received exactly")
{
	int l = listener(5), fd = socket(AF_INET, SOCK_STREAM, 0);
	struct gp_greenlet *g = gp_spawn(server, &l);

	gp_yield();
	EXPECT_INT(gp_connect(fd, (struct sockaddr *)&here, sizeof here, GP_NEVER), 0);
	EXPECT_INT(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	EXPECT_INT(fcntl(l, F_GETFL) & O_NONBLOCK, 0);
	EXPECT_INT(gp_connect(fd, (struct sockaddr *)&here, sizeof here, GP_NEVER), -EISCONN);
	talk(fd);
	join_one(g);
}

CASE("connect by name")
{
	int l = listener(5), fd;
	struct gp_greenlet *g = gp_spawn(server, &l);
	char port[8];

	snprintf(port, sizeof port, "%d", ntohs(here.sin_port));
	fd = gp_connect_name("127.0.0.1", port, gp_after(5 * GP_SEC));
	NEED(fd >= 0);
	EXPECT_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
	talk(fd);
	join_one(g);
	gp_close(l);
	EXPECT_INT(gp_connect_name("127.0.0.1", port, gp_after(5 * GP_SEC)), -ECONNREFUSED);
	EXPECT_INT(gp_connect_name("127.0.0.1", "no-such-service", gp_after(5 * GP_SEC)), -EPROTONOSUPPORT);
}

CASE("a connection that nobody accepts is refused, and the socket's flags stay")
{
	int l = listener(5), fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	gp_close(l);
	EXPECT_INT(gp_connect(fd, (struct sockaddr *)&here, sizeof here, GP_NEVER), -ECONNREFUSED);
	EXPECT_INT(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	EXPECT_INT(gp_connect(-1, (struct sockaddr *)&here, sizeof here, GP_NEVER), -EBADF);
	NEED(!pipe(p));
	EXPECT_INT(gp_connect(p[0], (struct sockaddr *)&here, sizeof here, GP_NEVER), -ENOTSOCK);
}

static int unix_listener(struct sockaddr_un *at, socklen_t *len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	*at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	*len = sizeof(sa_family_t);
	NEED(fd >= 0 && !bind(fd, (struct sockaddr *)at, *len) && !listen(fd, 0));
	*len = sizeof *at;
	NEED(!getsockname(fd, (struct sockaddr *)at, len));
	return fd;
}

static void *accept_later(void *arg)
{
	gp_sleep(5 * GP_MSEC);
	for (int i = 0; i < 2; i++)
		EXPECT(gp_accept(*(int *)arg, NULL, 0, GP_NEVER) >= 0);
	return NULL;
}

CASE("a unix listener that is full is tried again until the deadline, or until it has room")
{
	struct sockaddr_un at;
	socklen_t len;
	int l = unix_listener(&at, &len), a = socket(AF_UNIX, SOCK_STREAM, 0), b = socket(AF_UNIX, SOCK_STREAM, 0);
	struct gp_greenlet *g;

	EXPECT_INT(gp_connect(a, (struct sockaddr *)&at, len, GP_NEVER), 0);
	EXPECT_INT(gp_connect(b, (struct sockaddr *)&at, len, gp_after(5 * GP_MSEC)), -ETIMEDOUT);
	g = gp_spawn(accept_later, &l);
	EXPECT_INT(gp_connect(b, (struct sockaddr *)&at, len, gp_after(5 * GP_SEC)), 0);
	join_one(g);
}

CASE("accept: deadlines, kills and misuse")
{
	int l = listener(5);

	EXPECT_INT(gp_accept(l, NULL, 0, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_accept(-1, NULL, 0, GP_NEVER), -EBADF);
	NEED(!socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	NEED(write(p[1], "x", 1) == 1);
	EXPECT_INT(gp_accept(p[0], NULL, 0, GP_NEVER), -EINVAL);
	NEED(!pipe(p));
	NEED(write(p[1], "x", 1) == 1);
	EXPECT_INT(gp_accept(p[0], NULL, 0, GP_NEVER), -ENOTSOCK);
}

CASE("accept without a descriptor is -EMFILE, and the connection waits")
{
	struct rlimit limit, none;
	int l = listener(5), fd = socket(AF_INET, SOCK_STREAM, 0), top = dup(0), got;

	if (unit_under("valgrind"))
		unit_skip("valgrind keeps the limit of descriptors to itself");
	NEED(gp_self() && !close(top));
	EXPECT_INT(gp_connect(fd, (struct sockaddr *)&here, sizeof here, GP_NEVER), 0);
	NEED(!getrlimit(RLIMIT_NOFILE, &limit));
	none = limit;
	none.rlim_cur = (rlim_t)top;
	NEED(!setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_INT(gp_accept(l, NULL, 0, GP_NEVER), -EMFILE);
	EXPECT_INT(gp_connect_name("127.0.0.1", "1", gp_after(5 * GP_SEC)), -EMFILE);
	NEED(!setrlimit(RLIMIT_NOFILE, &limit));
	got = gp_accept(l, NULL, 0, GP_NEVER);
	EXPECT_INT(got, top);
}

CASE("a reset peer is -ECONNRESET, then the end")
{
	int l = listener(5), fd = socket(AF_INET, SOCK_STREAM, 0), s;
	char c;

	EXPECT_INT(gp_connect(fd, (struct sockaddr *)&here, sizeof here, GP_NEVER), 0);
	s = gp_accept(l, NULL, 0, GP_NEVER);
	NEED(!setsockopt(s, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger)));
	EXPECT_INT(gp_close(s), 0);
	EXPECT_INT(gp_recv(fd, &c, 1, 0, GP_NEVER), -ECONNRESET);
	EXPECT_INT(gp_send_all(fd, "x", 1, 0, GP_NEVER), -EPIPE);
}

CASE("datagrams: whole, with their senders, and never waited for with MSG_DONTWAIT")
{
	struct gp_address a = { sizeof(struct sockaddr_in), { 0 } }, from;
	struct sockaddr_in *in = (struct sockaddr_in *)&a.storage;
	int r = socket(AF_INET, SOCK_DGRAM, 0), s = socket(AF_INET, SOCK_DGRAM, 0);
	char buf[8] = "";

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	NEED(!bind(r, (struct sockaddr *)in, sizeof *in) && !getsockname(r, (struct sockaddr *)in, &a.length));
	EXPECT_INT(gp_recv(r, buf, 8, MSG_DONTWAIT, GP_NEVER), -EAGAIN);
	EXPECT_INT(gp_recv(r, buf, 8, 0, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_sendto(s, "one", 3, 0, &a, GP_NEVER), 3);
	EXPECT_INT(gp_recvfrom(r, buf, 8, 0, &from, GP_NEVER), 3);
	EXPECT_STR(buf, "one");
	EXPECT_INT(from.length, sizeof(struct sockaddr_in));
	EXPECT_INT(from.storage.ss_family, AF_INET);
}

static void *send_much(void *arg)
{
	static char data[1 << 20];

	return (void *)gp_send_all(p[1], data, sizeof data, 0, GP_NEVER);
}

CASE("send_all waits for room, and a kill or a peer that goes ends it")
{
	struct gp_greenlet *g;
	void *value;

	NEED(!socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	g = gp_spawn(send_much, NULL);
	gp_yield();
	EXPECT(!gp_ready(g));
	EXPECT_INT(gp_send(p[1], "x", 1, MSG_DONTWAIT, GP_NEVER), -EAGAIN);
	EXPECT_INT(gp_kill(g, GP_NEVER), 0);
	EXPECT_INT((long)gp_value(g), -ECANCELED);
	gp_unref(g);
	g = gp_spawn(send_much, NULL);
	gp_yield();
	EXPECT_INT(gp_close(p[0]), 0);
	EXPECT_INT(gp_get(g, &value, GP_NEVER), 0);
	EXPECT_INT((long)value, -EPIPE);
	gp_unref(g);
}
