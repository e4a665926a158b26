/* poll.c - poll and select with deadlines. */
#include "unit.h"
#include <sys/socket.h>
#include "core/run/hub.h"
#include "greenpatch.h"

static int p[2], q[2];

static void *write_to(void *arg)
{
	gp_sleep(GP_MSEC);
	NEED(write(*(int *)arg, "x", 1) == 1);
	return NULL;
}

static void soon(int *fd)
{
	EXPECT_INT(gp_go(write_to, fd), 0);
}

CASE("poll waits for the first of several descriptors")
{
	struct pollfd fds[3];

	NEED(!pipe(p) && !pipe(q));
	fds[0] = (struct pollfd){ p[0], POLLIN, 0 };
	fds[1] = (struct pollfd){ q[0], POLLIN, 0 };
	fds[2] = (struct pollfd){ -1, POLLIN, 0 };
	EXPECT_INT(gp_poll(fds, 3, gp_after(GP_MSEC)), 0);
	soon(&q[1]);
	EXPECT_INT(gp_poll(fds, 3, GP_NEVER), 1);
	EXPECT_INT(fds[0].revents, 0);
	EXPECT_INT(fds[1].revents, POLLIN);
	fds[0].fd = p[1];
	fds[0].events = POLLOUT;
	EXPECT_INT(gp_poll(fds, 3, GP_NEVER), 2);
}

CASE("poll with many descriptors, and with none")
{
	struct pollfd fds[40];

	NEED(!pipe(p) && !pipe(q));
	for (int i = 0; i < 40; i++)
		fds[i] = (struct pollfd){ i == 33 ? q[0] : p[0], POLLIN, 0 };
	soon(&q[1]);
	EXPECT_INT(gp_poll(fds, 40, GP_NEVER), 1);
	EXPECT_INT(fds[33].revents, POLLIN);
	EXPECT_INT(gp_poll(NULL, 0, gp_after(GP_MSEC)), 0);
	EXPECT_INT(gp_poll(NULL, 0, GP_NEVER), -EDEADLK);
}

CASE("a hang-up is waited for without an event, and urgent data")
{
	struct pollfd f;

	NEED(!socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	f = (struct pollfd){ p[0], 0, 0 };
	EXPECT_INT(gp_poll(&f, 1, gp_after(GP_MSEC)), 0);
	f.events = POLLPRI | POLLRDHUP;
	EXPECT_INT(gp_poll(&f, 1, gp_after(GP_MSEC)), 0);
	NEED(!close(p[1]));
	EXPECT_INT(gp_poll(&f, 1, GP_NEVER), 1);
	EXPECT_INT(f.revents, POLLHUP | POLLRDHUP);
}

CASE("a descriptor that is not open, or is closed meanwhile, is POLLNVAL")
{
	struct pollfd f = { 999, POLLIN, 0 };

	EXPECT_INT(gp_poll(&f, 1, GP_NEVER), 1);
	EXPECT_INT(f.revents, POLLNVAL);
}

static void *close_it(void *arg)
{
	EXPECT_INT(gp_close(p[0]), 0);
	return NULL;
}

CASE("gp_close ends a poll")
{
	struct pollfd f;

	NEED(!pipe(p));
	f = (struct pollfd){ p[0], POLLIN, 0 };
	gp_go(close_it, NULL);
	EXPECT_INT(gp_poll(&f, 1, GP_NEVER), 1);
	EXPECT_INT(f.revents, POLLNVAL);
}

static void *say(void *arg)
{
	trace("other");
	return NULL;
}

CASE("a deadline that has passed lets others have a turn and looks once")
{
	struct pollfd f;

	NEED(!pipe(p));
	f = (struct pollfd){ p[0], POLLIN, 0 };
	gp_go(say, NULL);
	EXPECT_INT(gp_poll(&f, 1, 0), 0);
	trace("polled");
	EXPECT_STR(unit_trace, "other polled");
}

CASE("a gp_timeout that hits is an error, a deadline is not")
{
	struct gp_timeout t;
	struct pollfd f;

	NEED(!pipe(p));
	f = (struct pollfd){ p[0], POLLIN, 0 };
	gp_timeout_start(&t, GP_MSEC);
	EXPECT_INT(gp_poll(&f, 1, GP_NEVER), -ETIMEDOUT);
	EXPECT_INT(gp_timeout_stop(&t), -ETIMEDOUT);
	gp_timeout_start(&t, GP_MSEC);
	EXPECT_INT(gp_select_fds(0, NULL, NULL, NULL, gp_after(10 * GP_SEC)), -ETIMEDOUT);
	gp_timeout_stop(&t);
}

CASE("select gives the sets that are ready")
{
	fd_set in, out;
	int n;

	NEED(!pipe(p) && !pipe(q));
	n = q[1] + 1;
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(p[0], &in);
	FD_SET(q[0], &in);
	soon(&q[1]);
	EXPECT_INT(gp_select_fds(n, &in, NULL, NULL, GP_NEVER), 1);
	EXPECT(FD_ISSET(q[0], &in) && !FD_ISSET(p[0], &in));
	FD_SET(p[1], &out);
	EXPECT_INT(gp_select_fds(n, &in, &out, NULL, GP_NEVER), 2);
	EXPECT(FD_ISSET(q[0], &in) && FD_ISSET(p[1], &out));
	FD_ZERO(&in);
	FD_SET(p[0], &in);
	EXPECT_INT(gp_select_fds(n, &in, NULL, NULL, gp_after(GP_MSEC)), 0);
	EXPECT(!FD_ISSET(p[0], &in));
	EXPECT_INT(gp_select_fds(0, NULL, NULL, NULL, gp_after(GP_MSEC)), 0);
}

CASE("select: numbers out of range, and one that is not open")
{
	fd_set in;

	FD_ZERO(&in);
	FD_SET(999, &in);
	EXPECT_INT(gp_select_fds(-1, NULL, NULL, NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_select_fds(FD_SETSIZE + 1, &in, NULL, NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_select_fds(FD_SETSIZE, &in, NULL, NULL, GP_NEVER), -EBADF);
}
