/* evlibc.c - what libev sees as libc.
 *
 * Each function here stands for one of evlibc.sym. Those that our use of
 * libev reaches do their work with raw calls; the rest can only be reached by
 * features that we never turn on (signals, child and stat watchers, the other
 * backends), and say ENOSYS. Called on the hub's stack only, but for _write
 * and _read, which nobody calls because no ev_async is used.
 */
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include "core/alloc.h"
#include "core/clock.h"
#include "core/raw.h"
#include "core/run/evlibc.h"
#include "core/run/evmem.h"
#include "core/run/hub.h"
#include "core/run/ownfd.h"

static GP__PER_THREAD int ev_errno; /* libev looks right after the call */

static long ret(long r)
{
	if (!gp__is_err(r))
		return r;
	ev_errno = (int)-r;
	return -1;
}

void *gp__lib_stderr; /* libev prints nothing: gp__lib___fprintf_chk is empty */

int *gp__lib___errno_location(void) { return &ev_errno; }

/* ---- what is used -------------------------------------------------------- */

#ifdef GP_SHIM
static int epoll_fd = -1; /* of the one hub */

void gp__lib_epoll_forget(int fd)
{
	struct epoll_event e = { 0, { 0 } };

	gp__raw(SYS_epoll_ctl, epoll_fd, EPOLL_CTL_DEL, fd, &e);
}
#endif

int gp__lib_epoll_create1(int flags)
{
	int fd, tries = 0;

	do { /* again if it is for a hub that exists (after a fork): libev would abort */
		fd = gp__fd_hide((int)gp__raw(SYS_epoll_create1, flags));
	} while (fd < 0 && gp__hub() && gp__fd_pause(&tries));
#ifdef GP_SHIM
	epoll_fd = fd;
#endif
	return (int)ret(fd);
}

int gp__lib_epoll_ctl(int epfd, int op, int fd, void *event)
{
	long r = gp__raw(SYS_epoll_ctl, epfd, op, fd, event);

	/* No memory, or no more watches: libev tells the watcher, but not
	 * before it has slept. */
	if (r == -ENOMEM || r == -ENOSPC)
		gp__hub()->refused = true;
	/* A number that was closed without our seeing it: as with a file that
	 * cannot be waited for libev then calls it ready, and whoever waits
	 * learns from the call itself what it is. */
	return (int)ret(r == -EBADF || r == -EINVAL || r == -ELOOP ? -EPERM : r);
}

/* libev would end the program. That there is no memory, or a filter forbids it once,
 * may be over in a moment. */
static int waited(struct gp_hub *h, long r)
{
	if (!gp__is_err(r) || r == -EINTR)
		h->poll_tries = 0;
	else if (r != -EBADF && r != -EINVAL && gp__fd_pause(&h->poll_tries))
		r = -EINTR;
	return (int)ret(r);
}

/* libev's millisecond timeout only says whether to sleep; the first deadline
 * says how long, to the nanosecond (epoll_pwait2, Linux 5.11). */
int gp__lib_epoll_wait(int epfd, void *events, int max, int ms)
{
	struct gp_hub *h = gp__hub();
	struct timespec ts = { 0, 0 };
	int64_t left = 0;
	long r;

	max = gp__min(max, gp__evmem_numbers()); /* it makes room for more when all of it came */
	if (ms != 0 && !h->refused) {
		int64_t at = gp__deadline_next(h);

		left = at == GP__NEVER ? GP__NEVER : gp__max(at - gp__now(), 0);
		ts.tv_sec = left / GP__SEC;
		ts.tv_nsec = left % GP__SEC;
	}
	if (left == 0)
		return waited(h, gp__raw(SYS_epoll_wait, epfd, events, max, 0));
	h->idle = 1;
	r = gp__may_fail(SYS_epoll_pwait2, gp__raw_block(SYS_epoll_pwait2,
	                 (long[]){ epfd, (long)events, max, left == GP__NEVER ? 0 : (long)&ts, 0, 8 }, &h->attention));
	if (r == -ENOSYS) { /* under valgrind */
		int64_t whole = left == GP__NEVER ? -1 : gp__min((left + GP__MSEC - 1) / GP__MSEC, (int64_t)INT_MAX);

		r = gp__raw_block(SYS_epoll_pwait, (long[]){ epfd, (long)events, max, whole, 0, 8 }, &h->attention);
	}
	h->idle = 0;
	return waited(h, r == GP__RAW_STOPPED ? -EINTR : r);
}

/* After a fork it may be closed already, and the number the program's. */
int gp__lib_close(int fd)
{
	if (!gp__fd_is_ours(fd))
		return 0;
	return (int)ret(gp__fd_drop(fd));
}

int gp__lib_fcntl(int fd, int cmd, long arg) { return (int)ret(gp__raw(SYS_fcntl, fd, cmd, arg)); }
int gp__lib_getpid(void) { return (int)gp__raw(SYS_getpid); }

int gp__lib_clock_gettime(int id, struct timespec *ts)
{
	int64_t now = gp__clock(id);

	ts->tv_sec = now / GP__SEC;
	ts->tv_nsec = now % GP__SEC;
	return 0;
}

int gp__lib_gettimeofday(long *tv, void *tz)
{
	int64_t now = gp__clock(CLOCK_REALTIME);

	tv[0] = now / GP__SEC;
	tv[1] = now % GP__SEC / 1000;
	return 0;
}

int gp__lib_uname(void *buf) { return (int)ret(gp__raw(SYS_uname, buf)); }
void *gp__lib_realloc(void *p, size_t n) { return gp__realloc(p, n); }
void gp__lib_free(void *p) { gp__free(p); }
void *gp__lib_memcpy(void *to, const void *from, size_t n) { return memcpy(to, from, n); }
void *gp__lib___memcpy_chk(void *to, const void *from, size_t n, size_t room) { return memcpy(to, from, n); }
void *gp__lib_memmove(void *to, const void *from, size_t n) { return memmove(to, from, n); }
void *gp__lib_memset(void *to, int c, size_t n) { return memset(to, c, n); }
size_t gp__lib_strlen(const char *s) { return strlen(s); }

int gp__lib_sigfillset(unsigned long *set) { set[0] = ~0UL; return 0; }
int gp__lib_sigemptyset(unsigned long *set) { set[0] = 0; return 0; }
int gp__lib_sigprocmask(void) { return 0; }

/* ---- what ends the program ------------------------------------------------- */

void gp__lib___assert_fail(const char *what, const char *file, unsigned line, const char *function)
{
	gp__panic(file, (int)line, what);
}
void gp__lib___stack_chk_fail(void) { gp__panic("libev", 0, "stack protector"); }
void gp__lib_abort(void) { gp__panic("libev", 0, "abort"); }
void gp__lib_perror(const char *s) { gp__say("libev: %s: errno %d", s, ev_errno); }
int gp__lib___fprintf_chk(void) { return 0; }

/* ---- what is never reached ---------------------------------------------------- */

#define NEVER(name) long gp__lib_##name(void) { return ret(-ENOSYS); }
NEVER(__lxstat) NEVER(dup2) NEVER(epoll_create) NEVER(eventfd) NEVER(getegid) NEVER(geteuid) NEVER(getgid)
NEVER(getuid) NEVER(inotify_add_watch) NEVER(inotify_init) NEVER(inotify_init1) NEVER(inotify_rm_watch)
NEVER(mmap) NEVER(munmap) NEVER(nanosleep) NEVER(pipe) NEVER(poll) NEVER(read) NEVER(select) NEVER(sigaction)
NEVER(sigaddset) NEVER(sigdelset) NEVER(signal) NEVER(signalfd) NEVER(statfs) NEVER(strrchr) NEVER(strtol)
NEVER(syscall) NEVER(timerfd_create) NEVER(timerfd_settime) NEVER(waitpid) NEVER(write)
void *gp__lib_getenv(const char *name) { return NULL; }
