/* frame.h - what the entry stub keeps of a program's call.
 *
 * It lies on the program's own stack below the red zone, from the site to the
 * return. The offsets are used by entry.S and checked here.
 */
#ifndef GP_PRELOAD_TRAP_FRAME_H
#define GP_PRELOAD_TRAP_FRAME_H

#define F_RAX     0
#define F_RDI     8
#define F_RSI     16
#define F_RDX     24
#define F_R10     32
#define F_R8      40
#define F_R9      48
#define F_RBX     56
#define F_RBP     64
#define F_R12     72
#define F_R13     80
#define F_R14     88
#define F_R15     96
#define F_FLAGS   104
#define F_RSP     112
#define F_RET     120
#define F_TARGET  128
#define F_RESTART 136
#define F_NR      144
#define F_PAD     152
#define F_SIZE    160
#define RED_ZONE  128
#define ALTSTACK_SIZE 65536

#define F_API_NR  -1 /* nr of a frame that no system call made */
#define H_CURRENT   8
#define H_SELF      16
#define GS_INSN     1 /* enum of gp__gs (core/run/hub.h) */
#define GS_CALL     2
#define G_ATTENTION 32

#define S_RET     0
#define S_TARGET  8
#define S_RESTART 16
#define S_NATIVE  24

#ifndef __ASSEMBLER__
#include "core/base.h"

struct gp_frame {
	uint64_t rax;     /* the result on the way out */
	union {
		struct { uint64_t rdi, rsi, rdx, r10, r8, r9; };
		uint64_t arg[6];
	};
	uint64_t rbx, rbp, r12, r13, r14, r15;
	uint64_t flags;   /* lahf and seto: low byte OF, next byte SF ZF AF PF CF */
	uint64_t rsp;     /* the program's, as it goes on */
	uint64_t ret;     /* the address behind the syscall instruction: what an unwinder sees */
	uint64_t target;  /* where the program really goes on */
	uint64_t restart; /* where the same call is made again */
	uint64_t nr;      /* its number */
	uint64_t pad;     /* of a vfork: the mask of the child */
};

/* A place in the program from which calls come. */
struct gp_site {
	uint64_t ret;     /* behind the syscall instruction */
	uint64_t target;  /* where to go on: ret, or the stub's copy of what stood there */
	uint64_t restart; /* makes the call again, with rax set to its number */
	uint64_t native;  /* a syscall instruction that leads on: for foreign kernel threads */
};

_Static_assert(offsetof(struct gp_frame, rdi) == F_RDI && offsetof(struct gp_frame, r9) == F_R9, "entry.S");
_Static_assert(offsetof(struct gp_frame, rbx) == F_RBX && offsetof(struct gp_frame, r15) == F_R15, "entry.S");
_Static_assert(offsetof(struct gp_frame, flags) == F_FLAGS && offsetof(struct gp_frame, rsp) == F_RSP, "entry.S");
_Static_assert(offsetof(struct gp_frame, ret) == F_RET && offsetof(struct gp_frame, target) == F_TARGET, "entry.S");
_Static_assert(offsetof(struct gp_frame, restart) == F_RESTART && offsetof(struct gp_frame, nr) == F_NR, "entry.S");
_Static_assert(sizeof(struct gp_frame) == F_SIZE, "entry.S");
_Static_assert(offsetof(struct gp_site, target) == S_TARGET && offsetof(struct gp_site, native) == S_NATIVE, "entry.S");

/* api.S: behind every public function; a signal handler sends what it finds
 * between the two back to the first. Also callable from inside one of them, at
 * a point of rest: lets the current greenlet take its signals. */
extern const char gp__api_leave_end[];
void gp__api_leave(void);

/* entry.S */
extern const char gp__entry[], gp__entry_slow[], gp__exit_check[], gp__exit_jump[];
extern const char gp__sigreturn_begin[], gp__sigreturn_end[];
extern uint64_t gp__altstack_top; /* of our alternate stack; sud.c */
extern const char gp__guest_start[], gp__handler_entry[], gp__restore_rt[];
/* Goes on in the program as the frame says; never returns. */
void gp__exit_to(struct gp_frame *f) __attribute__((noreturn));
/* The real rt_sigreturn from `uc`, which follows the word that a handler's
 * return pops; with hub->attention set it calls gp__sigreturn(uc) again. */
void gp__raw_sigreturn(void *uc) __attribute__((noreturn));
/* gp__sigreturn(uc) on our alternate stack: pending signals first. */
void gp__sigreturn_again(void *uc) __attribute__((noreturn));
/* clone in the caller's place: gives the child's pid in the parent. The child
 * goes on in the program from `child`, a copy of the frame that lies below the
 * child's own stack pointer, as a kernel thread that is not the hub's. */
long gp__raw_clone(long nr, long a, long b, long c, long d, long e, struct gp_frame *child);
/* vfork: the child goes on in the program from f at once; the parent, when the
 * child has gone, restores *f from *saved and returns to it with rax set. */
void gp__raw_vfork(unsigned long flags, struct gp_frame *f, struct gp_frame *saved) __attribute__((noreturn));
#endif
#endif
