/* fault.h - for tests only: system calls of ours that fail once.
 *
 * In a build with -DGP_FAULT each gp__raw() in the source is a place with a
 * record of its own; GREENPATCH_FAULT=FILE:LINE makes it fail the first time it
 * is reached, =note prints each place when it is first reached
 * (scripts/fault-shim). Otherwise nothing is left of it.
 */
#ifndef GP_CORE_FAULT_H
#define GP_CORE_FAULT_H

#ifdef GP_FAULT
struct gp_fault {
	const char *file, *function;
	int line;
	long calls;
};

/* 0, or the error that this call is to give. preload/fault.c */
long gp__fault(struct gp_fault *place, long nr);

#define GP__MAY_FAIL(n, nr, call) ({ \
	static struct gp_fault place_##n = { __FILE__, __func__, __LINE__, 0 }; \
	long fault_##n = gp__fault(&place_##n, (long)(nr)); \
	fault_##n ? fault_##n : (call); })
#define GP__MAY_FAIL_AS(n, nr, call) GP__MAY_FAIL(n, nr, call)
#define gp__may_fail(nr, call) GP__MAY_FAIL_AS(__COUNTER__, nr, call) /* one may be an argument of another */
#else
#define gp__may_fail(nr, call) (call)
#endif

#endif
