/* io.c - waiting for descriptors, reading, writing, closing (greenpatch/io.h).
 *
 * A call is kept from blocking by a flag of its own: MSG_DONTWAIT for sockets,
 * RWF_NOWAIT for pipes and what else knows it; the rest is asked by poll()
 * first. What kind of thing a number is is found out anew by each call, since
 * nobody tells us of a close() that is not ours: a pipe costs one system call
 * in vain, a file is looked at only when it did not answer at once.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include "core/io.h"
#include "core/raw.h"
#include "core/run/ownfd.h"
#include "greenpatch/io.h"
#include "greenpatch/socket.h"

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif
#define TTY_PIECE  256      /* what a terminal that says "writable" takes without waiting */
#define PIPE_PIECE GP__PAGE /* and a pipe of a kernel that knows no RWF_NOWAIT for it (Linux before 6.4) */
#define FULL_MIN   (1 * GP__MSEC)  /* between two looks at what cannot be waited for */
#define FULL_MAX   (20 * GP__MSEC)

int gp__desc_enter(struct gp_hub **h, int fd)
{
	*h = gp__hub_need();
	if (!*h)
		return -ENOMEM;
	if (!(*h)->current)
		return -EPERM;
	return gp__unlikely(fd >= gp__fd_own_low) && gp__fd_is_ours(fd) ? -EBADF : 0;
}

int gp__desc_wait(struct gp_hub *h, int fd, unsigned events, int64_t deadline)
{
	int r = gp__wait_fd(h, fd, events, deadline);

	if (r == -EINTR)
		gp__take_signals(h);
	return r < 0 && r != -EINTR ? r : 0;
}

bool gp__desc_ready(int fd, unsigned events)
{
	struct pollfd p = { fd, (short)((events & GP__READ ? POLLIN : 0) | (events & GP__WRITE ? POLLOUT : 0)), 0 };
	long zero[2] = { 0, 0 }, r;

	do {
		r = gp__raw(SYS_ppoll, &p, 1, zero, 0);
	} while (r == -EINTR);
	return r > 0; /* without memory to ask nothing is: whoever reads now may block */
}

int gp__desc_await(struct gp_hub *h, int fd, unsigned events, int64_t deadline)
{
	for (;;) {
		int r = gp__wait_fd(h, fd, events, deadline);

		if (r == -EINTR)
			gp__take_signals(h);
		else if (r < 0 || !(r & GP__UNSURE) || gp__desc_ready(fd, events))
			return r < 0 ? r : 0;
	}
}

int gp__desc_pause(struct gp_hub *h, const char *what, int64_t *pause, int64_t deadline)
{
	const struct gp__timeout *before = h->current->hit;
	int64_t until;
	int r;

	*pause = *pause ? gp__min(2 * *pause, FULL_MAX) : FULL_MIN;
	until = gp__min(gp__deadline_after(*pause), deadline);
	r = gp__park(h, what, 0, until, GP__EXTERNAL | GP__INTERRUPTIBLE | GP__CANCELABLE);
	if (r == -EINTR)
		gp__take_signals(h);
	if (r == -ETIMEDOUT && h->current->hit == before)
		return deadline <= gp__now() ? r : 0;
	return r == -EINTR ? 0 : r;
}

int gp__desc_wait_to(struct gp_hub *h, int fd, const struct gp_address *to, int64_t *pause, int64_t deadline)
{
	/* The socket has room for it, and the other one's queue has not. */
	if (to->storage.ss_family == AF_UNIX && gp__desc_ready(fd, GP__WRITE))
		return gp__desc_pause(h, "send", pause, deadline);
	return gp__desc_wait(h, fd, GP__WRITE, deadline);
}

int gp__desc_fresh(struct gp_hub *h, long fd)
{
	if (fd >= 0)
		gp__fd_closing(h, (int)fd);
	return (int)fd;
}

int gp__desc_close(struct gp_hub *h, int fd)
{
	gp__fd_closing(h, fd);
	return (int)gp__raw(SYS_close, fd);
}

/* Regular files and disks are always ready: RWF_NOWAIT means the disk there. */
static bool is_file(int fd)
{
	struct stat st;

	return !gp__raw(SYS_fstat, fd, &st) && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
}

/* -EAGAIN: wait for the descriptor. -ESPIPE: a file whose data is on the disk. */
static long read_some(int fd, void *buf, size_t n)
{
	struct iovec iov = { buf, n };
	long r;

	if (!n)
		return gp__raw(SYS_read, fd, buf, n);
	r = gp__raw(SYS_recvfrom, fd, buf, n, MSG_DONTWAIT, 0, 0);
	if (r != -ENOTSOCK)
		return r;
	r = gp__raw(SYS_preadv2, fd, &iov, 1, -1, -1, RWF_NOWAIT);
	if ((r == -EAGAIN || r == -EOPNOTSUPP) && is_file(fd))
		return -ESPIPE;
	if (r != -EOPNOTSUPP && r != -ENOSYS)
		return r;
	if (!gp__desc_ready(fd, GP__READ))
		return -EAGAIN;
	r = gp__raw(SYS_read, fd, buf, n);
	return r == -EINTR ? -EAGAIN : r;
}

/* How much may be written to what says "writable". */
static size_t piece(int fd, size_t n)
{
	char termios[64];
	struct stat st;

	if (!gp__raw(SYS_ioctl, fd, TCGETS, termios))
		return gp__min(n, (size_t)TTY_PIECE);
	/* One that cannot be looked at may be a pipe. */
	return gp__raw(SYS_fstat, fd, &st) || S_ISFIFO(st.st_mode) ? gp__min(n, PIPE_PIECE) : n;
}

long gp__desc_write_some(int fd, const void *buf, size_t n)
{
	struct iovec iov = { (void *)buf, n };
	long r;

	if (!n)
		return gp__raw(SYS_write, fd, buf, n);
	r = gp__raw(SYS_sendto, fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
	if (r != -ENOTSOCK)
		return r;
	r = gp__raw(SYS_pwritev2, fd, &iov, 1, -1, -1, RWF_NOWAIT);
	if (r == -EAGAIN && is_file(fd))
		return gp__raw(SYS_write, fd, buf, n);
	if (r != -EOPNOTSUPP && r != -ENOSYS)
		return r;
	if (!gp__desc_ready(fd, GP__WRITE))
		return -EAGAIN;
	r = gp__raw(SYS_write, fd, buf, piece(fd, n));
	return r == -EINTR ? -EAGAIN : r;
}

/* ---- the calls ------------------------------------------------------------------ */

static int wait_for(int fd, unsigned events, int64_t deadline)
{
	struct gp_hub *h;
	int r = gp__desc_enter(&h, fd);

	return r ? r : gp__desc_await(h, fd, events, deadline);
}

GP_API int gp_wait_read(int fd, int64_t deadline) { return wait_for(fd, GP__READ, deadline); }
GP_API int gp_wait_write(int fd, int64_t deadline) { return wait_for(fd, GP__WRITE, deadline); }

GP_API ssize_t gp_read(int fd, void *buf, size_t n, int64_t deadline)
{
	struct gp_hub *h;
	long r = gp__desc_enter(&h, fd);

	while (!r) {
		r = read_some(fd, buf, n);
		if (r == -ESPIPE)
			return gp__file_move(h, SYS_read, fd, buf, n, 0, deadline);
		if (r != -EAGAIN)
			break;
		r = gp__desc_wait(h, fd, GP__READ, deadline);
	}
	return r;
}

GP_API ssize_t gp_write(int fd, const void *buf, size_t n, int64_t deadline)
{
	struct gp_hub *h;
	size_t done = 0;
	long r = gp__desc_enter(&h, fd);

	while (!r) {
		r = gp__desc_write_some(fd, (const char *)buf + done, n - done);
		if (r >= 0) {
			done += (size_t)r;
			if (done >= n || !r)
				return (ssize_t)done;
			r = 0;
		} else if (r == -EAGAIN) {
			r = gp__desc_wait(h, fd, GP__WRITE, deadline);
		}
	}
	return r;
}

GP_API int gp_close(int fd)
{
	struct gp_hub *h = gp__hub();

	if (!h)
		return (int)gp__raw(SYS_close, fd);
	return gp__fd_is_ours(fd) ? -EBADF : gp__desc_close(h, fd);
}
