/* cputime.h - the processor time of each thread: see cputime.c. */
#ifndef GP_PRELOAD_CALLS_CPUTIME_H
#define GP_PRELOAD_CALLS_CPUTIME_H

#include "preload/shim.h"

extern bool gp__cputime_counts; /* of the process: somebody has asked */
void gp__cputime_charge(struct gp_guest *next);

/* Who begins to run. */
static inline void gp__cputime_switched(struct gp_guest *g)
{
	if (gp__unlikely(gp__cputime_counts))
		gp__cputime_charge(g);
}

void gp__cputime_ended(struct gp_guest *g);
/* The child of a fork begins at 0. */
void gp__cputime_forked(struct gp_hub *h);
/* For what the kernel does with a thread's clock by itself (timers, sleeps): the
 * kernel thread's, which all greenlets share. Another clock stays what it is. */
int gp__cputime_kernel_clock(struct gp_hub *h, int id);

#endif
