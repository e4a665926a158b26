/* fault.h - for tests only: system calls of ours that fail.
 *
 * In a build with -DGP_FAULT each gp__raw() in the source is a place with a
 * record of its own, and asks gp__fault() before its call. The shim's
 * (preload/fault.c) lets one place fail once: GREENPATCH_FAULT=FILE:LINE, or =note
 * to print each place when it is first reached (scripts/fault-shim). That of the
 * unit tests (tests/unit/fault_calls.h) lets the n-th call fail. Otherwise nothing
 * is left of it.
 */
#ifndef GP_CORE_FAULT_H
#define GP_CORE_FAULT_H

#ifdef GP_FAULT
#include "core/base.h"

struct gp_fault {
	const char *file, *function;
	int line;
	long calls;
};

/* True: the call is not made, *ret is what it gives. args: its six, NULL if it is
 * not made by gp__raw(). Nobody need define it. */
bool gp__fault(struct gp_fault *place, long nr, const long *args, long *ret) __attribute__((weak));

/* n makes the names unlike those around: one call may be an argument of another. */
#define GP__MAY_FAIL(n, nr, args, call) ({ \
	static struct gp_fault place_##n = { __FILE__, __func__, __LINE__, 0 }; \
	long ret_##n; \
	gp__fault && gp__fault(&place_##n, (long)(nr), (args), &ret_##n) ? ret_##n : (call); })
#define GP__MAY_FAIL_AS(n, nr, call) GP__MAY_FAIL(n, nr, NULL, call)
#define gp__may_fail(nr, call) GP__MAY_FAIL_AS(__COUNTER__, nr, call)
#else
#define gp__may_fail(nr, call) (call)
#endif

#endif
