/* fault_calls.h - public calls while the n-th system call of the core fails, for each n and each error that the kernel
 * may give for it. Include it behind unit.h. Works in the build with ASan, whose core asks gp__fault() before each
 * system call (core/fault.h).
 *
 * What is counted are the calls of the hub's kernel thread; or, in a sweep of its own, those that helper threads make for
 * a greenlet. The helpers' own, which wait for work, never fail. */
#ifndef UNIT_FAULT_CALLS_H
#define UNIT_FAULT_CALLS_H

#include <dlfcn.h>
#include <pthread.h>
#include "core/raw.h"
#include "core/run/ownfd.h"
#include "fault.h"

#ifndef GP_FAULT
#error "no system call of this core can be made to fail: see unit.mk"
#endif

#define EVERY_NUMBER 80 /* descriptors below this have been waited for once: their watchers are there */

/* The errors of a call, by its manual page, as far as our use of it can meet them. */
struct may_fail {
	long nr;
	bool made;     /* the call is made nevertheless */
	int error[6];  /* 0: no more */
};

/* Functions of libc that fail as system calls do. */
enum { FAULT_SPAWN = 10000, FAULT_THREAD, FAULT_FORK, FAULT_SIGACTION };

static const struct may_fail may_fail[] = {
	{ FAULT_SPAWN, false, { EAGAIN, ENOMEM, ENOENT } },
	{ FAULT_THREAD, false, { EAGAIN } },
	{ FAULT_FORK, false, { EAGAIN, ENOMEM } },
	{ FAULT_SIGACTION, false, { EINVAL } },
	{ SYS_accept4, false, { EAGAIN, EINTR, EMFILE, ENOMEM, ECONNABORTED, EPROTO } },
	{ SYS_bind, false, { ENOMEM, EADDRINUSE, EACCES } },
	{ SYS_clock_gettime, false, { 0 } },
	{ SYS_close, true, { EIO, EINTR } },
	{ SYS_connect, false, { ENOMEM, ECONNREFUSED, ENETUNREACH, EADDRNOTAVAIL } },
	{ SYS_epoll_create1, false, { EMFILE, ENOMEM } },
	{ SYS_epoll_ctl, false, { ENOMEM, ENOSPC } },
	{ SYS_epoll_pwait2, false, { EINTR } },
	{ SYS_epoll_wait, false, { EINTR } },
	{ SYS_eventfd2, false, { EMFILE, ENOMEM } },
	{ SYS_fcntl, false, { EMFILE, EPERM } },
	{ SYS_fstat, false, { ENOMEM, EIO } },
	{ SYS_fsync, false, { EIO, EINTR, ENOSPC } },
	{ SYS_futex, false, { 0 } },
	{ SYS_getpid, false, { 0 } },
	{ SYS_getrlimit, false, { 0 } },
	{ SYS_getsockname, false, { ENOBUFS } },
	{ SYS_getsockopt, false, { ENOBUFS } },
	{ SYS_gettid, false, { 0 } },
	{ SYS_ioctl, false, { ENOTTY } },
	{ SYS_kill, false, { EPERM } },
	{ SYS_listen, false, { EADDRINUSE } },
	{ SYS_madvise, false, { ENOMEM, EAGAIN, EINVAL } },
	{ SYS_mmap, false, { ENOMEM, EAGAIN } },
	{ SYS_mprotect, false, { ENOMEM } },
	{ SYS_munmap, true, { ENOMEM } },
	{ SYS_nanosleep, false, { 0 } },
	{ SYS_newfstatat, false, { ENOMEM, EACCES } },
	{ SYS_openat, false, { EMFILE, ENOMEM, EINTR, EIO } },
	{ SYS_pidfd_open, false, { EMFILE, ENOMEM, ENOSYS } },
	{ SYS_pipe2, false, { EMFILE, ENFILE } },
	{ SYS_poll, false, { ENOMEM, EINTR } },
	{ SYS_ppoll, false, { ENOMEM, EINTR } },
	{ SYS_pread64, false, { EIO, EINTR } },
	{ SYS_preadv2, false, { EAGAIN, EINTR, EIO, ENOMEM, EOPNOTSUPP } },
	{ SYS_pwrite64, false, { EIO, EINTR, ENOSPC } },
	{ SYS_pwritev2, false, { EAGAIN, EINTR, EIO, ENOMEM, EOPNOTSUPP } },
	{ SYS_read, false, { EIO, EINTR, EAGAIN } },
	{ SYS_recvfrom, false, { EAGAIN, EINTR, ENOMEM, ECONNRESET } },
	{ SYS_rt_sigpending, false, { 0 } },
	{ SYS_rt_sigprocmask, false, { 0 } },
	{ SYS_rt_sigtimedwait, false, { EAGAIN, EINTR } },
	{ SYS_sched_yield, false, { 0 } },
	{ SYS_sendmsg, false, { EAGAIN, EINTR, ENOMEM, EPIPE } },
	{ SYS_sendto, false, { EAGAIN, EINTR, ENOMEM, ENOBUFS, EPIPE } },
	{ SYS_setsockopt, false, { ENOMEM } },
	{ SYS_shutdown, false, { ENOTCONN } },
	{ SYS_socket, false, { EMFILE, ENOMEM, ENOBUFS } },
	{ SYS_socketpair, false, { EMFILE, ENFILE } },
	{ SYS_unlinkat, false, { EIO, EACCES } },
	{ SYS_wait4, false, { 0 } },
	{ SYS_write, false, { EIO, EINTR, EAGAIN, ENOSPC } },
};

static struct {
	pthread_t hub;
	bool on, helpers; /* counts; those of helper threads */
	int left;         /* the call that fails, from now; counts down through 0 */
	int which;        /* of its errors */
	long nr;          /* what failed; -1: nothing has */
	int error;
	bool last;        /* it has no further error */
	const char *running;
} injected;

static const struct may_fail *errors_of(long nr)
{
	for (size_t i = 0; i < sizeof may_fail / sizeof may_fail[0]; i++)
		if (may_fail[i].nr == nr)
			return &may_fail[i];
	return NULL;
}

/* What a helper or the loop does on its own account, and what cannot fail as it is used. */
static bool exempt(long nr, const long *args)
{
	if (nr == SYS_write || nr == SYS_read)
		return gp__fd_is_ours((int)args[0]);
	return injected.helpers && (nr == SYS_futex || nr == SYS_gettid || nr == SYS_sched_yield);
}

static bool inject(long nr, const long *args, long *ret)
{
	const struct may_fail *m;

	if (!injected.on || !pthread_equal(pthread_self(), injected.hub) != injected.helpers || exempt(nr, args))
		return false;
	m = errors_of(nr);
	if (!m) {
		unit_fail(__FILE__, __LINE__, "system call %ld: its errors are not in the table", nr);
		return false;
	}
	if (injected.left-- || !m->error[injected.which]) {
		injected.last = injected.last || injected.left == -1; /* one that does not fail at all */
		return false;
	}
	injected.nr = nr;
	injected.error = m->error[injected.which];
	injected.last = injected.which == 5 || !m->error[injected.which + 1];
	injected.on = false;
	if (m->made)
		syscall(nr, args[0], args[1], args[2], args[3], args[4], args[5]);
	*ret = -injected.error;
	return true;
}

bool gp__fault(struct gp_fault *place, long nr, const long *args, long *ret)
{
	(void)place;
	return inject(nr, args, ret);
}

/* A test that makes functions of libc fail defines them: inside, libc_fails() gives an errno or 0, REAL() libc's own. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

UNIT_UNUSED static int libc_fails(long nr)
{
	long none[6] = { -1, -1, -1, -1, -1, -1 }, r;

	return inject(nr, none, &r) ? (int)-r : 0;
}

/* ---- what is left behind ------------------------------------------------------------------- */

struct left {
	long greenlets, waits;
	int descriptors, blocks;
};

static struct left left_now(void)
{
	struct gp_hub *h = gp_self()->hub;

	fault_no_records(h);
	return (struct left){ (long)h->stats.live, (long)h->external + h->deadlines.count, fault_descriptors(),
		              __atomic_load_n(&fault_blocks, __ATOMIC_RELAXED) };
}

static bool same_left(const struct left *a, const struct left *b)
{
	return a->greenlets == b->greenlets && a->waits == b->waits && a->descriptors == b->descriptors &&
	       a->blocks == b->blocks;
}

/* Greenlets that were started may still be at their end, and helpers free what they were started with. */
static struct left left_after(const struct left *before)
{
	struct left now = left_now();

	for (int i = 0; i < 200 && !same_left(&now, before); i++) {
		gp_sleep(i < 10 ? 0 : GP_MSEC);
		now = left_now();
	}
	return now;
}

/* The watchers of all low numbers are made: they stay. */
UNIT_UNUSED static void make_watchers(void)
{
	int p[2];

	NEED(!pipe(p));
	for (int fd = 3; fd < EVERY_NUMBER; fd++) {
		bool taken = fcntl(fd, F_GETFD) >= 0;

		NEED(taken || dup2(p[0], fd) == fd);
		gp__wait_fd(gp_self()->hub, fd, GP__READ, gp_now() + 1000);
		gp__fd_closing(gp_self()->hub, fd);
		if (!taken)
			close(fd);
	}
	close(p[0]);
	close(p[1]);
	gp_yield();
}

/* ---- sweeps ------------------------------------------------------------------------------------ */

#define CALLS_MOST 300

/* The case is out of time. */
static void hangs(int signo)
{
	printf("# hangs after call (system call %ld, error %d); runs: %s, %d system calls to come\n", injected.nr, injected.error,
	       injected.running, injected.left);
	fflush(stdout);
	_exit(1);
}

static void expect_same(const struct fault_call *c, int n, const struct left *before, int r)
{
	struct left now = left_after(before);

	if (!same_left(&now, before))
		unit_fail(__FILE__, __LINE__,
		          "%s, call %d (system call %ld, error %d), came %d: greenlets %ld, were %ld; waits %ld, were "
		          "%ld; descriptors %d, were %d; blocks of memory %d, were %d",
		          c->name, n + 1, injected.nr, injected.error, r, now.greenlets, before->greenlets, now.waits,
		          before->waits, now.descriptors, before->descriptors, now.blocks, before->blocks);
}

/* Whether call n was reached. *failed, *held: counts what came of it. */
static bool sweep_one(const struct fault_call *c, int n, const struct left *before, int *failed, int *held)
{
	bool reached = false;

	for (int which = 0; which < 6; which++) {
		int r;

		injected.left = n;
		injected.which = which;
		injected.nr = -1;
		injected.last = false;
		injected.on = true;
		r = c->call();
		injected.on = false;
		reached = reached || injected.left < 0;
		if (injected.nr >= 0)
			++*(r ? failed : held);
		if (r > 0 || (r && injected.nr < 0) || (r == -ETIMEDOUT && injected.error != ETIMEDOUT))
			unit_fail(__FILE__, __LINE__, "%s, call %d (system call %ld, error %d): came %d", c->name,
			          n + 1, injected.nr, injected.error, r);
		expect_same(c, n, before, r);
		r = c->call();
		if (r)
			unit_fail(__FILE__, __LINE__, "%s after call %d (system call %ld, error %d): expected 0, came %d",
			          c->name, n + 1, injected.nr, injected.error, r);
		if (injected.last || injected.nr < 0)
			break;
	}
	return reached;
}

/* Each call of c->call() fails in each way: it gives an error or 0, and nothing is left behind; then it works. */
static void sweep(const struct fault_call *c, bool helpers)
{
	struct left before;
	int n = 0, failed = 0, held = 0, r;

	injected.running = c->name;
	r = c->call();
	if (r)
		unit_fail(__FILE__, __LINE__, "%s: expected 0 at first, came %d", c->name, r);
	gp_sleep(2 * GP_MSEC); /* greenlets come to their end */
	before = left_now();
	injected.hub = pthread_self();
	injected.helpers = helpers;
	while (n < CALLS_MOST && sweep_one(c, n, &before, &failed, &held))
		n++;
	printf("# %s: %d system calls%s, %d failures: %d reported, %d got over\n", c->name, n,
	       helpers ? " of helpers" : "", failed + held, failed, held);
	EXPECT(n > 0 && n < CALLS_MOST && failed + held > 0);
}

UNIT_UNUSED static void fault_calls(const struct fault_call *calls, size_t n, bool helpers)
{
	signal(SIGALRM, hangs);
	alarm(40); /* hundreds of calls, some of which back off */
	make_watchers();
	for (size_t i = 0; i < n; i++)
		sweep(&calls[i], helpers);
}

#define FAULT_CALLS(calls)   fault_calls(calls, sizeof(calls) / sizeof(calls)[0], false)
#define FAULT_HELPERS(calls) fault_calls(calls, sizeof(calls) / sizeof(calls)[0], true)

#endif
