/* The peer breaks the connection in the middle of a large call: what has moved is told, without SIGPIPE, and the error
 * is the next call's. */
#include "guest.h"

#include <sys/ioctl.h>
#include <sys/uio.h>

#include "net.h"

enum { BIG = 16 << 20 };

static char big[BIG];
static volatile sig_atomic_t broken;

static void on_pipe(int signo __attribute__((unused)))
{
	broken++;
}

/* Takes some, waits until whoever sends has to wait, and ends with a reset (TCP) or so that nobody can receive. */
static void *breaks(void *fd)
{
	struct linger none = { 1, 0 };
	int in = *(int *)fd, before, now = 0;
	char some[4096];

	read_all(in, some, sizeof some);
	do {
		before = now;
		sleep_ms(30);
		CHECK_OK(ioctl(in, FIONREAD, &now));
	} while (now != before || now < 4096);
	setsockopt(in, SOL_SOCKET, SO_LINGER, &none, sizeof none);
	close(in);
	return NULL;
}

static void what_came(const char *name, ssize_t r)
{
	printf("%s: %s, %d x SIGPIPE\n", name,
	       r > 0 && r < BIG ? "a part"
	       : r < 0          ? strerrorname_np(errno)
	                        : "all",
	       (int)broken);
}

static ssize_t put(int way, int fd)
{
	struct iovec v[2] = { { big, BIG / 2 }, { big + BIG / 2, BIG / 2 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

	switch (way) {
	case 0: return write(fd, big, BIG);
	case 1: return send(fd, big, BIG, 0);
	case 2: return writev(fd, v, 2);
	default: return sendmsg(fd, &m, 0);
	}
}

static void sends(int way, int pair[2])
{
	pthread_t thread;

	broken = 0;
	thread = thread_start(breaks, &pair[0]);
	what_came("large", put(way, pair[1]));
	thread_join(thread);
	what_came("next", write(pair[1], "x", 1));
	what_came("after", write(pair[1], "x", 1));
	close(pair[1]);
}

/* Sends some, and resets when they have been taken. */
static void *resets(void *fd)
{
	struct linger none = { 1, 0 };
	int out = *(int *)fd, left;

	write_all(out, "abc", 3);
	do {
		sleep_ms(10);
		CHECK_OK(ioctl(out, TIOCOUTQ, &left));
	} while (left);
	sleep_ms(50);
	CHECK_OK(setsockopt(out, SOL_SOCKET, SO_LINGER, &none, sizeof none));
	close(out);
	return NULL;
}

static void receives(int pair[2], int flags)
{
	char a[8], b[8];
	struct iovec v[2] = { { a, 8 }, { b, 8 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };
	pthread_t thread = thread_start(resets, &pair[1]);

	CHECK_INT(flags ? recvmsg(pair[0], &m, MSG_WAITALL) : recv(pair[0], a, 8, MSG_WAITALL), 3);
	CHECK_FAILS(recv(pair[0], a, 8, 0), ECONNRESET);
	CHECK_INT(recv(pair[0], a, 8, 0), 0);
	thread_join(thread);
	close(pair[0]);
}

int main(void)
{
	int pair[2];

	on_signal(SIGPIPE, on_pipe, 0);
	for (int way = 0; way < 4; way++) {
		net_pair(pair);
		sends(way, pair);
		CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
		sends(way, pair);
	}
	for (int way = 0; way < 2; way++) {
		net_pair(pair);
		receives(pair, way);
	}
	return guest_done();
}
