/* Floating point and vector registers, rounding modes and x87 state belong to each thread over parks and preemptions.
 */
#include "guest.h"

#include <immintrin.h>

enum { THREADS = 12 };

static int pipe_fd[2], mistakes;

/* The rounding mode lives twice: bits 13-14 of MXCSR, bits 10-11 of the x87 control word. */
static void set_rounding(unsigned mode)
{
	unsigned short word;

	_mm_setcsr((_mm_getcsr() & ~0x6000u) | mode << 13);
	__asm__ volatile("fnstcw %0" : "=m"(word));
	word = (unsigned short)((word & ~0xc00u) | mode << 10);
	__asm__ volatile("fldcw %0" : : "m"(word));
}

static void check_rounding(unsigned mode)
{
	unsigned short word;

	__asm__ volatile("fnstcw %0" : "=m"(word));
	CHECK_INT(_mm_getcsr() >> 13 & 3, mode);
	CHECK_INT(word >> 10 & 3, mode);
}

/* Sixteen vector registers are live over a loop that the thread may lose the CPU in. */
__attribute__((target("avx2"))) static void vectors_avx(int seed, int rounds)
{
	__m256i v[8], w = _mm256_set1_epi32(seed);

	for (int i = 0; i < 8; i++)
		v[i] = _mm256_set1_epi32(seed * 100 + i);
	for (int r = 0; r < rounds; r++)
		for (int i = 0; i < 8; i++)
			v[i] = _mm256_add_epi32(v[i], w);
	for (int i = 0; i < 8; i++)
		for (int k = 0; k < 8; k++)
			if (((int *)&v[i])[k] !=
			    (int)((unsigned)seed * 100u + (unsigned)i + (unsigned)rounds * (unsigned)seed))
				__atomic_add_fetch(&mistakes, 1, __ATOMIC_RELAXED);
}

static void vectors_sse(int seed, int rounds)
{
	__m128d a = _mm_set_pd(seed, seed + 0.5), sum = _mm_setzero_pd();
	double out[2];

	for (int r = 0; r < rounds; r++)
		sum = _mm_add_pd(sum, a);
	_mm_storeu_pd(out, sum);
	if (out[0] != (seed + 0.5) * rounds || out[1] != (double)seed * rounds)
		__atomic_add_fetch(&mistakes, 1, __ATOMIC_RELAXED);
}

static void *compute(void *arg)
{
	int me = (int)(long)arg;
	unsigned mode = (unsigned)me % 4;
	long double x = me + 1;
	char byte;

	set_rounding(mode);
	for (int r = 0; r < 20; r++) {
		if (__builtin_cpu_supports("avx2"))
			vectors_avx(me + 1, 200000);
		vectors_sse(me + 1, 100000);
		for (int i = 0; i < 1000; i++)
			x = x * 3 / 3;
		write_all(pipe_fd[1], "x", 1);
		read_all(pipe_fd[0], &byte, 1);
		check_rounding(mode);
	}
	CHECK(__builtin_fabsl(x - (me + 1)) < 1e-9L);
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];

	if (pipe(pipe_fd) == -1)
		guest_die("pipe");
	for (long i = 0; i < THREADS; i++)
		threads[i] = thread_start(compute, (void *)i);
	for (int i = 0; i < THREADS; i++)
		thread_join(threads[i]);
	CHECK_INT(mistakes, 0);
	return guest_done();
}
