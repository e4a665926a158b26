/* entry.S - the one way in and the one way out.
 *
 * A patched site jumps to its stub, a trapped one is sent here by the SIGSYS
 * handler; both with rax = number, r11 = the struct gp_site, and every other
 * register as the program left it. The frame (frame.h) is built below the
 * red zone. rcx and r11 are free, as the syscall instruction destroys them;
 * everything else, the arithmetic flags included, comes back as it was.
 *
 *	the program's rsp ->	...
 *				128 bytes: its red zone
 *				struct gp_frame  <- rbp while C code runs
 *				the shim's C frames
 *
 * GS base: the hub on its kernel thread, 0 on any other. Those go on with the
 * system call instruction that the site names. Where the instructions for the
 * GS base may not be used (GP__GS_CALL) it leads to gp__nobody on the others,
 * and entry is by gp__entry_slow.
 */
#include <sys/syscall.h>
#include "preload/trap/frame.h"

	.text
	.macro	function name
	.globl	\name
	.hidden	\name
	.type	\name, @function
	.balign	16
\name:
	.endm
	.macro	label name
	.globl	\name
	.hidden	\name
\name:
	.endm

/* CFA is the program's rsp at the site; what the program calls its return
 * address there is the site itself. reg: rsp or rbp, pointing to the frame. */
	.macro	frame_cfi reg
	.cfi_def_cfa \reg, F_SIZE + RED_ZONE
	.cfi_offset %rip, F_RET - F_SIZE - RED_ZONE
	.cfi_offset %rbx, F_RBX - F_SIZE - RED_ZONE
	.cfi_offset %rbp, F_RBP - F_SIZE - RED_ZONE
	.cfi_offset %r12, F_R12 - F_SIZE - RED_ZONE
	.cfi_offset %r13, F_R13 - F_SIZE - RED_ZONE
	.cfi_offset %r14, F_R14 - F_SIZE - RED_ZONE
	.cfi_offset %r15, F_R15 - F_SIZE - RED_ZONE
	.endm

gp__entry_foreign:
	.cfi_startproc
	.cfi_def_cfa %rsp, 0
	.cfi_undefined %rip
	mov	S_NATIVE(%r11), %rcx
	jmp	*%rcx
	.cfi_endproc

function gp__entry_slow
	.cfi_startproc
	.cfi_signal_frame
	.cfi_def_cfa %rsp, 0
	.cfi_undefined %rip
	mov	%gs:H_SELF, %rcx
	jmp	1f
	.cfi_endproc
	.size	gp__entry_slow, . - gp__entry_slow

function gp__entry
	.cfi_startproc
	.cfi_signal_frame
	.cfi_def_cfa %rsp, 0
	.cfi_undefined %rip
	rdgsbase %rcx
1:	jrcxz	gp__entry_foreign
	lea	-(F_SIZE + RED_ZONE)(%rsp), %rsp
	.cfi_def_cfa_offset F_SIZE + RED_ZONE
	mov	%rax, F_RAX(%rsp)
	mov	%rax, F_NR(%rsp)
	lahf
	seto	%al
	mov	%rax, F_FLAGS(%rsp)
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
	lea	F_SIZE + RED_ZONE(%rsp), %rax
	mov	%rax, F_RSP(%rsp)
	mov	S_RET(%r11), %rax
	mov	%rax, F_RET(%rsp)
	mov	S_TARGET(%r11), %rax
	mov	%rax, F_TARGET(%rsp)
	mov	S_RESTART(%r11), %rax
	mov	%rax, F_RESTART(%rsp)
	mov	%rsp, %rbp
	frame_cfi %rbp
	and	$-16, %rsp
	mov	%rbp, %rdi
	mov	%rcx, %rsi
	call	gp__dispatch
label gp__exit
	mov	%rbp, %rsp
	frame_cfi %rsp
/* From here to gp__exit_jump a signal handler sends us back to this label, so
 * that what it queued is seen: only rsp must be right, and it is. */
label gp__exit_check
	cmpl	$0, %gs:0
	jne	gp__exit_slow
gp__exit_restore:
	mov	F_FLAGS(%rsp), %rax
	add	$0x7f, %al
	sahf
	mov	F_RDI(%rsp), %rdi
	mov	F_RSI(%rsp), %rsi
	mov	F_RDX(%rsp), %rdx
	mov	F_R10(%rsp), %r10
	mov	F_R8(%rsp), %r8
	mov	F_R9(%rsp), %r9
	mov	F_RBX(%rsp), %rbx
	mov	F_RBP(%rsp), %rbp
	mov	F_R12(%rsp), %r12
	mov	F_R13(%rsp), %r13
	mov	F_R14(%rsp), %r14
	mov	F_R15(%rsp), %r15
	mov	F_RAX(%rsp), %rax
	mov	F_TARGET(%rsp), %rcx
	mov	F_RSP(%rsp), %rsp
/* Here all registers are the program's and rcx is where it goes on. */
label gp__exit_jump
	jmp	*%rcx
	frame_cfi %rsp
gp__exit_slow:
	mov	%rsp, %rbp
	frame_cfi %rbp
	and	$-16, %rsp
	mov	%rbp, %rdi
	call	gp__exit_work
	jmp	gp__exit
	.cfi_endproc
	.size	gp__entry, . - gp__entry

/* void gp__exit_to(struct gp_frame *f) */
function gp__exit_to
	.cfi_startproc
	.cfi_undefined %rip
	mov	%rdi, %rbp
	jmp	gp__exit
	.cfi_endproc
	.size	gp__exit_to, . - gp__exit_to

/* A new greenlet's first instruction; its frame is at rsp. */
function gp__guest_start
	.cfi_startproc
	.cfi_undefined %rip
	mov	%rsp, %rbp
	mov	%rsp, %rdi
	and	$-16, %rsp
	call	gp__guest_started
	jmp	gp__exit
	.cfi_endproc
	.size	gp__guest_start, . - gp__guest_start

/* Entered like a signal handler, by a frame of ours: rdx = ucontext. The
 * program was interrupted in its own code; another greenlet gets a turn. */
function gp__handler_entry
	.cfi_startproc
	push	%rdx
	.cfi_adjust_cfa_offset 8
	mov	%rdx, %rdi
	call	gp__preempted
	pop	%rdi
	.cfi_adjust_cfa_offset -8
	jmp	gp__sigreturn_again
	.cfi_endproc
	.size	gp__handler_entry, . - gp__handler_entry

/* void gp__raw_sigreturn(void *uc) */
function gp__raw_sigreturn
	.cfi_startproc
	.cfi_undefined %rip
label gp__sigreturn_begin
	cmpl	$0, %gs:0
	jne	gp__sigreturn_again
	mov	%rdi, %rsp
	mov	$SYS_rt_sigreturn, %eax
	syscall
label gp__sigreturn_end
	ud2
/* void gp__sigreturn_again(void *uc): gp__sigreturn() makes frames for handlers
 * where uc itself may lie, so it works on our alternate stack; below uc, should
 * that be there already. */
label gp__sigreturn_again
	mov	gp__altstack_top(%rip), %rax
	mov	%rax, %rcx
	lea	-RED_ZONE(%rdi), %rsp
	sub	%rdi, %rcx
	cmp	$ALTSTACK_SIZE, %rcx
	jb	1f
	mov	%rax, %rsp
1:	and	$-16, %rsp
	call	gp__sigreturn
	ud2
	.cfi_endproc
	.size	gp__raw_sigreturn, . - gp__raw_sigreturn

/* The restorer of the kernel's frames: byte for byte glibc's __restore_rt, by
 * which unwinders know a signal frame. The nop lies before it because they
 * look at the byte before the return address. */
	.balign	16
	nop
label gp__restore_rt
	mov	$SYS_rt_sigreturn, %rax
	syscall

/* This kernel thread has no hub. rsp is below the program's frame. */
hub_none:
	.cfi_startproc
	cmpb	$GS_INSN, gp__gs(%rip)
	jne	1f
	xor	%ecx, %ecx
	wrgsbase %rcx
	ret
1:	mov	$0x1001, %edi		/* ARCH_SET_GS */
	lea	gp__nobody(%rip), %rsi
	mov	$SYS_arch_prctl, %eax
	syscall
	ret
	.cfi_endproc

/* long gp__raw_clone(nr, a, b, c, d, e, child): see frame.h */
function gp__raw_clone
	.cfi_startproc
	push	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_offset %rbx, -16
	mov	16(%rsp), %rbx
	mov	%rdi, %rax
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	mov	%rcx, %rdx
	mov	%r8, %r10
	mov	%r9, %r8
	syscall
	test	%rax, %rax
	jz	1f
	pop	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	ret
1:	.cfi_undefined %rip
	mov	%rbx, %rsp
	call	hub_none
	jmp	gp__exit_restore
	.cfi_endproc
	.size	gp__raw_clone, . - gp__raw_clone

/* void gp__raw_vfork(flags, f, saved): see frame.h */
function gp__raw_vfork
	.cfi_startproc
	.cfi_undefined %rip
	mov	%rsi, %rbx
	mov	%rdx, %r12
	xor	%esi, %esi
	xor	%edx, %edx
	xor	%r10d, %r10d
	xor	%r8d, %r8d
	mov	$SYS_clone, %eax
	syscall
	test	%rax, %rax
	jz	1f
	mov	%rax, F_RAX(%r12)
	mov	%rbx, %rdi
	mov	%r12, %rsi
	mov	$F_SIZE, %ecx
	rep movsb
	mov	%rbx, %rbp
	mov	%rbx, %rsp
	and	$-16, %rsp
	mov	%r12, %rdi
	call	gp__vfork_done
	jmp	gp__exit
1:	mov	%rbx, %rsp
	call	hub_none
	mov	$2, %edi		/* SIG_SETMASK to the program's mask */
	lea	F_PAD(%rsp), %rsi
	xor	%edx, %edx
	mov	$8, %r10d
	mov	$SYS_rt_sigprocmask, %eax
	syscall
	movq	$0, F_RAX(%rsp)
	jmp	gp__exit_restore
	.cfi_endproc
	.size	gp__raw_vfork, . - gp__raw_vfork

/* long gp__copy(void *to, const void *from, size_t n): 0, or -EFAULT when one
 * of the two is not memory; the SIGSEGV handler knows the window. */
function gp__copy
	.cfi_startproc
	mov	%rdx, %rcx
label gp__copy_begin
	rep movsb
label gp__copy_end
	xor	%eax, %eax
	ret
label gp__copy_fault
	mov	$-14, %rax
	ret
	.cfi_endproc
	.size	gp__copy, . - gp__copy
/* long gp__load32(uint32_t *to, const uint32_t *from), one access */
function gp__load32
	.cfi_startproc
label gp__load32_begin
	mov	(%rsi), %eax
label gp__load32_end
	mov	%eax, (%rdi)
	xor	%eax, %eax
	ret
	.cfi_endproc
	.size	gp__load32, . - gp__load32
/* long gp__cas32(uint32_t *word, uint32_t old, uint32_t new, uint32_t *was) */
function gp__cas32
	.cfi_startproc
	mov	%esi, %eax
label gp__cas32_begin
	lock cmpxchg %edx, (%rdi)
label gp__cas32_end
	mov	%eax, (%rcx)
	xor	%eax, %eax
	ret
	.cfi_endproc
	.size	gp__cas32, . - gp__cas32
	.section .note.GNU-stack,"",@progbits
