/* context.S - one greenlet leaves the processor, another one takes it.
 *
 *   void gp__context_switch(void **save, void *load)
 *
 * What a suspended context has on its stack, from its saved stack pointer up:
 *
 *	 0  x87 control word and MXCSR
 *	 8  r15
 *	16  r14
 *	24  r13
 *	32  r12
 *	40  rbx
 *	48  rbp
 *	56  return address
 *
 * It ends with a jump, because a return would be foretold wrongly; callers in C
 * come here by gp__switch() (context.h), by a jump as well.
 *
 * The System V ABI makes nothing else survive a call. Vector registers that
 * must survive (a switch in the middle of the program's code) are vector.c's.
 * To load the x87 control word costs more than to compare it, so it is loaded
 * only when it differs. With MXCSR it is the other way round: to read back what
 * stmxcsr has just stored takes 2 ns, ldmxcsr nothing (Zen 5).
 */
#include "core/run/saved.h"

	.text
	.globl	gp__context_switch
	.hidden	gp__context_switch
	.type	gp__context_switch, @function
	.balign	16
gp__context_switch:
	.cfi_startproc
	fnstcw	-52(%rsp)
	stmxcsr	-56(%rsp)
	gp_save_registers
	movzwl	4(%rsp), %ecx
	mov	%rsp, (%rdi)
	mov	%rsi, %rsp
load_words:
	ldmxcsr	(%rsp)
	cmp	%cx, 4(%rsp)
	jne	2f
1:
	gp_load_registers
	pop	%rcx
	.cfi_adjust_cfa_offset -8
	.cfi_register %rip, %rcx
	jmp	*%rcx
	.cfi_adjust_cfa_offset 64
	.cfi_offset %rip, -8
	.cfi_offset %rbp, -16
	.cfi_offset %rbx, -24
	.cfi_offset %r12, -32
	.cfi_offset %r13, -40
	.cfi_offset %r14, -48
	.cfi_offset %r15, -56
2:	fldcw	4(%rsp)
	jmp	1b
	.cfi_endproc
	.size	gp__context_switch, . - gp__context_switch

/* void gp__switch_sse(void **save, void *load): the same, with xmm0 to xmm15 below
 * the caller's frame. Legacy SSE loads after dirty upper halves are slow, so
 * those are cleared. */
	.globl	gp__switch_sse
	.hidden	gp__switch_sse
	.type	gp__switch_sse, @function
	.balign	16
gp__switch_sse:
	.cfi_startproc
	sub	$264, %rsp
	.cfi_adjust_cfa_offset 264
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movaps	%xmm\n, 16*\n(%rsp)
	.endr
	lea	1f(%rip), %rax
	push	%rax
	.cfi_adjust_cfa_offset 8
	jmp	gp__context_switch
	.cfi_adjust_cfa_offset -8
	nop			/* unwinders look at what is before a return address */
1:	cmpb	$0, gp__vector_avx(%rip)
	je	2f
	vzeroupper
2:
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movaps	16*\n(%rsp), %xmm\n
	.endr
	add	$264, %rsp
	.cfi_adjust_cfa_offset -264
	ret
	.cfi_endproc
	.size	gp__switch_sse, . - gp__switch_sse

/* void *gp__context_prepare(void *top, void (*entry)(void))
 *
 * Writes such a context just below top, so that the first switch to it
 * returns into entry with rsp == top; gives its saved stack pointer. entry
 * starts like a function that jumped there: the caller aligns top. */
	.globl	gp__context_prepare
	.hidden	gp__context_prepare
	.type	gp__context_prepare, @function
	.balign	16
gp__context_prepare:
	.cfi_startproc
	lea	-64(%rdi), %rax
	mov	%rsi, 56(%rax)
	movq	$0, 48(%rax)
	movq	$0, 40(%rax)
	movq	$0, 32(%rax)
	movq	$0, 24(%rax)
	movq	$0, 16(%rax)
	movq	$0, 8(%rax)
	movq	$0, (%rax)
	fnstcw	4(%rax)
	stmxcsr	(%rax)
	ret
	.cfi_endproc
	.size	gp__context_prepare, . - gp__context_prepare

/* The first instruction of a gp_spawn greenlet; an unwinder stops here. Its
 * body returns when it has ended, and says which context goes on. */
	.globl	gp__greenlet_entry
	.hidden	gp__greenlet_entry
	.type	gp__greenlet_entry, @function
	.balign	16
gp__greenlet_entry:
	.cfi_startproc
	.cfi_undefined %rip
	xor	%ebp, %ebp
	call	gp__greenlet_body
	fnstcw	-8(%rsp)
	movzwl	-8(%rsp), %ecx
	mov	%rax, %rsp
	jmp	load_words
	.cfi_endproc
	.size	gp__greenlet_entry, . - gp__greenlet_entry

/* The first instruction of a hub. */
	.globl	gp__hub_entry
	.hidden	gp__hub_entry
	.type	gp__hub_entry, @function
	.balign	16
gp__hub_entry:
	.cfi_startproc
	.cfi_undefined %rip
	xor	%ebp, %ebp
	call	gp__hub_main
	ud2
	.cfi_endproc
	.size	gp__hub_entry, . - gp__hub_entry
	.section .note.GNU-stack,"",@progbits
