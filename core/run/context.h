/* context.h - the switch between two contexts, as the compiler sees it.
 *
 * gp__context_switch() is reached by a jump and left by one, not by a call and
 * a return: the processor foretells where a return goes from the calls that it
 * has seen, which were those of another context, and to be wrong costs it more
 * than the whole switch. The call sites of gp__switch() are few and the jump
 * at its end is foretold from the history of jumps.
 */
#ifndef GP_CORE_RUN_CONTEXT_H
#define GP_CORE_RUN_CONTEXT_H

/* The caller's context stops here, its stack pointer in *save; `load` goes on. */
static inline __attribute__((always_inline)) void gp__switch(void **save, void *load)
{
	/* As a call of the System V ABI, that pushes its return address by hand.
	 * A function that has an asm like this must have a true call, too, so
	 * that it keeps nothing below its stack pointer. */
	__asm__ volatile("lea 1f(%%rip), %%rax\n\t"
	                 "push %%rax\n\t"
	                 "jmp gp__context_switch\n"
	                 "1:"
	                 : "+D"(save), "+S"(load)
	                 :
	                 : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "cc", "memory"
#ifdef __SSE__
	                 , "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
	                 "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"
#endif
	);
}

#endif
