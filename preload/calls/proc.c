/* proc.c - what /proc says of threads.
 *
 * The kernel knows one thread, the program knows many. A path that names one of
 * them, /proc/self/task/TID or /proc/TID, leads to the kernel's thread, which has
 * the same files; its name, TID/comm, comes from our record (pthread_getname_np
 * and pthread_setname_np of another thread open it). A listing of the tasks shows
 * the program's threads.
 *
 * Done for open, stat, access, readlink and their relatives (fs.c), for paths
 * from the root: what a program does. The name is a file in memory; a write to
 * its number sets the name.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "preload/calls/fd.h"
#include "preload/calls/proc.h"
#include "preload/calls/thread.h"

/* What follows `prefix`, or NULL. */
static const char *after(const char *s, const char *prefix)
{
	while (*prefix)
		if (*s++ != *prefix++)
			return NULL;
	return s;
}

/* The thread that begins *s; NULL: the kernel knows it, or nobody. */
static struct gp_guest *thread_at(struct gp_hub *h, const char **s)
{
	struct gp_guest *g;
	long tid = 0;

	for (; **s >= '0' && **s <= '9' && tid < 1L << 30; ++*s)
		tid = tid * 10 + **s - '0';
	if (**s && **s != '/')
		return NULL;
	g = gp__thread_by_tid(h, (int)tid);
	return g && !g->is_main ? g : NULL;
}

static bool read_path(char *to, size_t size, uint64_t from)
{
	static const char root[] = "/proc/";

	for (size_t i = 0; i < size; i++) {
		if (gp__copy(&to[i], (char *)from + i, 1) || (i < sizeof root - 1 && to[i] != root[i]))
			return false;
		if (!to[i])
			return true;
	}
	return false;
}

enum gp_proc gp__proc_look(struct gp_hub *h, struct gp_guest *me, uint64_t from, char *path, struct gp_guest **who)
{
	char text[GP__PROC_PATH - 16], own[32]; /* the kernel's name may be longer */
	bool as_process = false, self;
	const char *s;

	if (!read_path(text, sizeof text, from))
		return GP__PROC_NONE;
	gp__format(own, sizeof own, "/proc/%d/task", h->pid);
	s = after(text, "/proc/thread-self");
	self = s != NULL;
	*who = me;
	if (!self) {
		s = after(text, "/proc/self/task");
		if (!s)
			s = after(text, own);
		if (s && (!*s || !strcmp(s, "/")))
			return GP__PROC_TASKS;
		if (s && *s++ != '/')
			return GP__PROC_NONE;
		if (!s) { /* every thread has the files of a process, too, in a folder that is not listed */
			s = text + sizeof "/proc";
			as_process = true;
		}
		*who = thread_at(h, &s);
	}
	if (!*who || (*who)->is_main || (*s && *s != '/'))
		return GP__PROC_NONE;
	if (as_process)
		gp__format(path, GP__PROC_PATH, "/proc/self%s", s);
	else
		gp__format(path, GP__PROC_PATH, "/proc/self/task/%d%s", h->tid, s);
	if (self && !*s)
		return GP__PROC_SELF;
	return strcmp(s, "/comm") ? GP__PROC_PATH_OF : GP__PROC_COMM;
}

long gp__proc_self_link(struct gp_hub *h, const struct gp_guest *me, uint64_t to, uint64_t size)
{
	char link[40];
	size_t n;

	if ((int)size <= 0)
		return -EINVAL;
	n = gp__min(gp__format(link, sizeof link, "%d/task/%d", h->pid, me->tid), (size_t)size);
	return gp__copy((void *)to, link, n) ? -EFAULT : (long)n;
}

/* ---- names ---------------------------------------------------------------------- */

static void put_name(int fd, const struct gp_guest *g)
{
	char name[16 + 16], line[20];
	size_t n;

	memset(name, 0, sizeof name);
	memcpy(name, g->comm, sizeof g->comm);
	if (!name[0])
		gp__raw(SYS_prctl, PR_GET_NAME, name);
	n = gp__format(line, sizeof line, "%s\n", name);
	gp__raw(SYS_ftruncate, fd, 0);
	gp__raw(SYS_pwrite64, fd, line, n, 0);
}

long gp__proc_comm_open(struct gp_hub *h, struct gp_guest *who, int flags)
{
	struct gp_fd *d;
	char tid[16];
	long fd;

	gp__format(tid, sizeof tid, "%d", who->tid);
	fd = gp__raw(SYS_memfd_create, tid, flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
	d = gp__is_err(fd) ? NULL : gp__fd(h, (int)fd);
	if (!d)
		return fd;
	put_name((int)fd, who);
	d->kind = GP__FD_DIRECT;
	d->traits = flags & O_ACCMODE ? GP__FD_COMM : 0;
	d->shares = (uint32_t)who->tid; /* which means nothing else where nothing waits */
	return fd;
}

long gp__proc_comm_write(struct gp_hub *h, const struct gp_frame *f)
{
	const struct gp_fd *d = gp__fd(h, (int)f->rdi);
	struct gp_guest *who = gp__thread_by_tid(h, (int)d->shares);
	char name[16] = "";

	if (!who)
		return -ESRCH;
	if (gp__copy(name, (void *)f->rsi, gp__min(f->rdx, sizeof name - 1)))
		return -EFAULT;
	memcpy(who->comm, name, sizeof name);
	put_name((int)f->rdi, who);
	return (long)f->rdx;
}

/* ---- the list of tasks ------------------------------------------------------------ */

struct task_entry { /* linux_dirent64 with a short name */
	uint64_t ino, off;
	uint16_t length;
	char type, name[13];
};

_Static_assert(sizeof(struct task_entry) == 32, "a multiple of 8 without a gap");

static bool put_entry(struct gp_frame *f, size_t *used, long off, int tid)
{
	struct task_entry e = { .ino = (uint64_t)tid + 1, .off = (uint64_t)off, .length = sizeof e, .type = 4 /* DT_DIR */ };

	if (off <= 2)
		memcpy(e.name, "..", (size_t)off);
	else
		gp__format(e.name, sizeof e.name, "%d", tid);
	if (f->rdx - *used < sizeof e || gp__copy((char *)f->rsi + *used, &e, sizeof e))
		return false;
	*used += sizeof e;
	return true;
}

/* The position in the directory counts the entries. O(threads) a call. */
long gp__proc_tasks(struct gp_hub *h, struct gp_frame *f)
{
	long from = gp__raw(SYS_lseek, f->rdi, 0, SEEK_CUR), at = 0;
	size_t used = 0;
	bool fits = true;

	if (gp__is_err(from))
		return from;
	for (; fits && at < 2; at += fits)
		if (at >= from)
			fits = put_entry(f, &used, at + 1, 0);
	gp__list_each(n, &h->all) {
		if (fits && at >= from)
			fits = put_entry(f, &used, at + 1, gp__guest(gp__list_entry(n, struct gp_greenlet, all))->tid);
		at += fits;
	}
	gp__raw(SYS_lseek, f->rdi, at, SEEK_SET);
	return used || fits ? (long)used : -EINVAL;
}
