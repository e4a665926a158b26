/* process.c - fork, vfork, exec and waiting for children.
 *
 * Three kinds of child:
 *  - with memory of its own (fork): it is patched like its parent, with one
 *    greenlet, the one that forked; on another stack, if its parent says so;
 *  - on our memory with a stack of its own (posix_spawn, a raw clone): a kernel
 *    thread that is not the hub's. Its GS base is 0, so patched sites make
 *    their calls natively, and the net is not armed in it;
 *  - on our memory and on our stack (vfork): the same, and the frame of the
 *    parent is kept where the child cannot write over it.
 * A vfork stops the kernel thread, and so every greenlet, until the child has
 * gone its way: as little as natively, where the child usually execs at once.
 *
 * Waiting: WNOHANG, and park until SIGCHLD, which is always ours.
 */
#include <sched.h>
#include <sys/wait.h>
#include "core/run/ownfd.h"
#include "preload/calls/cputime.h"
#include "preload/calls/fd.h"
#include "preload/calls/futex.h"
#include "preload/calls/preempt.h"
#include "preload/calls/process.h"
#include "preload/calls/schedule.h"
#include "preload/calls/signal.h"
#include "preload/calls/time.h"
#include "preload/diag.h"
#include "preload/trap/sud.h"

#define LOOK_AGAIN (20 * GP__MSEC) /* where SIGCHLD may not come */
#define BY_PIDFD   3               /* P_PIDFD */
#define CLEAR_ACTIONS 0x100000000UL /* CLONE_CLEAR_SIGHAND */

static struct gp_list waiting; /* greenlets in wait4 and waitid, by wait_link */
static unsigned changes;       /* goes up with every SIGCHLD */

/* ---- making children --------------------------------------------------------- */

static void block_signals(uint64_t *before)
{
	uint64_t all = ~0UL;

	gp__raw(SYS_rt_sigprocmask, SIG_SETMASK, &all, before, 8);
}

/* Its signals have their default actions, as after exec. */
static bool clears(const struct gp_clone_args *a)
{
	return a->flags & CLEAR_ACTIONS && !(a->flags & CLONE_SIGHAND);
}

static void in_child(struct gp_hub *h, struct gp_guest *me)
{
	if (gp__sud_arm())
		gp__panic(__FILE__, __LINE__, "Syscall User Dispatch cannot be armed in a child");
	gp__signals_forked(h); /* before the hub looks: what had arrived is the parent's */
	gp__hub_forked(h);
	gp__fds_keep_forked(h, me);
	gp__yield_poll(h); /* before the program closes what is ours */
	gp__tick_forked();
	gp__timers_forked();
	gp__diag_start(h);
	gp__futex_forked();
	if (waiting.next)
		gp__list_init(&waiting);
	gp__cputime_forked(h);
	gp__schedule_forked(me);
	me->tid = h->pid;
	me->is_main = true;
	me->robust = NULL;
	gp__shim.main = me;
	gp__shim.light = gp__is_light(me);
	gp__shim.foreign = false;
	gp__signal_mask_settle();
}

/* The same call without what is seen to here: the stack, on which our own frames
 * would not be; the actions, without ours among them. */
static long clone_here(const struct gp_frame *f, const struct gp_clone_args *a)
{
	struct gp_clone_args here = *a;

	if (!a->stack && !clears(a))
		return gp__native(f);
	if (f->nr == SYS_clone)
		return gp__raw(SYS_clone, f->rdi, 0, f->rdx, f->r10, f->r8);
	if (f->rsi > sizeof here)
		return -E2BIG;
	if (!a->stack != !a->stack_size)
		return -EINVAL;
	here.stack = here.stack_size = 0;
	if (clears(a))
		here.flags &= ~CLEAR_ACTIONS;
	return gp__raw(SYS_clone3, &here, f->rsi);
}

/* A signal for the child waits in the kernel until it has forgotten those of its
 * parent. */
static long fork_child(struct gp_hub *h, struct gp_guest *me, struct gp_frame *f, const struct gp_clone_args *a)
{
	uint64_t before;
	long r;

	block_signals(&before);
	r = clone_here(f, a);
	if (r == 0) {
		if (a->flags & CLONE_FILES)
			gp__fds_lend();
		if (a->flags & CLONE_SETTLS)
			me->g.fs = h->fs_now = a->tls;
		if (a->stack)
			f->rsp = a->stack + a->stack_size;
		if (clears(a))
			gp__signals_clear();
		in_child(h, me);
		before = gp__shim.kernel_mask;
	}
	gp__raw(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
	return r;
}

/* The child's frame below its own stack pointer. */
static long on_own_stack(struct gp_hub *h, struct gp_frame *f, uint64_t flags, uint64_t stack)
{
	struct gp_frame *child = (void *)(gp__align_down(stack, 16UL) - RED_ZONE - F_SIZE);
	struct gp_frame copy = *f;
	uint64_t before;
	long r;

	copy.rax = 0;
	copy.rsp = stack;
	if (gp__copy(child, &copy, sizeof copy))
		return -EFAULT;
	if (!(flags & CLONE_VFORK))
		gp__shim.foreign = true;
	block_signals(&before);
	r = gp__raw_clone((long)f->nr, (long)f->rdi, (long)f->rsi, (long)f->rdx, (long)f->r10, (long)f->r8, child);
	gp__raw(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
	gp__signal_mask_settle();
	return r;
}

static long vfork_child(struct gp_hub *h, struct gp_guest *me, struct gp_frame *f, uint64_t flags)
{
	struct gp_frame *saved = gp__alloc(sizeof *saved);
	uint64_t before;

	if (!saved)
		return -ENOMEM;
	*saved = *f;
	block_signals(&before);
	f->pad = me->mask & ~GP__SIG(SIGSYS); /* the child gets the program's mask */
	gp__raw_vfork(flags, f, saved);
}

/* In the parent, which lies on the stack that the child has used. */
void gp__vfork_done(struct gp_frame *saved)
{
	gp__free(saved);
	gp__raw(SYS_rt_sigprocmask, SIG_SETMASK, &gp__shim.kernel_mask, 0, 8);
}

long gp__process_clone(struct gp_hub *h, struct gp_guest *me, struct gp_frame *f, const struct gp_clone_args *a)
{
	uint64_t flags = a->flags | a->exit_signal;

	gp__fd_shared(); /* the child shares what we have */
	gp__shim.table_shared |= (flags & (CLONE_FILES | CLONE_VFORK)) == CLONE_FILES;
	if (!(flags & CLONE_VM))
		return fork_child(h, me, f, a);
	if (a->stack)
		return on_own_stack(h, f, flags, a->stack + a->stack_size);
	if (flags & CLONE_VFORK)
		return vfork_child(h, me, f, flags);
	return -EINVAL;
}

GP_CALL(fork)
{
	struct gp_clone_args a = { .exit_signal = SIGCHLD };

	return gp__process_clone(h, me, f, &a);
}

GP_CALL(vfork)
{
	struct gp_clone_args a = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };

	return gp__process_clone(h, me, f, &a);
}

/* Whether an environment leads to us; an unreadable one is the kernel's to refuse. */
static bool preloads(uint64_t envp)
{
	static const char name[] = "LD_PRELOAD=";
	char start[sizeof name];
	uint64_t entry;

	for (; envp && !gp__copy(&entry, (void *)envp, 8) && entry; envp += 8)
		if (!gp__copy(start, (void *)entry, sizeof name - 1) && !memcmp(start, name, sizeof name - 1))
			return true;
	return false;
}

GP_CALL(exec)
{
	uint64_t path = f->nr == SYS_execve ? f->rdi : f->rsi;
	uint64_t envp = f->nr == SYS_execve ? f->rdx : f->r10;
	char name[128] = "?";
	bool ended;
	long r;

	if (gp__shim.config.stats && !preloads(envp)) {
		for (size_t i = 0; i < sizeof name - 1; i++)
			if (gp__copy(&name[i], (char *)path + i, 1) || !name[i])
				break;
		gp__say("stats: exec-unpatched %s", name);
	}
	gp__signals_before_exec(me);
	ended = gp__fds_end();
	r = gp__native(f);
	h->forked |= ended; /* it did not come to that: they are made anew */
	gp__signals_after_exec();
	return r;
}

/* ---- waiting for them ------------------------------------------------------------- */

void gp__child_changed(struct gp_hub *h)
{
	changes++;
	if (!waiting.next)
		return;
	gp__list_each(n, &waiting)
		gp__wake(gp__list_entry(n, struct gp_greenlet, wait_link), 0);
}

/* Parks until a child may have changed, which it may have done already since
 * `seen` was read. 0, or what the call returns. pidfd: by which it is known, or
 * NULL; another number afterwards if that was closed. */
static long wait_for_child(struct gp_hub *h, struct gp_guest *me, unsigned long pid, bool sure, unsigned seen, int *pidfd)
{
	struct gp_fdwait hold = { .fd = pidfd ? *pidfd : -1 };
	int64_t deadline = sure ? GP__NEVER : gp__deadline_after(LOOK_AGAIN);
	const struct gp__timeout *before = me->g.hit;
	int r;

	if (gp__interrupted(h, me))
		return GP__RESTART_SYS;
	if (changes != seen)
		return 0;
	if (!waiting.next)
		gp__list_init(&waiting);
	gp__list_append(&waiting, &me->g.wait_link);
	if (pidfd && gp__fdwait_join(h, &hold))
		pidfd = NULL;
	r = gp__park(h, "child", pid, deadline, GP__EXTERNAL | GP__INTERRUPTIBLE | GP__CANCELABLE);
	gp__list_del(&me->g.wait_link);
	if (pidfd) {
		gp__fdwait_part(h, &hold);
		*pidfd = hold.fd;
	}
	if (r == -EINTR)
		return GP__RESTART_SYS;
	return gp__own_deadline(h, before, r) ? 0 : gp__told(h, r);
}

/* Whether a SIGCHLD tells of every child that this call can wait for. */
static bool told(int options)
{
	return !(options & (__WALL | __WCLONE)) && !(gp__shim.kernel_mask & GP__SIG(SIGCHLD));
}

GP_CALL(wait4)
{
	int options = (int)f->rdx;
	long r;

	for (;;) {
		unsigned seen = changes;

		r = gp__raw(SYS_wait4, f->rdi, f->rsi, options | WNOHANG, f->r10);
		if (r || options & WNOHANG)
			return r;
		r = wait_for_child(h, me, (int)f->rdi > 0 ? f->rdi : 0, told(options), seen, NULL);
		if (r)
			return r;
	}
}

GP_CALL(waitid)
{
	int options = (int)f->r10, id = (int)f->rsi;
	siginfo_t info;
	long r;

	if (options & WNOHANG || (f->rdi == BY_PIDFD && gp__fd_nonblocking(h, id)))
		return gp__native(f);
	for (;;) {
		unsigned seen = changes;

		info.si_pid = 0;
		info.si_signo = 0;
		r = gp__raw(SYS_waitid, f->rdi, id, &info, options | WNOHANG, f->r8);
		if (r || info.si_pid)
			break;
		r = wait_for_child(h, me, (unsigned long)id, told(options), seen, f->rdi == BY_PIDFD ? &id : NULL);
		if (r)
			return r;
	}
	/* The kernel writes up to si_status, on failure as well. */
	return f->rdx && gp__copy((void *)f->rdx, &info, offsetof(siginfo_t, si_status) + sizeof info.si_status) ? -EFAULT : r;
}
