/* schedule.h - how each thread wants to be scheduled: see schedule.c. */
#ifndef GP_PRELOAD_CALLS_SCHEDULE_H
#define GP_PRELOAD_CALLS_SCHEDULE_H

#include "preload/shim.h"

/* A new thread has what its maker has. */
void gp__schedule_inherit(struct gp_guest *g, const struct gp_guest *from);
void gp__schedule_free(struct gp_guest *g);
/* prctl's PR_SET_TIMERSLACK and PR_GET_TIMERSLACK. */
long gp__schedule_slack(struct gp_hub *h, struct gp_guest *me, const struct gp_frame *f);
/* In the child of a fork: who forked is the first thread now. */
void gp__schedule_forked(struct gp_guest *me);

#endif
