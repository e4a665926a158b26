/* least.c - receives on a stream that wait until so many bytes have come: a peek
 * with MSG_WAITALL, SO_RCVLOWAT.
 *
 * poll() knows the low mark of TCP alone, and an attempt none: what has come is
 * counted. Natively, too, it is less at the socket's end, at a signal, when its
 * time is over.
 */
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "preload/calls/fd.h"
#include "preload/calls/signal.h"

#define LOOK_AGAIN (5 * GP__MSEC)

/* More has come, which may not be enough yet, or *end: the socket's end. Such a
 * socket is readable all the time, so that only an edge tells: an epoll
 * descriptor of our own, *watch, is readable then. Without one, in a little. */
static long await_more(struct gp_io *io, int *watch, bool *end)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET };
	int64_t deadline = gp__io_deadline(io);
	struct gp_fdwait w[2];
	long r;

	if (*watch < 0) {
		*watch = gp__fd_watch_open();
		if (*watch >= 0 && gp__is_err(gp__raw(SYS_epoll_ctl, *watch, EPOLL_CTL_ADD, io->fd, &e))) {
			gp__fd_watch_close(io->h, *watch);
			*watch = -1;
		}
	}
	w[0] = (struct gp_fdwait){ .fd = io->fd };
	w[1] = (struct gp_fdwait){ .fd = *watch, .events = GP__READ };
	if (gp__interrupted(io->h, io->me))
		return gp__signalled(io->me, gp__io_restart(io));
	io->me->waited = true;
	if (*watch >= 0)
		r = gp__wait_fds(io->h, w, 2, deadline);
	else
		r = gp__park(io->h, "descriptor", (unsigned long)io->fd, gp__min(deadline, gp__deadline_after(LOOK_AGAIN)),
		             GP__INTERRUPTIBLE | GP__CANCELABLE);
	gp__io_follow(io, &w[0]);
	*watch = w[1].fd;
	if (r == -EINTR)
		return gp__io_restart(io);
	if (r == -ETIMEDOUT && gp__now() >= deadline)
		return -EAGAIN;
	if (r > 0 && gp__raw(SYS_epoll_wait, *watch, &e, 1, 0) == 1)
		*end = e.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
	return r < 0 && r != -ETIMEDOUT ? r : 0;
}

long gp__io_receive_least(struct gp_io *io, size_t least)
{
	bool end = false;
	int watch = -1;
	long r, left = 0;

	for (;;) {
		int come = 0;
		/* Of a socket that listens there is nothing to count: the kernel says so. */
		bool enough = gp__is_err(gp__raw(SYS_ioctl, io->fd, FIONREAD, &come)) || (size_t)come >= least;

		r = -EAGAIN;
		if (enough || end || left || gp__fd_nonblocking(io->h, io->fd))
			r = io->attempt(io);
		if (r != -EAGAIN || left || gp__fd_nonblocking(io->h, io->fd))
			break;
		left = await_more(io, &watch, &end);
	}
	if (watch >= 0)
		gp__fd_watch_close(io->h, watch);
	return r == -EAGAIN && left ? left : r;
}

long gp__io_receive_low(struct gp_io *io, size_t size)
{
	int low = 1;
	socklen_t len = sizeof low;

	gp__raw(SYS_getsockopt, io->fd, SOL_SOCKET, SO_RCVLOWAT, &low, &len);
	return gp__io_receive_least(io, gp__min((size_t)low, size));
}
