/* kthread_clone.S - clone for a kernel thread of the shim's own.
 *
 *   long gp__kthread_clone(unsigned long flags, void *top, void (*fn)(void *), void *arg)
 *
 * The first thing that the new thread does is to clear the GS base that it
 * inherited: it is not the hub's thread.
 */
#ifdef GP_SHIM
#include <sys/syscall.h>
	.text
	.globl	gp__kthread_clone
	.hidden	gp__kthread_clone
	.type	gp__kthread_clone, @function
	.balign	16
gp__kthread_clone:
	.cfi_startproc
	mov	%rdx, %r8		/* fn */
	mov	%rcx, %r9		/* arg */
	xor	%edx, %edx
	xor	%r10d, %r10d
	mov	$SYS_clone, %eax
	syscall
	test	%rax, %rax
	jz	1f
	ret
1:	.cfi_undefined %rip
	xor	%ebp, %ebp
	mov	%r9, %rbx
	mov	%r8, %r12
	xor	%edi, %edi
	call	gp__hub_set
	mov	%rbx, %rdi
	call	*%r12
	ud2
	.cfi_endproc
	.size	gp__kthread_clone, . - gp__kthread_clone
#endif
	.section .note.GNU-stack,"",@progbits
