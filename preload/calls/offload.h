/* offload.h - calls that a helper thread makes. */
#ifndef GP_PRELOAD_CALLS_OFFLOAD_H
#define GP_PRELOAD_CALLS_OFFLOAD_H

#include "core/run/offload.h"
#include "preload/shim.h"

#define GP__OFFLOAD_STOPS (-0x6771) /* si_code of the SIGSYS that ends a helper's call */

/* Any call, with the program's memory as its arguments; parks. What it returns,
 * or a GP__RESTART code when a signal for `me` ended it. */
long gp__offload_call(struct gp_hub *h, struct gp_guest *me, long nr, const long *args);

/* While nobody else can run, the hub's kernel thread makes the call: true, and in r what
 * it returned, or a GP__RESTART code. */
bool gp__offload_here(struct gp_hub *h, struct gp_guest *me, long nr, const long *args, long *r);

#endif
