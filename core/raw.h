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

#ifdef GP_RAW_FAULTS
/* In a build for tests (tests/unit/fault_calls.h), which may define it: true if
 * this call is to fail; then *ret is what comes back. */
bool gp__raw_fault(long nr, const long *args, long *ret) __attribute__((weak));
#endif

static inline long gp__raw6(long nr, long a, long b, long c, long d, long e, long f)
{
	long ret;
#ifdef GP_RAW_FAULTS
	if (gp__raw_fault && gp__raw_fault(nr, (long[]){ a, b, c, d, e, f }, &ret))
		return ret;
#endif
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
	                 : "=a"(ret)
	                 : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
	                 : "rcx", "r11", "memory");
	return ret;
}

#define GP__RAW_ARGS(n, a, b, c, d, e, f, ...) \
	gp__may_fail(n, gp__raw6((long)(n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f)))
/* gp__raw(nr, up to six arguments) */
#define gp__raw(...) GP__RAW_ARGS(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

static inline bool gp__is_err(long r) { return (unsigned long)r >= -4095UL; }

/* Makes the call unless *stop is set; gives -EINTR then. A signal handler that
 * finds the saved RIP in [gp__raw_block_begin, gp__raw_block_end) moves it to
 * gp__raw_block_stop, so that no signal is lost between the look at *stop and
 * the kernel (after musl's cancellation points). args: six words. */
long gp__raw_block(long nr, const long *args, const volatile uint32_t *stop);
extern const char gp__raw_block_begin[], gp__raw_block_end[], gp__raw_block_stop[];
#ifdef GP_RAW_FAULTS
static inline long gp__raw_block_or_fail(long nr, const long *args, const volatile uint32_t *stop)
{
	long ret;

	return gp__raw_fault && gp__raw_fault(nr, args, &ret) ? ret : gp__raw_block(nr, args, stop);
}
#define gp__raw_block gp__raw_block_or_fail
#endif

#endif
