/* raw.h - system calls without libc: the kernel's own value comes back, a
 * negative errno on failure.
 *
 * Under the shim these instructions lie in the only text that Syscall User
 * Dispatch lets through, so that a call made here never comes back in.
 */
#ifndef GP_CORE_RAW_H
#define GP_CORE_RAW_H

#include <sys/syscall.h>
#include "core/base.h"
#include "core/fault.h"

static inline long gp__raw6(long nr, long a, long b, long c, long d, long e, long f)
{
	long ret;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
	                 : "=a"(ret)
	                 : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
	                 : "rcx", "r11", "memory");
	return ret;
}

#ifdef GP_FAULT
#define GP__RAW_NAMED(i, n, a, b, c, d, e, f) ({ \
	const long nr_##i = (long)(n), args_##i[] = { (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f) }; \
	GP__MAY_FAIL(i, nr_##i, args_##i, \
	             gp__raw6(nr_##i, args_##i[0], args_##i[1], args_##i[2], args_##i[3], args_##i[4], args_##i[5])); })
#define GP__RAW_AS(...) GP__RAW_NAMED(__VA_ARGS__)
#define GP__RAW_ARGS(n, a, b, c, d, e, f, ...) GP__RAW_AS(__COUNTER__, n, a, b, c, d, e, f)
#else
#define GP__RAW_ARGS(n, a, b, c, d, e, f, ...) gp__raw6((long)(n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#endif
/* gp__raw(nr, up to six arguments) */
#define gp__raw(...) GP__RAW_ARGS(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

static inline bool gp__is_err(long r) { return (unsigned long)r >= -4095UL; }

/* Makes the call unless *stop is set; gives GP__RAW_STOPPED then. A signal handler that
 * finds the saved RIP in [gp__raw_block_begin, gp__raw_block_end) moves it to
 * gp__raw_block_stop, so that no signal is lost between the look at *stop and
 * the kernel (after musl's cancellation points). args: six words. */
long gp__raw_block(long nr, const long *args, const volatile uint32_t *stop);
#define GP__RAW_STOPPED (-513L) /* the kernel's ERESTARTNOINTR, which no call returns */
extern const char gp__raw_block_begin[], gp__raw_block_end[], gp__raw_block_stop[];

#endif
