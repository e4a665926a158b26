/* signal.c - which thread takes a signal, and what then happens.
 *
 * The kernel's mask stays empty and its actions are ours (for what would be
 * ignored or would stop the process they stay the kernel's until the program
 * blocks or handles the signal), so every signal reaches gp__on_signal and is
 * queued here. From then on this file is the kernel: masks are virtual and
 * belong to a greenlet, a signal of the process goes to a greenlet that waits
 * for it or does not block it, the first thread before others.
 *
 * A signal that is to be taken sets attention on its greenlet and ends its
 * wait with -EINTR; it is taken on the way out of the call (or in the
 * interrupted context), where the frame is made.
 */
#include "preload/calls/futex.h"
#include "preload/calls/preempt.h"
#include "preload/calls/process.h"
#include "preload/calls/signal.h"
#include "preload/calls/thread.h"
#include "preload/calls/time.h"
#include "preload/diag.h"
#include "preload/trap/patch.h"
#include "preload/trap/sud.h"

#define RING       64
#define UNBLOCKABLE (GP__SIG(SIGKILL) | GP__SIG(SIGSTOP))

/* Default actions (signal(7)). */
#define IGNORED (GP__SIG(SIGCHLD) | GP__SIG(SIGURG) | GP__SIG(SIGWINCH) | GP__SIG(SIGCONT))
#define STOPS   (GP__SIG(SIGTSTP) | GP__SIG(SIGTTIN) | GP__SIG(SIGTTOU))
/* Faults whose kernel action stays SIG_DFL until the program handles them. */
#define LEFT_ALONE (GP__SIG(SIGILL) | GP__SIG(SIGFPE) | GP__SIG(SIGTRAP) | GP__SIG(SIGKILL) | GP__SIG(SIGSTOP))

/* What came while the runtime was busy; written by the kernel's handler only,
 * read with that handler possible at any time: one writer, one reader. */
static struct {
	siginfo_t info[RING];
	volatile uint32_t in, out;
} ring;

static struct gp_action *action_of(int sig) { return &gp__shim.action[sig]; }

static bool ignored(int sig)
{
	unsigned long h = action_of(sig)->handler;

	return h == (unsigned long)SIG_IGN || (h == (unsigned long)SIG_DFL && IGNORED & GP__SIG(sig));
}

static bool handled(int sig)
{
	return action_of(sig)->handler > 1;
}

bool gp__signal_is_deadly(int sig)
{
	return !ignored(sig) && !handled(sig) && !(STOPS & GP__SIG(sig));
}

/* Sets the kernel's action to what it has to be now. */
static void settle(int sig, bool hook)
{
	const struct gp_action *a = action_of(sig);

	if (GP__SIG(sig) & UNBLOCKABLE || sig == SIGSYS)
		return;
	if (sig == SIGCHLD)
		gp__kernel_action(sig, 2, a->handler == 1 ? SA_NOCLDWAIT : a->flags & SA_NOCLDWAIT);
	else if (sig == SIGSEGV || sig == SIGBUS || sig == GP__TICK_SIGNAL || handled(sig) || (sig == SIGQUIT && gp__shim.config.quit_list))
		gp__kernel_action(sig, 2, 0);
	else if (a->handler == (unsigned long)SIG_IGN)
		gp__kernel_action(sig, 1, 0);
	else
		gp__kernel_action(sig, hook || !((IGNORED | STOPS | LEFT_ALONE) & GP__SIG(sig)) ? 2 : 0, 0);
}

void gp__signals_init(struct gp_guest *main)
{
	unsigned long none = 0;

	gp__list_init(&gp__shim.sigqueue);
	gp__raw(SYS_rt_sigprocmask, SIG_SETMASK, 0, &main->mask, 8);
	main->mask &= ~GP__SIG(SIGSYS);
	for (int sig = 1; sig <= 64; sig++) {
		gp__raw(SYS_rt_sigaction, sig, 0, action_of(sig), 8);
		settle(sig, main->mask >> (sig - 1) & 1);
	}
	gp__kernel_action(SIGSYS, 2, 0);
	gp__raw(SYS_rt_sigprocmask, SIG_SETMASK, &none, 0, 8);
}

/* ---- queues ------------------------------------------------------------------ */

/* Standard signals are kept once, real-time ones each. False: no memory. */
static bool enqueue(struct gp_list *queue, uint64_t *pending, const siginfo_t *info)
{
	struct gp_signal *s;

	if (info->si_signo < 32 && *pending & GP__SIG(info->si_signo))
		return true;
	s = gp__alloc(sizeof *s);
	if (!s)
		return false;
	s->info = *info;
	gp__list_append(queue, &s->link);
	*pending |= GP__SIG(info->si_signo);
	return true;
}

/* The first of the lowest number in `set`; its memory is freed. */
static bool dequeue(struct gp_list *queue, uint64_t *pending, uint64_t set, siginfo_t *out)
{
	uint64_t ready = *pending & set;
	struct gp_signal *found = NULL;
	bool more = false;
	int sig;

	if (!ready)
		return false;
	sig = __builtin_ctzl(ready) + 1;
	gp__list_each(n, queue) {
		struct gp_signal *s = gp__list_entry(n, struct gp_signal, link);

		if (s->info.si_signo != sig)
			continue;
		more = found != NULL;
		if (!found)
			found = s;
	}
	if (!more)
		*pending &= ~GP__SIG(sig);
	if (!found)
		return false;
	*out = found->info;
	gp__list_del(&found->link);
	gp__free(found);
	return true;
}

/* Its own first, as the kernel does. */
static bool dequeue_for(struct gp_guest *me, uint64_t set, siginfo_t *out)
{
	return dequeue(&me->sigqueue, &me->pending, set, out) ||
	       dequeue(&gp__shim.sigqueue, &gp__shim.pending, set, out);
}

void gp__signal_forget(struct gp_guest *g)
{
	gp__list_each(n, &g->sigqueue) {
		gp__list_del(n);
		gp__free(gp__list_entry(n, struct gp_signal, link));
	}
	g->pending = 0;
}

/* ---- who takes it ---------------------------------------------------------------- */

static bool takes(const struct gp_guest *g, int sig)
{
	return !(g->mask & GP__SIG(sig)) || g->sigwait & GP__SIG(sig);
}

/* Ends its wait, if a signal may. */
static void call_attention(struct gp_guest *g)
{
	g->attention = true;
	if (g->g.state == GP__PARKED && g->g.park_flags & GP__INTERRUPTIBLE)
		gp__wake(&g->g, -EINTR);
}

static struct gp_guest *taker(struct gp_hub *h, int sig)
{
	struct gp_guest *me = h->current ? gp__me(h) : NULL, *found = NULL;

	gp__list_each(n, &h->all) {
		struct gp_guest *g = gp__guest(gp__list_entry(n, struct gp_greenlet, all));

		if (g->sigwait & GP__SIG(sig) && g->g.state == GP__PARKED)
			return g;
		if (!found && takes(g, sig))
			found = g;
	}
	if (gp__shim.main && takes(gp__shim.main, sig))
		return gp__shim.main;
	return me && takes(me, sig) ? me : found;
}

void gp__signal_direct(struct gp_guest *to, const siginfo_t *info)
{
	int sig = info->si_signo;

	if (ignored(sig) && takes(to, sig) && !(to->sigwait & GP__SIG(sig)))
		return;
	enqueue(&to->sigqueue, &to->pending, info);
	if (takes(to, sig))
		call_attention(to);
}

static void default_action(int sig, const siginfo_t *info);

/* SIGQUIT asks for the list: by a terminal's key, unless the program has a use
 * for it; by GREENPATCH_QUIT=list always. */
static bool quit_lists(struct gp_hub *h, const siginfo_t *info)
{
	struct gp_guest *to;

	if (gp__shim.config.quit_list)
		return true;
	if (info->si_code != SI_KERNEL || action_of(SIGQUIT)->handler != (unsigned long)SIG_DFL)
		return false;
	to = taker(h, SIGQUIT);
	return !to || !(to->sigwait & GP__SIG(SIGQUIT));
}

void gp__signal_route(struct gp_hub *h, const siginfo_t *info)
{
	int sig = info->si_signo;
	struct gp_guest *to;

	if (sig == SIGCHLD) {
		gp__child_changed(h);
		if (action_of(sig)->flags & SA_NOCLDSTOP && (info->si_code == CLD_STOPPED || info->si_code == CLD_CONTINUED))
			return;
	}
	if (sig == SIGQUIT && quit_lists(h, info)) {
		if (gp__list_asked(h))
			default_action(sig, info);
		return;
	}
	if (info->si_code == SI_TIMER && (to = gp__timer_target(h, info->si_timerid))) {
		gp__signal_direct(to, info);
		return;
	}
	/* A pipe broken by the call under way is its thread's affair. */
	if (sig == SIGPIPE && h->current && info->si_code == SI_USER && info->si_pid == h->pid) {
		gp__signal_direct(gp__me(h), info);
		return;
	}
	to = taker(h, sig);
	if (to && ignored(sig) && !(to->sigwait & GP__SIG(sig)))
		return;
	enqueue(&gp__shim.sigqueue, &gp__shim.pending, info);
	if (to)
		call_attention(to);
}

bool gp__signal_arrived(struct gp_hub *h, int sig, const siginfo_t *info)
{
	if (ring.in - ring.out == RING)
		return false;
	ring.info[ring.in % RING] = *info;
	ring.in++;
	return ring.in - ring.out < RING;
}

void gp__signals_collect(struct gp_hub *h)
{
	bool was_full = ring.in - ring.out == RING;

	gp__attention_lower(h, GP__ARRIVED);
	gp__ps_answer(h);
	while (ring.out != ring.in) {
		siginfo_t info = ring.info[ring.out % RING];

		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		ring.out++;
		gp__signal_route(h, &info);
	}
	if (was_full)
		gp__raw(SYS_rt_sigprocmask, SIG_SETMASK, &gp__shim.kernel_mask, 0, 8);
}

bool gp__signal_any_handler(void)
{
	for (int sig = 1; sig <= 64; sig++)
		if (handled(sig) && sig != 32 && sig != 33 && sig != SIGSEGV && sig != SIGBUS && sig != SIGFPE && sig != SIGILL)
			return true;
	return false;
}

/* ---- taking it ------------------------------------------------------------------------ */

/* The default action, which the kernel does best: it gets its own action back
 * and the signal once more. Returns only from a stop. */
static void default_action(int sig, const siginfo_t *info)
{
	uint64_t set = GP__SIG(sig), before;

	if (!(STOPS & set) && sig != SIGCONT)
		gp__stats_print();
	gp__kernel_action(sig, 0, 0);
	gp__raw(SYS_tgkill, gp__raw(SYS_getpid), gp__raw(SYS_gettid), sig);
	gp__raw(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, &before, 8);
	/* Stopped, and continued. */
	gp__raw(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
	settle(sig, true);
}

/* The next signal that needs a handler: *act is a copy of its action. */
static bool next_handled(struct gp_guest *me, siginfo_t *info, struct gp_action *act)
{
	while (dequeue_for(me, ~me->mask, info)) {
		struct gp_action *a = action_of(info->si_signo);

		if (ignored(info->si_signo))
			continue;
		if (!handled(info->si_signo)) {
			default_action(info->si_signo, info);
			continue;
		}
		*act = *a;
		if (a->flags & SA_RESETHAND) {
			a->handler = (unsigned long)SIG_DFL;
			settle(info->si_signo, true);
		}
		return true;
	}
	me->attention = false;
	return false;
}

/* The mask while the handler runs; what to restore is the result. */
static uint64_t enter_handler(struct gp_guest *me, int sig, const struct gp_action *act)
{
	uint64_t before = me->restore_mask ? me->saved_mask : me->mask;

	me->restore_mask = false;
	me->mask |= act->mask & ~UNBLOCKABLE;
	if (!(act->flags & SA_NODEFER))
		me->mask |= GP__SIG(sig);
	return before;
}

/* No memory for the frame: the kernel would send a SIGSEGV that cannot be handled. */
static void no_frame(void)
{
	gp__shim.action[SIGSEGV].handler = (unsigned long)SIG_DFL;
	default_action(SIGSEGV, NULL);
}

void gp__signal_take_on_uc(struct gp_hub *h, struct gp_guest *me, struct gp_ucontext *uc)
{
	struct gp_action act;
	siginfo_t info;

	while (next_handled(me, &info, &act)) {
		uint64_t before = enter_handler(me, info.si_signo, &act);

		if (!gp__frame_on_uc(me, uc, info.si_signo, &info, &act, before))
			no_frame();
	}
}

bool gp__signal_take_on_call(struct gp_hub *h, struct gp_guest *me, struct gp_frame *f)
{
	struct gp_action act;
	siginfo_t info;
	bool any = false;

	while (next_handled(me, &info, &act)) {
		uint64_t before = enter_handler(me, info.si_signo, &act);

		if (!any && (long)f->rax == GP__RESTART_SYS && act.flags & SA_RESTART) {
			f->rax = f->nr;
			f->ret = f->restart;
		} else if (!any && ((long)f->rax == GP__RESTART_SYS || (long)f->rax == GP__RESTART_NEVER)) {
			f->rax = (uint64_t)-EINTR;
		}
		any = true;
		if (!gp__frame_on_call(me, f, info.si_signo, &info, &act, before))
			no_frame();
	}
	return any;
}

bool gp__signal_fault(struct gp_guest *me, struct gp_ucontext *uc, int sig, const siginfo_t *info)
{
	struct gp_action act = *action_of(sig);
	uint64_t before;

	if (!handled(sig) || me->mask & GP__SIG(sig))
		return false;
	if (act.flags & SA_RESETHAND)
		action_of(sig)->handler = (unsigned long)SIG_DFL;
	before = enter_handler(me, sig, &act);
	return gp__frame_on_uc(me, uc, sig, info, &act, before);
}

/* ---- masks ------------------------------------------------------------------------------- */

void gp__signal_set_mask(struct gp_guest *me, uint64_t mask)
{
	me->mask = mask & ~UNBLOCKABLE;
	if ((me->pending | gp__shim.pending) & ~me->mask)
		me->attention = true;
}

long gp__signal_get_mask(uint64_t *out, const void *from, size_t size)
{
	if (size != 8)
		return -EINVAL;
	if (gp__copy(out, from, 8))
		return -EFAULT;
	*out &= ~UNBLOCKABLE;
	return 0;
}

void gp__signal_swap_mask(struct gp_guest *me, uint64_t mask)
{
	me->saved_mask = me->mask;
	me->restore_mask = true;
	gp__signal_set_mask(me, mask);
}

/* ---- the calls ---------------------------------------------------------------------------- */

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
				if (set & ~old & ~gp__shim.hooked & ~LEFT_ALONE & GP__SIG(sig))
					settle(sig, true);
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

	if (f->r10 != 8 || sig < 1 || sig > 64)
		return -EINVAL;
	if (f->rsi && GP__SIG(sig) & UNBLOCKABLE)
		return -EINVAL;
	old = *action_of(sig);
	if (f->rsi) {
		if (gp__copy(&new, (void *)f->rsi, sizeof new))
			return -EFAULT;
		new.mask &= ~UNBLOCKABLE;
		*action_of(sig) = new;
		if (ignored(sig)) { /* POSIX: what is pending is discarded */
			siginfo_t gone;

			while (dequeue(&gp__shim.sigqueue, &gp__shim.pending, GP__SIG(sig), &gone) ||
			       dequeue(&me->sigqueue, &me->pending, GP__SIG(sig), &gone))
				;
		}
		if (old.handler != new.handler || sig == SIGCHLD)
			settle(sig, me->mask & GP__SIG(sig) || gp__shim.hooked & GP__SIG(sig));
	}
	if (f->rdx && gp__copy((void *)f->rdx, &old, sizeof old))
		return -EFAULT;
	return 0;
}

GP_CALL(rt_sigpending)
{
	uint64_t set = (me->pending | gp__shim.pending) & me->mask;

	if (f->rsi > 8)
		return -EINVAL;
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
	if (me->attention) {
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
		no_frame();
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
		old.ss_flags = on ? SS_ONSTACK : 0;
	if (f->rdi) {
		if (gp__copy(&new, (void *)f->rdi, sizeof new))
			return -EFAULT;
		if (on)
			return -EPERM;
		if (new.ss_flags & ~(SS_DISABLE | SS_ONSTACK | (int)(1U << 31)))
			return -EINVAL;
		if (new.ss_flags & SS_DISABLE)
			new = (stack_t){ 0 };
		else if (new.ss_size < 2048)
			return -ENOMEM;
		new.ss_flags = 0;
		me->altstack = new;
	}
	return f->rsi ? gp__copy((void *)f->rsi, &old, sizeof old) : 0;
}

static long directed(struct gp_hub *h, int tgid, int tid, int sig, siginfo_t *info)
{
	struct gp_guest *to;

	if (sig < 0 || sig > 64 || tid <= 0)
		return -EINVAL;
	to = gp__thread_by_tid(h, tid);
	if (!to)
		return -ESRCH;
	if (tgid > 0 && tgid != h->pid)
		return -ESRCH;
	if (sig)
		gp__signal_direct(to, info);
	return 0;
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

GP_CALL(tgkill)
{
	siginfo_t info = from_me(h, (int)f->rdx);

	if ((int)f->rdi != h->pid)
		return gp__native(f);
	return directed(h, (int)f->rdi, (int)f->rsi, (int)f->rdx, &info);
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
	return directed(h, (int)f->rdi, (int)f->rsi, (int)f->rdx, &info);
}

/* ---- waiting for signals ---------------------------------------------------------------------- */

GP_CALL(pause)
{
	if (!gp__interrupted(h, me))
		gp__park(h, "signal", 0, GP__NEVER, GP__EXTERNAL | GP__INTERRUPTIBLE);
	return GP__RESTART_NEVER;
}

GP_CALL(rt_sigsuspend)
{
	uint64_t mask;
	long r = gp__signal_get_mask(&mask, (void *)f->rdi, f->rsi);

	if (r)
		return r;
	gp__signal_swap_mask(me, mask);
	while (!gp__interrupted(h, me))
		gp__park(h, "signal", 0, GP__NEVER, GP__EXTERNAL | GP__INTERRUPTIBLE);
	return GP__RESTART_NEVER;
}

GP_CALL(rt_sigtimedwait)
{
	int64_t deadline = GP__NEVER;
	siginfo_t info;
	uint64_t set;
	long r = gp__signal_get_mask(&set, (void *)f->rdi, f->r10);

	if (r)
		return r;
	if (f->rdx) {
		struct { long sec, nsec; } ts;

		if (gp__copy(&ts, (void *)f->rdx, sizeof ts))
			return -EFAULT;
		if (ts.sec < 0 || ts.nsec < 0 || ts.nsec >= GP__SEC)
			return -EINVAL;
		deadline = ts.sec > GP__NEVER / GP__SEC - 1 ? GP__NEVER : gp__deadline_after(ts.sec * GP__SEC + ts.nsec);
	}
	for (int sig = 1; sig <= 31; sig++) /* what is ignored by default must come to us */
		if (set & ~gp__shim.hooked & ~UNBLOCKABLE & GP__SIG(sig))
			settle(sig, true);
	for (;;) {
		if (h->attention & GP__ARRIVED)
			gp__signals_collect(h);
		if (dequeue_for(me, set, &info))
			break;
		if (gp__interrupted(h, me))
			return -EINTR;
		if (deadline != GP__NEVER && deadline <= gp__now())
			return -EAGAIN;
		me->sigwait = set;
		gp__park(h, "signal", set, deadline, GP__EXTERNAL | GP__INTERRUPTIBLE);
		me->sigwait = 0;
	}
	if (f->rsi && gp__copy((void *)f->rsi, &info, sizeof info))
		return -EFAULT;
	return info.si_signo;
}

/* signalfd reads what is pending in the kernel, so its signals are blocked
 * there too; they come back to us when the descriptor's set shrinks. */
GP_CALL(signalfd)
{
	uint64_t set;
	long r;

	if (gp__copy(&set, (void *)f->rsi, 8))
		return -EFAULT;
	r = gp__native(f);
	if (gp__is_err(r))
		return r;
	for (int sig = 1; sig <= 64; sig++)
		if (set & ~gp__shim.hooked & ~UNBLOCKABLE & GP__SIG(sig))
			settle(sig, true);
	gp__shim.kernel_mask |= set & me->mask & ~(UNBLOCKABLE | GP__SIG(SIGSYS) | GP__SIG(GP__TICK_SIGNAL));
	gp__raw(SYS_rt_sigprocmask, SIG_SETMASK, &gp__shim.kernel_mask, 0, 8);
	return r;
}

/* ---- other lives -------------------------------------------------------------------------------- */

void gp__signals_before_exec(struct gp_guest *me)
{
	uint64_t mask = me->mask & ~GP__SIG(SIGSYS);

	if (gp__shim.action[SIGCHLD].handler == 1)
		gp__kernel_action(SIGCHLD, 1, 0);
	if (gp__shim.action[SIGSEGV].handler == 1)
		gp__kernel_action(SIGSEGV, 1, 0);
	if (gp__shim.action[SIGBUS].handler == 1)
		gp__kernel_action(SIGBUS, 1, 0);
	if (gp__shim.action[SIGQUIT].handler == 1)
		gp__kernel_action(SIGQUIT, 1, 0);
	gp__raw(SYS_rt_sigprocmask, SIG_SETMASK, &mask, 0, 8);
}

void gp__signals_after_exec(void)
{
	gp__raw(SYS_rt_sigprocmask, SIG_SETMASK, &gp__shim.kernel_mask, 0, 8);
	settle(SIGCHLD, true);
	settle(SIGSEGV, true);
	settle(SIGBUS, true);
	settle(SIGQUIT, true);
}

void gp__signals_forked(struct gp_hub *h)
{
	struct gp_guest *me = gp__me(h);

	ring.in = ring.out = 0;
	h->attention = 0;
	gp__list_each(n, &gp__shim.sigqueue) {
		gp__list_del(n);
		gp__free(gp__list_entry(n, struct gp_signal, link));
	}
	gp__shim.pending = 0;
	gp__signal_forget(me);
	me->attention = false;
}
