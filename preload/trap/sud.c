/* sud.c - what the kernel calls.
 *
 * One handler for every signal, on an alternate stack of ours, with every
 * signal blocked while it runs. It never switches greenlets: it redirects the
 * interrupted context and returns, or it notes what came.
 *
 * Where the interrupted RIP lies decides:
 *  - in the program (or in libc, or in the vDSO called by it): the runtime is
 *    at rest, so a signal is routed here and now, and the context is made to
 *    enter the program's handler;
 *  - in our text: the runtime is in the middle of something. The signal is put
 *    in a ring and hub->attention raised; the exit path, the hub, or the one
 *    blocking call look at it. Three windows have to be closed for that: the
 *    exit path after its look (sent back to it), the blocking call before its
 *    system call (sent to its end), and our rt_sigreturn (made again);
 *  - in a stub: moved out of it first.
 *
 * SIGSYS is a trap (SYS_USER_DISPATCH) or the program's own; GP__TICK_SIGNAL is
 * the preemption tick (SI_TIMER, of our timer) or the program's own.
 */
#include <linux/audit.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include "core/clock.h"
#include "core/watch.h"
#include "preload/calls/futex.h"
#include "preload/calls/offload.h"
#include "preload/calls/preempt.h"
#include "preload/calls/signal.h"
#include "preload/calls/stacks.h"
#include "preload/diag.h"
#include "preload/trap/patch.h"
#include "preload/trap/sud.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif
#define DISPATCH_ON 1
#define SYS_USER_DISPATCH_CODE 2
#define ALTSTACK ((unsigned long)ALTSTACK_SIZE)

/* entry.S: accesses to the program's memory that may fault */
extern const char gp__copy_begin[], gp__copy_end[], gp__copy_fault[];
extern const char gp__load32_begin[], gp__load32_end[], gp__cas32_begin[], gp__cas32_end[];

void gp__on_signal(int sig, siginfo_t *info, struct gp_ucontext *uc);

uint64_t gp__altstack_top;

static bool within(uint64_t rip, const char *low, const char *high)
{
	return rip >= (uint64_t)low && rip < (uint64_t)high;
}

int gp__sud_arm(void)
{
	return (int)gp__raw(SYS_prctl, PR_SET_SYSCALL_USER_DISPATCH, DISPATCH_ON, gp__shim.text,
	                    gp__shim.text_end - gp__shim.text, 0);
}

bool gp__sud_there(void)
{
	return !gp__raw(SYS_prctl, PR_SET_SYSCALL_USER_DISPATCH, 0, 0, 0, 0);
}

int gp__altstack_make(void)
{
	stack_t ss = { .ss_size = ALTSTACK };

	if (!gp__shim.altstack) {
		long p = gp__raw(SYS_mmap, 0, ALTSTACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (gp__is_err(p))
			return (int)p;
		gp__shim.altstack = (void *)p;
		gp__altstack_top = (uint64_t)p + ALTSTACK;
	}
	ss.ss_sp = gp__shim.altstack;
	return (int)gp__raw(SYS_sigaltstack, &ss, 0);
}

void gp__kernel_action(int sig, int what, unsigned long flags)
{
	struct gp_action a = { .handler = (unsigned long)what };

	if (what == 2) {
		a.handler = (unsigned long)gp__on_signal;
		a.flags = SA_SIGINFO | SA_ONSTACK | 0x04000000UL | flags; /* SA_RESTORER */
		a.restorer = (unsigned long)gp__restore_rt;
		a.mask = ~0UL;
		gp__shim.hooked |= 1UL << (sig - 1);
	} else {
		gp__shim.hooked &= ~(1UL << (sig - 1));
	}
	gp__raw(SYS_rt_sigaction, sig, &a, 0, 8);
}

/* A trap: on to the entry stub, which sees the registers as they are. */
static void on_trap(struct gp_ucontext *uc, const siginfo_t *info)
{
	long nr = info->si_syscall;

	gp__shim.traps++;
	gp__frame_learn(uc);
	if (gp__unlikely(info->si_arch != AUDIT_ARCH_X86_64)) { /* int $0x80: other structures, another table */
		gp__refused("int80", "only the system calls of x86-64 can be had");
		uc->rax = (uint64_t)-ENOSYS;
		return;
	}
	uc->r11 = (uint64_t)gp__site_of_trap(uc->rip, nr);
	uc->rip = (uint64_t)(gp__gs == GP__GS_INSN ? gp__entry : gp__entry_slow);
}

/* A fault in an access of ours to the program's memory. */
static bool fixed_up(struct gp_ucontext *uc)
{
	if (!within(uc->rip, gp__copy_begin, gp__copy_end) && !within(uc->rip, gp__load32_begin, gp__load32_end) &&
	    !within(uc->rip, gp__cas32_begin, gp__cas32_end))
		return false;
	uc->rip = (uint64_t)gp__copy_fault;
	return true;
}

static bool in_text(uint64_t rip)
{
	return rip >= gp__shim.text && rip < gp__shim.text_end;
}

/* Sorts out where the program was interrupted. True: in its own code. */
static bool in_program(struct gp_hub *h, struct gp_ucontext *uc)
{
	const struct gp_site *site;
	bool before;

	if (gp__in_vdso)
		return false;
	if (uc->rip == (uint64_t)gp__exit_jump) {
		uc->rip = uc->rcx; /* every register is the program's already */
		return true;
	}
	if (in_text(uc->rip))
		return false;
	if (gp__in_stub(uc->rip, &site, &before) && before)
		uc->rip = site->restart; /* it has not left yet: the jump again */
	return h->current != NULL;
}

static void close_windows(struct gp_ucontext *uc)
{
	if (within(uc->rip, gp__exit_check, gp__exit_jump))
		uc->rip = (uint64_t)gp__exit_check;
	else if (within(uc->rip, gp__raw_block_begin, gp__raw_block_end))
		uc->rip = (uint64_t)gp__raw_block_stop;
	else if (within(uc->rip, (const char *)(uintptr_t)gp__api_leave, gp__api_leave_end))
		uc->rip = (uint64_t)(uintptr_t)gp__api_leave;
	else if (within(uc->rip, gp__sigreturn_begin, gp__sigreturn_end))
		uc->rip = (uint64_t)gp__sigreturn_again;
}

static void on_tick(struct gp_hub *h, struct gp_ucontext *uc)
{
	if (h->idle) {
		gp__tick_stop(); /* nobody runs: the next to run starts it again */
		return;
	}
	gp__watch_look(h, !gp__tick_lets_others(h));
	gp__shim.ticks++;
	if (h->current)
		gp__me(h)->ticked += gp__shim.tick_ns;
	gp__shim.ticks_crowded += !gp__list_empty(&h->runq);
	if (!in_program(h, uc)) {
		h->attention |= GP__TICK;
		close_windows(uc);
	} else if (gp__tick_wants_switch(h))
		gp__frame_for_preempt(gp__me(h), uc);
}

static void on_ps(struct gp_hub *h, const siginfo_t *info, struct gp_ucontext *uc)
{
	gp__ps_asked(info);
	if (in_program(h, uc)) {
		gp__ps_answer(h);
		return;
	}
	h->attention |= GP__ARRIVED;
	close_windows(uc);
}

static bool is_fault(int sig, const siginfo_t *info)
{
	return info->si_code > 0 && (sig == SIGSEGV || sig == SIGBUS || sig == SIGILL || sig == SIGFPE || sig == SIGTRAP);
}

/* The program's handler, where the kernel would have run it, in a kernel thread
 * whose mask is the kernel's. It may leave by a jump. */
static void run_handler(int sig, siginfo_t *info, struct gp_ucontext *uc)
{
	struct gp_action *a = &gp__shim.action[sig], act = *a;
	uint64_t mask = uc->sigmask | act.mask | (act.flags & SA_NODEFER ? 0 : GP__SIG(sig));

	if (act.flags & SA_RESETHAND)
		a->handler = (unsigned long)SIG_DFL;
	gp__raw(SYS_rt_sigprocmask, SIG_SETMASK, &mask, 0, 8);
	((void (*)(int, siginfo_t *, struct gp_ucontext *))act.handler)(sig, info, uc);
}

/* A kernel thread that is not the hub's got a signal: a thread where threads
 * are not patched or that was there before us, or a child on our memory before
 * its exec. A handler runs right here; the rest is the hub's to see to. */
static void on_foreign(int sig, siginfo_t *info, struct gp_ucontext *uc)
{
	struct gp_hub *h = gp__shim.hub;
	struct gp_action dfl = { 0 };
	bool asked = sig == SIGSYS && info->si_code == GP__PS_ASKED;

	/* Without its code where that was refused; a helper runs nothing but our text. */
	if (sig == SIGSYS && (info->si_code == GP__OFFLOAD_STOPS || (info->si_code == SI_TKILL && in_text(uc->rip)))) {
		close_windows(uc);
		return;
	}
	if (!asked && gp__shim.action[sig].handler > 1) {
		run_handler(sig, info, uc);
		return;
	}
	if (!is_fault(sig, info) && h->pid == (int)gp__raw(SYS_getpid)) {
		gp__signal_send(h->tid, sig, info);
		return;
	}
	if (!is_fault(sig, info) && (asked || !gp__signal_is_deadly(sig)))
		return;
	gp__raw(SYS_rt_sigaction, sig, &dfl, 0, 8);
	gp__signal_send((int)gp__raw(SYS_gettid), sig, NULL);
}

void gp__on_signal(int sig, siginfo_t *info, struct gp_ucontext *uc)
{
	struct gp_hub *h = gp__hub();
	struct gp_guest *me;

	if (gp__unlikely(!h)) {
		on_foreign(sig, info, uc);
		return;
	}
	if (sig == SIGSYS && info->si_code == SYS_USER_DISPATCH_CODE) {
		on_trap(uc, info);
		return;
	}
	if (sig == GP__TICK_SIGNAL && info->si_code == SI_TIMER && info->si_timerid == gp__shim.timer) {
		on_tick(h, uc);
		return;
	}
	if (sig == SIGSYS && info->si_code == GP__PS_ASKED) {
		on_ps(h, info, uc);
		return;
	}
	gp__frame_learn(uc);
	if (is_fault(sig, info)) {
		if (fixed_up(uc))
			return;
		gp__stack_fault(info);
		if (!in_program(h, uc))
			gp__kernel_action(sig, 0, 0); /* happens again, with the kernel's own ending */
		else if (!gp__signal_fault(gp__me(h), uc, sig, info)) {
			gp__overflow_told(h, info, uc->rsp);
			gp__robust_exit_all(h);
			gp__kernel_action(sig, 0, 0);
		}
		return;
	}
	if (!in_program(h, uc)) {
		uc->sigmask |= gp__signal_arrived(h, sig, info);
		h->attention |= GP__ARRIVED;
		close_windows(uc);
		return;
	}
	me = gp__me(h);
	gp__signal_route(h, info);
	uc->sigmask |= gp__shim.kernel_mask;
	if (me->g.attention)
		gp__signal_take_on_uc(h, me, uc);
}
