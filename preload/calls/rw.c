/* rw.c - read, write and their relatives.
 *
 * One attempt for every kind of descriptor: take what is there, or put what
 * fits. A blocking write goes on until everything is written, as natively; a
 * read gives what the first attempt gives.
 *
 * /dev/zero, /dev/urandom and getrandom() never wait, but the kernel looks for
 * signals at every page or so, and gives less when there is one. One that is not
 * the program's is the tick, most likely: the call goes on from there, after a
 * turn of the others (read_zero() in drivers/char/mem.c, get_random_bytes_user()
 * in drivers/char/random.c).
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include "preload/calls/fd.h"
#include "preload/calls/preempt.h"
#include "preload/calls/proc.h"
#include "preload/calls/signal.h"

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif
#define USER_END 0x7ffffffff000UL /* of the addresses that a program can have */
#define RW_MAX 0x7ffff000UL /* bytes that one call moves at most */
#define IOV_HERE 8 /* vectors up to here are copied to the stack */

/* The vector of a call: what is still to be moved. */
struct vec {
	struct iovec *iov;
	int n;
	struct iovec here[IOV_HERE];
	struct iovec *heap; /* freed by vec_free */
	size_t total;
};

static long vec_one(struct vec *v, uint64_t base, uint64_t len)
{
	v->here[0] = (struct iovec){ (void *)base, len };
	v->iov = v->here;
	v->n = 1;
	v->heap = NULL;
	v->total = len;
	if ((int64_t)len < 0)
		return -EINVAL;
	/* read and write look at the whole buffer, a vector only at what of
	 * it can be moved at once. */
	return base > USER_END || len > USER_END - base ? -EFAULT : 0;
}

static long vec_many(struct vec *v, const void *from, long n)
{
	v->iov = v->here;
	v->heap = NULL;
	v->n = (int)n;
	v->total = 0;
	if (n < 0 || n > 1024)
		return -EINVAL;
	if (n > IOV_HERE) {
		v->heap = gp__alloc((size_t)n * sizeof *v->heap);
		if (!v->heap)
			return -ENOMEM;
		v->iov = v->heap;
	}
	if (gp__copy(v->iov, from, (size_t)n * sizeof *v->iov)) {
		gp__free(v->heap);
		return -EFAULT;
	}
	for (long i = 0; i < n; i++)
		v->total += v->iov[i].iov_len;
	return 0;
}

static void vec_advance(struct vec *v, size_t by)
{
	v->total -= by;
	while (v->n && by >= v->iov->iov_len) {
		by -= v->iov->iov_len;
		v->iov++;
		v->n--;
	}
	if (v->n) {
		v->iov->iov_base = (char *)v->iov->iov_base + by;
		v->iov->iov_len -= by;
	}
}

static long nowait(struct gp_io *io, struct vec *v, long nr, uint8_t missing)
{
	long r;

	if (!(io->d->traits & missing)) {
		r = gp__raw(nr, io->fd, v->iov, v->n, -1, -1, RWF_NOWAIT);
		if (r != -EOPNOTSUPP)
			return r;
		io->d->traits |= missing;
	}
	return -EOPNOTSUPP;
}

/* The calls of one direction: recvfrom and sendto, and so on, take alike. */
static const struct way {
	long one, message, nowait, vector;
	uint8_t missing; /* the trait that says that nowait is not there */
} reading = { SYS_recvfrom, SYS_recvmsg, SYS_preadv2, SYS_readv, GP__FD_NO_NOWAIT_READ },
  writing = { SYS_sendto, SYS_sendmsg, SYS_pwritev2, SYS_writev, GP__FD_NO_NOWAIT_WRITE };

/* It reads from its terminal, which is another process group's now: the kernel
 * stops it at once, whether there is something to read or not. */
static bool in_background(const struct gp_io *io)
{
	int group = 0;

	return io->kind == GP__FD_OTHER && io->events & GP__READ && !gp__raw(SYS_ioctl, io->fd, TIOCGPGRP, &group) &&
	       group != (int)gp__raw(SYS_getpgrp);
}

static long attempt_vec(struct gp_io *io)
{
	const struct way *way = io->events & GP__READ ? &reading : &writing;
	struct vec *v = io->arg;
	struct msghdr m;
	long r;

	switch (io->kind) {
	case GP__FD_STREAM:
	case GP__FD_DGRAM:
		if (v->n == 1)
			return gp__raw(way->one, io->fd, v->iov->iov_base, v->iov->iov_len, MSG_DONTWAIT, 0, 0);
		memset(&m, 0, sizeof m);
		m.msg_iov = v->iov;
		m.msg_iovlen = (size_t)v->n;
		return gp__raw(way->message, io->fd, &m, MSG_DONTWAIT);
	case GP__FD_NOWAIT:
		r = nowait(io, v, way->nowait, way->missing);
		if (r != -EOPNOTSUPP)
			return r;
		/* fall through */
	default:
		if (!gp__fd_ready(io->fd, io->events) && !in_background(io))
			return -EAGAIN;
		return gp__guarded(io, way->vector, (long[]){ io->fd, (long)v->iov, v->n, 0, 0, 0 });
	}
}

/* Nobody else could use the time: the kernel may do the waiting. A short
 * write after an interruption that was not the program's goes on. */
static long while_quiet(struct gp_io *io, struct vec *v, bool again)
{
	long rest[6] = { io->fd, (long)v->iov, v->n, 0, 0, 0 };

	for (;;) {
		long r;

		if (!gp__hub_quiet(io->h))
			return -EAGAIN;
		if (again)
			r = gp__native_block(io->h, io->me, SYS_writev, rest);
		else
			r = gp__native_block(io->h, io->me, (long)io->f->nr, (long *)io->f->arg);
		if (r != -EINTR)
			return r;
		if (gp__interrupted(io->h, io->me))
			return gp__signalled(io->me, gp__io_restart(io));
	}
}

static long read_vec(struct gp_io *io, struct vec *v)
{
	long r;

	io->attempt = attempt_vec;
	io->arg = v;
	if (gp__unlikely(io->d->traits & GP__FD_LOW))
		return gp__io_receive_low(io, v->total);
	r = while_quiet(io, v, false);
	if (r != -EAGAIN || gp__hub_quiet(io->h))
		return r;
	return gp__io_receive(io, v->total);
}

static long write_vec(struct gp_io *io, struct vec *v)
{
	long done = 0;

	io->attempt = attempt_vec;
	io->arg = v;
	for (;;) {
		long r = while_quiet(io, v, done > 0);

		if (r == -EAGAIN && !gp__hub_quiet(io->h))
			r = gp__io_run(io);
		if (r < 0)
			return gp__moved(io->me, done, r);
		done += r;
		io->moved = true;
		if (r == (long)v->total || r == 0 || io->kind == GP__FD_DGRAM)
			return done;
		vec_advance(v, (size_t)r);
		if (gp__interrupted(io->h, io->me) || gp__fd_nonblocking(io->h, io->fd))
			return done;
	}
}

static bool never_waits(const struct gp_io *io)
{
	return io->kind == GP__FD_DIRECT || io->kind == GP__FD_DEVICE;
}

/* Whether the kernel may simply be asked: it does not wait, or it knows the error. */
static bool direct(const struct gp_io *io)
{
	return never_waits(io) || io->kind == GP__FD_BAD;
}

/* ... and gives all that there is at once. */
static bool whole(const struct gp_io *io)
{
	return direct(io) && io->kind != GP__FD_DEVICE;
}

/* A call that gave less than was asked for, maybe because of the tick: whether it
 * is to go on. Others may have had a turn then. */
static bool goes_on(struct gp_hub *h, struct gp_guest *me)
{
	if (gp__interrupted(h, me))
		return false;
	if (gp__tick_wants_switch(h))
		gp__tick_yield(h);
	return true;
}

static long run_device(struct gp_io *io, struct vec *v)
{
	const struct way *way = io->events & GP__READ ? &reading : &writing;
	struct gp_fdwait hold = { .fd = io->fd };
	long done = 0, r = gp__pass(io->h, io->me, io->f);

	if (r <= 0 || (size_t)r >= v->total || v->total > RW_MAX || gp__fdwait_join(io->h, &hold))
		return r;
	do {
		done += r;
		vec_advance(v, (size_t)r);
		if (!v->total || !goes_on(io->h, io->me))
			break;
		gp__io_follow(io, &hold);
		r = gp__raw(way->vector, io->fd, v->iov, v->n);
	} while (r > 0);
	gp__fdwait_part(io->h, &hold);
	return done;
}

static long run(struct gp_io *io, struct vec *v, long bad)
{
	long r;

	if (bad) /* for the kernel something else may be wrong first; nothing waits for this */
		return bad == -ENOMEM ? bad : gp__native(io->f);
	if (!v->total)
		r = gp__native(io->f);
	else if (io->kind == GP__FD_DEVICE)
		r = run_device(io, v);
	else
		r = io->events & GP__READ ? read_vec(io, v) : write_vec(io, v);
	gp__free(v->heap);
	return r;
}

/* A buffer that cannot be the program's is refused before the kernel looks for
 * data; as a vector of one it would not be, and the call would wait first. */
static bool out_of_reach(const struct gp_frame *f)
{
	return f->rsi + f->rdx < f->rsi || f->rsi + f->rdx > 1UL << 47;
}

GP_CALL(read)
{
	struct gp_io io;
	struct vec v;

	gp__io_open(&io, h, me, f, (int)f->rdi, GP__READ);
	if (whole(&io) || out_of_reach(f))
		return gp__pass(h, me, f);
	return run(&io, &v, vec_one(&v, f->rsi, f->rdx));
}

GP_CALL(write)
{
	struct gp_io io;
	struct vec v;

	gp__io_open(&io, h, me, f, (int)f->rdi, GP__WRITE);
	if (gp__unlikely(io.kind == GP__FD_DIRECT && io.d->traits & GP__FD_COMM))
		return gp__proc_comm_write(h, f);
	if (whole(&io) || out_of_reach(f))
		return gp__pass(h, me, f);
	return run(&io, &v, vec_one(&v, f->rsi, f->rdx));
}

static long vectored(struct gp_hub *h, struct gp_guest *me, struct gp_frame *f, unsigned events)
{
	struct gp_io io;
	struct vec v;

	gp__io_open(&io, h, me, f, (int)f->rdi, events);
	if (whole(&io))
		return gp__pass(h, me, f);
	return run(&io, &v, vec_many(&v, (void *)f->rsi, (int)f->rdx));
}

GP_CALL(readv) { return vectored(h, me, f, GP__READ); }
GP_CALL(writev) { return vectored(h, me, f, GP__WRITE); }

/* With an offset they are for files that can seek, which do not wait; -1
 * means the current position, and preadv2 then is readv with flags. */
static long positioned(struct gp_hub *h, struct gp_guest *me, struct gp_frame *f, unsigned events)
{
	if ((int64_t)f->r10 != -1 || f->r9)
		return gp__pass(h, me, f);
	return vectored(h, me, f, events);
}

GP_CALL(preadv2) { return positioned(h, me, f, GP__READ); }
GP_CALL(pwritev2) { return positioned(h, me, f, GP__WRITE); }

GP_CALL(getrandom)
{
	long done = 0, r = gp__pass(h, me, f);

	while (r > 0 && (done += r) < (long)f->rsi && goes_on(h, me))
		r = gp__raw(SYS_getrandom, f->rdi + (size_t)done, f->rsi - (size_t)done, f->rdx);
	return done ? done : r;
}

/* ---- from one descriptor to another ----------------------------------------------- */

#define CHUNK 65536UL

/* Not what has no file behind it: nothing can be spliced there, and it may never be ready. */
static bool is_pipe(int fd)
{
	return !gp__is_err(gp__raw(SYS_fcntl, fd, F_GETPIPE_SZ));
}

/* One end after the other must be ready; then a piece is moved. */
static long attempt_move(struct gp_io *io)
{
	const struct gp_frame *f = io->f; /* whose numbers follow the files */
	bool sendfile = f->nr == SYS_sendfile;
	long args[6] = { (long)f->rdi, (long)f->rsi, (long)f->rdx, (long)f->r10, (long)f->r8, (long)f->r9 };

	if (!never_waits(io) && !gp__fd_ready(io->fd, io->events))
		return -EAGAIN;
	if (sendfile)
		args[3] = (long)gp__min((size_t)io->arg, CHUNK);
	else
		args[4] = (long)gp__min((size_t)io->arg, CHUNK);
	return gp__guarded(io, (long)f->nr, args);
}

GP_CALL(sendfile)
{
	size_t left = gp__min(f->r10, 0x7ffff000UL);
	struct gp_io in, out;
	long done = 0;

	gp__io_open(&out, h, me, f, (int)f->rdi, GP__WRITE);
	if (direct(&out) || !left || gp__fd_nonblocking(h, out.fd) || (out.kind == GP__FD_NOWAIT && !is_pipe(out.fd)))
		return gp__native(f);
	gp__io_open(&in, h, me, f, (int)f->rsi, GP__READ);
	out.attempt = attempt_move;
	out.also = in.kind == GP__FD_BAD ? NULL : &in;
	while (left) {
		long r;

		out.arg = (void *)left;
		r = gp__io_run(&out);
		if (r <= 0)
			return gp__moved(me, done, r);
		done += r;
		left -= (size_t)r;
	}
	return done;
}

static bool same_pipe(int a, int b)
{
	struct stat in, out;

	return !gp__raw(SYS_fstat, a, &in) && !gp__raw(SYS_fstat, b, &out) && in.st_dev == out.st_dev && in.st_ino == out.st_ino;
}

/* The kernel would not wait for such a call, but say what is wrong with it (do_splice()). */
static bool splice_wrong(const struct gp_frame *f, int in, int out)
{
	bool from = is_pipe(in), to = is_pipe(out);

	return f->r9 & ~15UL || (from && f->rsi) || (to && f->r10) || (from && to && same_pipe(in, out)) ||
	       (gp__raw(SYS_fcntl, in, F_GETFL) & O_ACCMODE) == O_WRONLY || !(gp__raw(SYS_fcntl, out, F_GETFL) & O_ACCMODE);
}

GP_CALL(splice)
{
	struct gp_io in, out;
	bool looked = false;

	gp__io_open(&in, h, me, f, (int)f->rdi, GP__READ);
	gp__io_open(&out, h, me, f, (int)f->rdx, GP__WRITE);
	if (in.kind == GP__FD_BAD || out.kind == GP__FD_BAD || !f->r8 || f->r9 & 2 /* SPLICE_F_NONBLOCK */ ||
	    (!is_pipe(in.fd) && !is_pipe(out.fd)))
		return gp__native(f);
	in.also = &out;
	out.also = &in;
	for (;;) {
		struct gp_io *waits = NULL;
		long r;

		if (!never_waits(&in) && !gp__fd_ready(in.fd, GP__READ))
			waits = &in;
		else if (!never_waits(&out) && !gp__fd_ready(out.fd, GP__WRITE))
			waits = &out;
		if (!waits) {
			in.arg = (void *)f->r8;
			r = attempt_move(&in);
			if (r != -EAGAIN)
				return r;
			continue;
		}
		if (!looked && splice_wrong(f, in.fd, out.fd))
			return gp__native(f);
		looked = true;
		r = gp__io_wait(waits);
		if (r)
			return r;
	}
}
