/* api.S - the public functions of a library that intercepts.
 *
 * A signal that comes while the program is inside one of them finds RIP in our
 * text and is only noted. So each is entered by way of a stub here, behind which
 * the current greenlet takes what was noted, as it does on its way out of a
 * system call. core's functions have their names changed to gp__do_<name>, and
 * the stubs, one for each exported name (api_names.inc, made from the export
 * maps), have their own. A stub hands on the six argument registers, and no
 * arguments on the stack.
 */
#include "preload/trap/frame.h"

	.text
	.macro	entry name
	.globl	\name
	.type	\name, @function
	.balign	16
\name:
	.cfi_startproc
	sub	$8, %rsp
	.cfi_adjust_cfa_offset 8
	call	gp__do_\name
	add	$8, %rsp
	.cfi_adjust_cfa_offset -8
	jmp	gp__api_leave
	.cfi_endproc
	.size	\name, . - \name
	.endm
#include "api_names.inc"

/* rsp points to the return address, rax is the result. From here to the end
 * nothing but rcx and rdx changes: a signal handler sends us back to the start. */
	.globl	gp__api_leave, gp__api_leave_end
	.hidden	gp__api_leave, gp__api_leave_end
	.type	gp__api_leave, @function
	.balign	16
gp__api_leave:
	.cfi_startproc
	cmpb	$GS_INSN, gp__gs(%rip)
	jne	2f
	rdgsbase %rcx
	jrcxz	1f			/* no hub: not ours to see to */
3:	cmpl	$0, (%rcx)
	jne	gp__api_signals
	mov	H_CURRENT(%rcx), %rdx
	cmpb	$0, G_ATTENTION(%rdx)
	jne	gp__api_signals
1:	ret
2:	cmpb	$GS_CALL, gp__gs(%rip)
	jne	1b
	mov	%gs:H_SELF, %rcx
	jrcxz	1b
	jmp	3b
gp__api_leave_end:
/* As if a system call were on its way out; the program goes on where it looks
 * again. A handler may leave by a jump. */
gp__api_signals:
	lea	-(F_SIZE + RED_ZONE)(%rsp), %rsp
	.cfi_adjust_cfa_offset F_SIZE + RED_ZONE
	mov	%rax, F_RAX(%rsp)
	mov	%rdi, F_RDI(%rsp)
	mov	%rsi, F_RSI(%rsp)
	mov	%rdx, F_RDX(%rsp)
	mov	%r10, F_R10(%rsp)
	mov	%r8, F_R8(%rsp)
	mov	%r9, F_R9(%rsp)
	mov	%rbx, F_RBX(%rsp)
	mov	%rbp, F_RBP(%rsp)
	mov	%r12, F_R12(%rsp)
	mov	%r13, F_R13(%rsp)
	mov	%r14, F_R14(%rsp)
	mov	%r15, F_R15(%rsp)
	movq	$0, F_FLAGS(%rsp)
	movq	$F_API_NR, F_NR(%rsp)
	lea	F_SIZE + RED_ZONE(%rsp), %rcx
	mov	%rcx, F_RSP(%rsp)
	lea	gp__api_leave(%rip), %rcx
	mov	%rcx, F_RET(%rsp)
	mov	%rcx, F_TARGET(%rsp)
	mov	%rcx, F_RESTART(%rsp)
	mov	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	.cfi_offset %rbp, F_RBP - F_SIZE - RED_ZONE - 8
	mov	%rbp, %rdi
	and	$-16, %rsp
	call	gp__exit_work
	jmp	gp__exit
	.cfi_endproc
	.size	gp__api_leave, . - gp__api_leave
	.section .note.GNU-stack,"",@progbits
