/* credentials.c - what a thread may do: user and group ids, capabilities, filters
 * of system calls, namespaces.
 *
 * The kernel keeps these for each thread. The program's greenlets are one, so
 * for them a change is a change of all; libc changes all threads anyway (ids), and
 * the rest is a limit of ours. But our own kernel threads would keep the old
 * ones, and with them make the program's calls: so there are none while the call
 * is made, and what they were in the middle of is made anew by new ones.
 */
#include <linux/nsfs.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include "core/clock.h"
#include "core/run/offload.h"
#include "core/run/ownfd.h"
#include "preload/calls/futex.h"
#include "preload/diag.h"

#define SHARED_BY_ALL      (CLONE_FS | CLONE_FILES | CLONE_NEWNS)
#define NEVER_WITH_THREADS (CLONE_NEWUSER | CLONE_VM | CLONE_SIGHAND | CLONE_THREAD)
#define GONE_WITHIN (200 * GP__MSEC) /* a kernel thread that has ended is counted a little longer */

/* Which namespaces setns is to enter: what the descriptor is of, or, of a process's, what is asked for. */
static unsigned long entered(const struct gp_frame *f)
{
	long type = gp__raw(SYS_ioctl, f->rdi, NS_GET_NSTYPE, 0);

	return type == -EBADF ? 0 : gp__is_err(type) ? f->rsi : (unsigned long)type;
}

/* What a thread would have for itself: it would be all of them. Or what the kernel
 * refuses where there are others. */
static bool of_one_thread(const struct gp_hub *h, const struct gp_frame *f)
{
	if (h->stats.live <= 1)
		return false;
	if (f->nr == SYS_unshare)
		return f->rdi & (SHARED_BY_ALL | NEVER_WITH_THREADS);
	return f->nr == SYS_setns && entered(f) & (CLONE_NEWNS | CLONE_NEWUSER);
}

/* read, write, exit and rt_sigreturn are not enough for us: the process would end
 * at our next call. */
static bool strict(const struct gp_frame *f)
{
	return (f->nr == SYS_seccomp && f->rdi == SECCOMP_SET_MODE_STRICT) ||
	       (f->nr == SYS_prctl && f->rdi == PR_SET_SECCOMP && f->rsi == SECCOMP_MODE_STRICT);
}

GP_CALL(credentials)
{
	bool watched, helped;
	int64_t until = 0;
	long r;

	if (of_one_thread(h, f)) {
		if (f->nr == SYS_unshare && !(f->rdi & NEVER_WITH_THREADS))
			gp__refused("unshare", "a thread cannot have what all share for itself");
		return -EINVAL;
	}
	if (strict(f)) {
		gp__refused("seccomp", "its strict mode would end the process");
		return -EINVAL;
	}
	if (f->nr == SYS_unshare && f->rdi & CLONE_FILES)
		h->forked |= gp__fds_end(); /* else they stayed open in the table that is left */
	watched = gp__futex_watcher_end();
	helped = gp__offload_drain(h);
	if (watched || helped)
		until = gp__deadline_after(GONE_WITHIN);
	do
		r = gp__native(f);
	while (r == -EINVAL && (f->nr == SYS_unshare || f->nr == SYS_setns) && until && gp__now() < until &&
	       !gp__raw(SYS_sched_yield));
	gp__offload_resume(h);
	gp__futex_watcher_resume();
	return r;
}
