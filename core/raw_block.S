/* raw_block.S - the one system call instruction at which a hub sleeps.
 *
 *   long gp__raw_block(long nr, const long args[6], const volatile uint32_t *stop)
 *
 * rdi nr, rsi args, rdx stop. See raw.h for the window between the labels.
 */
	.text
	.globl	gp__raw_block, gp__raw_block_begin, gp__raw_block_end, gp__raw_block_stop
	.hidden	gp__raw_block, gp__raw_block_begin, gp__raw_block_end, gp__raw_block_stop
	.type	gp__raw_block, @function
	.balign	16
gp__raw_block:
	.cfi_startproc
	push	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_offset %rbx, -16
	mov	%rdx, %rbx
	mov	%rdi, %rax
	mov	%rsi, %r11
	mov	0(%r11), %rdi
	mov	8(%r11), %rsi
	mov	16(%r11), %rdx
	mov	24(%r11), %r10
	mov	32(%r11), %r8
	mov	40(%r11), %r9
gp__raw_block_begin:
	cmpl	$0, (%rbx)
	jne	gp__raw_block_stop
	syscall
gp__raw_block_end:
	.cfi_remember_state
	pop	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	ret
	.cfi_restore_state
gp__raw_block_stop:
	mov	$-513, %rax		/* GP__RAW_STOPPED */
	pop	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	ret
	.cfi_endproc
	.size	gp__raw_block, . - gp__raw_block
	.section .note.GNU-stack,"",@progbits
