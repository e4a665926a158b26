/* poll.c - readiness: poll, select and epoll_wait.
 *
 * The answer always comes from the kernel's own call, made with no time: the
 * hub is only asked to say when it may be worth asking again. So the meaning of
 * every flag, of one-shot and of edge-triggered interest is the kernel's.
 *
 * The hub waits for "readable" and "writable". What a program may wait for
 * beside these (POLLPRI, POLLRDHUP alone, nothing but errors) is put into an
 * epoll descriptor of its own, whose readability the hub can wait for.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>
#include <time.h>
#include "preload/calls/fd.h"
#include "preload/calls/signal.h"
#include "preload/calls/time.h"

#define LOOK_AGAIN (5 * GP__MSEC)
#define HERE      4 /* waits up to here are on the stack */
#define TABLE_MIN 64 /* numbers that the kernel's table has room for at least */
#define PLAIN_IN  (POLLIN | POLLRDNORM)
#define PLAIN_OUT (POLLOUT | POLLWRNORM)

/* Waits for one call, with what it needs to be undone. */
struct waits {
	struct gp_fdwait here[HERE];
	struct gp_fdwait *w; /* here, or from the heap */
	int n;
	int extra;           /* which of them is the epoll descriptor of our own, -1: none */
	bool blind;          /* for some there is none: they have to be asked again and again */
};

static bool waits_make(struct waits *s, unsigned long n)
{
	s->n = 0;
	s->extra = -1;
	s->blind = false;
	s->w = s->here;
	if (n + 1 > HERE)
		s->w = gp__alloc((n + 1) * sizeof *s->w);
	return s->w != NULL;
}

static void waits_end(struct waits *s)
{
	if (s->extra >= 0)
		gp__fd_watch_close(gp__hub(), s->w[s->extra].fd);
	if (s->w != s->here)
		gp__free(s->w);
}

static void waits_extra(struct waits *s, int fd, unsigned events)
{
	struct epoll_event e = { .events = events };
	long r;

	if (s->extra < 0) {
		int watch = gp__fd_watch_open();

		if (watch < 0) {
			s->blind = true;
			return;
		}
		s->extra = s->n++;
		s->w[s->extra] = (struct gp_fdwait){ .fd = watch, .events = GP__READ };
	}
	r = gp__raw(SYS_epoll_ctl, s->w[s->extra].fd, EPOLL_CTL_ADD, fd, &e);
	s->blind |= r == -ENOMEM || r == -ENOSPC;
}

static void waits_add(struct waits *s, int fd, unsigned events)
{
	unsigned plain = (events & PLAIN_IN ? GP__READ : 0) | (events & PLAIN_OUT ? GP__WRITE : 0);
	unsigned rest = events & (unsigned)~(PLAIN_IN | PLAIN_OUT | POLLERR | POLLHUP | POLLNVAL);

	if (fd < 0)
		return;
	/* Without an event, too: so that the file stays if the number is closed. */
	s->w[s->n++] = (struct gp_fdwait){ .fd = fd, .events = (uint16_t)plain };
	if (rest || !plain)
		waits_extra(s, fd, rest);
}

/* Parks until one of them may be ready, or the deadline: 0, or -EINTR, -ENOMEM,
 * or what a kill or a timeout brings. */
static long waits_park(struct gp_hub *h, struct waits *s, int64_t deadline)
{
	const struct gp__timeout *before = h->current->hit;
	int r;

	if (s->blind)
		deadline = gp__min(deadline, gp__deadline_after(LOOK_AGAIN));
	if (!s->n)
		r = gp__park(h, "poll", 0, deadline, GP__EXTERNAL | GP__INTERRUPTIBLE | GP__CANCELABLE);
	else
		r = gp__wait_fds(h, s->w, s->n, deadline);
	return r > 0 || gp__own_deadline(h, before, r) ? 0 : gp__told(h, r);
}

/* One of the three families. */
struct ready {
	struct gp_hub *h;
	struct gp_guest *me;
	int64_t deadline;
	/* Asks the kernel; with block it may sleep until the deadline. */
	long (*ask)(struct ready *q, bool block);
	/* Fills in the descriptors. False: no memory. */
	bool (*list)(struct ready *q, struct waits *s);
	void *p; /* of the family */
	long n;
};

static struct timespec *left(const struct ready *q, bool block, struct timespec *ts)
{
	int64_t ns = 0;

	if (block && q->deadline == GP__NEVER)
		return NULL;
	if (block)
		ns = gp__max(q->deadline - gp__now(), 0);
	ts->tv_sec = ns / GP__SEC;
	ts->tv_nsec = ns % GP__SEC;
	return ts;
}

static long ask_epoll(struct ready *q, bool block);

/* Nothing is ready, and there is a signal to take. It may have come before the call, but
 * for one that the call's own mask let in; epoll_wait without time never tells of one
 * (ep_poll() in fs/eventpoll.c). */
static long signalled(const struct ready *q, bool at_once)
{
	if (at_once && (q->ask == ask_epoll || !q->me->restore_mask))
		return 0;
	return gp__signalled(q->me, GP__RESTART_NEVER);
}

static long run(struct ready *q)
{
	bool at_once = q->deadline <= gp__now();
	struct waits s;
	long r;

	for (;;) {
		bool block = !at_once && gp__hub_quiet(q->h) && !gp__interrupted(q->h, q->me);

		r = q->ask(q, block);
		if (r > 0 || (gp__is_err(r) && r != -EINTR))
			return r;
		if (gp__interrupted(q->h, q->me))
			return signalled(q, at_once);
		if (at_once)
			gp__empty_handed(q->h);
		if (at_once || (q->deadline != GP__NEVER && q->deadline <= gp__now()))
			return r == -EINTR ? 0 : r;
		if (block)
			continue;
		if (!q->list(q, &s))
			return -ENOMEM;
		q->me->waited = true;
		r = waits_park(q->h, &s, q->deadline);
		waits_end(&s);
		if (r == -EINTR)
			return GP__RESTART_NEVER;
		if (r)
			return r;
	}
}

static int64_t deadline_ms(int ms)
{
	return ms < 0 ? GP__NEVER : ms == 0 ? 0 : gp__deadline_after(ms * GP__MSEC);
}

/* ---- poll ------------------------------------------------------------------------- */

static long ask_poll(struct ready *q, bool block)
{
	struct timespec ts;
	struct timespec *t = left(q, block, &ts);

	if (!block)
		return gp__raw(SYS_ppoll, q->p, q->n, t, 0, 8);
	return gp__native_block(q->h, q->me, SYS_ppoll, (long[]){ (long)q->p, q->n, (long)t, 0, 8, 0 });
}

static bool list_poll(struct ready *q, struct waits *s)
{
	struct pollfd p;

	if (!waits_make(s, (unsigned long)q->n))
		return false;
	for (long i = 0; i < q->n; i++)
		if (!gp__copy(&p, (struct pollfd *)q->p + i, sizeof p))
			waits_add(s, p.fd, (unsigned short)p.events);
	return true;
}

static long do_poll(struct gp_hub *h, struct gp_guest *me, struct gp_frame *f, int64_t deadline)
{
	struct ready q = { h, me, deadline, ask_poll, list_poll, (void *)f->rdi, (long)(unsigned)f->rsi };

	return run(&q);
}

GP_CALL(poll)
{
	return do_poll(h, me, f, deadline_ms((int)f->rdx));
}

/* The time that was not used goes back to where the program had it. */
static void give_back(uint64_t addr, int64_t deadline, bool micro)
{
	int64_t ns = deadline == 0 ? 0 : gp__max(deadline - gp__now(), 0);
	long t[2] = { ns / GP__SEC, micro ? ns % GP__SEC / 1000 : ns % GP__SEC };

	if (addr && deadline != GP__NEVER)
		gp__copy((void *)addr, t, sizeof t);
}

GP_CALL(ppoll)
{
	int64_t deadline;
	long r = gp__time_limit(f->rdx, &deadline);

	if (!r)
		r = gp__signal_take_mask(me, f->r10, f->r8);
	if (r)
		return r;
	r = do_poll(h, me, f, deadline);
	give_back(f->rdx, deadline, false);
	return r;
}

/* ---- select ------------------------------------------------------------------------- */

struct sets {
	int n;             /* descriptors below it are looked at */
	size_t bytes;      /* of one set */
	uint64_t guest[3]; /* where the program's sets are; 0: none */
	char *in;          /* three sets: what was asked for */
	char *out;         /* three sets: the answer */
	char *heap;        /* NULL: on the stack */
};

static bool has(const struct sets *s, int which, int fd)
{
	return s->guest[which] && s->in[(size_t)which * s->bytes + (size_t)fd / 8] >> (fd & 7) & 1;
}

static long ask_select(struct ready *q, bool block)
{
	struct sets *s = q->p;
	struct timespec ts;
	struct timespec *t = left(q, block, &ts);
	long args[6] = { s->n, 0, 0, 0, (long)t, 0 }, r;

	memcpy(s->out, s->in, 3 * s->bytes);
	for (int i = 0; i < 3; i++)
		args[i + 1] = s->guest[i] ? (long)(s->out + (size_t)i * s->bytes) : 0;
	if (block)
		r = gp__native_block(q->h, q->me, SYS_pselect6, args);
	else
		r = gp__raw6(SYS_pselect6, args[0], args[1], args[2], args[3], args[4], 0);
	/* A signal of the shim's own came meanwhile: nothing was ready, but the kernel left the
	 * sets as they were (core_sys_select() in fs/select.c). */
	if (r == -EINTR)
		memset(s->out, 0, 3 * s->bytes);
	return r;
}

static bool list_select(struct ready *q, struct waits *s)
{
	struct sets *sets = q->p;
	unsigned long n = 0;

	for (int fd = 0; fd < sets->n; fd++)
		n += has(sets, 0, fd) || has(sets, 1, fd) || has(sets, 2, fd);
	if (!waits_make(s, n))
		return false;
	for (int fd = 0; fd < sets->n; fd++) {
		unsigned events = (has(sets, 0, fd) ? POLLIN : 0) | (has(sets, 1, fd) ? POLLOUT : 0) |
		                  (has(sets, 2, fd) ? POLLPRI : 0);

		if (events)
			waits_add(s, fd, events);
	}
	return true;
}

/* The kernel looks at as many numbers as its table has room for, whatever it is told,
 * and a set need not be longer. The table only grows, but it is not the parent's in
 * the child of a fork. */
static int table_size(const struct gp_hub *h)
{
	static const char key[] = "\nFDSize:\t";
	char text[320];
	long fd = gp__raw(SYS_open, "/proc/self/status", O_RDONLY | O_CLOEXEC);
	long r = gp__is_err(fd) ? fd : gp__raw(SYS_read, fd, text, sizeof text - 1);
	int size = 0;

	if (!gp__is_err(fd))
		gp__raw(SYS_close, fd);
	text[gp__max(r, 0L)] = 0;
	for (const char *p = text; p + sizeof key < text + r; p++)
		if (!memcmp(p, key, sizeof key - 1))
			for (p += sizeof key - 1; *p >= '0' && *p <= '9'; p++)
				size = size * 10 + *p - '0';
	return size ? size : h->fds_max;
}

static int looked_at(const struct gp_hub *h, int n)
{
	static int known, pid;

	if (n <= TABLE_MIN || (pid == h->pid && n <= known))
		return n;
	known = table_size(h);
	pid = h->pid;
	return gp__min(n, known);
}

static long do_select(struct gp_hub *h, struct gp_guest *me, struct gp_frame *f, int64_t deadline)
{
	struct sets s = { .n = (int)f->rdi, .guest = { f->rsi, f->rdx, f->r10 } };
	struct ready q = { h, me, deadline, ask_select, list_select, &s, 0 };
	char here[6 * 128];
	long r;

	if (s.n < 0)
		return -EINVAL;
	s.n = looked_at(h, s.n);
	s.bytes = gp__align_up((size_t)s.n, 64UL) / 8;
	s.in = here;
	if (s.bytes > 128)
		s.in = s.heap = gp__alloc(6 * s.bytes);
	if (!s.in)
		return -ENOMEM;
	s.out = s.in + 3 * s.bytes;
	memset(s.in, 0, 3 * s.bytes);
	r = 0;
	for (int i = 0; i < 3; i++)
		if (s.guest[i] && gp__copy(s.in + (size_t)i * s.bytes, (void *)s.guest[i], s.bytes))
			r = -EFAULT;
	if (!r)
		r = run(&q);
	for (int i = 0; i < 3 && r >= 0; i++)
		if (s.guest[i] && gp__copy((void *)s.guest[i], s.out + (size_t)i * s.bytes, s.bytes))
			r = -EFAULT;
	gp__free(s.heap);
	return r;
}

GP_CALL(select)
{
	struct timeval tv;
	int64_t deadline = GP__NEVER;
	long r;

	if (f->r8) {
		if (gp__copy(&tv, (void *)f->r8, sizeof tv))
			return -EFAULT;
		if (tv.tv_sec < 0 || tv.tv_usec < 0)
			return -EINVAL;
		deadline = gp__time_ns(tv.tv_sec + tv.tv_usec / 1000000, tv.tv_usec % 1000000 * 1000);
		deadline = deadline == 0 ? 0 : deadline == GP__NEVER ? GP__NEVER : gp__deadline_after(deadline);
	}
	r = do_select(h, me, f, deadline);
	give_back(f->r8, deadline, true);
	return r;
}

GP_CALL(pselect6)
{
	struct { uint64_t mask, size; } sig = { 0, 0 };
	int64_t deadline;
	long r = gp__time_limit(f->r8, &deadline);

	if (!r && f->r9 && gp__copy(&sig, (void *)f->r9, sizeof sig))
		r = -EFAULT;
	if (!r)
		r = gp__signal_take_mask(me, sig.mask, sig.size);
	if (r)
		return r;
	r = do_select(h, me, f, deadline);
	give_back(f->r8, deadline, false);
	return r;
}

/* ---- epoll ---------------------------------------------------------------------------- */

static long ask_epoll(struct ready *q, bool block)
{
	const struct gp_frame *f = q->p;
	struct timespec ts;
	struct timespec *t = left(q, block, &ts);

	if (!block)
		return gp__raw(SYS_epoll_wait, f->rdi, f->rsi, f->rdx, 0);
	return gp__native_block(q->h, q->me, SYS_epoll_pwait2,
	                        (long[]){ (long)f->rdi, (long)f->rsi, (long)f->rdx, (long)t, 0, 8 });
}

static bool list_epoll(struct ready *q, struct waits *s)
{
	const struct gp_frame *f = q->p;

	if (!waits_make(s, 1))
		return false;
	waits_add(s, (int)f->rdi, POLLIN);
	return true;
}

static long do_epoll(struct gp_hub *h, struct gp_guest *me, struct gp_frame *f, int64_t deadline)
{
	struct ready q = { h, me, deadline, ask_epoll, list_epoll, f, 0 };

	return run(&q);
}

GP_CALL(epoll_wait)
{
	return do_epoll(h, me, f, deadline_ms((int)f->r10));
}

GP_CALL(epoll_pwait)
{
	long r = gp__signal_take_mask(me, f->r8, f->r9);

	return r ? r : do_epoll(h, me, f, deadline_ms((int)f->r10));
}

GP_CALL(epoll_pwait2)
{
	int64_t deadline;
	long r = gp__time_limit(f->r10, &deadline);

	if (!r)
		r = gp__signal_take_mask(me, f->r8, f->r9);
	return r ? r : do_epoll(h, me, f, deadline);
}
