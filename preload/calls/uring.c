/* uring.c - waiting for completions of io_uring.
 *
 * Submitting does not wait, so it is the kernel's affair. What waits is
 * io_uring_enter with IORING_ENTER_GETEVENTS: it is asked with a time of
 * nothing, and between two such questions the greenlet waits for the ring,
 * which is a descriptor that can be polled. Whether enough completions are there,
 * and what an error means, is always the kernel's answer.
 *
 * A ring is readable from its first completion on. Who asked for more is told
 * by an edge, from an epoll descriptor of our own, and counts in the ring, which
 * is mapped for that time. A ring whose completions are
 * found by polling the device (IORING_SETUP_IOPOLL) is never readable by
 * itself, and one that is named by its place in a table is no descriptor: for
 * these a helper waits.
 */
#include <linux/io_uring.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include "preload/calls/fd.h"
#include "preload/calls/offload.h"
#include "preload/calls/passed.h"
#include "preload/calls/signal.h"
#include "preload/calls/time.h"

#define LOOK_AGAIN (2 * GP__MSEC)
#define KNOWN     (IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP | IORING_ENTER_EXT_ARG)

/* One wait: for how many completions, until when. */
struct wait {
	struct gp_hub *h;
	struct gp_guest *me;
	int fd;
	unsigned least;
	int64_t deadline;
	int watch;        /* the epoll descriptor, -1: none */
	const char *ring; /* its first page, if least is more than one */
};

/* Where in a ring's first page its completions are counted, the same for all
 * rings of a kernel; size 0: no ring was made yet. */
static struct { uint32_t head, tail, size; } at;

static uint32_t word(const struct wait *w, uint32_t offset)
{
	return __atomic_load_n((const uint32_t *)(const void *)(w->ring + offset), __ATOMIC_ACQUIRE);
}

/* With no time: 0 when enough are there, -ETIME when not, -EAGAIN when some
 * are: of these the kernel says 0, as when its time is over. */
static long ask(const struct wait *w)
{
	long zero[2] = { 0, 0 };
	struct io_uring_getevents_arg arg = { .ts = (uint64_t)(uintptr_t)zero };
	long r = gp__raw6(SYS_io_uring_enter, w->fd, 0, w->least, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, (long)&arg,
	                  sizeof arg);

	if (!r && w->ring && word(w, at.tail) - word(w, at.head) < gp__min(w->least, word(w, at.size)))
		return -EAGAIN;
	return r;
}

/* What more than one needs: without the watch they are counted again and again.
 * False: it cannot be had. */
static bool look_inside(struct wait *w)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };
	long p;

	if (w->least <= 1)
		return true;
	if (!at.size)
		return false;
	p = gp__raw(SYS_mmap, 0, GP__PAGE, PROT_READ, MAP_SHARED, w->fd, IORING_OFF_CQ_RING);
	if (gp__is_err(p))
		return false;
	w->ring = (const char *)p;
	w->watch = gp__fd_watch_open();
	if (w->watch >= 0 && gp__raw(SYS_epoll_ctl, w->watch, EPOLL_CTL_ADD, w->fd, &e)) {
		gp__fd_watch_close(w->h, w->watch);
		w->watch = -1;
	}
	return true;
}

static void look_away(const struct wait *w)
{
	if (w->ring)
		gp__raw(SYS_munmap, w->ring, GP__PAGE);
	if (w->watch >= 0)
		gp__fd_watch_close(w->h, w->watch);
}

static long await(struct wait *w)
{
	struct epoll_event e;
	struct gp_fdwait on[2];

	for (;;) {
		const struct gp__timeout *before = w->me->g.hit;
		long r;

		if (w->watch >= 0) /* the edge before: from here on a new one may come */
			gp__raw(SYS_epoll_wait, w->watch, &e, 1, 0);
		r = ask(w);
		if (r != -ETIME && r != -EAGAIN && r != -EINTR)
			return r;
		if (gp__interrupted(w->h, w->me))
			return r == -EAGAIN ? 0 : -EINTR;
		if (r == -EINTR)
			continue;
		if (w->deadline <= gp__now()) {
			gp__empty_handed(w->h);
			return r == -EAGAIN ? 0 : r;
		}
		on[0] = (struct gp_fdwait){ .fd = w->fd, .events = w->watch < 0 ? GP__READ : 0 };
		on[1] = (struct gp_fdwait){ .fd = w->watch, .events = GP__READ };
		if (w->ring && w->watch < 0) {
			on[0].events = 0;
			r = gp__wait_fds(w->h, on, 1, gp__min(w->deadline, gp__deadline_after(LOOK_AGAIN)));
		} else {
			r = gp__wait_fds(w->h, on, w->watch < 0 ? 1 : 2, w->deadline);
		}
		w->fd = on[0].fd; /* they may have moved */
		w->watch = on[1].fd;
		if (r < 0 && r != -EINTR && !gp__own_deadline(w->h, before, (int)r))
			return gp__told(w->h, (int)r);
	}
}

/* The time limit and the mask of the extended argument. */
static long extended(struct wait *w, const struct gp_frame *f)
{
	struct io_uring_getevents_arg arg;
	long r;

	if (f->r9 != sizeof arg)
		return -EINVAL;
	if (gp__copy(&arg, (void *)f->r8, sizeof arg))
		return -EFAULT;
	r = gp__time_limit(arg.ts, &w->deadline);
	return r ? r : gp__signal_take_mask(w->me, arg.sigmask, arg.sigmask_sz);
}

/* What has been put into the ring is begun: how many of them, or an error. */
static long submit(const struct gp_frame *f)
{
	return gp__raw(SYS_io_uring_enter, f->rdi, f->rsi, 0, f->r10 & IORING_ENTER_SQ_WAKEUP, 0, 0);
}

/* Without looking inside: a helper waits, whom no tick interrupts. For the kernel
 * says nothing of an end before its time, if it has submitted something or has
 * some completions. A ring that knows but one thread does not know helpers; a flag
 * that we do not know may mean anything. */
static long unseen(struct gp_hub *h, struct gp_guest *me, const struct gp_frame *f)
{
	long args[6], sent = 0, r;

	memcpy(args, f->arg, sizeof args);
	if (gp__hub_quiet(h) || (uint32_t)f->r10 & ~(uint32_t)KNOWN)
		return gp__pass_blocking(h, me, SYS_io_uring_enter, args);
	if ((uint32_t)f->rsi) {
		sent = submit(f);
		if (sent != (long)(uint32_t)f->rsi)
			return sent;
		args[1] = 0;
	}
	r = gp__offload_call(h, me, SYS_io_uring_enter, args);
	while (r == -EEXIST || (r == GP__RESTART_NEVER && !gp__interrupted(h, me)))
		r = gp__pass_blocking(h, me, SYS_io_uring_enter, args);
	return sent ? sent : r;
}

GP_CALL(io_uring_enter)
{
	struct wait w = { h, me, (int)f->rdi, (unsigned)f->rdx, GP__NEVER, -1, NULL };
	uint32_t flags = (uint32_t)f->r10, count = (uint32_t)f->rsi;
	struct gp_fd *d = gp__fd(h, w.fd);
	long sent = 0, r = 0;

	if (!(flags & IORING_ENTER_GETEVENTS) && !(flags & ~(uint32_t)KNOWN))
		return gp__native(f);
	if (gp__hub_quiet(h) || flags & ~(uint32_t)KNOWN || !d || d->traits & GP__FD_IOPOLL || !look_inside(&w)) {
		look_away(&w);
		return unseen(h, me, f);
	}
	if (count || flags & IORING_ENTER_SQ_WAKEUP) {
		sent = submit(f);
		if (sent != count)
			goto out;
	}
	if (flags & IORING_ENTER_EXT_ARG)
		r = extended(&w, f);
	if (!r)
		r = await(&w);
out:
	look_away(&w);
	return sent ? sent : r == -EINTR ? GP__RESTART_NEVER : r;
}

GP_CALL(io_uring_setup)
{
	struct io_uring_params p;
	long r = gp__native(f);
	struct gp_fd *d = gp__is_err(r) ? NULL : gp__fd(h, (int)r);

	if (gp__is_err(r) || gp__copy(&p, (void *)f->rsi, sizeof p))
		return r;
	if (d && p.flags & IORING_SETUP_IOPOLL)
		d->traits |= GP__FD_IOPOLL;
	if (p.cq_off.head < GP__PAGE && p.cq_off.tail < GP__PAGE && p.cq_off.ring_entries < GP__PAGE) {
		at.head = p.cq_off.head;
		at.tail = p.cq_off.tail;
		at.size = p.cq_off.ring_entries;
	}
	return r;
}
