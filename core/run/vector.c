/* vector.c - a switch that keeps the vector registers.
 *
 * The kernel preserves every register but rax, rcx and r11 over a system
 * call, and compiled code relies on it. A greenlet that parks in the middle of
 * such a call therefore saves what it has in use, on its own stack: XSAVEC in
 * compacted form with two sizes, because a thread's stack may be tiny and
 * every page of it counts once a thread. Without AVX-512 state in use it is
 * 832 bytes; otherwise what CPUID says (Intel SDM vol. 1, chapter 13).
 *
 * That costs several hundred cycles, and AVX-512 is nearly always in use: libc's
 * string functions leave it so. But a call that libc itself makes is made by
 * code that knows of xmm0 to xmm15 only, in a function that was called, and to
 * whose caller no vector register means anything: gp__context_switch_sse().
 * Then the others come back with what other greenlets left in them. The x87
 * unit is left clean by whoever leaves the processor: by saving it (below), or
 * because it was.
 *
 * PKRU is left alone: Linux gives it to the thread, and all greenlets here
 * are one.
 */
#include <cpuid.h>
#include <string.h>
#include "core/run/context.h"
#include "core/run/hub.h"

#define LEGACY_AND_AVX 7UL   /* x87, SSE, AVX */
#define SMALL_SIZE     832UL /* 512 legacy, 64 header, 256 upper halves of ymm */
#define PKRU           (1UL << 9)

/* The upper halves are to be cleared, lest SSE code be slow; read by context.S.
 * Of the processor; written once at start. */
uint8_t gp__vector_avx;
/* context.S: xmm0 to xmm15 are kept. */
void gp__switch_sse(void **save, void *load);

/* Facts of the processor, the same for every hub; written once at start. */
static struct {
	uint64_t all;      /* components that are saved when more than AVX is in use */
	size_t all_size;   /* bytes of their compacted area */
	bool adaptive;     /* XGETBV with ECX 1 tells what is in use */
	bool xsavec;       /* XSAVEC is there; otherwise XSAVE */
} cpu;

static inline uint64_t xgetbv(uint32_t which)
{
	uint32_t lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(which));
	return (uint64_t)hi << 32 | lo;
}

void gp__vector_init(void)
{
	uint32_t a, b, c, d;
	size_t at = 576;

	__cpuid_count(0xd, 1, a, b, c, d);
	cpu.xsavec = a & 2;
	cpu.adaptive = a & 4;
	cpu.all = xgetbv(0) & ~PKRU;
	gp__vector_avx = cpu.all >> 2 & 1;
	if (!cpu.xsavec) {
		__cpuid_count(0xd, 0, a, b, c, d);
		cpu.all_size = b;
		cpu.adaptive = false;
		return;
	}
	for (unsigned i = 2; i < 63; i++) {
		if (!(cpu.all >> i & 1))
			continue;
		__cpuid_count(0xd, i, a, b, c, d);
		if (c & 2)
			at = gp__align_up(at, 64UL);
		at += a;
	}
	cpu.all_size = at;
}

void GP_NOINLINE gp__context_switch_vector(void **save, void *load)
{
	uint64_t mask = cpu.all;
	size_t size = cpu.all_size;
	char *area;
	uint64_t *header;

	if (cpu.adaptive && !(xgetbv(1) & cpu.all & ~LEGACY_AND_AVX)) {
		mask = cpu.all & LEGACY_AND_AVX;
		size = SMALL_SIZE;
	}
	area = __builtin_alloca_with_align(size, 64 * 8);
	header = (uint64_t *)(void *)(area + 512);
	for (int i = 0; i < 8; i++)
		header[i] = 0;
	if (cpu.xsavec)
		__asm__ volatile("xsavec (%0)" : : "r"(area), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32)) : "memory");
	else
		__asm__ volatile("xsave (%0)" : : "r"(area), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32)) : "memory");
	if (header[0] & 1)
		__asm__ volatile("fninit");
	gp__switch(save, load);
	/* What the area does not hold was in its initial state, and is again. */
	__asm__ volatile("xrstor (%0)" : : "r"(area), "a"((uint32_t)cpu.all), "d"((uint32_t)(cpu.all >> 32)) : "memory");
}

/* 0: no exception since it was cleared, and the stack is not in use. */
static inline uint16_t x87_status(void)
{
	uint16_t status;

	__asm__ volatile("fnstsw %0" : "=a"(status));
	return status;
}

void GP_NOINLINE gp__context_switch_sse(void **save, void *load)
{
	uint16_t control;

	if (gp__unlikely(x87_status())) {
		gp__context_switch_vector(save, load);
		return;
	}
	gp__switch_sse(save, load);
	if (gp__unlikely(x87_status())) /* of a greenlet that keeps no vectors */
		__asm__ volatile("fnstcw %0\n\tfninit\n\tfldcw %0" : "=m"(control));
}
