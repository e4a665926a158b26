/* pid.c - calls about a process, that name it by the id of one of its threads.
 *
 * For the kernel the id of any thread means its process in most of them
 * (find_vpid() knows every thread; kill, getpgid, prlimit, process_vm_readv ...).
 * Of our threads it knows the first. So the id of a greenlet is replaced with
 * that of the kernel's thread. Where the kernel wants the first thread of a
 * process, it is refused as it would be.
 *
 * Another process, a child as well, cannot name a greenlet.
 */
#include <linux/capability.h>
#include <fcntl.h>
#include "core/run/kthread.h"
#include "preload/calls/thread.h"
#include "preload/diag.h"

#define PIDFD_THREAD O_EXCL

/* Bit n: argument n is a process. */
static unsigned arguments(uint64_t nr)
{
	switch (nr) {
	case SYS_kcmp: return 1 << 0 | 1 << 1;
	case SYS_perf_event_open: case SYS_ptrace: return 1 << 1;
	default: return 1 << 0;
	}
}

GP_CALL(pid)
{
	struct gp_frame copy = *f;

	for (unsigned a = arguments(f->nr); a; a &= a - 1) {
		uint64_t *id = &copy.arg[__builtin_ctz(a)];

		*id = (uint64_t)gp__process_of(h, (int)*id);
	}
	return gp__pass(h, me, &copy);
}

GP_CALL(setpgid)
{
	return gp__thread_other(h, f->rdi) ? -EINVAL : gp__native(f);
}

/* Who asks is meant by 0. */
GP_CALL(capget)
{
	struct __user_cap_header_struct head, *to = (void *)f->rdi;
	struct gp_frame copy = *f;
	long r;

	if (gp__copy(&head, to, sizeof head) || !gp__thread_other(h, (uint64_t)head.pid))
		return gp__native(f);
	head.pid = 0;
	copy.rdi = (uint64_t)&head;
	r = gp__native(&copy);
	return gp__copy(&to->version, &head.version, sizeof head.version) ? -EFAULT : r;
}

GP_CALL(capset)
{
	struct __user_cap_header_struct head;
	struct gp_frame copy = *f;

	if (gp__copy(&head, (void *)f->rdi, sizeof head) || (me->is_main && !gp__thread_other(h, (uint64_t)head.pid)))
		return gp__sys_credentials(h, me, f); /* the kernel knows who is meant */
	if (head.pid && head.pid != me->tid)
		return -EPERM;
	head.pid = 0;
	copy.rdi = (uint64_t)&head;
	return gp__sys_credentials(h, me, &copy);
}

struct opened {
	int flags;
	long result;
};

static void open_own(void *arg)
{
	struct opened *o = arg;

	o->result = gp__raw(SYS_pidfd_open, gp__raw(SYS_gettid), o->flags);
	gp__kthread_exit();
}

/* A kernel thread that is not the first of its process learns what the kernel
 * says: EINVAL or ENOENT without PIDFD_THREAD. With it (Linux 6.9) there would
 * have to be one for each greenlet. */
GP_CALL(pidfd_open)
{
	struct opened o = { (int)f->rsi, 0 };
	int r;

	if (!gp__thread_other(h, f->rdi))
		return gp__native(f);
	r = gp__kthread_run(open_own, &o);
	if (r)
		return r;
	if (gp__is_err(o.result))
		return o.result;
	gp__raw(SYS_close, o.result);
	gp__refused("pidfd_open(PIDFD_THREAD)", "the kernel knows one thread");
	return -EINVAL;
}
