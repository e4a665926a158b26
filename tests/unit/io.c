/* io.c - reading, writing and closing: what waits, what does not, and that O_NONBLOCK stays what it was. */
#include "unit.h"
#include <pty.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include "core/run/hub.h"
#include "core/run/ownfd.h"
#include "greenpatch.h"

static int p[2];

static void join_one(struct gp_greenlet *g)
{
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
}

static void *reader(void *arg)
{
	char buf[16] = "";
	ssize_t n = gp_read(*(int *)arg, buf, sizeof buf - 1, GP_NEVER);

	trace("%zd:%s", n, buf);
	return NULL;
}

static void reads_from(int in, int out, bool ends)
{
	int flags = fcntl(in, F_GETFL);
	struct gp_greenlet *g = gp_spawn(reader, &in);

	gp_yield();
	trace("waits");
	EXPECT_INT(gp_write(out, "hello", 5, GP_NEVER), 5);
	join_one(g);
	EXPECT_STR(unit_trace, "waits 5:hello");
	EXPECT_INT(fcntl(in, F_GETFL), flags);
	if (!ends)
		return;
	EXPECT_INT(gp_close(out), 0);
	join_one(gp_spawn(reader, &in));
	EXPECT_STR(unit_trace, "waits 5:hello 0:");
}

CASE("a reader of a pipe waits while others run, and is told of the end")
{
	NEED(!pipe(p));
	reads_from(p[0], p[1], true);
}

CASE("a reader of a socket likewise")
{
	NEED(!socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	reads_from(p[0], p[1], true);
}

CASE("a reader of a terminal likewise")
{
	struct termios raw;

	NEED(!openpty(&p[0], &p[1], NULL, NULL, NULL));
	NEED(!tcgetattr(p[1], &raw));
	cfmakeraw(&raw);
	NEED(!tcsetattr(p[1], TCSANOW, &raw));
	reads_from(p[1], p[0], false);
}

CASE("a reader of a descriptor that is O_NONBLOCK already waits, too")
{
	NEED(!pipe2(p, O_NONBLOCK));
	reads_from(p[0], p[1], true);
}

CASE("an eventfd gives its count")
{
	uint64_t n = 7;

	p[0] = eventfd(0, 0);
	EXPECT_INT(gp_read(p[0], &n, 8, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_write(p[0], &n, 8, GP_NEVER), 8);
	n = 0;
	EXPECT_INT(gp_read(p[0], &n, 8, GP_NEVER), 8);
	EXPECT_INT(n, 7);
}

enum { BIG = 1 << 20 };

static void *drain(void *arg)
{
	static char buf[10000];
	long sum = 0, n;

	while ((n = gp_read(*(int *)arg, buf, sizeof buf, GP_NEVER)) > 0) {
		for (long i = 0; i < n; i++)
			EXPECT_INT(buf[i], (char)((sum + i) * 7));
		sum += n;
	}
	EXPECT_INT(n, 0);
	return (void *)sum;
}

static void writes_all(void)
{
	char *data = malloc(BIG);
	struct gp_greenlet *g = gp_spawn(drain, &p[0]);
	void *sum;

	for (int i = 0; i < BIG; i++)
		data[i] = (char)(i * 7);
	EXPECT_INT(gp_write(p[1], data, BIG, GP_NEVER), BIG);
	EXPECT_INT(gp_close(p[1]), 0);
	EXPECT_INT(gp_get(g, &sum, GP_NEVER), 0);
	EXPECT_INT((long)sum, BIG);
	gp_unref(g);
	free(data);
}

CASE("a write is complete, however small the pipe")
{
	NEED(!pipe(p));
	writes_all();
}

CASE("a write is complete, however small the socket's buffer")
{
	NEED(!socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	writes_all();
}

CASE("a full pipe parks its writer until the deadline")
{
	static char data[BIG];

	NEED(!pipe(p));
	EXPECT_INT(gp_write(p[1], data, BIG, gp_after(5 * GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(fcntl(p[1], F_GETFL) & O_NONBLOCK, 0);
}

CASE("a peer that has gone is -EPIPE without a signal on a socket")
{
	NEED(!socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	NEED(!close(p[0]));
	EXPECT_INT(gp_write(p[1], "x", 1, GP_NEVER), -EPIPE);
	NEED(!pipe(p) && !close(p[0]));
	signal(SIGPIPE, SIG_IGN);
	EXPECT_INT(gp_write(p[1], "x", 1, GP_NEVER), -EPIPE);
}

CASE("regular files are read and written at once")
{
	int fd = memfd_create("f", 0);
	char buf[8] = "";

	EXPECT_INT(gp_write(fd, "abcdef", 6, GP_NEVER), 6);
	EXPECT_INT(lseek(fd, 2, SEEK_SET), 2);
	EXPECT_INT(gp_read(fd, buf, 3, GP_NEVER), 3);
	EXPECT_STR(buf, "cde");
	EXPECT_INT(gp_read(fd, buf, 3, GP_NEVER), 1);
	EXPECT_INT(gp_read(fd, buf, 3, GP_NEVER), 0);
}

CASE("nothing to read or write does not wait")
{
	NEED(!pipe(p));
	EXPECT_INT(gp_read(p[0], NULL, 0, GP_NEVER), 0);
	EXPECT_INT(gp_write(p[1], NULL, 0, GP_NEVER), 0);
	NEED(!socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	EXPECT_INT(gp_read(p[0], NULL, 0, GP_NEVER), 0);
}

CASE("gp_wait_read and gp_wait_write wait for readiness alone")
{
	NEED(!pipe(p));
	EXPECT_INT(gp_wait_read(p[0], gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_wait_read(p[0], gp_now() - 1), -ETIMEDOUT);
	EXPECT_INT(gp_wait_write(p[1], GP_NEVER), 0);
	NEED(write(p[1], "x", 1) == 1);
	EXPECT_INT(gp_wait_read(p[0], GP_NEVER), 0);
	EXPECT_INT(gp_wait_read(p[0], GP_NEVER), 0);
}

static void *wait_for_close(void *arg)
{
	char c;
	long r = (intptr_t)arg ? gp_wait_read(p[0], GP_NEVER) : gp_read(p[0], &c, 1, GP_NEVER);

	trace("%ld", r);
	return NULL;
}

CASE("gp_close ends the waits of others with -EBADF")
{
	struct gp_greenlet *a, *b;

	NEED(!pipe(p));
	a = gp_spawn(wait_for_close, (void *)0);
	b = gp_spawn(wait_for_close, (void *)1);
	gp_yield();
	EXPECT_INT(gp_close(p[0]), 0);
	join_one(a);
	join_one(b);
	EXPECT_STR(unit_trace, "-9 -9");
	EXPECT_INT(gp_close(p[0]), -EBADF);
}

CASE("a number that is closed and means another file now is waited for anew")
{
	int other[2];
	char c;

	NEED(!pipe(p) && !pipe(other));
	EXPECT_INT(gp_read(p[0], &c, 1, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_close(p[0]), 0);
	NEED(dup2(other[0], p[0]) == p[0]);
	NEED(write(other[1], "y", 1) == 1);
	EXPECT_INT(gp_read(p[0], &c, 1, GP_NEVER), 1);
	EXPECT_INT(c, 'y');
}

static void *killed_reader(void *arg)
{
	char c;

	EXPECT_INT(gp_read(p[0], &c, 1, GP_NEVER), -ECANCELED);
	trace("told");
	EXPECT_INT(gp_read(p[0], &c, 1, gp_after(GP_MSEC)), -ETIMEDOUT);
	trace("goes-on");
	return NULL;
}

CASE("a kill ends a read once")
{
	struct gp_greenlet *g;

	NEED(!pipe(p));
	g = gp_spawn(killed_reader, NULL);
	gp_yield();
	EXPECT_INT(gp_kill(g, GP_NEVER), 0);
	gp_unref(g);
	EXPECT_STR(unit_trace, "told goes-on");
}

CASE("a timeout ends a read, and is the one that hit")
{
	struct gp_timeout t;
	char c;

	NEED(!pipe(p));
	EXPECT_INT(gp_timeout_start_error(&t, GP_MSEC, -1000), 0);
	EXPECT_INT(gp_read(p[0], &c, 1, gp_after(10 * GP_SEC)), -1000);
	EXPECT_INT(gp_timeout_stop(&t), -1000);
}

static void *kill_with_data(void *arg)
{
	struct gp_greenlet *g = arg;

	NEED(write(p[1], "x", 1) == 1);
	gp__hub()->poll_now = true; /* the hub looks between the kill and its victim */
	EXPECT_INT(gp_kill_soon(g, -ECANCELED), 0);
	return NULL;
}

CASE("a kill that comes together with data is told, not swallowed")
{
	struct gp_greenlet *g;

	NEED(!pipe(p));
	g = gp_spawn(reader, &p[0]);
	gp_yield();
	join_one(gp_spawn(kill_with_data, g));
	join_one(g);
	EXPECT(!strcmp(unit_trace, "-125:") || !strcmp(unit_trace, "1:x"));
}

CASE("descriptors that are not open, and the hub's own")
{
	char c = 0;
	int own = -1;

	EXPECT(gp_self());
	for (int fd = 0; fd < 1200; fd++)
		if (gp__fd_is_ours(fd))
			own = fd;
	NEED(own >= 0);
	EXPECT_INT(gp_read(-1, &c, 1, GP_NEVER), -EBADF);
	EXPECT_INT(gp_read(1 << 28, &c, 1, GP_NEVER), -EBADF);
	EXPECT_INT(gp_write(999, &c, 1, GP_NEVER), -EBADF);
	EXPECT_INT(gp_wait_read(-1, GP_NEVER), -EBADF);
	EXPECT_INT(gp_read(own, &c, 1, GP_NEVER), -EBADF);
	EXPECT_INT(gp_wait_read(own, GP_NEVER), -EBADF);
	EXPECT_INT(gp_close(own), -EBADF);
	EXPECT_INT(gp_close(-1), -EBADF);
	NEED(!pipe(p));
	EXPECT_INT(gp_read(p[1], &c, 1, GP_NEVER), -EBADF);
	NEED(write(p[1], "x", 1) == 1);
	if (!unit_under("valgrind"))
		EXPECT_INT(gp_read(p[0], (void *)16, 1, GP_NEVER), -EFAULT);
}
