/* server.c - addresses as texts; stream and datagram servers from start to stop, with limits, without descriptors, with
 * sockets that were handed over. */
#include "unit.h"
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "greenpatch.h"

static struct gp_server_counts counts_of(struct gp_server *s)
{
	struct gp_server_counts c;

	NEED(!gp_server_count(s, &c));
	return c;
}

static int visit(struct gp_server *s)
{
	return gp_create_connection(gp_server_address(s), gp_after(5 * GP_SEC));
}

/* Reads to the end; the descriptor is closed. */
static const char *read_all(int fd)
{
	static char text[4096];
	size_t n = 0;

	for (;;) {
		ssize_t r = read(fd, text + n, sizeof text - 1 - n);

		if (r < 0 && errno == EAGAIN) {
			NEED(!gp_sleep(GP_MSEC));
			continue;
		}
		if (r <= 0)
			break;
		n += (size_t)r;
	}
	text[n] = 0;
	close(fd);
	return text;
}

/* ---- addresses ---------------------------------------------------------------------- */

static const char *round_trip(const char *text)
{
	static char out[GP_ADDRESS_TEXT];
	struct gp_address a;

	if (gp_address_parse(&a, text))
		return "none";
	gp_address_text(&a, out, sizeof out);
	return out;
}

CASE("addresses are read and written")
{
	EXPECT_STR(round_trip("127.0.0.1:80"), "127.0.0.1:80");
	EXPECT_STR(round_trip("255.255.255.255:65535"), "255.255.255.255:65535");
	EXPECT_STR(round_trip("[::1]:0"), "[::1]:0");
	EXPECT_STR(round_trip("[::]:1"), "[::]:1");
	EXPECT_STR(round_trip(":8080"), "[::]:8080");
	EXPECT_STR(round_trip("*:8080"), "[::]:8080");
	EXPECT_STR(round_trip("[2001:DB8:0:0:1:0:0:1]:443"), "[2001:db8::1:0:0:1]:443");
	EXPECT_STR(round_trip("[fe80::]:1"), "[fe80::]:1");
	EXPECT_STR(round_trip("[1:2:3:4:5:6:7:8]:1"), "[1:2:3:4:5:6:7:8]:1");
	EXPECT_STR(round_trip("[::ffff:1.2.3.4]:1"), "[::ffff:102:304]:1");
	EXPECT_STR(round_trip("unix:/tmp/x"), "unix:/tmp/x");
	EXPECT_STR(round_trip("unix:@name"), "unix:@name");
}

CASE("what is no address is refused")
{
	static const char *const bad[] = { "", ":", "x", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
		"1.2.3:1", "1.2.3.4.5:1", "1.2.3.256:1", "[::1]", "[:::1]:1", "[1::2::3]:1", "[12345::]:1", "[1:2:3:4:5:6:7:8:9]:1",
		"[g::]:1", "[1:2:3:4:5:6:7:]:1", "unix:", "localhost:1", "[1:2:3:4:5:6:7]:1", "1.2.3.4 :1" };
	struct gp_address a;
	char path[200];

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		EXPECT_STR(gp_address_parse(&a, bad[i]) == -EINVAL ? bad[i] : "taken", bad[i]);
	memset(path, 'a', sizeof path);
	memcpy(path, "unix:", 5);
	path[199] = 0;
	EXPECT_INT(gp_address_parse(&a, path), -EINVAL);
	EXPECT_INT(gp_address_parse(NULL, "x"), -EINVAL);
	EXPECT_INT(gp_address_parse(&a, NULL), -EINVAL);
}

/* ---- streams -------------------------------------------------------------------------- */

static void greet(int fd, const struct gp_address *peer, void *arg)
{
	char text[GP_ADDRESS_TEXT];

	EXPECT(gp_address_text(peer, text, sizeof text) > 0);
	EXPECT(fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	send(fd, "hello", 5, MSG_NOSIGNAL);
}

static void serves_at(const char *address)
{
	struct gp_server *s = gp_server_new(address, greet, NULL, NULL);
	int before = unit_descriptors();

	NEED(s);
	EXPECT_INT(gp_server_fd(s), -1);
	EXPECT_INT(gp_server_start(s), 0);
	EXPECT_INT(gp_server_start(s), -EINVAL);
	for (int i = 0; i < 3; i++)
		EXPECT_STR(read_all(visit(s)), "hello");
	EXPECT_INT(counts_of(s).accepted, 3);
	EXPECT_INT(gp_server_stop(s, gp_after(5 * GP_SEC)), 0);
	EXPECT_INT(counts_of(s).connections, 0);
	EXPECT(visit(s) < 0);
	EXPECT_INT(unit_descriptors(), before);
	gp_server_free(s);
}

CASE("a server on a free port, twice")
{
	struct gp_server *s = gp_server_new("127.0.0.1:0", greet, NULL, NULL);

	gp_sleep(1); /* the hub has its descriptors */
	serves_at("127.0.0.1:0");
	NEED(s && !gp_server_start(s));
	EXPECT(gp_server_port(s) > 0);
	EXPECT_INT(gp_server_stop(s, 0), 0);
	EXPECT_INT(gp_server_stop(s, 0), 0);
	EXPECT_INT(gp_server_start(s), 0);
	EXPECT_STR(read_all(visit(s)), "hello");
	gp_server_free(s);
}

static void need_v6(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a))
		unit_skip("no IPv6 here");
	close(fd);
	gp_sleep(1);
}

CASE("a server over IPv6")
{
	need_v6();
	serves_at("[::1]:0");
}

static void serves_family(const char *address, bool option, bool v6_only)
{
	struct gp_server_options o = { .v6_only = option };
	struct gp_server *s = gp_server_new(address, greet, NULL, &o);
	socklen_t size = sizeof(int);
	char text[32];
	int only = -1;

	NEED(s && !gp_server_start(s));
	EXPECT_INT(getsockopt(gp_server_fd(s), IPPROTO_IPV6, IPV6_V6ONLY, &only, &size), 0);
	EXPECT_INT(only, v6_only);
	snprintf(text, sizeof text, "[::1]:%d", gp_server_port(s));
	EXPECT_STR(read_all(gp_create_connection(text, gp_after(5 * GP_SEC))), "hello");
	snprintf(text, sizeof text, "127.0.0.1:%d", gp_server_port(s));
	if (!v6_only)
		EXPECT_STR(read_all(gp_create_connection(text, gp_after(5 * GP_SEC))), "hello");
	gp_server_free(s);
}

CASE("all addresses of the machine are those of IPv6 and IPv4, or with v6_only, or as [::], of IPv6")
{
	need_v6();
	serves_family(":0", false, false);
	serves_family(":0", true, true);
	serves_family("[::]:0", false, true);
	serves_family("[::]:0", true, true);
}

CASE("a server in the abstract name space, and at a path that somebody has left behind")
{
	char address[160];
	struct sockaddr_un u = { .sun_family = AF_UNIX };
	struct gp_server *s, *other;
	int fd;

	gp_sleep(1);
	snprintf(address, sizeof address, "unix:@greenpatch-%d", getpid());
	serves_at(address);
	snprintf(u.sun_path, sizeof u.sun_path, "/tmp/greenpatch-%d", getpid());
	snprintf(address, sizeof address, "unix:%s", u.sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	NEED(fd >= 0 && !bind(fd, (struct sockaddr *)&u, sizeof u));
	close(fd);
	s = gp_server_new(address, greet, NULL, NULL);
	other = gp_server_new(address, greet, NULL, NULL);
	EXPECT_INT(gp_server_start(s), 0);
	EXPECT_INT(gp_server_start(other), -EADDRINUSE);
	EXPECT_STR(gp_server_address(s), address);
	EXPECT_INT(gp_server_port(s), 0);
	EXPECT_STR(read_all(visit(s)), "hello");
	EXPECT_INT(gp_server_stop(s, gp_after(GP_SEC)), 0);
	EXPECT_INT(access(u.sun_path, F_OK), -1);
	EXPECT_INT(visit(s), -ENOENT);
	gp_server_free(s);
	gp_server_free(other);
}

CASE("a server by name, and names that there are none of")
{
	struct gp_server *s = gp_server_new("localhost:0", greet, NULL, NULL);
	char address[32];

	EXPECT_INT(gp_server_start(s), 0);
	snprintf(address, sizeof address, "localhost:%d", gp_server_port(s));
	EXPECT_STR(read_all(gp_create_connection(address, gp_after(5 * GP_SEC))), "hello");
	gp_server_free(s);
	s = gp_server_new("no port", greet, NULL, NULL);
	EXPECT_INT(gp_server_start(s), -EINVAL);
	gp_server_free(s);
}

CASE("a port that is taken, unless it is shared")
{
	struct gp_server_options shared = { .reuse_port = true };
	struct gp_server *a = gp_server_new("127.0.0.1:0", greet, NULL, NULL), *b, *c, *d;
	char address[32];

	NEED(!gp_server_start(a));
	b = gp_server_new(gp_server_address(a), greet, NULL, NULL);
	EXPECT_INT(gp_server_start(b), -EADDRINUSE);
	EXPECT_INT(gp_server_fd(b), -1);
	c = gp_server_new("127.0.0.1:0", greet, NULL, &shared);
	NEED(!gp_server_start(c));
	snprintf(address, sizeof address, "127.0.0.1:%d", gp_server_port(c));
	d = gp_server_new(address, greet, NULL, &shared);
	EXPECT_INT(gp_server_start(d), 0);
	gp_server_free(a);
	gp_server_free(b);
	gp_server_free(c);
	gp_server_free(d);
}

/* ---- limits ------------------------------------------------------------------------------ */

struct gate {
	bool open;
	int in, most, killed;
};

static void pass(int fd, const struct gp_address *peer, void *arg)
{
	struct gate *gate = arg;
	int r = 0;

	gate->in++;
	gate->most = gate->in > gate->most ? gate->in : gate->most;
	while (!gate->open && !r)
		r = gp_sleep(GP_MSEC);
	gate->killed += r == -ECANCELED;
	gate->in--;
	if (!r && write(fd, "done", 4) != 4)
		abort();
}

CASE("no more handlers than there are places; the others wait")
{
	struct gp_server_options two = { .max_connections = 2, .name = "two" };
	struct gate gate = { 0 };
	struct gp_server *s = gp_server_new("127.0.0.1:0", pass, &gate, &two);
	int fd[5];

	NEED(s && !gp_server_start(s));
	for (int i = 0; i < 5; i++)
		NEED((fd[i] = visit(s)) >= 0);
	UNTIL(gate.in == 2);
	NEED(!gp_sleep(10 * GP_MSEC));
	EXPECT_INT(counts_of(s).connections, 2);
	gate.open = true;
	for (int i = 0; i < 5; i++)
		EXPECT_STR(read_all(fd[i]), "done");
	EXPECT_INT(gate.most, 2);
	gp_server_free(s);
}

/* How many of ten connections that wait already are taken between two turns of ours, at most. */
static unsigned long most_at_once(unsigned max_accept)
{
	struct gp_server_options o = { .max_accept = max_accept };
	struct gp_server *s = gp_server_new("127.0.0.1:0", greet, NULL, &o);
	unsigned long most = 0, seen = 0;
	struct gp_address a;
	int fd[10];

	NEED(s && !gp_server_start(s) && !gp_address_parse(&a, gp_server_address(s)));
	for (int i = 0; i < 10; i++) { /* by the kernel alone: nobody else has a turn */
		fd[i] = socket(AF_INET, SOCK_STREAM, 0);
		NEED(fd[i] >= 0 && !connect(fd[i], (struct sockaddr *)&a.storage, a.length));
	}
	while (seen < 10) {
		unsigned long now;

		NEED(!gp_yield());
		now = counts_of(s).accepted;
		most = now - seen > most ? now - seen : most;
		seen = now;
	}
	for (int i = 0; i < 10; i++)
		close(fd[i]);
	gp_server_free(s);
	return most;
}

CASE("after max_accept connections others have a turn")
{
	EXPECT_INT(most_at_once(2), 2);
	EXPECT_INT(most_at_once(0), 10);
}

CASE("stop waits for handlers, and kills those that are too slow")
{
	struct gate gate = { 0 };
	struct gp_server *s = gp_server_new("127.0.0.1:0", pass, &gate, NULL);
	int before, fd;

	gp_sleep(1);
	before = unit_descriptors();
	NEED(s && !gp_server_start(s));
	NEED((fd = visit(s)) >= 0);
	UNTIL(gate.in == 1);
	EXPECT_INT(gp_server_stop(s, gp_after(20 * GP_MSEC)), 0);
	EXPECT_INT(gate.killed, 1);
	EXPECT_STR(read_all(fd), "");
	NEED(!gp_server_start(s));
	NEED((fd = visit(s)) >= 0);
	UNTIL(gate.in == 1);
	gate.open = true;
	EXPECT_INT(gp_server_stop(s, gp_after(5 * GP_SEC)), 0);
	EXPECT_INT(gate.killed, 1);
	EXPECT_STR(read_all(fd), "done");
	EXPECT_INT(unit_descriptors(), before);
	gp_server_free(s);
}

static void *serve(void *arg)
{
	return (void *)(intptr_t)gp_server_serve_forever(arg);
}

CASE("serve_forever starts it and returns when it is stopped, or killed")
{
	struct gp_server *s = gp_server_new("127.0.0.1:0", greet, NULL, NULL);
	struct gp_greenlet *a = gp_spawn(serve, s), *b = gp_spawn(serve, s);

	UNTIL(gp_server_port(s));
	EXPECT_STR(read_all(visit(s)), "hello");
	EXPECT_INT(gp_kill(a, GP_NEVER), 0);
	EXPECT_INT((intptr_t)gp_value(a), -ECANCELED);
	EXPECT_STR(read_all(visit(s)), "hello");
	EXPECT_INT(gp_server_stop(s, 0), 0);
	EXPECT_INT(gp_join(b, gp_after(GP_SEC)), 0);
	EXPECT_INT((intptr_t)gp_value(b), 0);
	gp_unref(a);
	gp_unref(b);
	gp_server_free(s);
}

static void stop_from_within(int fd, const struct gp_address *peer, void *arg)
{
	EXPECT_INT(gp_server_stop(*(struct gp_server **)arg, GP_NEVER), -EDEADLK);
	gp_exit(NULL);
}

CASE("a handler cannot stop its own server, and one that leaves by gp_exit has its connection closed")
{
	struct gp_server *s;

	s = gp_server_new("127.0.0.1:0", stop_from_within, &s, NULL);
	NEED(s && !gp_server_start(s));
	EXPECT_STR(read_all(visit(s)), "");
	gp_server_free(s);
}

static void until_woken(int fd, const struct gp_address *peer, void *arg)
{
	char c;

	*(int *)arg = fd;
	EXPECT_INT(gp_wait_read(fd, GP_NEVER), 0);
	EXPECT_INT(recv(fd, &c, 1, MSG_DONTWAIT), -1); /* it was not ready */
	*(int *)arg = -1;
	while (gp_sleep(3600 * GP_SEC) == 0) /* until the kill */
		;
	gp_yield();
	*(int *)arg = -2;
}

static void note_end(void *arg) { *(int *)arg = 1; }

CASE("a handler that waits is woken by the number of its socket; the record goes with the last handler")
{
	int fd = 0, gone = 0, client;
	struct gp_server *s = gp_server_new("127.0.0.1:0", until_woken, &fd, NULL);

	NEED(s && !gp_server_start(s));
	EXPECT_INT(gp_server_on_free(s, note_end, &gone), 0);
	EXPECT_INT(gp_server_on_free(NULL, note_end, &gone), -EINVAL);
	client = visit(s);
	UNTIL(fd);
	gp_yield();
	EXPECT_INT(gp_wake_fd(fd), 1);
	EXPECT_INT(gp_wake_fd(-1), 0);
	UNTIL(fd == -1);
	gp_server_free(s);
	EXPECT_INT(gone, 0); /* its handler still runs */
	UNTIL(gone);
	EXPECT_INT(fd, -2);
	close(client);
}

CASE("without descriptors the server waits and does not spin")
{
	struct rlimit all, few;
	struct gp_server *s = gp_server_new("127.0.0.1:0", greet, NULL, NULL);
	int fd, used;

	if (unit_under("valgrind"))
		unit_skip("valgrind has descriptors of its own above the limit");
	NEED(s && !gp_server_start(s) && !gp_sleep(GP_MSEC));
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	used = fcntl(fd, F_DUPFD, 0);
	NEED(fd >= 0 && used > fd);
	close(used);
	NEED(!getrlimit(RLIMIT_NOFILE, &all));
	few = all;
	few.rlim_cur = (rlim_t)used;
	NEED(!setrlimit(RLIMIT_NOFILE, &few));
	{
		struct gp_address a;

		NEED(!gp_address_parse(&a, gp_server_address(s)));
		EXPECT(connect(fd, (struct sockaddr *)&a.storage, a.length) < 0 && errno == EINPROGRESS);
	}
	UNTIL(counts_of(s).backoffs >= 2);
	NEED(!gp_sleep(50 * GP_MSEC));
	EXPECT(counts_of(s).backoffs < 10);
	NEED(!setrlimit(RLIMIT_NOFILE, &all));
	EXPECT_STR(read_all(fd), "hello");
	EXPECT_STR(read_all(visit(s)), "hello");
	gp_server_free(s);
}

CASE("a server that is given back takes its waiters and its handlers along")
{
	struct gate gate = { 0 };
	struct gp_server *s = gp_server_new("127.0.0.1:0", pass, &gate, NULL);
	struct gp_greenlet *g = gp_spawn(serve, s);
	int fd;

	UNTIL(gp_server_port(s));
	NEED((fd = visit(s)) >= 0);
	UNTIL(gate.in == 1);
	gp_server_free(s);
	EXPECT_INT(gp_join(g, gp_after(GP_SEC)), 0);
	EXPECT_STR(read_all(fd), "");
	EXPECT_INT(gate.killed, 1);
	gp_unref(g);
}

/* ---- handed over --------------------------------------------------------------------------- */

static int listener(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	NEED(fd >= 0 && !bind(fd, (struct sockaddr *)&a, sizeof a));
	return fd;
}

CASE("a socket by its number; one that does not listen, or is of another kind, is refused")
{
	char address[16];
	int fd = listener(), file = open("/dev/null", O_RDONLY);
	struct gp_server *s;

	snprintf(address, sizeof address, "fd:%d", fd);
	s = gp_server_new(address, greet, NULL, NULL);
	EXPECT_INT(gp_server_start(s), -EINVAL);
	NEED(!listen(fd, 10));
	EXPECT_INT(gp_server_start(s), 0);
	EXPECT_STR(read_all(visit(s)), "hello");
	EXPECT_INT(gp_server_stop(s, gp_after(GP_SEC)), 0);
	EXPECT_INT(gp_server_start(s), -EBADF);
	gp_server_free(s);
	snprintf(address, sizeof address, "fd:%d", file);
	s = gp_server_new(address, greet, NULL, NULL);
	EXPECT_INT(gp_server_start(s), -ENOTSOCK);
	gp_server_free(s);
	s = gp_server_new("fd:x", greet, NULL, NULL);
	EXPECT_INT(gp_server_start(s), -EINVAL);
	gp_server_free(s);
}

static void greet_once(const char *address)
{
	struct gp_server *s = gp_server_new(address, greet, NULL, NULL);

	NEED(s);
	if (!gp_server_start(s)) {
		printf("%s: %s\n", address, read_all(visit(s)));
		gp_server_stop(s, gp_after(GP_SEC));
	} else {
		printf("%s: refused\n", address);
	}
	gp_server_free(s);
}

/* The environment counts that the process began with: this program starts itself again. */
CASE("a child that was handed sockets")
{
	char *const args[] = { "server", "a child that was handed sockets", NULL };
	char *const env[] = { "LISTEN_FDS=2", "LISTEN_FDNAMES=web:admin", NULL };
	int out[2], status;
	char text[500] = "";
	ssize_t n;
	pid_t pid;

	if (getenv("LISTEN_FDS")) {
		greet_once("systemd:");
		greet_once("systemd:admin");
		greet_once("systemd:2");
		greet_once("systemd:other");
		return;
	}
	if (unit_under("valgrind"))
		unit_skip("valgrind does not start a program as itself");
	NEED(!pipe(out));
	pid = unit_fork();
	if (!pid) {
		int a = fcntl(listener(), F_DUPFD, 50), b = fcntl(listener(), F_DUPFD, 50);

		NEED(!listen(a, 5) && !listen(b, 5));
		dup2(out[1], 1);
		dup2(a, 3);
		dup2(b, 4);
		execve("/proc/self/exe", args, env);
		_exit(9);
	}
	close(out[1]);
	while ((n = read(out[0], text + strlen(text), sizeof text - 1 - strlen(text))) > 0)
		;
	status = unit_wait(pid);
	EXPECT_INT(status, 0);
	EXPECT_HAS(text, "systemd:: hello\nsystemd:admin: hello\nsystemd:2: refused\nsystemd:other: refused\n");
}

/* ---- datagrams -------------------------------------------------------------------------------- */

static void echo(struct gp_server *s, const void *data, size_t n, const struct gp_address *peer, void *arg)
{
	char copy[70000];

	(*(int *)arg)++;
	memcpy(copy, data, n);
	EXPECT_INT(gp_datagram_send(s, copy, n, peer, gp_after(GP_SEC)), 0);
}

CASE("datagrams come back, empty ones and large ones too")
{
	struct gp_server_options o = { .stack_size = 256 * 1024 };
	static const size_t sizes[] = { 5, 0, 1, 1400, 60000 };
	struct gp_address a;
	static char data[65536], back[65536];
	struct gp_server *s;
	int seen = 0, fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	s = gp_datagram_server_new("127.0.0.1:0", echo, &seen, &o);
	NEED(s && !gp_server_start(s) && fd >= 0);
	NEED(!gp_address_parse(&a, gp_server_address(s)));
	memset(data, 'x', sizeof data);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		ssize_t n;

		EXPECT_INT(sendto(fd, data, sizes[i], 0, (struct sockaddr *)&a.storage, a.length), sizes[i]);
		UNTIL((n = recv(fd, back, sizeof back, 0)) >= 0);
		EXPECT_INT(n, sizes[i]);
		EXPECT(!memcmp(back, data, sizes[i]));
	}
	EXPECT_INT(seen, 5);
	EXPECT_INT(gp_datagram_send(s, data, 70000, &a, GP_NEVER), -EMSGSIZE);
	EXPECT_INT(gp_server_stop(s, gp_after(GP_SEC)), 0);
	EXPECT_INT(gp_datagram_send(s, data, 1, &a, GP_NEVER), -EBADF);
	gp_server_free(s);
}

/* ---- clients, and misuse --------------------------------------------------------------------------- */

CASE("a client is refused, comes too late, or is killed")
{
	int fd = listener();
	struct sockaddr_in a;
	socklen_t size = sizeof a;
	char address[32];

	NEED(!getsockname(fd, (struct sockaddr *)&a, &size));
	snprintf(address, sizeof address, "127.0.0.1:%d", ntohs(a.sin_port));
	EXPECT_INT(gp_create_connection(address, gp_after(GP_SEC)), -ECONNREFUSED);
	EXPECT_INT(gp_create_connection(address, gp_now() - 1), -ETIMEDOUT);
	EXPECT_INT(gp_create_connection("127.0.0.1", GP_NEVER), -EINVAL);
	EXPECT_INT(gp_create_connection(NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_create_connection("unix:/nowhere/at/all", GP_NEVER), -ENOENT);
}

static void *from_elsewhere(void *arg)
{
	struct gp_server *s = arg;

	EXPECT_INT(gp_server_start(s), -EINVAL);
	EXPECT_INT(gp_server_stop(s, 0), -EINVAL);
	return NULL;
}

CASE("misuse is an error")
{
	struct gp_server *s = gp_server_new("127.0.0.1:0", greet, NULL, NULL), *d;
	struct gp_address a = { 0 };
	struct gp_server_counts c;
	pthread_t t;
	int n = 0;

	EXPECT(!gp_server_new(NULL, greet, NULL, NULL));
	EXPECT(!gp_server_new("127.0.0.1:0", NULL, NULL, NULL));
	EXPECT(!gp_datagram_server_new("127.0.0.1:0", NULL, NULL, NULL));
	EXPECT_INT(gp_server_start(NULL), -EINVAL);
	EXPECT_INT(gp_server_stop(NULL, 0), -EINVAL);
	EXPECT_INT(gp_server_serve_forever(NULL), -EINVAL);
	EXPECT_INT(gp_server_count(NULL, &c), -EINVAL);
	EXPECT_INT(gp_server_port(NULL), 0);
	EXPECT_INT(gp_server_fd(NULL), -1);
	EXPECT_STR(gp_server_address(NULL), "");
	gp_server_free(NULL);
	NEED(!pthread_create(&t, NULL, from_elsewhere, s) && !pthread_join(t, NULL));
	EXPECT_INT(gp_datagram_send(s, "x", 1, &a, GP_NEVER), -EINVAL);
	d = gp_datagram_server_new("127.0.0.1:0", echo, &n, NULL);
	EXPECT_INT(gp_datagram_send(d, "x", 1, &a, GP_NEVER), -EBADF);
	gp_server_free(d);
	gp_server_free(s);
}
