/* sigframe.h - signal frames, as the kernel lays them out.
 *
 * arch/x86/include/uapi/asm/sigcontext.h and ucontext.h, for 64 bits; the
 * frame is { pretcode, ucontext, siginfo } with the FPU state above it.
 */
#ifndef GP_PRELOAD_TRAP_SIGFRAME_H
#define GP_PRELOAD_TRAP_SIGFRAME_H

#include "preload/shim.h"

#define GP__AUTODISARM ((int)(1U << 31)) /* SS_AUTODISARM */

struct gp_ucontext {
	uint64_t flags;
	uint64_t link;
	stack_t stack;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2;
	char *fpstate;
	uint64_t reserved[8];
	uint64_t sigmask;
};

struct gp_sigframe {
	uint64_t pretcode; /* the handler returns to it: the restorer */
	struct gp_ucontext uc;
	siginfo_t info;
};

_Static_assert(offsetof(struct gp_ucontext, r8) == 40 && offsetof(struct gp_ucontext, sigmask) == 296, "uapi");

/* Makes the context that `uc` describes enter the program's handler for `sig`
 * when it is restored: the frame goes on the stack that uc or the action
 * names. False: no memory there; the program gets a SIGSEGV, as from the
 * kernel. mask: what the handler's return brings back. */
bool gp__frame_on_uc(struct gp_guest *me, struct gp_ucontext *uc, int sig, const siginfo_t *info,
                     const struct gp_action *act, uint64_t mask);
/* The same for a call on its way out: *f then leads to the handler. */
bool gp__frame_on_call(struct gp_guest *me, struct gp_frame *f, int sig, const siginfo_t *info,
                       const struct gp_action *act, uint64_t mask);
/* Lets the context enter gp__handler_entry, in our own text. */
bool gp__frame_for_preempt(struct gp_guest *me, struct gp_ucontext *uc);
/* Learns the size of the FPU state from a frame that the kernel made. */
void gp__frame_learn(const struct gp_ucontext *uc);
bool gp__on_altstack(const struct gp_guest *me, uint64_t rsp);

#endif
