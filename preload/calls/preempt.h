/* preempt.h - the slice: threads that compute without ever entering us. */
#ifndef GP_PRELOAD_CALLS_PREEMPT_H
#define GP_PRELOAD_CALLS_PREEMPT_H

#include "preload/trap/sigframe.h"

/* The kernel's signal of the tick. The program may use it as well: a tick is
 * known by SI_TIMER and the number of our timer. */
#define GP__TICK_SIGNAL 64

/* Arms the tick if it is not, for the greenlet that is about to run. */
void gp__tick_start(struct gp_hub *h, const struct gp_guest *g);
/* Disarms it; called by the tick itself when the hub sleeps. */
void gp__tick_stop(void);
/* At a tick: whether somebody else should run now. */
bool gp__tick_wants_switch(struct gp_hub *h);
/* Then: the others have their turns. */
void gp__tick_yield(struct gp_hub *h);
/* Makes a call that blocks although the descriptor was ready a moment ago
 * harmless: the tick ends it with -EINTR. */
void gp__tick_guard(struct gp_hub *h);
/* Whoever runs is preempted when others can run, and none can. */
bool gp__tick_lets_others(const struct gp_hub *h);
/* Core's hook `ticks`. */
void gp__tick_watches(struct gp_hub *h, int64_t ns);
void gp__tick_forked(void);

#endif
