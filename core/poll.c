/* poll.c - poll and select (greenpatch/poll.h).
 *
 * The answer always comes from the kernel's own call, made with no time: the
 * hub only says when it may be worth asking again. It waits for "readable" and
 * "writable"; what one may wait for beside these (POLLPRI, errors alone) goes
 * into an epoll descriptor, whose readability the hub can wait for.
 */
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include "core/alloc.h"
#include "core/io.h"
#include "core/raw.h"
#include "greenpatch/poll.h"

#define HERE      4 /* waits up to here are on the stack */
#define PLAIN_IN  (POLLIN | POLLRDNORM)
#define PLAIN_OUT (POLLOUT | POLLWRNORM)

struct waits {
	struct gp_fdwait here[HERE + 1];
	struct gp_fdwait *w; /* here, or from the heap */
	int n;
	int extra;           /* the epoll descriptor; -1: none */
};

static int add_extra(struct gp_hub *h, struct waits *s, const struct pollfd *p)
{
	struct epoll_event e = { .events = (uint16_t)p->events };
	long r;

	if (s->extra < 0) {
		s->extra = gp__desc_fresh(h, gp__raw(SYS_epoll_create1, EPOLL_CLOEXEC));
		if (s->extra < 0)
			return s->extra;
		s->w[s->n++] = (struct gp_fdwait){ .fd = s->extra, .events = GP__READ };
	}
	r = gp__raw(SYS_epoll_ctl, s->extra, EPOLL_CTL_ADD, p->fd, &e);
	return r == -EEXIST ? 0 : (int)r;
}

static int fill(struct gp_hub *h, struct waits *s, const struct pollfd *fds, nfds_t n)
{
	int r = 0;

	s->n = 0;
	s->extra = -1;
	s->w = n > HERE ? gp__alloc((n + 1) * sizeof *s->w) : s->here;
	if (!s->w)
		return -ENOMEM;
	for (nfds_t i = 0; i < n && !r; i++) {
		unsigned events = (uint16_t)fds[i].events;
		unsigned plain = (events & PLAIN_IN ? GP__READ : 0) | (events & PLAIN_OUT ? GP__WRITE : 0);

		if (fds[i].fd < 0)
			continue;
		if (plain)
			s->w[s->n++] = (struct gp_fdwait){ .fd = fds[i].fd, .events = (uint16_t)plain };
		if (events & (unsigned)~(PLAIN_IN | PLAIN_OUT | POLLERR | POLLHUP | POLLNVAL) || !plain)
			r = add_extra(h, s, &fds[i]);
	}
	return r;
}

static int park(struct gp_hub *h, const struct pollfd *fds, nfds_t n, int64_t deadline)
{
	struct waits s;
	int r = fill(h, &s, fds, n);

	if (!r && s.n)
		r = gp__wait_fds(h, s.w, s.n, deadline);
	else if (!r)
		r = gp__park(h, "poll", 0, deadline, GP__INTERRUPTIBLE | GP__CANCELABLE);
	if (s.extra >= 0)
		gp__desc_close(h, s.extra);
	if (s.w != s.here)
		gp__free(s.w);
	return r > 0 ? 0 : r;
}

static int look(struct pollfd *fds, nfds_t n)
{
	long zero[2] = { 0, 0 }, r;

	do {
		r = gp__raw(SYS_ppoll, fds, n, zero, 0);
	} while (r == -EINTR);
	return (int)r;
}

GP_API int gp_poll(struct pollfd *fds, nfds_t n, int64_t deadline)
{
	const struct gp__timeout *before;
	struct gp_hub *h;
	int r = gp__desc_enter(&h, -1);

	if (r)
		return r;
	before = h->current->hit;
	if (deadline <= gp__now()) {
		r = look(fds, n);
		if (!r)
			r = gp__yield_cancelable(h);
		return r ? r : look(fds, n);
	}
	for (;;) {
		r = look(fds, n);
		if (r)
			return r;
		r = park(h, fds, n, deadline);
		if (r == -EINTR)
			gp__take_signals(h);
		else if (r == -ETIMEDOUT && h->current->hit == before)
			return look(fds, n);
		else if (r)
			return r;
	}
}

/* ---- select ------------------------------------------------------------------------- */

static bool in(const fd_set *set, int fd)
{
	return set && __FDS_BITS(set)[fd / __NFDBITS] >> fd % __NFDBITS & 1;
}

static int keep(fd_set *set, int fd, bool ready)
{
	if (!in(set, fd))
		return 0;
	if (!ready)
		__FDS_BITS(set)[fd / __NFDBITS] &= ~(1L << fd % __NFDBITS);
	return ready;
}

GP_API int gp_select_fds(int n, fd_set *reads, fd_set *writes, fd_set *excepts, int64_t deadline)
{
	struct pollfd here[HERE], *fds = here;
	nfds_t count = 0;
	int r, ready = 0;

	if (n < 0 || n > FD_SETSIZE)
		return -EINVAL;
	for (int fd = 0; fd < n; fd++)
		count += in(reads, fd) || in(writes, fd) || in(excepts, fd);
	if (count > HERE)
		fds = gp__alloc(count * sizeof *fds);
	if (!fds)
		return -ENOMEM;
	count = 0;
	for (int fd = 0; fd < n; fd++) {
		short events = (short)((in(reads, fd) ? POLLIN : 0) | (in(writes, fd) ? POLLOUT : 0) |
		                       (in(excepts, fd) ? POLLPRI : 0));

		if (events)
			fds[count++] = (struct pollfd){ fd, events, 0 };
	}
	r = gp_poll(fds, count, deadline);
	for (nfds_t i = 0; i < count && r >= 0; i++)
		if (fds[i].revents & POLLNVAL)
			r = -EBADF;
	for (nfds_t i = 0; i < count && r >= 0; i++) {
		int came = fds[i].revents, fd = fds[i].fd;

		ready += keep(reads, fd, came & (POLLIN | POLLHUP | POLLERR));
		ready += keep(writes, fd, came & (POLLOUT | POLLERR));
		ready += keep(excepts, fd, came & POLLPRI);
	}
	if (fds != here)
		gp__free(fds);
	return r < 0 ? r : ready;
}
