/* unwind.c - where a greenlet stands.
 *
 * libc's unwinder is not for us: it takes locks, it may allocate, and it reads
 * memory that may not be there. This one reads the same tables (cfi.c), allocates
 * nothing and cannot fault, so it works in the signal handler, whatever that has
 * interrupted. Our own code has such tables, too, from the switch to the entry; so
 * a parked greenlet, one that is in a gp_ call, and one that a signal has
 * interrupted are all walked alike, and frames of ours are only left out in the
 * end.
 *
 * What has no table (code of a JIT compiler, hand-written assembly) is walked by
 * its frame pointer if that looks like one; else the walk ends there.
 *
 * A walk is worked out in memory of its own, because stacks may be tiny. There are
 * two: a tick may interrupt one of them.
 */
#include "preload/cfi.h"
#include "preload/trap/sigframe.h"
#include "preload/unwind.h"

static struct gp_walk walks[2];
static volatile unsigned walking; /* of them in use; a nested use ends before the other goes on */

/* The caller's rbp and the return address lie where rbp points to, above us. */
static bool by_frame_pointer(struct gp_walk *w)
{
	uint64_t rbp = w->regs.r[GP__RBP], pair[2];

	if (rbp % 8 || rbp - w->regs.r[GP__RSP] > 1UL << 20 || gp__peek(rbp, pair, sizeof pair) != sizeof pair ||
	    !gp__module_of(&w->modules, pair[1]))
		return false;
	w->regs.r[GP__RBP] = pair[0];
	w->regs.r[GP__RSP] = rbp + 16;
	w->regs.r[GP__RIP] = pair[1];
	return true;
}

/* A handler's return leads to code whose bytes everybody knows, libc's or ours;
 * what was interrupted lies on the stack there. */
static bool by_signal_frame(struct gp_walk *w)
{
	static const uint8_t restorer[] = { 0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05 };
	struct gp_ucontext uc;
	size_t used = offsetof(struct gp_ucontext, eflags);
	uint8_t code[sizeof restorer];

	if (gp__peek(w->regs.r[GP__RIP], code, sizeof code) != sizeof code || memcmp(code, restorer, sizeof code) ||
	    gp__peek(w->regs.r[GP__RSP], &uc, used) != used)
		return false;
	w->regs = (struct gp_regs){ { uc.rax, uc.rdx, uc.rcx, uc.rbx, uc.rsi, uc.rdi, uc.rbp, uc.rsp, uc.r8, uc.r9,
	                              uc.r10, uc.r11, uc.r12, uc.r13, uc.r14, uc.r15, uc.rip } };
	return true;
}

/* To the caller. *exact: rip is where somebody was interrupted, not behind a
 * call; in and out. */
static bool step(struct gp_walk *w, bool *exact)
{
	uint64_t pc = w->regs.r[GP__RIP] - !*exact;

	*exact = by_signal_frame(w);
	if (*exact)
		return true;
	if (!gp__cfi_find(w, pc))
		return by_frame_pointer(w);
	*exact = w->table.signal;
	return gp__cfi_up(w, pc);
}

static bool is_ours(uint64_t pc) { return pc - gp__shim.text < gp__shim.text_end - gp__shim.text; }

static void begin_here(struct gp_regs *r)
{
	__asm__ volatile("lea 0(%%rip), %%rax\n\t"
	                 "mov %%rax, 128(%0)\n\t"
	                 "mov %%rbx, 24(%0)\n\t"
	                 "mov %%rbp, 48(%0)\n\t"
	                 "mov %%rsp, 56(%0)\n\t"
	                 "mov %%r12, 96(%0)\n\t"
	                 "mov %%r13, 104(%0)\n\t"
	                 "mov %%r14, 112(%0)\n\t"
	                 "mov %%r15, 120(%0)"
	                 : : "r"(r) : "rax", "memory");
}

/* A saved stack pointer; core/run/context.S has the layout. */
static bool begin_at(struct gp_regs *r, const void *sp)
{
	uint64_t word[8];

	if (gp__peek((uint64_t)sp, word, sizeof word) != sizeof word)
		return false;
	r->r[GP__R15] = word[1];
	r->r[GP__R14] = word[2];
	r->r[GP__R13] = word[3];
	r->r[GP__R12] = word[4];
	r->r[GP__RBX] = word[5];
	r->r[GP__RBP] = word[6];
	r->r[GP__RIP] = word[7];
	r->r[GP__RSP] = (uint64_t)sp + sizeof word;
	return true;
}

int gp__unwind(const struct gp_greenlet *g, void **at, int room)
{
	bool self = g == g->hub->current, exact = false;
	struct gp_walk *w = &walks[walking];
	int n = 0;

	if (walking == gp__count(walks) || g->state == GP__UNBORN || g->state == GP__NEW || (g->state == GP__DEAD && !self))
		return 0;
	walking++;
	w->regs = (struct gp_regs){ { 0 } };
	if (self)
		begin_here(&w->regs);
	if (self || begin_at(&w->regs, g->sp))
		for (int steps = 0; n < room && steps < 256; steps++) {
			if (w->regs.r[GP__RIP] && !is_ours(w->regs.r[GP__RIP]))
				at[n++] = (void *)w->regs.r[GP__RIP];
			if (!w->regs.r[GP__RIP] || !step(w, &exact))
				break;
		}
	walking--;
	return n;
}
