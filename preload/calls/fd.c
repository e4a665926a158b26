/* fd.c - descriptors: what they are, waiting for one, and their ends.
 *
 * O_NONBLOCK is never set on a description that the program left blocking: it
 * would be seen by every process that shares it. A call is kept from blocking
 * by a flag of its own (MSG_DONTWAIT, RWF_NOWAIT), or by asking poll() first
 * and letting the tick end it if somebody else was faster.
 *
 * A call that is blocked while its number is closed, or made to mean something
 * else, goes on with the file that it began with: keep.c.
 */
#include <fcntl.h>
#include <sys/epoll.h>
#include <linux/close_range.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include "core/run/ownfd.h"
#include "preload/calls/fd.h"
#include "preload/calls/offload.h"
#include "preload/calls/preempt.h"
#include "preload/calls/thread.h"
#include "preload/diag.h"

#define MEM_DEVICES 1 /* major number of /dev/null, zero, full, random, urandom ... */
#define KMSG 11       /* ... and of /dev/kmsg, which waits */

void gp__fd_low(struct gp_fd *d, int fd)
{
	int low = 1;
	socklen_t len = sizeof low;

	gp__raw(SYS_getsockopt, fd, SOL_SOCKET, SO_RCVLOWAT, &low, &len);
	d->traits = (uint8_t)((d->traits & ~GP__FD_LOW) | (low > 1 ? GP__FD_LOW : 0));
}

static enum gp_fd_kind classify_socket(struct gp_fd *d, int fd)
{
	int type = 0;
	socklen_t len = sizeof type;

	gp__raw(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &len);
	if (type == SOCK_STREAM)
		gp__fd_low(d, fd);
	for (int opt = SO_RCVTIMEO; opt <= SO_SNDTIMEO; opt++) {
		struct timeval tv = { 0, 0 };

		len = sizeof tv;
		gp__raw(SYS_getsockopt, fd, SOL_SOCKET, opt, &tv, &len);
		if (tv.tv_sec || tv.tv_usec)
			d->traits |= GP__FD_TIMED;
	}
	return type == SOCK_STREAM ? GP__FD_STREAM : GP__FD_DGRAM;
}

static enum gp_fd_kind classify(struct gp_fd *d, int fd)
{
	struct stat st;

	if (gp__raw(SYS_fstat, fd, &st))
		return GP__FD_BAD;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFBLK: return GP__FD_DIRECT;
	case S_IFSOCK: return classify_socket(d, fd);
	case S_IFCHR: return major(st.st_rdev) == MEM_DEVICES && minor(st.st_rdev) != KMSG ? GP__FD_DEVICE : GP__FD_OTHER;
	default: return gp__shim.config.features & GP__FEATURE_NOWAIT ? GP__FD_NOWAIT : GP__FD_OTHER;
	}
}

void gp__io_open(struct gp_io *io, struct gp_hub *h, struct gp_guest *me, struct gp_frame *f, int fd, unsigned events)
{
	*io = (struct gp_io){ .h = h, .me = me, .f = f, .d = gp__fd(h, fd), .fd = fd, .events = events, .kind = GP__FD_BAD };
	if (!io->d)
		return;
	if (!io->d->kind || gp__unlikely(gp__shim.table_shared)) {
		io->kind = classify(io->d, fd);
		if (io->kind == GP__FD_BAD)
			return;
		io->d->kind = (uint8_t)io->kind;
	}
	io->kind = io->d->kind;
}

void gp__fd_fresh(struct gp_hub *h, long fd, bool nonblocking)
{
	struct gp_fd *d = gp__is_err(fd) ? NULL : gp__fd(h, (int)fd);

	if (!d)
		return;
	d->shares = gp__shim.shares;
	if (!nonblocking)
		d->epoch = gp__shim.flags_epoch;
}

bool gp__fd_nonblocking(struct gp_hub *h, int fd)
{
	struct gp_fd *d = gp__fd(h, fd);
	long flags;

	if (d && d->epoch == gp__shim.flags_epoch)
		return false;
	flags = gp__raw(SYS_fcntl, fd, F_GETFL);
	return !gp__is_err(flags) && flags & O_NONBLOCK;
}

bool gp__fd_ready(int fd, unsigned events)
{
	struct pollfd p = { fd, (short)((events & GP__READ ? POLLIN : 0) | (events & GP__WRITE ? POLLOUT : 0)), 0 };
	long zero[2] = { 0, 0 };

	return gp__raw(SYS_ppoll, &p, 1, zero, 0) != 0;
}

int gp__fd_watch_open(void)
{
	return gp__fd_hide((int)gp__raw(SYS_epoll_create1, EPOLL_CLOEXEC));
}

void gp__fd_watch_close(struct gp_hub *h, int watch)
{
	gp__fd_closing(h, watch);
	gp__fd_drop(watch);
}

void gp__fd_look_again(struct gp_hub *h)
{
	for (int fd = 0; fd < h->fds_used; fd++)
		if (h->fds[fd].kind == GP__FD_OTHER)
			gp__fd_wake(h, fd);
}

void gp__empty_handed(struct gp_hub *h)
{
	if (!gp__list_empty(&h->runq))
		gp__yield(h);
	else if (h->external && ++h->turns % 16 == 0)
		gp__yield_poll(h);
}

long gp__guarded(struct gp_io *io, long nr, const long *args)
{
	long r;

	gp__tick_guard(io->h);
	do /* a tick may stop it before the kernel sees it: then it did not block */
		r = gp__native_block(io->h, io->me, nr, args);
	while (r == -EINTR && !io->me->waited && !gp__interrupted(io->h, io->me));
	/* As the program has it, it cannot block: no signal ends it, least of all a tick. */
	if (r == -EINTR && gp__fd_nonblocking(io->h, io->fd))
		r = gp__raw6(nr, args[0], args[1], args[2], args[3], args[4], args[5]);
	if (r != -EINTR)
		return r;
	return gp__interrupted(io->h, io->me) ? gp__signalled(io->me, gp__io_restart(io)) : -EAGAIN;
}

static int64_t socket_deadline(const struct gp_io *io)
{
	struct timeval tv = { 0, 0 };
	socklen_t len = sizeof tv;

	if (!(io->d->traits & GP__FD_TIMED) || (io->kind != GP__FD_STREAM && io->kind != GP__FD_DGRAM))
		return GP__NEVER;
	gp__raw(SYS_getsockopt, io->fd, SOL_SOCKET, io->events & GP__READ ? SO_RCVTIMEO : SO_SNDTIMEO, &tv, &len);
	if (!tv.tv_sec && !tv.tv_usec)
		return GP__NEVER;
	return gp__deadline_after(tv.tv_sec * GP__SEC + tv.tv_usec * 1000);
}

int64_t gp__io_deadline(struct gp_io *io)
{
	if (!io->deadline)
		io->deadline = socket_deadline(io);
	return io->deadline;
}

long gp__io_restart(struct gp_io *io)
{
	return gp__io_deadline(io) == GP__NEVER ? GP__RESTART_SYS : GP__RESTART_NEVER;
}

void gp__io_follow(struct gp_io *io, const struct gp_fdwait *w)
{
	if (gp__likely(w->fd == io->fd))
		return;
	gp__fd_rename(io->f, io->fd, w->fd); /* if it is a copy: the call's own is renamed already */
	io->fd = w->fd;
	io->d = gp__fd(io->h, w->fd);
}

long gp__io_wait(struct gp_io *io)
{
	const struct gp__timeout *before = io->me->g.hit;
	struct gp_io *also = io->also;
	struct gp_fdwait w[2] = { { .fd = io->fd, .events = (uint16_t)io->events }, { .fd = also ? also->fd : -1 } };
	int r;

	if (gp__fd_nonblocking(io->h, io->fd)) {
		gp__empty_handed(io->h);
		return -EAGAIN;
	}
	gp__io_deadline(io);
	if (gp__interrupted(io->h, io->me)) {
		r = -EINTR;
	} else {
		io->me->waited = true;
		r = gp__wait_fds(io->h, w, also ? 2 : 1, io->deadline);
	}
	gp__io_follow(io, &w[0]);
	if (also)
		gp__io_follow(also, &w[1]);
	if (r > 0)
		return w[0].ready & GP__CLOSED ? -EBADF : 0;
	if (r == -EINTR)
		return gp__signalled(io->me, gp__io_restart(io));
	return gp__own_deadline(io->h, before, r) ? -EAGAIN : gp__told(io->h, r);
}

/* Of a stream that has failed or cannot send any more: an attempt would take the
 * error away, or raise SIGPIPE. What has come can still be received. */
static bool failed(const struct gp_io *io)
{
	struct pollfd p = { io->fd, 0, 0 };
	int come = 0;

	if (io->kind != GP__FD_STREAM || gp__raw(SYS_poll, &p, 1, 0) != 1)
		return false;
	if (io->events & GP__WRITE)
		return p.revents & (POLLERR | POLLHUP);
	return p.revents & POLLERR && !gp__raw(SYS_ioctl, io->fd, FIONREAD, &come) && !come;
}

long gp__io_run(struct gp_io *io)
{
	for (;;) {
		long r = gp__unlikely(io->moved) && failed(io) ? -EIO : io->attempt(io);

		if (r != -EAGAIN)
			return r;
		r = io->kind == GP__FD_BAD ? -EAGAIN : gp__io_wait(io);
		if (gp__is_restart(r)) { /* the kernel, too, looks once more before it tells of a signal */
			long last = io->attempt(io);

			return last == -EAGAIN ? r : last;
		}
		if (r)
			return r;
	}
}

long gp__io_receive(struct gp_io *io, size_t size)
{
	long r;

	if (io->kind != GP__FD_STREAM)
		return gp__io_run(io);
	if (io->d->traits & GP__FD_DRAINED && !gp__fd_nonblocking(io->h, io->fd) && !gp__interrupted(io->h, io->me)) {
		r = gp__io_wait(io);
		if (r)
			return r;
	}
	r = gp__io_run(io);
	if (r > 0 && (size_t)r < size)
		io->d->traits |= GP__FD_DRAINED;
	else
		io->d->traits &= (uint8_t)~GP__FD_DRAINED;
	return r;
}

/* ---- beginnings: what this process makes for itself blocks until it says otherwise */

GP_CALL(socket)
{
	long r = gp__native(f);

	gp__fd_fresh(h, r, f->rsi & SOCK_NONBLOCK);
	return r;
}

static long fresh_pair(struct gp_hub *h, uint64_t addr, long r, bool nonblocking)
{
	int fd[2];

	if (!r && !gp__copy(fd, (void *)addr, sizeof fd)) {
		gp__fd_fresh(h, fd[0], nonblocking);
		gp__fd_fresh(h, fd[1], nonblocking);
	}
	return r;
}

GP_CALL(socketpair) { return fresh_pair(h, f->r10, gp__native(f), f->rsi & SOCK_NONBLOCK); }
GP_CALL(pipe) { return fresh_pair(h, f->rdi, gp__native(f), false); }
GP_CALL(pipe2) { return fresh_pair(h, f->rdi, gp__native(f), f->rsi & O_NONBLOCK); }

/* The kernel thread would sleep in the fault, and whoever is to give it the page with
 * it. Interrupted, the fault is told to nobody. */
GP_CALL(userfaultfd)
{
	gp__refused("userfaultfd", "a thread that waits for a page would hold up the one that gives it");
	return -ENOSYS;
}

GP_CALL(ioctl)
{
	if ((unsigned)f->rsi == USERFAULTFD_IOC_NEW && gp__shim.config.groups & GP__GROUP_THREAD) /* of /dev/userfaultfd */
		return gp__sys_userfaultfd(h, me, f);
	if ((unsigned)f->rsi == FIONBIO)
		gp__fd_flags_unsure();
	return gp__native(f);
}

/* ---- ends -------------------------------------------------------------------- */

GP_CALL(close)
{
	gp__fd_ending(h, (int)f->rdi);
	return gp__native(f);
}

static long replace(struct gp_hub *h, struct gp_frame *f)
{
	int old = (int)f->rdi, new = (int)f->rsi;

	if (old == new || gp__is_err(gp__raw(SYS_fcntl, old, F_GETFD)))
		return gp__native(f);
	if (gp__fd_is_ours(new) && !(gp__fd_is_kept(new) ? gp__fd_give_up(h, new) : gp__fd_move(h, new)))
		return -EMFILE;
	gp__fd_ending(h, new);
	return gp__native(f);
}

GP_CALL(dup2) { return replace(h, f); }
GP_CALL(dup3) { return replace(h, f); }

/* Around our own numbers, which are not open for the program. */
GP_CALL(close_range)
{
	unsigned first = (unsigned)f->rdi, last = (unsigned)f->rsi;

	if (first > last || f->rdx & ~(uint64_t)(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC))
		return gp__native(f);
	if (f->rdx & CLOSE_RANGE_UNSHARE) {
		if (h->stats.live > 1) {
			gp__refused("close_range(CLOSE_RANGE_UNSHARE)", "a thread cannot have descriptors for itself");
			return -EINVAL;
		}
		h->forked |= gp__fds_end(); /* else they stayed open in the table that is left */
	}
	for (int fd = (int)gp__min(first, (unsigned)h->fds_used); !(f->rdx & CLOSE_RANGE_CLOEXEC) && fd < h->fds_used && (unsigned)fd <= last; fd++)
		if (!gp__fd_is_ours(fd))
			gp__fd_ending(h, fd);
	for (unsigned at = first;;) {
		unsigned end = at;
		long r;

		if (gp__fd_is_ours((int)at)) {
			if (at++ == last)
				return 0;
			continue;
		}
		end = gp__fd_next_own(at, last);
		r = gp__raw(SYS_close_range, at, end, f->rdx);
		if (r || end == last)
			return r;
		at = end + 1;
	}
}

GP_CALL(fcntl)
{
	int cmd = (int)f->rsi, try;
	long r;

	if (cmd == F_SETFL)
		gp__fd_flags_unsure();
	if (cmd == F_SETOWN_EX)
		return gp__owner_set(h, f);
	if (cmd == F_GETOWN_EX)
		return gp__owner_get(h, f);
	if (cmd == F_SETOWN) {
		gp__owner_forget(h, (int)f->rdi);
		if (gp__thread_other(h, f->rdx)) /* for the kernel no process, and no error */
			return gp__raw(SYS_fcntl, f->rdi, F_SETOWN, 0);
	}
	if (cmd != F_SETLKW && cmd != F_OFD_SETLKW)
		return gp__native(f);
	try = cmd == F_SETLKW ? F_SETLK : F_OFD_SETLK;
	r = gp__raw(SYS_fcntl, f->rdi, try, f->rdx);
	if (r != -EAGAIN && r != -EACCES)
		return r;
	return gp__sys_offload(h, me, f);
}
