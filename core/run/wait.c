/* wait.c - greenlets that wait for a descriptor.
 *
 * A waiter is a record on the stack of the greenlet, in the list of its
 * descriptor number. The greenlet never talks to libev: it puts the number on
 * hub->fd_changes, and the hub brings the one watcher of that number up to date
 * before it looks at the loop (evloop.c). A reader that is woken, reads and
 * waits again within one turn of the loop therefore costs no call at all.
 *
 * A number that is closed and reused means another file: gp__fd_closing()
 * raises its generation, wakes the waiters and makes the hub set the watcher
 * anew, for libev would not tell epoll of it by itself. (The shim lets its
 * program's calls go on with the old file: preload/calls/keep.c.)
 */
#include <sys/mman.h>
#include <sys/resource.h>
#include "core/raw.h"
#include "core/run/hub.h"

#define FDS_MIN 65536UL
#define FDS_FEW 1024UL
#define FDS_MAX (1UL << 22)

/* Room for so many numbers and no more. Whole pages; the table never moves. */
static bool room(struct gp_hub *h, unsigned long n)
{
	unsigned long had = gp__align_up((unsigned long)h->fds_max * sizeof *h->fds, GP__PAGE);
	unsigned long want = gp__align_up(n * sizeof *h->fds, GP__PAGE), from = (unsigned long)h->fds + gp__min(had, want);
	long r = 0;

	if (want < had)
		r = gp__raw(SYS_munmap, from, had - want);
	else if (want > had)
		r = gp__raw(SYS_mmap, from, want - had, PROT_READ | PROT_WRITE,
		            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	if (gp__is_err(r))
		return false;
	h->fds_max = (int)n;
	return true;
}

bool gp__space_is_limited(void)
{
	struct rlimit space = { RLIM_INFINITY, RLIM_INFINITY };

	gp__raw(SYS_getrlimit, RLIMIT_AS, &space);
	return space.rlim_cur != RLIM_INFINITY;
}

/* Room for as many numbers as the hard limit allows, reserved only: a page is
 * touched when a number in it is waited for. Where address space is limited it
 * is what the soft limit allows, and grows in place. */
int gp__fds_make(struct gp_hub *h)
{
	struct rlimit files = { FDS_MIN, FDS_MIN };
	unsigned long n;

	gp__raw(SYS_getrlimit, RLIMIT_NOFILE, &files);
	n = gp__min(files.rlim_max, FDS_MAX);
	n = gp__max(n, FDS_MIN);
	h->fds_most = (int)n;
	if (gp__space_is_limited()) {
		n = gp__min(n, files.rlim_cur);
		n = gp__max(n, FDS_FEW);
	}
	for (; n >= FDS_FEW; n /= 4) {
		long p = gp__raw(SYS_mmap, 0, n * sizeof(struct gp_fd), PROT_READ | PROT_WRITE,
		                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (gp__is_err(p))
			continue;
		h->fds = (struct gp_fd *)p;
		h->fds_max = (int)n;
		return 0;
	}
	return -ENOMEM;
}

void gp__fds_trim(struct gp_hub *h)
{
	struct rlimit files = { FDS_FEW, FDS_FEW };
	unsigned long n;

	gp__raw(SYS_getrlimit, RLIMIT_NOFILE, &files);
	n = gp__max(files.rlim_cur, FDS_FEW);
	n = gp__max(n, (unsigned long)h->fds_used);
	if (n < (unsigned long)h->fds_max)
		(void)room(h, n);
}

bool gp__fds_have(struct gp_hub *h, int fd)
{
	unsigned long n = gp__min(gp__align_up((unsigned long)fd + 1, FDS_FEW), (unsigned long)h->fds_most);

	return gp__likely(fd < h->fds_max) || (fd < h->fds_most && room(h, n));
}

struct gp_fd *gp__fd(struct gp_hub *h, int fd)
{
	struct gp_fd *f;

	if (fd < 0 || !gp__fds_have(h, fd))
		return NULL;
	f = &h->fds[fd];
	if (gp__unlikely(!f->waits.next)) {
		gp__list_init(&f->waits);
		gp__list_init(&f->changed);
		h->fds_used = gp__max(h->fds_used, fd + 1);
	}
	return f;
}

static void changed(struct gp_hub *h, struct gp_fd *f)
{
	if (gp__list_empty(&f->changed))
		gp__list_append(&h->fd_changes, &f->changed);
}

int gp__fdwait_join(struct gp_hub *h, struct gp_fdwait *w)
{
	struct gp_fd *f = gp__fd(h, w->fd);

	if (!f)
		return -EBADF;
	w->g = h->current;
	w->ready = 0;
	gp__list_append(&f->waits, &w->link);
	if ((f->active & w->events) != w->events || f->watched != f->generation)
		changed(h, f);
	return 0;
}

void gp__fdwait_move(struct gp_hub *h, struct gp_fdwait *w, int to)
{
	struct gp_fd *f = gp__fd(h, to);

	gp__fdwait_part(h, w);
	w->fd = to;
	gp__list_append(&f->waits, &w->link);
	changed(h, f);
}

void gp__fdwait_part(struct gp_hub *h, struct gp_fdwait *w)
{
	gp__list_del(&w->link);
	if (gp__list_empty(&h->fds[w->fd].waits))
		changed(h, &h->fds[w->fd]);
}

int gp__wait_fds(struct gp_hub *h, struct gp_fdwait *w, int n, int64_t deadline)
{
	const struct gp__timeout *before = h->current->hit;
	int r = 0, joined;
	bool none = true;

	for (joined = 0; joined < n; joined++) {
		r = gp__fdwait_join(h, &w[joined]);
		if (r)
			break;
	}
	if (!r)
		r = gp__park(h, "descriptor", n == 1 ? (unsigned long)w->fd : (unsigned long)n, deadline,
		             GP__EXTERNAL | GP__INTERRUPTIBLE | GP__CANCELABLE);
	for (int i = 0; i < joined; i++) {
		gp__fdwait_part(h, &w[i]);
		none = none && !w[i].ready;
	}
	/* What came counts, even if the deadline or a signal came with it. A
	 * kill and a timeout are told once: now. */
	if (r < 0 && !none && (r == -EINTR || (r == -ETIMEDOUT && h->current->hit == before)))
		return 1;
	return r < 0 ? r : 1;
}

int gp__wait_fd(struct gp_hub *h, int fd, unsigned events, int64_t deadline)
{
	struct gp_fdwait w = { .fd = fd, .events = (uint16_t)events };
	int r = gp__wait_fds(h, &w, 1, deadline);

	if (r < 0)
		return r;
	return w.ready & GP__CLOSED ? -EBADF : w.ready;
}

void gp__fds_forked(struct gp_hub *h)
{
	gp__list_init(&h->fd_changes);
	for (int fd = 0; fd < h->fds_used; fd++) {
		struct gp_fd *f = &h->fds[fd];

		if (!f->waits.next)
			continue;
		gp__list_init(&f->waits);
		gp__list_init(&f->changed);
		f->generation++;
		if (f->active)
			changed(h, f);
	}
}

void gp__fd_closing(struct gp_hub *h, int fd)
{
	struct gp_fd *f;

	if (fd < 0 || fd >= h->fds_max || !h->fds[fd].waits.next)
		return;
	f = &h->fds[fd];
	f->generation++;
	f->kind = 0;
	f->traits = 0;
	f->epoch = 0;
	f->shares = 0;
	if (f->active)
		changed(h, f);
	gp__list_each(n, &f->waits) {
		struct gp_fdwait *w = gp__list_entry(n, struct gp_fdwait, link);

		w->ready |= GP__CLOSED;
		gp__wake(w->g, 0);
	}
}

int gp__fd_wake(struct gp_hub *h, int fd)
{
	int n = 0;

	if (fd < 0 || fd >= h->fds_max || !h->fds[fd].waits.next)
		return 0;
	gp__list_each(node, &h->fds[fd].waits) {
		struct gp_fdwait *w = gp__list_entry(node, struct gp_fdwait, link);

		w->ready |= w->events;
		n += gp__wake(w->g, 0);
	}
	return n;
}
