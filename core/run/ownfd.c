/* ownfd.c - descriptors of ours.
 *
 * They sit at the top of the table below 1,024, close-on-exec. The shim treats
 * their numbers as not open. Called by greenlets and by the hub; no vector
 * registers, so it is apart from evloop.c.
 */
#include <fcntl.h>
#include <sys/resource.h>
#include "core/raw.h"
#include "core/run/ownfd.h"

#define OWN_MAX 16

/* Numbers of descriptors that belong to us; -1: free. Of the process, like the
 * table of descriptors itself. */
static int own[OWN_MAX] = { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 };
int gp__fd_own_low = 1 << 30;
static int own_avoid = -1; /* the program is about to use this number */

bool gp__fd_is_ours(int fd)
{
	for (unsigned i = 0; fd >= 0 && i < OWN_MAX; i++)
		if (own[i] == fd)
			return true;
	return false;
}

unsigned gp__fd_next_own(unsigned from, unsigned last)
{
	unsigned end = last;

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

void gp__fds_drop_own(void)
{
	for (unsigned i = 0; i < OWN_MAX; i++) {
		if (own[i] >= 0)
			gp__raw(SYS_close, own[i]);
		own[i] = -1;
	}
}

int gp__fd_hide(int fd)
{
	struct rlimit lim = { 1024, 1024 };
	long top, hidden = -EMFILE;

	if (fd < 0)
		return fd;
	gp__raw(SYS_getrlimit, RLIMIT_NOFILE, &lim);
	top = (long)gp__min(lim.rlim_cur, 1024UL);
	for (long at = gp__max(top - OWN_MAX, 3L); at > 2 && gp__is_err(hidden); at /= 2) {
		hidden = gp__raw(SYS_fcntl, fd, F_DUPFD_CLOEXEC, at);
		if (hidden == own_avoid) {
			gp__raw(SYS_close, hidden);
			hidden = gp__raw(SYS_fcntl, fd, F_DUPFD_CLOEXEC, own_avoid + 1);
		}
	}
	gp__raw(SYS_close, fd);
	if (gp__is_err(hidden))
		return (int)hidden;
	for (unsigned i = 0; i < OWN_MAX; i++)
		if (own[i] < 0) {
			own[i] = (int)hidden;
			gp__fd_own_low = gp__min(gp__fd_own_low, (int)hidden);
			return (int)hidden;
		}
	gp__raw(SYS_close, hidden);
	return -EMFILE;
}

/* A hub that exists cannot go on without its descriptors. That there is none is
 * a matter of moments, as a rule: false after 5 s. */
bool gp__fd_pause(int *tries)
{
	long ts[2] = { 0, 10 * GP__MSEC };

	gp__raw(SYS_nanosleep, ts, 0);
	return ++*tries < 500;
}

void gp__fd_move(struct gp_hub *h, int fd)
{
	own_avoid = fd;
	h->wanted_fd = fd;
	gp__yield_poll(h);
}
