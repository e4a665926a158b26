/* offload.h - calls that a helper thread makes. */
#ifndef GP_PRELOAD_CALLS_OFFLOAD_H
#define GP_PRELOAD_CALLS_OFFLOAD_H

#include "preload/shim.h"

/* Any call, with the program's memory as its arguments. */
long gp__offload_call(struct gp_hub *h, long nr, const long *args);

#endif
