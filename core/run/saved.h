/* saved.h - the registers that a function keeps for its caller, on the stack in the
 * order of a suspended context (context.S), with what unwinders are told of it.
 * For assembly files.
 */
#ifndef GP_CORE_RUN_SAVED_H
#define GP_CORE_RUN_SAVED_H

	/* Room for the control words stays below them. */
	.macro	gp_save_registers
	.irp	r, rbp, rbx, r12, r13, r14, r15
	push	%\r
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %\r, 0
	.endr
	sub	$8, %rsp
	.cfi_adjust_cfa_offset 8
	.endm

	.macro	gp_load_registers
	add	$8, %rsp
	.cfi_adjust_cfa_offset -8
	.irp	r, r15, r14, r13, r12, rbx, rbp
	pop	%\r
	.cfi_adjust_cfa_offset -8
	.cfi_restore %\r
	.endr
	.endm

#endif
