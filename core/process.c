/* process.c - waiting for children, and forking (greenpatch/process.h).
 *
 * A certain child is waited for by a pidfd. Where there is none (no descriptor
 * left, an old kernel, any child at all) we ask again and again with WNOHANG:
 * SIGCHLD is the program's.
 */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
#include "core/alloc.h"
#include "core/io.h"
#include "core/process.h"
#include "core/raw.h"
#include "greenpatch/process.h"

#define PAUSE_MAX (20 * GP__MSEC)

int gp__pidfd(struct gp_hub *h, int pid)
{
	return gp__desc_fresh(h, gp__raw(SYS_pidfd_open, pid, 0)); /* close-on-exec */
}

int gp__child_wait(struct gp_hub *h, int pid, int pidfd, int64_t *pause, int64_t deadline)
{
	const struct gp__timeout *before = h->current->hit;
	int r;

	if (pidfd >= 0)
		return gp__desc_wait(h, pidfd, GP__READ, deadline);
	r = gp__park(h, "child", (unsigned long)pid, gp__min(gp__deadline_after(*pause), deadline),
	             GP__EXTERNAL | GP__INTERRUPTIBLE | GP__CANCELABLE);
	*pause = gp__min(2 * *pause, PAUSE_MAX);
	if (r == -EINTR)
		gp__take_signals(h);
	if (r == -EINTR || (gp__own_deadline(h, before, r) && deadline > gp__now()))
		return 0;
	return r;
}

GP_API pid_t gp_waitpid(pid_t pid, int *status, int options, int64_t deadline)
{
	int64_t pause = GP__CHILD_PAUSE;
	int pidfd = -1;
	struct gp_hub *h;
	long r = gp__desc_enter(&h, -1);

	if (r)
		return (pid_t)r;
	for (;;) {
		r = gp__raw(SYS_wait4, pid, status, options | WNOHANG, 0);
		if (r || options & WNOHANG)
			break;
		if (pidfd < 0 && pid > 0 && !(options & (WUNTRACED | WCONTINUED)))
			pidfd = gp__pidfd(h, pid);
		r = gp__child_wait(h, pid, pidfd, &pause, deadline);
		if (r == -EBADF) /* somebody closed it; it is gone */
			pidfd = -1;
		else if (r)
			break;
	}
	if (pidfd >= 0)
		gp__desc_close(h, pidfd);
	return (pid_t)r;
}

/* ---- fork -------------------------------------------------------------------------- */

struct after_fork {
	struct after_fork *next;
	void (*fn)(void *arg);
	void *arg;
};

static struct after_fork *hooks, **hooks_end = &hooks; /* of the process */

static void run_hooks(void)
{
	for (struct after_fork *a = hooks; a; a = a->next)
		a->fn(a->arg);
}

/* Linked alone fork() calls them, after the hub's own. */
static int watch(void)
{
#ifndef GP_SHIM
	if (!hooks && (gp__fork_watch() || pthread_atfork(NULL, NULL, run_hooks)))
		return -ENOMEM;
#endif
	return 0;
}

GP_API int gp_after_fork(void (*fn)(void *arg), void *arg)
{
	struct after_fork *a;

	if (!fn)
		return -EINVAL;
	a = gp__alloc(sizeof *a);
	if (!a)
		return -ENOMEM;
	if (watch()) {
		gp__free(a);
		return -ENOMEM;
	}
	a->fn = fn;
	a->arg = arg;
	*hooks_end = a;
	hooks_end = &a->next;
	return 0;
}

GP_API pid_t gp_fork(void)
{
	struct gp_hub *h = gp__hub();
	pid_t pid;

	if (h && !h->current)
		return -EPERM;
	pid = fork(); /* it tells the hub: linked alone by pthread_atfork(), under the shim because it comes back in */
#ifdef GP_SHIM
	if (!pid)
		run_hooks();
#endif
	return pid < 0 ? -errno : pid;
}
