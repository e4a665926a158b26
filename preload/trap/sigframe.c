/* sigframe.c - frames for the program's signal handlers, made by us.
 *
 * The kernel only ever runs our handler, on our alternate stack. A frame for
 * the program goes on the target greenlet's own stack (or its alternate one)
 * and looks like the kernel's to the byte, so that handlers, unwinders, gdb
 * and glibc's cancellation find what they expect. Its registers come from one
 * of two places: a ucontext that the kernel wrote (the program was running),
 * or the frame of a call on its way out.
 *
 * A preempted greenlet waits in such a frame, too; its "handler" is ours.
 */
#include "preload/trap/sigframe.h"
#include "preload/trap/patch.h"

#define MAGIC1 0x46505853U
#define MAGIC2 0x46505845U
#define SW_BYTES 464 /* of the FXSAVE image: for software */

struct sw_bytes {
	uint32_t magic1, extended;
	uint64_t xfeatures;
	uint32_t xsize, padding[7];
};

void gp__frame_learn(const struct gp_ucontext *uc)
{
	const struct sw_bytes *sw = (const void *)(uc->fpstate + SW_BYTES);

	if (gp__shim.xsize || !uc->fpstate)
		return;
	if (sw->magic1 == MAGIC1) {
		gp__shim.xfeatures = sw->xfeatures;
		gp__shim.xsize = sw->xsize;
		gp__shim.xextended = sw->extended;
	}
}

bool gp__on_altstack(const struct gp_guest *me, uint64_t rsp)
{
	uint64_t base = (uint64_t)me->altstack.ss_sp;

	return me->altstack.ss_size && !(me->altstack.ss_flags & GP__AUTODISARM) && rsp > base && rsp - base <= me->altstack.ss_size;
}

/* The stack for a handler, given the rsp of what it interrupts. */
static uint64_t stack_for(struct gp_guest *me, uint64_t rsp, const struct gp_action *act)
{
	if (act->flags & SA_ONSTACK && me->altstack.ss_size && !(me->altstack.ss_flags & SS_DISABLE) &&
	    !gp__on_altstack(me, rsp))
		return (uint64_t)me->altstack.ss_sp + me->altstack.ss_size;
	return rsp;
}

static void save_live_vectors(char *area)
{
	struct sw_bytes *sw = (struct sw_bytes *)(void *)(area + SW_BYTES);
	uint64_t mask = gp__shim.xfeatures;

	memset(area + 512, 0, 64);
	__asm__ volatile("xsave64 (%0)" : : "r"(area), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32)) : "memory");
	memset(sw, 0, sizeof *sw);
	sw->magic1 = MAGIC1;
	sw->extended = gp__shim.xextended;
	sw->xfeatures = mask;
	sw->xsize = gp__shim.xsize;
	*(uint32_t *)(void *)(area + gp__shim.xsize) = MAGIC2;
}

/* The kernel enters a handler with floating point as it is in a new program:
 * the x87 stack empty, the default rounding. For us it matters beyond that: a
 * preempted greenlet stands in such a frame, and what the next one begins with
 * is what it left in the registers. */
static void fpstate_begin(char *area)
{
	static const uint32_t mxcsr = 0x1f80;

	memcpy(area + 24, &mxcsr, sizeof mxcsr); /* loaded whatever XSTATE_BV says */
	memset(area + 512, 0, 8);                /* XSTATE_BV: nothing is in use */
}

static void registers_begin(void)
{
	static const uint32_t mxcsr = 0x1f80;

	__asm__ volatile("fninit\n\tldmxcsr %0" : : "m"(mxcsr));
}

/* Whether [low, high), which nobody needs, can be written. Asked of the kernel: a
 * fault in our handler would be the end, every signal being blocked in it. */
static bool writable(uint64_t low, uint64_t high)
{
	for (uint64_t at = low; at < high - 8; at += GP__PAGE)
		if (gp__raw(SYS_rt_sigprocmask, SIG_BLOCK, 0, at, 8))
			return false;
	return !gp__raw(SYS_rt_sigprocmask, SIG_BLOCK, 0, high - 8, 8);
}

static uint64_t below(uint64_t top, uint64_t *area)
{
	*area = gp__align_down(top - gp__shim.xextended, 64UL);
	return gp__align_down(*area - sizeof(struct gp_sigframe), 16UL) - 8;
}

/* Where the kernel would begin: `start` is the stack for the handler, `rsp` that of
 * what is interrupted. */
static uint64_t top_of(uint64_t rsp, uint64_t start) { return start == rsp ? rsp - RED_ZONE : start; }

/* Whether the kernel's frame would leave the alternate stack that it begins on. */
static bool leaves_altstack(const struct gp_guest *me, uint64_t rsp, uint64_t start)
{
	uint64_t base = (uint64_t)me->altstack.ss_sp, area, at = below(top_of(rsp, start), &area);

	return (start != rsp || gp__on_altstack(me, rsp)) && (at <= base || at - base > me->altstack.ss_size);
}

/* Room for a frame below `top`. *fp: where the FPU state goes. NULL: no memory. */
static struct gp_sigframe *place(uint64_t top, char **fp)
{
	uint64_t area, at = below(top, &area);

	if (!gp__shim.xsize || !writable(at, top))
		return NULL;
	*fp = (char *)area;
	return (struct gp_sigframe *)at;
}

static void fill(struct gp_guest *me, struct gp_sigframe *sf, const siginfo_t *info, uint64_t restorer,
                 uint64_t mask, char *fp)
{
	sf->pretcode = restorer;
	sf->uc.flags = 7; /* UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS */
	sf->uc.link = 0;
	sf->uc.stack = me->altstack;
	if (!me->altstack.ss_size)
		sf->uc.stack.ss_flags = SS_DISABLE;
	sf->uc.sigmask = mask;
	sf->uc.fpstate = fp;
	sf->info = *info;
}

/* A handler has it for itself, and gives it back by its return. */
static void disarm(struct gp_guest *me)
{
	if (me->altstack.ss_flags & GP__AUTODISARM)
		me->altstack = (stack_t){ .ss_flags = SS_DISABLE };
}

static bool on_uc(struct gp_guest *me, struct gp_ucontext *uc, int sig, const siginfo_t *info, uint64_t handler,
                  uint64_t restorer, uint64_t start, uint64_t mask)
{
	struct gp_sigframe *sf;
	char *fp;

	sf = leaves_altstack(me, uc->rsp, start) ? NULL : place(top_of(uc->rsp, start), &fp);
	if (!sf)
		return false;
	memcpy(fp, uc->fpstate, gp__shim.xextended);
	fpstate_begin(uc->fpstate);
	sf->uc = *uc;
	fill(me, sf, info, restorer, mask, fp);
	uc->rip = handler;
	uc->rsp = (uint64_t)sf;
	uc->rdi = (uint64_t)sig;
	uc->rsi = (uint64_t)&sf->info;
	uc->rdx = (uint64_t)&sf->uc;
	uc->rax = 0;
	uc->eflags &= ~(0x400UL | 0x100UL | 0x10000UL); /* DF, TF, RF */
	return true;
}

bool gp__frame_on_uc(struct gp_guest *me, struct gp_ucontext *uc, int sig, const siginfo_t *info,
                     const struct gp_action *act, uint64_t mask)
{
	if (!on_uc(me, uc, sig, info, act->handler, act->restorer, stack_for(me, uc->rsp, act), mask))
		return false;
	disarm(me);
	return true;
}

bool gp__frame_for_preempt(struct gp_guest *me, struct gp_ucontext *uc)
{
	siginfo_t info;

	memset(&info, 0, sizeof info);
	return on_uc(me, uc, 0, &info, (uint64_t)gp__handler_entry, (uint64_t)gp__restore_rt, uc->rsp, me->mask);
}

/* What the flags field of a frame stands for, and back. */
static uint64_t eflags_of(uint64_t flags)
{
	return (flags >> 8 & 0xd5) | (flags & 1) << 11 | 0x202;
}

static void regs_of_call(struct gp_ucontext *uc, const struct gp_frame *f)
{
	uc->r8 = f->r8, uc->r9 = f->r9, uc->r10 = f->r10, uc->r11 = eflags_of(f->flags);
	uc->r12 = f->r12, uc->r13 = f->r13, uc->r14 = f->r14, uc->r15 = f->r15;
	uc->rdi = f->rdi, uc->rsi = f->rsi, uc->rbp = f->rbp, uc->rbx = f->rbx, uc->rdx = f->rdx;
	uc->rax = f->rax, uc->rcx = f->ret, uc->rsp = f->rsp, uc->rip = f->ret;
	uc->eflags = eflags_of(f->flags);
	uc->cs = 0x33, uc->gs = 0, uc->fs = 0, uc->ss = 0x2b;
	uc->err = uc->trapno = uc->oldmask = uc->cr2 = 0;
}

bool gp__frame_on_call(struct gp_guest *me, struct gp_frame *f, int sig, const siginfo_t *info,
                       const struct gp_action *act, uint64_t mask)
{
	uint64_t start = stack_for(me, f->rsp, act), top = start;
	struct gp_sigframe *sf;
	char *fp;

	/* We stand on the stack ourselves: below our own frames, then, with
	 * room for what is called from here. Below the frame that another
	 * signal got on this way out, too. */
	if (top == f->rsp)
		top = gp__min(f->rsp - RED_ZONE, (uint64_t)__builtin_frame_address(0) - 1024);
	sf = leaves_altstack(me, f->rsp, start) ? NULL : place(top, &fp);
	if (!sf)
		return false;
	save_live_vectors(fp);
	registers_begin();
	regs_of_call(&sf->uc, f);
	fill(me, sf, info, act->restorer, mask, fp);
	disarm(me);
	f->rdi = (uint64_t)sig;
	f->rsi = (uint64_t)&sf->info;
	f->rdx = (uint64_t)&sf->uc;
	f->rax = 0;
	f->rsp = (uint64_t)sf;
	f->ret = f->target = f->restart = act->handler;
	return true;
}
