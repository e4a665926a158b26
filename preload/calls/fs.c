/* fs.c - names and directories.
 *
 * An open waits for nobody, but for a FIFO whose other end is not there: so it
 * is made under the guard of the tick, and by a helper if the tick ended it.
 *
 * Memory files are filled by fallocate page by page, all for nothing if a signal
 * comes (shmem_fallocate() in mm/shmem.c): a helper has no tick.
 *
 * A listing of the process's descriptors does not show ours; one of its threads
 * shows the program's.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include "core/run/ownfd.h"
#include "preload/calls/fd.h"
#include "preload/calls/offload.h"
#include "preload/calls/preempt.h"
#include "preload/calls/proc.h"
#include "preload/calls/signal.h"
#include "preload/calls/thread.h"

static long do_open(struct gp_hub *h, struct gp_guest *me, const struct gp_frame *f)
{
	bool alone = gp__hub_quiet(h);
	long r;

	if (!alone)
		gp__tick_guard(h);
	r = gp__native_block(h, me, (long)f->nr, (const long *)f->arg);
	if (r != -EINTR)
		return r;
	if (gp__interrupted(h, me))
		return gp__signalled(me, GP__RESTART_SYS);
	return alone ? GP__RESTART_NEVER : gp__offload_call(h, me, (long)f->nr, (const long *)f->arg);
}

static int flags_of(const struct gp_frame *f)
{
	int flags = 0;

	if (f->nr == SYS_open)
		return (int)f->rsi;
	if (f->nr == SYS_openat)
		return (int)f->rdx;
	return f->nr == SYS_creat ? O_WRONLY : gp__copy(&flags, (void *)f->rdx, sizeof flags) ? 0 : flags;
}

/* Which argument is the path; before it may stand the folder that it is below. */
static unsigned path_at(uint64_t nr)
{
	switch (nr) {
	case SYS_open: case SYS_creat: case SYS_stat: case SYS_lstat: case SYS_access: case SYS_readlink: return 0;
	default: return 1;
	}
}

GP_CALL(open)
{
	unsigned at = path_at(f->nr);
	struct gp_frame copy;
	struct gp_guest *who;
	char path[GP__PROC_PATH];
	struct gp_fd *d;
	long r;

	switch (gp__proc_look(h, me, f->arg[at], path, &who)) {
	case GP__PROC_COMM: return gp__proc_comm_open(h, who, flags_of(f));
	case GP__PROC_PATH_OF: case GP__PROC_SELF:
		copy = *f;
		copy.arg[at] = (uint64_t)path;
		return do_open(h, me, &copy);
	case GP__PROC_TASKS:
		r = do_open(h, me, f);
		d = r >= 0 ? gp__fd(h, (int)r) : NULL;
		if (d) {
			d->kind = GP__FD_DIRECT;
			d->traits = GP__FD_TASKS;
		}
		return r;
	default: return do_open(h, me, f);
	}
}

/* The other calls that name a file. */
GP_CALL(named)
{
	unsigned at = path_at(f->nr);
	struct gp_frame copy;
	struct gp_guest *who;
	char path[GP__PROC_PATH];
	enum gp_proc what = gp__proc_look(h, me, f->arg[at], path, &who);

	if (what == GP__PROC_NONE || what == GP__PROC_TASKS)
		return gp__pass(h, me, f);
	if (what == GP__PROC_SELF && (f->nr == SYS_readlink || f->nr == SYS_readlinkat))
		return gp__proc_self_link(h, me, f->arg[at + 1], f->arg[at + 2]);
	copy = *f;
	copy.arg[at] = (uint64_t)path;
	return gp__pass(h, me, &copy);
}

GP_CALL(fallocate)
{
	long r = gp__sys_offload(h, me, f);

	return r == -EFBIG ? gp__native(f) : r; /* SIGXFSZ comes to the thread that made it */
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

static bool same_file(int fd, const char *path)
{
	struct stat a, b;

	return !gp__raw(SYS_fstat, fd, &a) && !gp__raw(SYS_stat, path, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Whether the directory lists our own process's descriptors. */
static bool is_own_fd_list(struct gp_hub *h, int fd)
{
	char link[40], path[64], proc[16];
	size_t n = gp__format(proc, sizeof proc, "/proc/%d/", h->pid);
	long len;

	gp__format(link, sizeof link, "/proc/self/fd/%d", fd);
	len = gp__raw(SYS_readlink, link, path, sizeof path);
	if (gp__is_err(len))
		return same_file(fd, "/proc/self/fd") || same_file(fd, "/proc/self/fdinfo");
	return len > (long)n && !memcmp(path, proc, n) && ends_with_fd(path, (size_t)len);
}

GP_CALL(getdents)
{
	struct gp_fd *d = gp__fd(h, (int)f->rdi);
	long r;

	size_t name = f->nr == SYS_getdents64 ? offsetof(struct entry, name) : offsetof(struct entry, name) - 1;
	char *buf = (char *)f->rsi;
	bool asked = false;

	if (d && d->traits & GP__FD_TASKS && f->nr == SYS_getdents64)
		return gp__proc_tasks(h, f);
	r = gp__native(f);
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
