/* sigcalls.c - actions, masks, returning from a handler, sending to a thread.
 *
 * What these calls change is virtual: see signal.c. No system call is made for
 * a mask, and one for an action only when the kernel's own has to differ.
 */
#include "preload/calls/futex.h"
#include "preload/calls/signal.h"
#include "preload/calls/thread.h"
#include "preload/diag.h"
#include "preload/trap/patch.h"

GP_CALL(rt_sigprocmask)
{
	uint64_t set, old = me->mask;
	long r;

	if (f->r10 != 8)
		return -EINVAL;
	if (f->rsi) {
		r = gp__signal_get_mask(&set, (void *)f->rsi, 8);
		if (r)
			return r;
		switch ((int)f->rdi) {
		case SIG_BLOCK: set |= old; break;
		case SIG_UNBLOCK: set = old & ~set; break;
		case SIG_SETMASK: break;
		default: return -EINVAL;
		}
		/* A signal of its own that is blocked must not stop or wake
		 * the process behind our back. All at once is what libc does
		 * around its own work, and changes nothing for them. */
		if (set & ~old && ~set & GP__SIG(SIGTERM))
			for (int sig = 1; sig <= 31; sig++)
				if (set & ~old & ~gp__shim.hooked & ~GP__SIG_LEFT_ALONE & GP__SIG(sig))
					gp__action_settle(sig, true);
		gp__signal_set_mask(me, set);
	}
	if (f->rdx && gp__copy((void *)f->rdx, &old, 8))
		return -EFAULT;
	return 0;
}

GP_CALL(rt_sigaction)
{
	int sig = (int)f->rdi;
	struct gp_action old, new;

	if (f->r10 != 8)
		return -EINVAL;
	if (f->rsi && gp__copy(&new, (void *)f->rsi, sizeof new))
		return -EFAULT;
	if (sig < 1 || sig > 64 || (f->rsi && GP__SIG(sig) & GP__UNBLOCKABLE))
		return -EINVAL;
	old = *gp__action(sig);
	if (f->rsi) {
		new.mask &= ~GP__UNBLOCKABLE;
		*gp__action(sig) = new;
		if (gp__action_ignores(sig)) { /* POSIX: what is pending is discarded */
			siginfo_t gone;

			while (gp__signal_next(me, GP__SIG(sig), &gone))
				;
		}
		if (old.handler != new.handler || (old.flags ^ new.flags) & SA_RESTART || sig == SIGCHLD)
			gp__action_settle(sig, me->mask & GP__SIG(sig) || gp__shim.hooked & GP__SIG(sig));
	}
	if (f->rdx && gp__copy((void *)f->rdx, &old, sizeof old))
		return -EFAULT;
	return 0;
}

GP_CALL(rt_sigpending)
{
	uint64_t set = 0;

	if (f->rsi > 8)
		return -EINVAL;
	gp__interrupted(h, me); /* what has arrived is looked at first */
	if (gp__shim.kernel_mask)
		gp__raw(SYS_rt_sigpending, &set, 8);
	set = (set | me->pending | gp__shim.pending) & me->mask;
	return gp__copy((void *)f->rdi, &set, f->rsi);
}

void gp__sigreturn(struct gp_ucontext *uc);

/* Back to the context of a frame of ours, by the real rt_sigreturn; what is to
 * be taken first gets its frame from a copy, for it may cover this one. On our
 * alternate stack. */
void gp__sigreturn(struct gp_ucontext *uc)
{
	struct gp_hub *h = gp__hub();
	struct gp_guest *me = gp__me(h);
	struct gp_ucontext copy;

	if (h->attention & GP__ARRIVED)
		gp__signals_collect(h);
	gp__attention_lower(h, GP__TICK);
	if (me->g.attention) {
		char *fp = __builtin_alloca_with_align(gp__shim.xextended, 64 * 8);

		copy = *uc;
		copy.fpstate = memcpy(fp, uc->fpstate, gp__shim.xextended);
		uc = &copy;
		gp__signal_take_on_uc(h, me, uc);
	}
	uc->sigmask = gp__shim.kernel_mask;
	uc->stack = (stack_t){ .ss_sp = gp__shim.altstack, .ss_size = ALTSTACK_SIZE };
	gp__raw_sigreturn(uc);
}

GP_CALL(rt_sigreturn)
{
	struct gp_ucontext *uc = (void *)f->rsp;
	struct gp_ucontext copy;

	if (gp__copy(&copy, uc, sizeof copy)) {
		gp__signal_no_frame();
		return -EFAULT;
	}
	gp__signal_set_mask(me, copy.sigmask);
	me->altstack = copy.stack;
	if (copy.stack.ss_flags & SS_DISABLE)
		me->altstack.ss_size = 0;
	uc->rip = gp__site_target(copy.rip);
	gp__sigreturn_again(uc);
}

GP_CALL(sigaltstack)
{
	stack_t old = me->altstack, new;
	bool on = gp__on_altstack(me, f->rsp);

	if (!old.ss_size)
		old.ss_flags = SS_DISABLE;
	else
		old.ss_flags = (old.ss_flags & GP__AUTODISARM) | (on ? SS_ONSTACK : 0);
	if (f->rdi) {
		if (gp__copy(&new, (void *)f->rdi, sizeof new))
			return -EFAULT;
		if (on)
			return -EPERM;
		if (new.ss_flags & ~(SS_DISABLE | SS_ONSTACK | GP__AUTODISARM) ||
		    (new.ss_flags & (SS_DISABLE | SS_ONSTACK)) == (SS_DISABLE | SS_ONSTACK))
			return -EINVAL;
		if (new.ss_flags & SS_DISABLE)
			new = (stack_t){ .ss_flags = new.ss_flags };
		else if (new.ss_size < 2048 && (new.ss_sp != me->altstack.ss_sp || new.ss_size != me->altstack.ss_size ||
		                                new.ss_flags != me->altstack.ss_flags))
			return -ENOMEM;
		me->altstack = new;
	}
	return f->rsi ? gp__copy((void *)f->rsi, &old, sizeof old) : 0;
}

static long directed(struct gp_hub *h, int tgid, int tid, int sig, siginfo_t *info)
{
	struct gp_guest *to;

	if (tid <= 0)
		return -EINVAL;
	to = gp__thread_by_tid(h, tid);
	/* raise() in a greenlet of gp_spawn: libc takes it for the first thread. */
	if (to && gp__is_light(gp__me(h)) && to->g.fs == h->fs)
		to = gp__me(h);
	if (!to)
		return -ESRCH;
	if (tgid > 0 && tgid != h->pid)
		return -ESRCH;
	if (sig < 0 || sig > 64)
		return -EINVAL;
	if (sig && !gp__signal_fits(to, sig))
		return -EAGAIN;
	if (sig)
		gp__signal_direct(to, info);
	return 0;
}

/* What is no greenlet's id may be that of a kernel thread that is not ours. */
static long directed_or_native(struct gp_hub *h, struct gp_frame *f, int sig, siginfo_t *info)
{
	long r = directed(h, (int)f->rdi, (int)f->rsi, sig, info);

	return r == -ESRCH && gp__shim.foreign ? gp__native(f) : r;
}

static siginfo_t from_me(struct gp_hub *h, int sig)
{
	siginfo_t info;

	memset(&info, 0, sizeof info);
	info.si_signo = sig;
	info.si_code = SI_TKILL;
	info.si_pid = h->pid;
	info.si_uid = (unsigned)gp__raw(SYS_getuid);
	return info;
}

/* SIGKILL never comes to us, but this one does: what owners of robust mutexes leave
 * is marked before, as the kernel knows only the first thread's. kill(-1) spares us. */
static void end_of_owners(struct gp_hub *h, int pid)
{
	if (pid != 0 && pid != h->pid && (pid >= -1 || -pid != gp__raw(SYS_getpgid, 0)))
		return;
	gp__robust_exit_all(h);
	gp__stats_print();
}

GP_CALL(kill)
{
	struct gp_frame copy = *f;

	copy.rdi = (uint64_t)gp__process_of(h, (int)f->rdi);
	if ((int)f->rsi == SIGKILL)
		end_of_owners(h, (int)copy.rdi);
	return gp__native(&copy);
}

GP_CALL(tgkill)
{
	siginfo_t info = from_me(h, (int)f->rdx);

	if ((int)f->rdi != h->pid)
		return gp__native(f);
	return directed_or_native(h, f, (int)f->rdx, &info);
}

GP_CALL(tkill)
{
	siginfo_t info = from_me(h, (int)f->rsi);
	long r = directed(h, 0, (int)f->rdi, (int)f->rsi, &info);

	return r == -ESRCH ? gp__native(f) : r;
}

GP_CALL(rt_tgsigqueueinfo)
{
	siginfo_t info;

	if ((int)f->rdi != h->pid)
		return gp__native(f);
	if (gp__copy(&info, (void *)f->r10, sizeof info))
		return -EFAULT;
	info.si_signo = (int)f->rdx;
	return directed_or_native(h, f, (int)f->rdx, &info);
}
