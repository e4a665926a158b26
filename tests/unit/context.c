/* context.c - what survives a switch: the registers that the System V ABI makes a function keep, and the control
 * words of both floating-point units. With gp__context_switch_vector, the vector registers as well. */
#include "unit.h"
#include <cpuid.h>
#include <execinfo.h>
#include "core/run/hub.h"
#include "greenpatch.h"

/* The vector switch as the shim has it: the compiler must not use such registers itself. */
#pragma GCC push_options
#pragma GCC target("general-regs-only")
#include "core/run/vector.c"
#pragma GCC pop_options

/* ---- the bare switch ------------------------------------------------------------ */

void *unit_main_sp, *unit_other_sp;
uint64_t unit_entry_sp;
uint32_t unit_entry_words[2], unit_other_words[2] = { 0x0c7f, 0x7f80 }; /* round to zero, both */

/* Gives rbx, rbp, r12 to r15 the values of in[], switches away, and stores in out[] what they are then. */
void unit_switch_marked(const uint64_t in[6], uint64_t out[6]);
/* Another context: notes how it began, then spoils every register that it may not and switches back, for ever. */
void unit_other(void);

__asm__(".text\n"
        ".globl unit_switch_marked\n"
        ".type unit_switch_marked, @function\n"
        "unit_switch_marked:\n"
        "	push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15\n"
        "	push %rsi\n"
        "	mov 0(%rdi), %rbx\n"
        "	mov 8(%rdi), %rbp\n"
        "	mov 16(%rdi), %r12\n"
        "	mov 24(%rdi), %r13\n"
        "	mov 32(%rdi), %r14\n"
        "	mov 40(%rdi), %r15\n"
        "	lea unit_main_sp(%rip), %rdi\n"
        "	mov unit_other_sp(%rip), %rsi\n"
        "	call gp__context_switch\n"
        "	pop %rsi\n"
        "	mov %rbx, 0(%rsi)\n"
        "	mov %rbp, 8(%rsi)\n"
        "	mov %r12, 16(%rsi)\n"
        "	mov %r13, 24(%rsi)\n"
        "	mov %r14, 32(%rsi)\n"
        "	mov %r15, 40(%rsi)\n"
        "	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp\n"
        "	ret\n"
        ".globl unit_other\n"
        ".type unit_other, @function\n"
        "unit_other:\n"
        "	mov %rsp, unit_entry_sp(%rip)\n"
        "	fnstcw unit_entry_words(%rip)\n"
        "	stmxcsr unit_entry_words+4(%rip)\n"
        "	fldcw unit_other_words(%rip)\n"
        "	ldmxcsr unit_other_words+4(%rip)\n"
        "1:	mov $-1, %rbx\n"
        "	mov %rbx, %rbp\n"
        "	mov %rbx, %r12\n"
        "	mov %rbx, %r13\n"
        "	mov %rbx, %r14\n"
        "	mov %rbx, %r15\n"
        "	lea unit_other_sp(%rip), %rdi\n"
        "	mov unit_main_sp(%rip), %rsi\n"
        "	call gp__context_switch\n"
        "	jmp 1b\n");

static char other_stack[16384] __attribute__((aligned(16)));

static void prepare_other(void)
{
	unit_other_sp = gp__context_prepare(other_stack + sizeof other_stack, unit_other);
}

static uint32_t x87_word(void)
{
	uint16_t w;

	__asm__ volatile("fnstcw %0" : "=m"(w));
	return w;
}

static uint32_t mxcsr(void)
{
	uint32_t w;

	__asm__ volatile("stmxcsr %0" : "=m"(w));
	return w;
}

CASE("a switch keeps rbx, rbp and r12 to r15")
{
	uint64_t in[6], out[6] = { 0 };

	prepare_other();
	for (int round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 6; i++)
			in[i] = 0x0123456789abcdefUL * (i + 1 + (unsigned)round);
		unit_switch_marked(in, out);
		for (int i = 0; i < 6; i++)
			EXPECT_INT(out[i], in[i]);
	}
}

CASE("each context has its own x87 control word and MXCSR")
{
	uint32_t x87 = 0x077f, csr = 0x3f80; /* round down, both */
	uint64_t in[6] = { 0 }, out[6];

	__asm__ volatile("fldcw %0; ldmxcsr %1" : : "m"(x87), "m"(csr));
	prepare_other();
	for (int round = 0; round < 2; round++) {
		unit_switch_marked(in, out);
		EXPECT_INT(x87_word(), x87);
		EXPECT_INT(mxcsr(), csr);
	}
	/* It changes its own words; a switch back does not bring them here. */
	csr = 0x1f80;
	__asm__ volatile("ldmxcsr %0" : : "m"(csr));
	unit_switch_marked(in, out);
	EXPECT_INT(x87_word(), x87);
	EXPECT_INT(mxcsr(), csr);
}

CASE("a new context begins with its whole stack and the control words of its maker")
{
	uint32_t x87 = 0x0b7f, csr = 0x5f80; /* round up, both */
	uint64_t in[6] = { 0 }, out[6];

	__asm__ volatile("fldcw %0; ldmxcsr %1" : : "m"(x87), "m"(csr));
	prepare_other();
	x87 = 0x037f;
	csr = 0x1f80;
	__asm__ volatile("fldcw %0; ldmxcsr %1" : : "m"(x87), "m"(csr));
	unit_switch_marked(in, out);
	EXPECT_INT(unit_entry_sp, (uintptr_t)(other_stack + sizeof other_stack));
	EXPECT_INT(unit_entry_words[0], 0x0b7f);
	EXPECT_INT(unit_entry_words[1], 0x5f80);
}

/* ---- in greenlets ------------------------------------------------------------------ */

/* 0 to nearest, 1 down, 2 up, 3 to zero: the bits of both units. */
static void set_rounding(uint32_t mode)
{
	uint32_t x87 = (x87_word() & ~0x0c00U) | mode << 10, csr = (mxcsr() & ~0x6000U) | mode << 13;

	__asm__ volatile("fldcw %0; ldmxcsr %1" : : "m"(x87), "m"(csr));
}

static void *round_as(void *arg)
{
	uint32_t mode = *(const uint32_t *)arg;
	volatile double one = 1.0, three = 3.0;
	volatile long double long_one = 1.0L, long_three = 3.0L;
	double want;
	long double long_want;

	set_rounding(mode);
	want = one / three;
	long_want = long_one / long_three;
	for (int i = 0; i < 20; i++) {
		gp_yield();
		EXPECT_INT(x87_word() >> 10 & 3, mode);
		EXPECT_INT(mxcsr() >> 13 & 3, mode);
		EXPECT(one / three == want);
		EXPECT(long_one / long_three == long_want);
	}
	return NULL;
}

CASE("greenlets keep their rounding modes")
{
	static uint32_t modes[] = { 0, 1, 2, 3 };
	struct gp_greenlet *g[4];

	for (int i = 0; i < 4; i++)
		g[i] = gp_spawn(round_as, &modes[i]);
	for (int i = 0; i < 4; i++) {
		EXPECT_INT(gp_join(g[i], GP_NEVER), 0);
		gp_unref(g[i]);
	}
	EXPECT_INT(mxcsr() >> 13 & 3, 0);
}

static void *look_back(void *arg)
{
	void *frames[64];

	*(int *)arg = backtrace(frames, 64);
	return NULL;
}

CASE("a backtrace from a greenlet comes to an end")
{
	struct gp_greenlet *g;
	int frames = -1;

	g = gp_spawn(look_back, &frames);
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
	/* look_back, the body, the entry. */
	EXPECT(frames >= 2 && frames <= 6);
}

static void *stack_is_aligned(void *arg)
{
	EXPECT_INT((uintptr_t)__builtin_frame_address(0) % 16, 0);
	return NULL;
}

CASE("a greenlet begins with an aligned stack")
{
	struct gp_greenlet *g = gp_spawn(stack_is_aligned, NULL);

	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
}

/* ---- vector registers ------------------------------------------------------------------ */

/* Each loads its registers from in, calls unit_hop() and stores them in out. 64 bytes a register. */
void unit_hop_sse(const void *in, void *out);
void unit_hop_avx(const void *in, void *out);
void unit_hop_avx512(const void *in, void *out);

__asm__(".macro unit_enter name\n"
        "	.globl \\name\n"
        "	.type \\name, @function\n"
        "\\name:\n"
        "	push %rbx\n"
        "	mov %rsi, %rbx\n"
        ".endm\n"
        ".macro unit_end\n"
        "	pop %rbx\n"
        "	ret\n"
        ".endm\n"
        ".text\n"
        "unit_enter unit_hop_sse\n"
        "	.irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "	movups 64*\\n(%rdi), %xmm\\n\n"
        "	.endr\n"
        "	call unit_hop\n"
        "	.irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "	movups %xmm\\n, 64*\\n(%rbx)\n"
        "	.endr\n"
        "unit_end\n"
        "unit_enter unit_hop_avx\n"
        "	.irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "	vmovups 64*\\n(%rdi), %ymm\\n\n"
        "	.endr\n"
        "	call unit_hop\n"
        "	.irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "	vmovups %ymm\\n, 64*\\n(%rbx)\n"
        "	.endr\n"
        "	vzeroupper\n"
        "unit_end\n"
        "unit_enter unit_hop_avx512\n"
        "	.irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
        "	vmovups 64*\\n(%rdi), %zmm\\n\n"
        "	.endr\n"
        "	.irp n,1,2,3,4,5,6,7\n"
        "	kmovw 2048+2*\\n(%rdi), %k\\n\n"
        "	.endr\n"
        "	call unit_hop\n"
        "	.irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
        "	vmovups %zmm\\n, 64*\\n(%rbx)\n"
        "	.endr\n"
        "	.irp n,1,2,3,4,5,6,7\n"
        "	kmovw %k\\n, 2048+2*\\n(%rbx)\n"
        "	.endr\n"
        "	vpxord %zmm16, %zmm16, %zmm16\n"
        "	vzeroall\n"
        "unit_end\n");

enum { RING = 3, ROUNDS = 5 };

/* One context of a ring: it fills its registers, hands over to the next one, and looks at them when it is back. */
static struct member {
	void (*hop)(const void *in, void *out);
	unsigned registers, bytes, masks; /* how many of them, and how much of each, it moves */
	void (*leave)(void **save, void *load);
	void *sp;
	int rounds; /* that are left */
	char stack[32768] __attribute__((aligned(64)));
} ring[RING];

static int at; /* whose turn it is */
static void *main_sp;

void unit_hop(void);

/* On to the next one that has rounds left; when there is none, back to main. */
__attribute__((target("general-regs-only"))) void unit_hop(void)
{
	struct member *me = &ring[at];

	for (int i = 0; i < RING; i++) {
		at = (at + 1) % RING;
		if (ring[at].rounds > 0)
			break;
	}
	if (&ring[at] != me)
		me->leave(&me->sp, ring[at].rounds > 0 ? ring[at].sp : main_sp);
	else if (!me->rounds)
		me->leave(&me->sp, main_sp);
}

/* libc's memset may have used what is beyond AVX: brings that to its initial state, so that the smaller area is chosen.
 * MPX, AVX-512 and AMX; not PKRU. */
static void forget_upper(void)
{
	static char zeroes[12288] __attribute__((aligned(64)));

	if (!unit_under("valgrind") && __builtin_cpu_supports("avx"))
		__asm__ volatile("xrstor (%0)" : : "r"(zeroes), "a"(0x600f8), "d"(0) : "memory");
}

void unit_member(void);
void unit_member_entry(void);

/* A new context begins with an aligned stack, a function with one that a return address was pushed on. */
__asm__(".text\n"
        ".type unit_member_entry, @function\n"
        "unit_member_entry:\n"
        "	call unit_member\n"
        "	ud2\n");

void unit_member(void)
{
	struct member *me = &ring[at];
	unsigned char in[2048 + 16], out[sizeof in];
	unsigned mark = (unsigned)(me - ring);

	for (; me->rounds; me->rounds--) {
		for (unsigned i = 0; i < sizeof in; i++)
			in[i] = (unsigned char)(i * 31 + mark * 101 + (unsigned)me->rounds * 7);
		memset(out, 0, sizeof out);
		if (me->bytes < 64)
			forget_upper();
		me->hop(in, out);
		for (unsigned r = 0; r < me->registers; r++)
			if (memcmp(in + 64 * r, out + 64 * r, me->bytes))
				unit_fail(__FILE__, __LINE__,
				          "context %u, %d rounds left: register %u of %u bytes changed", mark,
				          me->rounds, r, me->bytes);
		for (unsigned k = 1; k < me->masks; k++)
			EXPECT(!memcmp(in + 2048 + 2 * k, out + 2048 + 2 * k, 2));
	}
	unit_hop();
	EXPECT(!"resumed after its end");
}

static const struct member sse = { .hop = unit_hop_sse, .registers = 16, .bytes = 16 };
static const struct member avx = { .hop = unit_hop_avx, .registers = 16, .bytes = 32 };
/* In a call that libc makes. */
static const struct member sse_call = { .hop = unit_hop_sse, .registers = 16, .bytes = 16, .leave = gp__context_switch_sse };
static const struct member avx512 = { .hop = unit_hop_avx512, .registers = 32, .bytes = 64, .masks = 8 };

static void go_round(const struct member *a, const struct member *b, const struct member *c)
{
	const struct member *kinds[RING] = { a, b, c };

	gp__vector_init();
	for (int i = 0; i < RING; i++) {
		ring[i].hop = kinds[i]->hop;
		ring[i].registers = kinds[i]->registers;
		ring[i].bytes = kinds[i]->bytes;
		ring[i].masks = kinds[i]->masks;
		ring[i].leave = kinds[i]->leave ? kinds[i]->leave : gp__context_switch_vector;
		ring[i].rounds = ROUNDS;
		ring[i].sp = gp__context_prepare(ring[i].stack + sizeof ring[i].stack - 64, unit_member_entry);
	}
	at = 0;
	gp__context_switch(&main_sp, ring[0].sp);
	for (int i = 0; i < RING; i++)
		EXPECT_INT(ring[i].rounds, 0);
}

static void need_avx512(void)
{
	if (unit_under("valgrind"))
		unit_skip("valgrind knows no AVX-512");
	if (unit_under("asan"))
		unit_skip("what ASan calls in the middle of a switch uses these registers itself");
	if (!__builtin_cpu_supports("avx512f"))
		unit_skip("the processor has no AVX-512");
}

CASE("a switch in the middle of code keeps the SSE registers")
{
	go_round(&sse, &sse, &sse);
}

CASE("a switch in the middle of code keeps the AVX registers")
{
	if (!__builtin_cpu_supports("avx"))
		unit_skip("the processor has no AVX");
	go_round(&avx, &avx, &avx);
}

CASE("a switch in the middle of code keeps the AVX-512 registers and masks")
{
	need_avx512();
	go_round(&avx512, &avx512, &avx512);
}

CASE("a switch in a call of libc's keeps the SSE registers")
{
	go_round(&sse_call, &sse_call, &sse_call);
	go_round(&sse, &sse_call, &sse_call);
}

CASE("a switch in a call of libc's spoils nobody's AVX registers")
{
	if (!__builtin_cpu_supports("avx"))
		unit_skip("the processor has no AVX");
	go_round(&avx, &sse_call, &avx);
	go_round(&sse_call, &avx, &sse);
}

CASE("a switch in a call of libc's spoils nobody's AVX-512 registers and masks")
{
	need_avx512();
	go_round(&avx512, &sse_call, &avx512);
	go_round(&sse_call, &avx512, &avx);
}

static void *x87_main, *x87_other;
static uint16_t x87_seen;

static uint16_t x87_now(void)
{
	uint16_t status;

	__asm__ volatile("fnstsw %0" : "=a"(status));
	return status;
}

/* Divides by zero in the x87 unit and leaves; or leaves it alone. */
static void x87_divides(void)
{
	for (;;) {
		x87_seen = x87_now();
		__asm__ volatile("fldz\n\tfld1\n\tfdivp\n\tfstp %%st(0)" : : : "st");
		gp__context_switch_sse(&x87_other, x87_main);
		x87_seen = x87_now();
		gp__context_switch_sse(&x87_other, x87_main);
	}
}

CASE("the exceptions of the x87 unit stay with the context that has them")
{
	static char stack[32768] __attribute__((aligned(64)));

	if (unit_under("valgrind"))
		unit_skip("valgrind knows no exceptions of the x87 unit");
	gp__vector_init();
	__asm__ volatile("fnclex");
	x87_other = gp__context_prepare(stack + sizeof stack - 72, x87_divides);
	gp__context_switch_sse(&x87_main, x87_other);
	EXPECT_INT(x87_seen & 0x3f, 0);
	EXPECT_INT(x87_now() & 0x3f, 0); /* not those of the other */
	gp__context_switch_sse(&x87_main, x87_other);
	EXPECT_INT(x87_seen & 0x3f, 4); /* it has its own again */
	EXPECT_INT(x87_now() & 0x3f, 0);
}

CASE("contexts that use more and less of the vector registers do not spoil each other's")
{
	need_avx512();
	go_round(&avx512, &sse, &avx);
}
