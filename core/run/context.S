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
 * The System V ABI makes nothing else survive a call. Vector registers that
 * must survive (a switch in the middle of the program's code) are vector.c's.
 * Loading the control words costs more than comparing them, so they are
 * loaded only when they differ.
 */
	.text
	.globl	gp__context_switch
	.hidden	gp__context_switch
	.type	gp__context_switch, @function
	.balign	16
gp__context_switch:
	.cfi_startproc
	push	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_offset %rbp, -16
	push	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_offset %rbx, -24
	push	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_offset %r12, -32
	push	%r13
	.cfi_adjust_cfa_offset 8
	.cfi_offset %r13, -40
	push	%r14
	.cfi_adjust_cfa_offset 8
	.cfi_offset %r14, -48
	push	%r15
	.cfi_adjust_cfa_offset 8
	.cfi_offset %r15, -56
	pushq	$0
	.cfi_adjust_cfa_offset 8
	fnstcw	4(%rsp)
	stmxcsr	(%rsp)
	mov	(%rsp), %rax
	mov	%rsp, (%rdi)
	mov	%rsi, %rsp
	cmp	%rax, (%rsp)
	jne	2f
1:	add	$8, %rsp
	.cfi_adjust_cfa_offset -8
	pop	%r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r15
	pop	%r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r14
	pop	%r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r13
	pop	%r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r12
	pop	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	pop	%rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbp
	ret
	.cfi_adjust_cfa_offset 56
	.cfi_offset %rbp, -16
	.cfi_offset %rbx, -24
	.cfi_offset %r12, -32
	.cfi_offset %r13, -40
	.cfi_offset %r14, -48
	.cfi_offset %r15, -56
2:	fldcw	4(%rsp)
	ldmxcsr	(%rsp)
	jmp	1b
	.cfi_endproc
	.size	gp__context_switch, . - gp__context_switch

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

/* The first instruction of a gp_spawn greenlet; an unwinder stops here. */
	.globl	gp__greenlet_entry
	.hidden	gp__greenlet_entry
	.type	gp__greenlet_entry, @function
	.balign	16
gp__greenlet_entry:
	.cfi_startproc
	.cfi_undefined %rip
	xor	%ebp, %ebp
	call	gp__greenlet_body
	ud2
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
