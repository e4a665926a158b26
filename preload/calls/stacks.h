/* stacks.h - the stacks that libc maps for threads: see stacks.c. */
#ifndef GP_PRELOAD_CALLS_STACKS_H
#define GP_PRELOAD_CALLS_STACKS_H

#include "preload/shim.h"

/* Whether an mmap asks for one. */
bool gp__stack_wanted(const struct gp_frame *f);
/* Its address; -ENOMEM: not from here, the kernel is to map it ... */
long gp__stack_take(unsigned long size);
/* ... unless there are too many already. */
bool gp__stack_may_map(const struct gp_hub *h);
/* An munmap or mprotect that is about one. False: it is not. */
bool gp__stack_unmap_call(const struct gp_frame *f, long *r);
bool gp__stack_protect(const struct gp_frame *f, long *r);

/* What is reserved and not in use goes back to the kernel. O(stacks there ever were). */
void gp__stacks_retire(void);
/* The same if the program is about to map [low, high), whatever is there. */
void gp__stacks_vacate(uint64_t low, uint64_t high);
/* After mlockall with these flags: with MCL_FUTURE nothing is reserved any more. */
void gp__stacks_locked(int flags);
/* A fault in a guard: the kernel sees a page that is not there, the program
 * knows one that it must not use. */
void gp__stack_fault(siginfo_t *info);

#endif
