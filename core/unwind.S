/* unwind.S - calls a function as if another context had.
 *
 *   void gp__unwind(void *context, void *stack, void (*fn)(void *arg), void *arg)
 *
 * fn(arg) runs on `stack` (NULL: the caller's). An unwinder that it starts finds
 * behind it not the caller but `context`, a saved stack pointer as
 * gp__context_switch() leaves it (context.S has the layout; NULL: the caller
 * itself, in the same form). The frame description finds it through the word on
 * top of the stack.
 */
#include "core/run/saved.h"

#ifndef GP_SHIM
	.text
	.globl	gp__unwind
	.hidden	gp__unwind
	.type	gp__unwind, @function
	.balign	16
gp__unwind:
	.cfi_startproc
	gp_save_registers
	mov	%rsp, %rbx
	test	%rdi, %rdi
	cmovz	%rbx, %rdi
	test	%rsi, %rsi
	cmovz	%rbx, %rsi
	and	$-16, %rsi
	mov	%rdi, -16(%rsi)
	lea	-16(%rsi), %rsp
	.cfi_remember_state
	/* CFA = *(rsp) + 64: DW_CFA_def_cfa_expression, 5 bytes: breg7 0, deref, plus_uconst 64 */
	.cfi_escape 0x0f, 0x05, 0x77, 0x00, 0x06, 0x23, 0x40
	mov	%rcx, %rdi
	call	*%rdx
	mov	%rbx, %rsp
	.cfi_restore_state
	gp_load_registers
	ret
	.cfi_endproc
	.size	gp__unwind, . - gp__unwind
#endif
	.section .note.GNU-stack,"",@progbits
