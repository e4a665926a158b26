/* fs.c - names and directories.
 *
 * An open waits for nobody, but for a FIFO whose other end is not there: so it
 * is made under the guard of the tick, and by a helper if the tick ended it.
 *
 * A listing of the process's descriptors does not show ours.
 */
#include <fcntl.h>
#include "preload/calls/offload.h"
#include "preload/calls/preempt.h"
#include "preload/calls/signal.h"
#include "preload/calls/thread.h"

GP_CALL(open)
{
	bool alone = gp__hub_quiet(h);
	long r;

	if (!alone)
		gp__tick_guard(h);
	r = gp__native_block(h, me, (long)f->nr, (long *)f->arg);
	if (r != -EINTR)
		return r;
	if (gp__interrupted(h, me))
		return GP__RESTART_SYS;
	return alone ? GP__RESTART_NEVER : gp__offload_call(h, (long)f->nr, (long *)f->arg);
}

/* ---- listings -------------------------------------------------------------------- */

struct entry { /* of getdents64; the old form has the name one byte earlier */
	uint64_t ino, off;
	uint16_t length;
	char type, name[];
};

/* The number that a name is, or -1. */
static int number(const char *s)
{
	int v = 0;

	for (; *s >= '0' && *s <= '9' && v < 1 << 22; s++)
		v = v * 10 + *s - '0';
	return *s ? -1 : v;
}

static bool ends_with_fd(const char *s, size_t n)
{
	return (n > 3 && !memcmp(s + n - 3, "/fd", 3)) || (n > 7 && !memcmp(s + n - 7, "/fdinfo", 7));
}

/* Whether the directory lists our own process's descriptors. */
static bool is_own_fd_list(struct gp_hub *h, int fd)
{
	char link[40], path[64], proc[16];
	size_t n = gp__format(proc, sizeof proc, "/proc/%d/", h->pid);
	long len;

	gp__format(link, sizeof link, "/proc/self/fd/%d", fd);
	len = gp__raw(SYS_readlink, link, path, sizeof path);
	return len > (long)n && !memcmp(path, proc, n) && ends_with_fd(path, (size_t)len);
}

GP_CALL(getdents)
{
	long r = gp__native(f);
	size_t name = f->nr == SYS_getdents64 ? offsetof(struct entry, name) : offsetof(struct entry, name) - 1;
	char *buf = (char *)f->rsi;
	bool asked = false;

	for (long at = 0; at < r;) {
		uint16_t length = ((struct entry *)(void *)(buf + at))->length;

		if (!gp__fd_is_ours(number(buf + at + name))) {
			at += length;
			continue;
		}
		if (!asked && !is_own_fd_list(h, (int)f->rdi))
			return r;
		asked = true;
		memmove(buf + at, buf + at + length, (size_t)(r - at - length));
		r -= length;
	}
	return r;
}

/* The processor clock of a thread: all greenlets have that of one kernel thread. */
GP_CALL(clock_gettime)
{
	int id = (int)f->rdi;
	struct gp_frame copy = *f;

	if (id >= 0 || (id & 4) == 0 || !gp__thread_by_tid(h, ~(id >> 3)))
		return gp__native(f);
	copy.rdi = 3; /* CLOCK_THREAD_CPUTIME_ID */
	return gp__native(&copy);
}
