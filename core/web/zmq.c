/* zmq.c - ZeroMQ sockets that park.
 *
 * ZMQ_FD tells one thing only: that libzmq has news for the socket. It is read by
 * asking for ZMQ_EVENTS or by any send or receive, which takes the news for both
 * directions. So whoever waits asks for the events before it waits, and whoever
 * has sent or received wakes the others to ask again: what it took may have been
 * their news.
 *
 * Waiters wait for the descriptor itself; gp_wake_fd() makes them look.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zmq.h>
#include <greenpatch/greenlet.h>
#include <greenpatch/io.h>
#include <greenpatch/server.h>
#include <greenpatch/web/zmq.h>

#define GP_API __attribute__((visibility("default")))

struct gp_zmq {
	void *socket;     /* NULL: closed */
	int fd;           /* ZMQ_FD */
	unsigned in, out; /* greenlets that wait to receive, to send; the last one frees what is closed */
};

GP_API struct gp_zmq *gp_zmq_new(void *socket)
{
	struct gp_zmq *z = malloc(sizeof *z);
	size_t size;

	if (!z)
		return NULL;
	*z = (struct gp_zmq){ .socket = socket };
	size = sizeof z->fd;
	if (!socket || zmq_getsockopt(socket, ZMQ_FD, &z->fd, &size)) {
		free(z);
		return NULL;
	}
	return z;
}

GP_API void *gp_zmq_socket(const struct gp_zmq *z) { return z ? z->socket : NULL; }

GP_API void gp_zmq_close(struct gp_zmq *z)
{
	if (!z || !z->socket)
		return;
	gp_wake_fd(z->fd);
	zmq_close(z->socket);
	z->socket = NULL;
	if (!z->in && !z->out)
		free(z);
}

/* Waits until the socket may be ready for this: 0 or an error; -ESHUTDOWN: z is
 * gone. */
static int wait_for(struct gp_zmq *z, int event, int64_t deadline)
{
	unsigned *mine = event == ZMQ_POLLIN ? &z->in : &z->out, *others = event == ZMQ_POLLIN ? &z->out : &z->in;
	int events = 0, r;
	size_t size = sizeof events;

	if (zmq_getsockopt(z->socket, ZMQ_EVENTS, &events, &size))
		return -zmq_errno();
	/* News of the other direction: those who wait for it would not see it. */
	if (events & (ZMQ_POLLIN | ZMQ_POLLOUT) & ~event && *others)
		gp_wake_fd(z->fd);
	if (events & event)
		return 0;
	++*mine;
	r = gp_wait_read(z->fd, deadline);
	--*mine;
	if (z->socket)
		return r;
	if (!z->in && !z->out)
		free(z);
	return -ESHUTDOWN;
}

GP_API int gp_zmq_send(struct gp_zmq *z, const void *data, size_t n, int flags, int64_t deadline)
{
	int r;

	if (!z || !z->socket || (!data && n))
		return -EINVAL;
	while (zmq_send(z->socket, data, n, (flags & ZMQ_SNDMORE) | ZMQ_DONTWAIT) < 0) {
		r = zmq_errno();
		if (r != EAGAIN && r != EINTR)
			return -r;
		r = wait_for(z, ZMQ_POLLOUT, deadline);
		if (r)
			return r;
	}
	if (z->in || z->out)
		gp_wake_fd(z->fd);
	return 0;
}

GP_API ssize_t gp_zmq_recv(struct gp_zmq *z, void *buf, size_t n, int *more, int64_t deadline)
{
	size_t size = sizeof *more;
	ssize_t got;
	int r;

	if (!z || !z->socket || (!buf && n))
		return -EINVAL;
	while ((got = zmq_recv(z->socket, buf, n, ZMQ_DONTWAIT)) < 0) {
		r = zmq_errno();
		if (r != EAGAIN && r != EINTR)
			return -r;
		r = wait_for(z, ZMQ_POLLIN, deadline);
		if (r)
			return r;
	}
	if (more && zmq_getsockopt(z->socket, ZMQ_RCVMORE, more, &size))
		*more = 0;
	if (z->in || z->out)
		gp_wake_fd(z->fd);
	return got;
}
