/* futex_waitv.c - waiting for one of several words: futex_waitv(2).
 *
 * An entry in the queue of each word; whoever wakes one of them ends the wait,
 * and the entry says which it was. What the call checks, and in which order, is
 * as in kernel/futex/{syscalls,waitwake}.c.
 */
#include <linux/futex.h>
#include <time.h>
#include "preload/calls/futex.h"
#include "preload/calls/time.h"

struct word {
	struct gp_futex_wait wait;
	struct gp_futex_watch watch;
	uint32_t value;
	unsigned flag;   /* FUTEX_PRIVATE_FLAG */
	bool outside;    /* somebody else than a greenlet may wake it */
	bool watched;
};

/* What the program gave, copied and looked at. 0 or -errno. */
static long read_words(struct word *w, const struct futex_waitv *from, unsigned n)
{
	uint32_t value;

	for (unsigned i = 0; i < n; i++) {
		struct futex_waitv v;

		if (gp__copy(&v, &from[i], sizeof v))
			return -EFAULT;
		if (v.flags & ~(FUTEX_32 | FUTEX_PRIVATE_FLAG) || v.__reserved || !(v.flags & FUTEX_32) || v.val >> 32)
			return -EINVAL;
		w[i].wait.addr = v.uaddr;
		w[i].value = (uint32_t)v.val;
		w[i].flag = v.flags & FUTEX_PRIVATE_FLAG;
	}
	for (unsigned i = 0; i < n; i++) {
		if (w[i].wait.addr & 3)
			return -EINVAL;
		if (gp__futex_look(w[i].wait.addr, w[i].flag, &value))
			return -EFAULT;
		w[i].outside = gp__futex_outside(w[i].wait.addr, w[i].flag);
	}
	return 0;
}

/* Which word does not have its value any more; -1: none; or -EFAULT. */
static long changed(const struct word *w, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint32_t now;

		if (gp__load32(&now, (uint32_t *)w[i].wait.addr))
			return -EFAULT;
		if (now != w[i].value)
			return i;
	}
	return -1;
}

static void leave_all(struct word *w, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		gp__list_del(&w[i].wait.link);
		if (w[i].watched)
			gp__futex_unwatch(&w[i].watch, w[i].wait.woken);
		w[i].watched = false;
	}
}

/* Joins all queues and parks. The word that was woken, or -errno; -EAGAIN: look
 * at the words. */
static long wait_once(struct gp_hub *h, struct gp_guest *me, struct word *w, unsigned n, int64_t deadline)
{
	bool shared = false, unwatched = false;
	int64_t until = deadline;
	long r, woken = -1;

	for (struct word *at = w; at < w + n; at++) {
		gp__futex_enter(&at->wait, me, at->wait.addr, ~0U);
		if (!at->outside)
			continue;
		shared = true;
		at->watch = (struct gp_futex_watch){ .addr = at->wait.addr, .value = at->value, .flag = at->flag };
		at->watched = gp__futex_watch(h, &at->watch);
		unwatched |= !at->watched;
	}
	if (unwatched && gp__futex_unwatched()) {
		leave_all(w, n);
		return -ENOSYS; /* as this kernel's own */
	}
	if (unwatched)
		until = gp__min(deadline, gp__deadline_after(GP__FUTEX_LOOK_AGAIN));
	r = gp__futex_park(h, &w[0].wait, until, shared);
	if (r == -ETIMEDOUT && until != deadline)
		r = -EAGAIN;
	for (unsigned i = 0; i < n && woken < 0; i++)
		if (w[i].wait.woken || (w[i].watched && w[i].watch.fired && w[i].watch.woken))
			woken = i;
	leave_all(w, n);
	return woken >= 0 ? woken : r ? r : -EAGAIN;
}

static long wait_for_words(struct gp_hub *h, struct gp_guest *me, struct word *w, unsigned n, int64_t deadline)
{
	long r = changed(w, n);

	if (r != -1)
		return r < 0 ? r : -EAGAIN;
	do {
		r = wait_once(h, me, w, n, deadline);
		if (r != -EAGAIN)
			return r == -EINTR ? GP__RESTART_SYS : r;
		r = changed(w, n);
	} while (r == -1);
	return r;
}

GP_CALL(futex_waitv)
{
	unsigned n = (unsigned)f->rsi;
	int64_t deadline = GP__NEVER;
	int clock = (int)f->r8;
	struct word *w;
	long r;

	if (f->rdx || !f->rdi || !n || n > FUTEX_WAITV_MAX)
		return -EINVAL;
	if (f->r10) {
		if (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME)
			return -EINVAL;
		r = gp__time_deadline((void *)f->r10, clock, true, &deadline);
		if (r)
			return r;
	}
	w = gp__alloc(n * sizeof *w);
	if (!w)
		return -ENOMEM;
	r = read_words(w, (void *)f->rdi, n);
	if (!r)
		r = wait_for_words(h, me, w, n, deadline);
	gp__free(w);
	return r;
}
