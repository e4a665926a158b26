/* messages.c - bytes from one thread to another over everything that carries bytes: see random.h. */
#include "random.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define PERIOD 251
#define PIECE  70000

static char text[PERIOD + PIECE + 1]; /* whatever position it is sent from, it says which */

struct wire {
	int in, out;      /* read and written */
	bool packets;     /* keeps borders */
	bool socket;
	uint32_t total;
	bool nonblocking; /* the reader's end */
	bool ends;        /* the writer closes it, and the reader waits for that */
};

static void tcp_pair(int fd[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof a;
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	fd[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(l, (void *)&a, sizeof a) || listen(l, 1) || getsockname(l, (void *)&a, &len) || connect(fd[1], (void *)&a, sizeof a))
		guest_die("tcp");
	fd[0] = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	close(l);
}

static void fifo(int fd[2])
{
	char dir[] = "/tmp/random-XXXXXX", name[64];

	if (!mkdtemp(dir))
		guest_die("mkdtemp");
	snprintf(name, sizeof name, "%s/fifo", dir);
	if (mkfifo(name, 0600) || (fd[0] = open(name, O_RDWR | O_CLOEXEC)) < 0 || (fd[1] = open(name, O_WRONLY | O_CLOEXEC)) < 0)
		guest_die("fifo");
	unlink(name);
	rmdir(dir);
}

static void prepare(struct event *e, struct random *r)
{
	struct wire *wire = e->state = have(sizeof *wire);
	int fd[2] = { -1, -1 };
	bool stream = true;

	for (size_t i = sizeof text; !text[1] && i--;)
		text[i] = (char)(i % PERIOD);
	switch (draw(r, 6)) {
	case 0: fifo(fd), stream = false; break;
	case 1: tcp_pair(fd), wire->socket = true; break;
	case 2: wire->socket = !socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd); break;
	case 3: wire->socket = wire->packets = !socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd); break;
	case 4: wire->socket = wire->packets = !socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fd), stream = false; break;
	default:
		if (pipe2(fd, O_CLOEXEC))
			guest_die("pipe2");
	}
	wire->in = fd[0];
	wire->out = fd[1];
	wire->total = 1 + draw(r, draw(r, 2) ? 300000 : 300);
	wire->ends = stream && draw(r, 2);
	if (draw(r, 4) == 0) {
		wire->nonblocking = true;
		fcntl(wire->in, F_SETFL, O_RDWR | O_NONBLOCK);
	}
}

static void ready(int fd, short events, uint32_t how)
{
	struct pollfd p = { fd, events, 0 };
	struct epoll_event ev = { .events = (uint32_t)events };
	fd_set set;
	int ep, n;

	switch (how) {
	case 0:
		if (fd < FD_SETSIZE) {
			do {
				FD_ZERO(&set);
				FD_SET(fd, &set);
				n = select(fd + 1, events == POLLIN ? &set : NULL, events == POLLOUT ? &set : NULL, NULL, NULL);
			} while (n < 0 && errno == EINTR);
			return;
		}
		/* fall through */
	case 1:
		ep = epoll_create1(EPOLL_CLOEXEC);
		epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
		while (epoll_wait(ep, &ev, 1, -1) < 0 && errno == EINTR)
			;
		close(ep);
		return;
	default:
		while (poll(&p, 1, -1) < 0 && errno == EINTR)
			;
	}
}

static ssize_t put(struct wire *wire, const char *buf, size_t n, uint32_t how)
{
	struct iovec v[2] = { { (void *)buf, n / 2 }, { (void *)(buf + n / 2), n - n / 2 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

	if (how == 0)
		return writev(wire->out, v, 2);
	if (how == 1 && wire->socket)
		return send(wire->out, buf, n, 0);
	if (how == 2 && wire->socket)
		return sendmsg(wire->out, &m, 0);
	if (how == 3)
		ready(wire->out, POLLOUT, n & 3);
	return write(wire->out, buf, n);
}

static ssize_t get(struct wire *wire, char *buf, size_t n, uint32_t how)
{
	struct iovec v[2] = { { buf, n / 2 }, { buf + n / 2, n - n / 2 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

	if (how == 0)
		return readv(wire->in, v, 2);
	if (how == 1 && wire->socket)
		return recv(wire->in, buf, n, n & 1 && !wire->ends && !wire->nonblocking ? MSG_WAITALL : 0);
	if (how == 2 && wire->socket)
		return recvmsg(wire->in, &m, 0);
	if (how == 3)
		ready(wire->in, POLLIN, n & 3);
	if (how == 4 && wire->socket && !wire->nonblocking && recv(wire->in, buf, 1, MSG_PEEK) < 0 && errno != EINTR)
		return -1;
	return read(wire->in, buf, n);
}

static void writer(struct event *e, struct worker *w, struct wire *wire, struct random *r)
{
	uint32_t left = wire->total;

	while (left) {
		size_t n = 1 + draw(r, wire->packets ? 1500 : draw(r, 2) ? PIECE : 100);
		ssize_t done;

		if (n > left)
			n = left;
		done = put(wire, text + (wire->total - left) % PERIOD, n, draw(r, 5));
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			note(w, e, "wrote %zd of %zu: %s", done, n, named(errno));
			break;
		}
		left -= (uint32_t)done; /* less than n: a poke came in the middle */
	}
	if (wire->ends)
		close(wire->out);
	note(w, e, "wrote %u", wire->total - left);
}

static void reader(struct event *e, struct worker *w, struct wire *wire, struct random *r)
{
	char *buf = have(PIECE);
	uint32_t left = wire->total, packets = 0;

	while (left) {
		size_t n = wire->packets ? 1500 : 1 + draw(r, draw(r, 2) ? PIECE - 1 : 500);
		ssize_t done;

		if (n > left && !wire->packets)
			n = left;
		done = get(wire, buf, n, draw(r, 5));
		if (done < 0 && errno == EAGAIN && wire->nonblocking) {
			ready(wire->in, POLLIN, n & 3);
			continue;
		}
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			note(w, e, "read %zd, %u left: %s", done, left, named(done ? errno : 0));
			break;
		}
		if (memcmp(buf, text + (wire->total - left) % PERIOD, (size_t)done))
			note(w, e, "wrong bytes at %u", wire->total - left);
		left -= (uint32_t)done;
		packets++;
	}
	if (wire->ends) {
		ssize_t n;

		while ((n = read(wire->in, buf, 10)) < 0 && (errno == EAGAIN || errno == EINTR))
			ready(wire->in, POLLIN, 2);
		note(w, e, "then %zd", n);
	}
	note(w, e, "read %u", wire->total - left);
	if (wire->packets)
		note(w, e, "packets %u", packets);
	close(wire->in);
	free(buf);
}

static void run(struct event *e, struct worker *w, int role)
{
	struct random r = drawing(e, role);

	if (role)
		reader(e, w, e->state, &r);
	else
		writer(e, w, e->state, &r);
}

const struct kind message_kinds[] = { { "message", 2, 2, prepare, run }, { 0 } };
