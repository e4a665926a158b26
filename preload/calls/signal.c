/* signal.c - which thread takes a signal, and what then happens.
 *
 * The kernel's mask is empty at first and its actions are ours (for what would be
 * ignored or would stop the process they stay the kernel's until the program
 * blocks or handles the signal), so every signal reaches gp__on_signal and is
 * queued here. From then on this file is the kernel: masks are virtual and
 * belong to a greenlet, a signal of the process goes to a greenlet that waits
 * for it or does not block it, the first thread before others.
 *
 * One that nobody takes is held: blocked in the kernel from then on, until
 * somebody takes it. Those that follow wait there: as many as the limit allows,
 * a timer's as one with its overruns. A handler that blocks what comes faster
 * than it ends would otherwise not end at all.
 *
 * A signal that is to be taken sets attention on its greenlet and ends its
 * wait with -EINTR; it is taken on the way out of the call (or in the
 * interrupted context), where the frame is made.
 */
#include "preload/calls/fd.h"
#include "preload/calls/futex.h"
#include "preload/calls/preempt.h"
#include "preload/calls/process.h"
#include "preload/calls/signal.h"
#include "preload/calls/time.h"
#include "preload/diag.h"
#include "preload/trap/sud.h"

#define RING 64

/* What came while the runtime was busy; written by the kernel's handler only,
 * read with that handler possible at any time: one writer, one reader. */
static struct {
	siginfo_t info[RING];
	volatile uint32_t in, out;
} ring;

/* Faults come to us, whoever blocks them: gp__copy() lives on them. */
#define OURS (GP__UNBLOCKABLE | GP__SIG(SIGSYS) | GP__SIG(GP__TICK_SIGNAL) | GP__SIG(SIGSEGV) | GP__SIG(SIGBUS) | \
              GP__SIG(SIGILL) | GP__SIG(SIGFPE) | GP__SIG(SIGTRAP))
/* ... and what says to us as well that something has changed. */
#define WE_WAIT_FOR (GP__SIG(SIGCHLD) | GP__SIG(SIGCONT) | GP__SIG(SIGQUIT))

bool gp__action_ignores(int sig)
{
	unsigned long h = gp__action(sig)->handler;

	return h == (unsigned long)SIG_IGN || (h == (unsigned long)SIG_DFL && GP__SIG_IGNORED & GP__SIG(sig));
}

bool gp__action_handles(int sig)
{
	return gp__action(sig)->handler > 1;
}

bool gp__signal_is_deadly(int sig)
{
	return !gp__action_ignores(sig) && !gp__action_handles(sig) && !(GP__SIG_STOPS & GP__SIG(sig));
}

/* The program has, or may make, kernel threads that are not ours. */
static bool real_threads(void)
{
	return gp__shim.foreign || !(gp__shim.config.groups & GP__GROUP_THREAD);
}

/* Such a thread runs the program's handlers where it is interrupted, and the kernel
 * sees to its restarts. */
static unsigned long restarts(const struct gp_action *a)
{
	return real_threads() ? a->flags & SA_RESTART : 0;
}

/* Sets the kernel's action to what it has to be now. */
void gp__action_settle(int sig, bool hook)
{
	const struct gp_action *a = gp__action(sig);

	if (GP__SIG(sig) & GP__UNBLOCKABLE || sig == SIGSYS)
		return;
	if (sig == SIGCHLD)
		gp__kernel_action(sig, 2, a->handler == 1 ? SA_NOCLDWAIT : (a->flags & SA_NOCLDWAIT) | restarts(a));
	else if (sig == SIGSEGV || sig == SIGBUS || sig == SIGCONT || sig == GP__TICK_SIGNAL || gp__action_handles(sig) || (sig == SIGQUIT && gp__shim.config.quit_list))
		gp__kernel_action(sig, 2, restarts(a));
	else if (a->handler == (unsigned long)SIG_IGN)
		gp__kernel_action(sig, 1, 0);
	else
		gp__kernel_action(sig, hook || !((GP__SIG_IGNORED | GP__SIG_STOPS | GP__SIG_LEFT_ALONE) & GP__SIG(sig)) ? 2 : 0, 0);
}

void gp__signals_init(struct gp_guest *main)
{
	unsigned long none = 0;

	gp__list_init(&gp__shim.sigqueue);
	gp__raw(SYS_rt_sigprocmask, SIG_SETMASK, 0, &main->mask, 8);
	main->mask &= ~GP__SIG(SIGSYS);
	for (int sig = 1; sig <= 64; sig++) {
		gp__raw(SYS_rt_sigaction, sig, 0, gp__action(sig), 8);
		gp__action_settle(sig, main->mask >> (sig - 1) & 1);
	}
	gp__kernel_action(SIGSYS, 2, 0);
	gp__raw(SYS_rt_sigprocmask, SIG_SETMASK, &none, 0, 8);
	gp__signal_mask_settle();
}

/* ---- who takes it ---------------------------------------------------------------- */

static bool takes(const struct gp_guest *g, int sig)
{
	return !(g->mask & GP__SIG(sig)) || g->sigwait & GP__SIG(sig);
}

bool gp__signal_fits(const struct gp_guest *to, int sig)
{
	return sig < 32 || takes(to, sig) || gp__sigqueue_room();
}

/* Ends its wait, if a signal may. */
static void call_attention(struct gp_guest *g)
{
	g->g.attention = true;
	if (g->g.state == GP__PARKED && g->g.park_flags & GP__INTERRUPTIBLE)
		gp__wake(&g->g, -EINTR);
}

static struct gp_guest *taker(struct gp_hub *h, int sig)
{
	struct gp_guest *me = h->current ? gp__me(h) : NULL, *found = NULL;

	if (gp__shim.main && takes(gp__shim.main, sig))
		return gp__shim.main;
	gp__list_each(n, &h->all) {
		struct gp_guest *g = gp__guest(gp__list_entry(n, struct gp_greenlet, all));

		if (g->sigwait & GP__SIG(sig) && g->g.state == GP__PARKED)
			return g;
		if (!found && takes(g, sig))
			found = g;
	}
	return me && takes(me, sig) ? me : found;
}

static void default_action(int sig, const siginfo_t *info);

#define CORES (GP__SIG(SIGQUIT) | GP__SIG(SIGILL) | GP__SIG(SIGTRAP) | GP__SIG(SIGABRT) | GP__SIG(SIGFPE) | GP__SIG(SIGSEGV) | \
               GP__SIG(SIGBUS) | GP__SIG(SIGSYS) | GP__SIG(SIGXCPU) | GP__SIG(SIGXFSZ))

/* A signal without a handler ends or stops the process at once, as in the
 * kernel (complete_signal): its taker may be parked while another greenlet
 * keeps the processor. */
static bool acted_at_once(const struct gp_guest *to, const siginfo_t *info)
{
	int sig = info->si_signo;

	if (gp__action_ignores(sig) || gp__action_handles(sig) || !takes(to, sig))
		return false;
	/* Who waits for it gets it, blocked or not if it leaves a core or stops. */
	if (to->sigwait & GP__SIG(sig) && (to->mask & GP__SIG(sig) || (CORES | GP__SIG_STOPS) & GP__SIG(sig)))
		return false;
	default_action(sig, info);
	return true;
}

void gp__signal_direct(struct gp_guest *to, const siginfo_t *info)
{
	int sig = info->si_signo;

	if (gp__action_ignores(sig) && takes(to, sig) && !(to->sigwait & GP__SIG(sig)))
		return;
	if (acted_at_once(to, info))
		return;
	gp__sigqueue_add(&to->sigqueue, &to->pending, info);
	if (takes(to, sig))
		call_attention(to);
}

/* SIGQUIT asks for the list: by a terminal's key, unless the program has a use
 * for it; by GREENPATCH_QUIT=list always. */
static bool quit_lists(struct gp_hub *h, const siginfo_t *info)
{
	struct gp_guest *to;

	if (gp__shim.config.quit_list)
		return true;
	if (info->si_code != SI_KERNEL || gp__action(SIGQUIT)->handler != (unsigned long)SIG_DFL)
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
		if (gp__action(sig)->flags & SA_NOCLDSTOP && (info->si_code == CLD_STOPPED || info->si_code == CLD_CONTINUED))
			return;
	}
	if (sig == SIGCONT)
		gp__fd_look_again(h); /* the terminal may be another group's now */
	if (sig == SIGQUIT && quit_lists(h, info)) {
		if (gp__list_asked(h))
			default_action(sig, info);
		return;
	}
	if ((info->si_code == SI_TIMER && gp__timer_aimed(h, info->si_timerid, &to)) || gp__owner_aimed(h, info, &to)) {
		if (to)
			gp__signal_direct(to, info);
		return;
	}
	/* A pipe broken by the call under way is its thread's affair; so is a
	 * file that got too large. */
	if ((sig == SIGPIPE || sig == SIGXFSZ) && h->current && info->si_code == SI_USER && info->si_pid == h->pid) {
		gp__signal_direct(gp__me(h), info);
		return;
	}
	to = taker(h, sig);
	if (to && gp__action_ignores(sig) && !(to->sigwait & GP__SIG(sig)))
		return;
	if (to && acted_at_once(to, info))
		return;
	gp__sigqueue_add(&gp__shim.sigqueue, &gp__shim.pending, info);
	if (to)
		call_attention(to);
	else
		gp__shim.kernel_mask |= GP__SIG(sig) & ~(OURS | WE_WAIT_FOR);
}

/* The next of that number waits in the kernel until this one is looked at; those
 * that must not be blocked do where the ring is full. */
uint64_t gp__signal_arrived(struct gp_hub *h, int sig, const siginfo_t *info)
{
	if (ring.in - ring.out == RING)
		return GP__SIG(sig);
	ring.info[ring.in % RING] = *info;
	ring.in++;
	return ring.in - ring.out < RING ? GP__SIG(sig) & ~OURS : GP__SIG(sig);
}

void gp__signals_collect(struct gp_hub *h)
{
	bool any = ring.out != ring.in;

	gp__attention_lower(h, GP__ARRIVED);
	gp__ps_answer(h);
	while (ring.out != ring.in) {
		siginfo_t info = ring.info[ring.out % RING];

		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		ring.out++;
		gp__signal_route(h, &info);
	}
	if (any)
		gp__raw(SYS_rt_sigprocmask, SIG_SETMASK, &gp__shim.kernel_mask, 0, 8);
}

bool gp__signal_any_handler(void)
{
	for (int sig = 1; sig <= 64; sig++)
		if (gp__action_handles(sig) && sig != 32 && sig != 33 && sig != SIGSEGV && sig != SIGBUS && sig != SIGFPE && sig != SIGILL)
			return true;
	return false;
}

/* ---- taking it ------------------------------------------------------------------------ */

void gp__signal_send(int tid, int sig, const siginfo_t *info)
{
	long pid = gp__raw(SYS_getpid), r = -EPERM;

	if (info && tid)
		r = gp__raw(SYS_rt_tgsigqueueinfo, pid, tid, sig, info);
	else if (info)
		r = gp__raw(SYS_rt_sigqueueinfo, pid, sig, info);
	if (r && tid)
		r = gp__raw(SYS_tgkill, pid, tid, sig);
	if (r)
		gp__raw(SYS_kill, pid, sig);
}

/* The default action, which the kernel does best: it gets its own action back
 * and the signal once more. Returns only from a stop. */
static void default_action(int sig, const siginfo_t *info)
{
	uint64_t set = GP__SIG(sig), before;

	if (!(GP__SIG_STOPS & set) && sig != SIGCONT) {
		gp__robust_exit_all(gp__shim.hub);
		gp__stats_print();
	}
	gp__kernel_action(sig, 0, 0);
	gp__signal_send((int)gp__raw(SYS_gettid), sig, NULL);
	gp__raw(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, &before, 8);
	/* Stopped, and continued. */
	gp__raw(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
	gp__action_settle(sig, true);
}

/* The next signal that needs a handler: *act is a copy of its action. */
static bool next_handled(struct gp_guest *me, siginfo_t *info, struct gp_action *act)
{
	while (gp__signal_next(me, ~me->mask, info)) {
		struct gp_action *a = gp__action(info->si_signo);

		if (gp__action_ignores(info->si_signo))
			continue;
		if (!gp__action_handles(info->si_signo)) {
			default_action(info->si_signo, info);
			continue;
		}
		*act = *a;
		if (a->flags & SA_RESETHAND) {
			a->handler = (unsigned long)SIG_DFL;
			gp__action_settle(info->si_signo, true);
		}
		return true;
	}
	me->g.attention = false;
	return false;
}

/* The mask while the handler runs; what to restore is the result. */
static uint64_t enter_handler(struct gp_guest *me, int sig, const struct gp_action *act)
{
	uint64_t before = me->restore_mask ? me->saved_mask : me->mask;

	me->restore_mask = false;
	me->mask |= act->mask & ~GP__UNBLOCKABLE;
	if (!(act->flags & SA_NODEFER))
		me->mask |= GP__SIG(sig);
	return before;
}

/* A SIGSEGV that cannot be handled. */
void gp__signal_no_frame(void)
{
	gp__shim.action[SIGSEGV].handler = (unsigned long)SIG_DFL;
	default_action(SIGSEGV, NULL);
}

/* No room for the frame of a signal: the kernel sends a SIGSEGV instead, whose
 * handler may have another stack. `mask` and `restore` are as they were before. */
static uint64_t instead(struct gp_guest *me, uint64_t mask, bool restore, siginfo_t *info, struct gp_action *act)
{
	struct gp_action *a = gp__action(SIGSEGV);

	me->mask = mask;
	me->restore_mask = restore;
	if (info->si_signo == SIGSEGV || mask & GP__SIG(SIGSEGV) || !gp__action_handles(SIGSEGV))
		gp__signal_no_frame();
	memset(info, 0, sizeof *info);
	info->si_signo = SIGSEGV;
	info->si_code = SI_KERNEL;
	*act = *a;
	if (a->flags & SA_RESETHAND)
		a->handler = (unsigned long)SIG_DFL;
	return enter_handler(me, SIGSEGV, act);
}

void gp__signal_take_on_uc(struct gp_hub *h, struct gp_guest *me, struct gp_ucontext *uc)
{
	struct gp_action act;
	siginfo_t info;

	while (next_handled(me, &info, &act)) {
		uint64_t mask = me->mask, before;
		bool restore = me->restore_mask;

		before = enter_handler(me, info.si_signo, &act);
		while (!gp__frame_on_uc(me, uc, info.si_signo, &info, &act, before))
			before = instead(me, mask, restore, &info, &act);
	}
}

bool gp__signal_take_on_call(struct gp_hub *h, struct gp_guest *me, struct gp_frame *f)
{
	struct gp_action act;
	siginfo_t info;
	bool any = false;

	while (next_handled(me, &info, &act)) {
		uint64_t mask = me->mask, before;
		bool restore = me->restore_mask;
		long r = (long)f->rax;

		before = enter_handler(me, info.si_signo, &act);
		if (!any && (r == GP__RESTART_ALWAYS || (r == GP__RESTART_SYS && act.flags & SA_RESTART))) {
			f->rax = f->nr;
			f->ret = f->restart;
		} else if (!any && gp__is_restart(r)) {
			f->rax = (uint64_t)-EINTR;
		}
		any = true;
		while (!gp__frame_on_call(me, f, info.si_signo, &info, &act, before))
			before = instead(me, mask, restore, &info, &act);
	}
	return any;
}

bool gp__signal_fault(struct gp_guest *me, struct gp_ucontext *uc, int sig, const siginfo_t *info)
{
	struct gp_action act = *gp__action(sig);
	uint64_t before;

	if (!gp__action_handles(sig) || me->mask & GP__SIG(sig))
		return false;
	if (act.flags & SA_RESETHAND)
		gp__action(sig)->handler = (unsigned long)SIG_DFL;
	before = enter_handler(me, sig, &act);
	return gp__frame_on_uc(me, uc, sig, info, &act, before);
}

/* ---- masks ------------------------------------------------------------------------------- */

void gp__signal_mask_settle(void)
{
	uint64_t want = gp__unlikely(real_threads()) ? ~OURS : gp__shim.kernel_mask & ~gp__shim.fd_mask;

	if (gp__unlikely(want))
		gp__list_each(n, &gp__shim.hub->all) {
			const struct gp_guest *g = gp__guest(gp__list_entry(n, struct gp_greenlet, all));

			want &= g->mask & ~g->sigwait;
		}
	want |= gp__shim.fd_mask;
	if (want == gp__shim.kernel_mask)
		return;
	gp__shim.kernel_mask = want;
	gp__raw(SYS_rt_sigprocmask, SIG_SETMASK, &want, 0, 8);
}

void gp__signal_mask_changed(struct gp_guest *me)
{
	uint64_t takes = ~me->mask | me->sigwait;

	if (gp__unlikely(real_threads() || gp__shim.kernel_mask & ~gp__shim.fd_mask & takes))
		gp__signal_mask_settle();
}

void gp__signal_set_mask(struct gp_guest *me, uint64_t mask)
{
	me->mask = mask & ~GP__UNBLOCKABLE;
	gp__signal_mask_changed(me);
	if ((me->pending | gp__shim.pending) & ~me->mask)
		me->g.attention = true;
}

long gp__signal_get_mask(uint64_t *out, const void *from, size_t size)
{
	if (size != 8)
		return -EINVAL;
	if (gp__copy(out, from, 8))
		return -EFAULT;
	*out &= ~GP__UNBLOCKABLE;
	return 0;
}

void gp__signal_swap_mask(struct gp_guest *me, uint64_t mask)
{
	me->saved_mask = me->mask;
	me->restore_mask = true;
	gp__signal_set_mask(me, mask);
}

long gp__signal_take_mask(struct gp_guest *me, uint64_t from, uint64_t size)
{
	uint64_t mask;
	long r;

	if (!from)
		return 0;
	r = gp__signal_get_mask(&mask, (void *)from, size);
	if (!r)
		gp__signal_swap_mask(me, mask);
	return r;
}

/* ---- other lives -------------------------------------------------------------------------------- */

/* What is pending is the new program's, too: the kernel keeps it, or gives it
 * back to us when there is none. */
static void hand_back(struct gp_list *queue, uint64_t *pending, int tid)
{
	siginfo_t info;

	while (gp__sigqueue_take(queue, pending, *pending, &info))
		gp__signal_send(tid, info.si_signo, &info);
}

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
	if (gp__shim.action[SIGCONT].handler == 1)
		gp__kernel_action(SIGCONT, 1, 0);
	gp__raw(SYS_rt_sigprocmask, SIG_SETMASK, &mask, 0, 8);
	hand_back(&me->sigqueue, &me->pending, gp__shim.hub->tid);
	hand_back(&gp__shim.sigqueue, &gp__shim.pending, 0);
}

void gp__signals_after_exec(void)
{
	gp__raw(SYS_rt_sigprocmask, SIG_SETMASK, &gp__shim.kernel_mask, 0, 8);
	gp__action_settle(SIGCHLD, true);
	gp__action_settle(SIGSEGV, true);
	gp__action_settle(SIGBUS, true);
	gp__action_settle(SIGQUIT, true);
	gp__action_settle(SIGCONT, true);
}

void gp__signals_clear(void)
{
	for (int sig = 1; sig <= 64; sig++) {
		struct gp_action *a = gp__action(sig);
		unsigned long handler = a->handler == (unsigned long)SIG_IGN ? a->handler : (unsigned long)SIG_DFL;

		*a = (struct gp_action){ .handler = handler };
		gp__action_settle(sig, true);
	}
}

void gp__signals_forked(struct gp_hub *h)
{
	struct gp_guest *me = gp__me(h);

	ring.in = ring.out = 0;
	h->attention = 0;
	gp__sigqueue_forked(me);
	me->g.attention = false;
}
