// ev_echo: the same echo server written by hand over epoll, one thread: what a thread per connection competes with.
// Level triggered; a reply that does not fit into the socket's buffer waits, with reading stopped meanwhile.
#define _GNU_SOURCE
#include "echo.h"

#include <sys/epoll.h>

enum { BUFFER = 4096, EVENTS = 512 };

// A connection: its descriptor, and the part of a reply that is still to be written.
struct connection {
	int fd;
	size_t start, end;
	char buffer[BUFFER];
};

static int loop; // the epoll descriptor

static void end_connection(struct connection *c)
{
	close(c->fd);
	free(c);
}

static void watch(struct connection *c, int operation, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = c };
	must(epoll_ctl(loop, operation, c->fd, &event) < 0 ? errno : 0, "epoll_ctl");
}

static void accept_all(int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct connection *c = malloc(sizeof *c);
		must(c ? 0 : ENOMEM, "malloc");
		c->fd = fd;
		c->start = c->end = 0;
		no_delay(fd);
		watch(c, EPOLL_CTL_ADD, EPOLLIN);
	}
	if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		must(errno, "accept");
}

// Writes what is left. Returns 0 when all is written, 1 when the socket is full, -1 when the connection is over.
static int flush_reply(struct connection *c)
{
	ssize_t put = write(c->fd, c->buffer + c->start, c->end - c->start);

	if (put < 0)
		return errno == EAGAIN ? 1 : -1;
	c->start += (size_t)put;
	return c->start < c->end;
}

static void serve(struct connection *c, uint32_t events)
{
	int left;

	if (events & EPOLLOUT) {
		left = flush_reply(c);
		if (left == 0)
			watch(c, EPOLL_CTL_MOD, EPOLLIN);
	} else {
		ssize_t got = read(c->fd, c->buffer, BUFFER);
		if (got < 0 && errno == EAGAIN)
			return;
		c->start = 0;
		c->end = got > 0 ? (size_t)got : 0;
		left = got > 0 ? flush_reply(c) : -1;
		if (left == 1)
			watch(c, EPOLL_CTL_MOD, EPOLLOUT);
	}
	if (left < 0)
		end_connection(c);
}

int main(void)
{
	int listener = listen_on_loopback(SOCK_NONBLOCK);
	struct epoll_event events[EVENTS], accepting = { .events = EPOLLIN };

	loop = epoll_create1(EPOLL_CLOEXEC);
	must(loop < 0 ? errno : 0, "epoll_create1");
	must(epoll_ctl(loop, EPOLL_CTL_ADD, listener, &accepting) < 0 ? errno : 0, "epoll_ctl");
	for (;;) {
		int count = epoll_wait(loop, events, EVENTS, -1);
		must(count < 0 && errno != EINTR ? errno : 0, "epoll_wait");
		for (int i = 0; i < count; i++)
			if (events[i].data.ptr)
				serve(events[i].data.ptr, events[i].events);
			else
				accept_all(listener);
	}
}
