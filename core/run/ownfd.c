/* ownfd.c - descriptors of ours.
 *
 * They sit at the top of the table below 1,024, close-on-exec. The shim treats
 * their numbers as not open. Called by greenlets and by the hub; no vector
 * registers, so it is apart from evloop.c.
 */
#include <fcntl.h>
#include <sys/resource.h>
#include "core/print.h"
#include "core/raw.h"
#include "core/run/ownfd.h"

#define OWN_MAX 16

/* Numbers of descriptors that belong to us; -1: free. Of the process, like the
 * table of descriptors itself. */
static int own[OWN_MAX] = { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 };
int gp__fd_own_low = 1 << 30;
static int own_avoid = -1; /* the program is about to use this number */

static unsigned kept; /* how many */

bool gp__fd_is_kept(int fd)
{
	const struct gp_hub *h = kept ? gp__hub() : NULL;

	return h && fd >= 0 && fd < h->fds_used && h->fds[fd].kept;
}

bool gp__fd_is_ours(int fd)
{
	for (unsigned i = 0; fd >= 0 && i < OWN_MAX; i++)
		if (own[i] == fd)
			return true;
	return gp__fd_is_kept(fd);
}

/* O(numbers in use) while files are kept. */
unsigned gp__fd_next_own(unsigned from, unsigned last)
{
	const struct gp_hub *h = kept ? gp__hub() : NULL;
	unsigned end = last;

	for (unsigned fd = from + 1; h && fd <= end && fd < (unsigned)h->fds_used; fd++)
		if (h->fds[fd].kept)
			end = fd - 1;
	for (unsigned i = 0; i < OWN_MAX; i++)
		if (own[i] >= 0 && (unsigned)own[i] > from && (unsigned)own[i] <= end)
			end = (unsigned)own[i] - 1;
	return end;
}

void gp__fd_unhide(int fd)
{
	for (unsigned i = 0; i < OWN_MAX; i++)
		if (own[i] == fd)
			own[i] = -1;
}

/* A process that shares its table with its parent (CLONE_FILES) leaves the parent's
 * where they are. */
static uint16_t lent; /* places of own[] */

void gp__fds_lend(void)
{
	for (unsigned i = 0; i < OWN_MAX; i++)
		lent |= (uint16_t)((own[i] >= 0) << i);
}

int gp__fd_drop(int fd)
{
	for (unsigned i = 0; i < OWN_MAX; i++)
		if (own[i] == fd && lent >> i & 1)
			return 0;
	gp__fd_unhide(fd);
	return (int)gp__raw(SYS_close, fd);
}

bool gp__fds_end(void)
{
	for (unsigned i = 0; lent && i < OWN_MAX; i++) {
		if (own[i] < 0 || lent >> i & 1)
			continue;
		if (own[i] == gp__stderr)
			gp__stderr = 2;
		gp__fd_drop(own[i]);
	}
	return lent;
}

void gp__fds_drop_own(void)
{
	for (unsigned i = 0; i < OWN_MAX; i++) {
		if (own[i] >= 0)
			gp__raw(SYS_close, own[i]);
		own[i] = -1;
	}
}

/* Where the table ends, or so much of it as we use. */
static long top(void)
{
	struct rlimit lim = { 1024, 1024 };

	gp__raw(SYS_getrlimit, RLIMIT_NOFILE, &lim);
	return (long)gp__min(lim.rlim_cur, 1024UL);
}

/* A second number for the file, from `at` on or, if there is none left, further down. */
static long dup_from(int fd, long at)
{
	long to = -EMFILE;

	for (; at > 2 && gp__is_err(to); at /= 2) {
		to = gp__raw(SYS_fcntl, fd, F_DUPFD_CLOEXEC, at);
		if (to == own_avoid) {
			gp__raw(SYS_close, to);
			to = gp__raw(SYS_fcntl, fd, F_DUPFD_CLOEXEC, own_avoid + 1);
		}
	}
	return to;
}

int gp__fd_hide(int fd)
{
	long hidden;

	if (fd < 0)
		return fd;
	hidden = dup_from(fd, gp__max(top() - OWN_MAX, 3L));
	if (gp__is_err(hidden))
		hidden = fd; /* in a full table there is only the number that it has */
	else
		gp__raw(SYS_close, fd);
	for (unsigned i = 0; i < OWN_MAX; i++)
		if (own[i] < 0) {
			own[i] = (int)hidden;
			gp__fd_own_low = gp__min(gp__fd_own_low, (int)hidden);
			return (int)hidden;
		}
	gp__raw(SYS_close, hidden);
	return -EMFILE;
}

/* A quarter of the table below where the others are: that is where a program's
 * own numbers come last. */
int gp__fd_keep(struct gp_hub *h, int fd)
{
	long to = dup_from(fd, top() * 3 / 4);
	struct gp_fd *f;

	if (gp__is_err(to))
		return (int)to;
	f = gp__fd(h, (int)to);
	if (!f) {
		gp__raw(SYS_close, to);
		return -EMFILE;
	}
	f->kept = true;
	kept++;
	gp__fd_own_low = gp__min(gp__fd_own_low, (int)to);
	return (int)to;
}

void gp__fd_unkeep(struct gp_hub *h, int fd)
{
	h->fds[fd].kept = false;
	kept--;
	gp__fd_closing(h, fd);
}

void gp__fds_drop_kept(struct gp_hub *h)
{
	for (int fd = 0; kept && fd < h->fds_used; fd++)
		if (h->fds[fd].kept) {
			if (!lent) /* the parent's calls go on with them */
				gp__raw(SYS_close, fd);
			gp__fd_unkeep(h, fd);
		}
}

/* A hub that exists cannot go on without its descriptors. That there is none is
 * a matter of moments, as a rule: false after 5 s. */
bool gp__fd_pause(int *tries)
{
	long ts[2] = { 0, 10 * GP__MSEC };

	gp__raw(SYS_nanosleep, ts, 0);
	return ++*tries < 500;
}

/* One that tells somebody of readiness, or where our lines go. */
static bool move_by_copy(struct gp_hub *h, int fd)
{
	int to = gp__fd_hide((int)gp__raw(SYS_dup, fd));

	if (to < 0)
		return false;
	gp__list_each(n, &gp__fd(h, fd)->waits)
		gp__fdwait_move(h, gp__list_entry(n, struct gp_fdwait, link), to);
	if (fd == gp__stderr)
		gp__stderr = to;
	gp__fd_unhide(fd);
	return true;
}

bool gp__fd_move(struct gp_hub *h, int fd)
{
	const struct gp_fd *f = gp__fd(h, fd);

	own_avoid = fd;
	if (fd == gp__stderr || (f && !gp__list_empty(&f->waits)))
		return f && move_by_copy(h, fd);
	h->wanted_fd = fd;
	gp__yield_poll(h);
	return true;
}
