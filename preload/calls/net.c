/* net.c - sockets.
 *
 * recv and send have MSG_DONTWAIT. accept has nothing of the kind: poll first,
 * and the tick as a guard. connect sets O_NONBLOCK for the length of one system
 * call: nobody else uses a socket that is not connected yet.
 */
#include <fcntl.h>
#include <sys/socket.h>
#include "preload/calls/fd.h"
#include "preload/calls/offload.h"
#include "preload/calls/signal.h"
#include "preload/calls/time.h"

/* What makes a receive return at once, on any socket; for MSG_OOB see tcp_recv_urg(). */
#define NEVER_WAITS (MSG_DONTWAIT | MSG_ERRQUEUE | MSG_OOB)

static bool socket_kind(const struct gp_io *io)
{
	return io->kind == GP__FD_STREAM || io->kind == GP__FD_DGRAM;
}

/* The kernel blocks for us while nobody else could run. -EAGAIN: park. */
static long while_quiet(struct gp_io *io)
{
	while (gp__hub_quiet(io->h)) {
		long r = gp__native_block(io->h, io->me, (long)io->f->nr, (long *)io->f->arg);

		if (r != -EINTR)
			return r;
		if (gp__interrupted(io->h, io->me))
			return gp__signalled(io->me, gp__io_restart(io));
	}
	return -EAGAIN;
}

static long attempt_recvfrom(struct gp_io *io)
{
	const struct gp_frame *f = io->f;

	return gp__raw(SYS_recvfrom, f->rdi, f->rsi, f->rdx, f->r10 | MSG_DONTWAIT, f->r8, f->r9);
}

static long run(struct gp_io *io, long (*attempt)(struct gp_io *))
{
	bool quiet = gp__hub_quiet(io->h);
	long r = while_quiet(io);

	if (r != -EAGAIN || (quiet && gp__hub_quiet(io->h)))
		return r;
	io->attempt = attempt;
	return attempt == attempt_recvfrom && !(io->f->r10 & MSG_PEEK) ? gp__io_receive(io, io->f->rdx) : gp__io_run(io);
}

/* What is left of a message on a stream is moved without its ancillary data,
 * which went with the first byte. */
static long move_rest(struct gp_io *io, struct msghdr *m, long done, long (*attempt)(struct gp_io *))
{
	struct gp_frame copy = *io->f;
	struct iovec *iov = gp__alloc(m->msg_iovlen * sizeof *iov);
	struct iovec *at = iov;
	size_t by = (size_t)done, n = m->msg_iovlen;

	if (!iov)
		return done;
	if (gp__copy(iov, m->msg_iov, n * sizeof *iov))
		n = 0;
	m->msg_control = NULL;
	m->msg_controllen = 0;
	copy.rsi = (uint64_t)m;
	io->f = &copy;
	io->moved = true;
	for (;;) {
		long r;

		for (; n && by >= at->iov_len; at++, n--)
			by -= at->iov_len;
		if (!n || gp__interrupted(io->h, io->me) || gp__fd_nonblocking(io->h, io->fd))
			break;
		at->iov_base = (char *)at->iov_base + by;
		at->iov_len -= by;
		m->msg_iov = at;
		m->msg_iovlen = n;
		r = run(io, attempt);
		if (r <= 0)
			break;
		done += r;
		by = (size_t)r;
	}
	gp__free(iov);
	return done;
}

/* ---- receiving ----------------------------------------------------------------- */

/* MSG_WAITALL on a stream: until the buffer is full, the end, or an error. The
 * kernel, if it does the waiting, gives up half-way when the tick interrupts. */
static long recv_all(struct gp_io *io)
{
	struct gp_frame *f = io->f, copy = *f;
	long done = 0;

	io->f = &copy;
	io->attempt = attempt_recvfrom;
	for (;;) {
		/* One time limit for all of it. */
		long r = io->d->traits & GP__FD_TIMED ? gp__io_run(io) : run(io, attempt_recvfrom);

		if (r <= 0)
			return gp__moved(io->me, done, r);
		done += r;
		io->moved = true;
		copy.rsi += (uint64_t)r;
		copy.rdx -= (uint64_t)r;
		if (!copy.rdx || gp__interrupted(io->h, io->me))
			return done;
	}
}

static bool is_unix(int fd)
{
	int domain = 0;
	socklen_t len = sizeof domain;

	gp__raw(SYS_getsockopt, fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
	return domain == AF_UNIX;
}

static bool low_mark(const struct gp_io *io, int flags)
{
	return gp__unlikely(io->d->traits & GP__FD_LOW) && !(flags & MSG_WAITALL) && (!(flags & MSG_PEEK) || !is_unix(io->fd));
}

GP_CALL(recvfrom)
{
	struct gp_io io;

	if (f->r10 & NEVER_WAITS)
		goto native;
	gp__io_open(&io, h, me, f, (int)f->rdi, GP__READ);
	if (!socket_kind(&io))
		return gp__native(f);
	if (f->r10 & MSG_WAITALL && io.kind == GP__FD_STREAM) {
		if (!(f->r10 & MSG_PEEK))
			return recv_all(&io);
		io.attempt = attempt_recvfrom;
		if (!is_unix(io.fd)) /* there a peek takes what is there */
			return gp__io_receive_least(&io, f->rdx);
	}
	if (low_mark(&io, (int)f->r10)) {
		io.attempt = attempt_recvfrom;
		return gp__io_receive_low(&io, f->rdx);
	}
	return run(&io, attempt_recvfrom);
native:;
	long r = gp__native(f);

	if (r == -EAGAIN)
		gp__empty_handed(h);
	return r;
}

/* What it has room for; 0 where the kernel will find a fault. */
static size_t message_size(uint64_t from)
{
	struct msghdr m;
	struct iovec v;
	size_t size = 0;

	if (gp__copy(&m, (void *)from, sizeof m) || m.msg_iovlen > 1024)
		return 0;
	for (size_t i = 0; i < m.msg_iovlen; i++, size += v.iov_len)
		if (gp__copy(&v, &m.msg_iov[i], sizeof v))
			return 0;
	return size;
}

static long attempt_recvmsg(struct gp_io *io)
{
	return gp__raw(SYS_recvmsg, io->f->rdi, io->f->rsi, io->f->rdx | MSG_DONTWAIT);
}

GP_CALL(recvmsg)
{
	struct gp_io io;
	struct msghdr m;
	long r;

	if (f->rdx & NEVER_WAITS)
		return gp__native(f);
	gp__io_open(&io, h, me, f, (int)f->rdi, GP__READ);
	if (!socket_kind(&io))
		return gp__native(f);
	if (low_mark(&io, (int)f->rdx)) {
		io.attempt = attempt_recvmsg;
		return gp__io_receive_low(&io, message_size(f->rsi));
	}
	r = run(&io, attempt_recvmsg);
	if (r <= 0 || (f->rdx & (MSG_WAITALL | MSG_PEEK)) != MSG_WAITALL || io.kind != GP__FD_STREAM ||
	    gp__copy(&m, (void *)f->rsi, sizeof m) || m.msg_controllen || m.msg_iovlen > 1024)
		return r;
	return move_rest(&io, &m, r, attempt_recvmsg);
}

/* arg: how many messages have come. */
static long attempt_recvmmsg(struct gp_io *io)
{
	const struct gp_frame *f = io->f;
	size_t got = (size_t)io->arg;

	return gp__raw(SYS_recvmmsg, f->rdi, f->rsi + got * sizeof(struct mmsghdr), f->rdx - got, f->r10 | MSG_DONTWAIT, 0);
}

GP_CALL(recvmmsg)
{
	int64_t deadline = GP__NEVER;
	struct gp_io io;
	long r, got = 0;

	if (f->r10 & NEVER_WAITS)
		return gp__native(f);
	gp__io_open(&io, h, me, f, (int)f->rdi, GP__READ);
	if (!socket_kind(&io) || !(unsigned)f->rdx)
		return gp__native(f);
	if (f->r8) {
		r = gp__time_deadline((void *)f->r8, 1, false, &deadline);
		if (r)
			return r;
	}
	io.attempt = attempt_recvmmsg;
	do {
		io.arg = (void *)got;
		r = gp__io_run(&io);
		if (r < 0)
			return got ? got : r;
		got += r;
	} while (got < (long)(unsigned)f->rdx && !(f->r10 & MSG_WAITFORONE) && gp__now() < deadline);
	return got;
}

/* ---- sending --------------------------------------------------------------------- */

#define PEER_FULL (-ENOTBLK) /* of an attempt; no call that sends says so */

/* A datagram to a Unix socket that is full: poll looks at the sender's own room,
 * unless the two are connected (unix_dgram_poll() in net/unix/af_unix.c). */
static long tried(const struct gp_io *io, long r)
{
	bool full = r == -EAGAIN && io->kind == GP__FD_DGRAM && is_unix(io->fd) && !gp__fd_nonblocking(io->h, io->fd) &&
	            gp__fd_ready(io->fd, GP__WRITE);

	return full ? PEER_FULL : r;
}

/* What there is nothing to poll for is a helper's. */
static long by_helper(struct gp_io *io, long nr, const long *args)
{
	long r = gp__offload_call(io->h, io->me, nr, args);

	return r == GP__RESTART_SYS ? gp__io_restart(io) : r;
}

static long run_send(struct gp_io *io, long (*attempt)(struct gp_io *))
{
	long r = run(io, attempt);

	return r == PEER_FULL ? by_helper(io, (long)io->f->nr, (const long *)io->f->arg) : r;
}

static long attempt_sendto(struct gp_io *io)
{
	const struct gp_frame *f = io->f;

	return tried(io, gp__raw(SYS_sendto, f->rdi, f->rsi, f->rdx, f->r10 | MSG_DONTWAIT, f->r8, f->r9));
}

GP_CALL(sendto)
{
	struct gp_frame copy = *f;
	struct gp_io io;
	long done = 0;

	if (f->r10 & MSG_DONTWAIT)
		return gp__native(f);
	gp__io_open(&io, h, me, &copy, (int)f->rdi, GP__WRITE);
	if (!socket_kind(&io))
		return gp__native(f);
	for (;;) {
		long r = run_send(&io, attempt_sendto);

		if (r < 0)
			return gp__moved(me, done, r);
		done += r;
		io.moved = true;
		if (io.kind != GP__FD_STREAM || r == (long)copy.rdx || gp__interrupted(h, me) || gp__fd_nonblocking(h, io.fd))
			return done;
		copy.rsi += (uint64_t)r;
		copy.rdx -= (uint64_t)r;
	}
}

static long attempt_sendmsg(struct gp_io *io)
{
	return tried(io, gp__raw(SYS_sendmsg, io->f->rdi, io->f->rsi, io->f->rdx | MSG_DONTWAIT));
}

GP_CALL(sendmsg)
{
	struct gp_io io;
	struct msghdr m;
	long r;

	if (f->rdx & MSG_DONTWAIT)
		return gp__native(f);
	gp__io_open(&io, h, me, f, (int)f->rdi, GP__WRITE);
	if (!socket_kind(&io))
		return gp__native(f);
	if (!gp__copy(&m, (void *)f->rsi, sizeof m) && m.msg_controllen)
		gp__fd_shared(); /* it may hand a descriptor to another process */
	r = run_send(&io, attempt_sendmsg);
	if (r <= 0 || io.kind != GP__FD_STREAM || gp__copy(&m, (void *)f->rsi, sizeof m) || m.msg_iovlen > 1024)
		return r;
	return move_rest(&io, &m, r, attempt_sendmsg);
}

static long attempt_sendmmsg(struct gp_io *io)
{
	const struct gp_frame *f = io->f;
	size_t sent = (size_t)io->arg;

	return tried(io, gp__raw(SYS_sendmmsg, f->rdi, f->rsi + sent * sizeof(struct mmsghdr), f->rdx - sent,
	                         f->r10 | MSG_DONTWAIT));
}

/* On a stream each message may need several steps. */
static long send_each(struct gp_hub *h, struct gp_guest *me, const struct gp_frame *f)
{
	unsigned n = (unsigned)gp__min(f->rdx & 0xffffffff, 1024UL), i;
	long r = 0;

	for (i = 0; i < n; i++) {
		struct mmsghdr *m = (struct mmsghdr *)f->rsi + i;
		struct gp_frame copy = *f;
		unsigned len;

		copy.nr = SYS_sendmsg;
		copy.rsi = (uint64_t)&m->msg_hdr;
		copy.rdx = f->r10;
		r = gp__sys_sendmsg(h, me, &copy);
		len = (unsigned)r;
		if (r < 0 || gp__copy(&m->msg_len, &len, sizeof len))
			break;
	}
	return i ? (long)i : r;
}

GP_CALL(sendmmsg)
{
	struct gp_io io;
	long sent = 0;

	if (f->r10 & MSG_DONTWAIT)
		return gp__native(f);
	gp__io_open(&io, h, me, f, (int)f->rdi, GP__WRITE);
	if (!socket_kind(&io) || !(unsigned)f->rdx)
		return gp__native(f);
	if (io.kind == GP__FD_STREAM)
		return send_each(h, me, f);
	io.attempt = attempt_sendmmsg;
	do {
		long r;

		io.arg = (void *)sent;
		r = gp__io_run(&io);
		if (r == PEER_FULL) {
			long rest[6] = { io.fd, (long)f->rsi + sent * (long)sizeof(struct mmsghdr), (long)f->rdx - sent, (long)f->r10 };

			r = by_helper(&io, SYS_sendmmsg, rest);
		}
		if (r <= 0)
			return sent ? sent : r;
		sent += r;
	} while (sent < (long)(unsigned)f->rdx);
	return sent;
}

/* ---- connections -------------------------------------------------------------------- */

static long attempt_accept(struct gp_io *io)
{
	if (!gp__fd_ready(io->fd, GP__READ))
		return -EAGAIN;
	return gp__guarded(io, (long)io->f->nr, (long *)io->f->arg);
}

GP_CALL(accept)
{
	struct gp_io io;
	long r;

	gp__io_open(&io, h, me, f, (int)f->rdi, GP__READ);
	if (!socket_kind(&io) || gp__fd_nonblocking(h, io.fd))
		return gp__native(f);
	r = run(&io, attempt_accept);
	gp__fd_fresh(h, r, f->nr == SYS_accept4 && f->r10 & SOCK_NONBLOCK);
	return r;
}

GP_CALL(accept4) { return gp__sys_accept(h, me, f); }

/* connect once, without blocking: O_NONBLOCK is set for this one call. Where
 * another process could see that, the call may block until the next tick. */
static long attempt_connect(struct gp_io *io)
{
	long flags, r;
	int tries = 0;

	if (io->d->shares != gp__shim.shares)
		return gp__guarded(io, SYS_connect, (const long *)io->f->arg);
	flags = gp__raw(SYS_fcntl, io->fd, F_GETFL);
	gp__raw(SYS_fcntl, io->fd, F_SETFL, flags | O_NONBLOCK);
	r = gp__native(io->f);
	while (gp__is_err(gp__raw(SYS_fcntl, io->fd, F_SETFL, flags)) && tries++ < 3)
		;
	return r;
}

/* The result of a connection that was under way comes from a second connect,
 * which alone brings the kernel's socket into its final state. */
GP_CALL(connect)
{
	struct gp_io io;
	long r;

	gp__io_open(&io, h, me, f, (int)f->rdi, GP__WRITE);
	if (!socket_kind(&io) || gp__fd_nonblocking(h, io.fd))
		return gp__native(f);
	for (;;) {
		r = attempt_connect(&io);
		if (r == -EAGAIN && is_unix(io.fd)) /* its listener is full: nothing to poll for */
			return gp__sys_offload(h, me, f);
		if (r != -EINPROGRESS && r != -EALREADY && r != -EAGAIN)
			return r;
		r = gp__io_wait(&io);
		if (r)
			return r == -EAGAIN ? -EINPROGRESS : r;
	}
}

GP_CALL(setsockopt)
{
	long r = gp__native(f);
	struct gp_fd *d = gp__fd(h, (int)f->rdi);

	if (!r && d && d->kind && f->rsi == SOL_SOCKET &&
	    (f->rdx == SO_RCVTIMEO || f->rdx == SO_SNDTIMEO || f->rdx == 66 || f->rdx == 67))
		d->traits |= GP__FD_TIMED;
	if (!r && d && d->kind == GP__FD_STREAM && f->rsi == SOL_SOCKET && f->rdx == SO_RCVLOWAT)
		gp__fd_low(d, (int)f->rdi);
	return r;
}
