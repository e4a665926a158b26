/* unwind.h - the frames of a stack. */
#ifndef GP_PRELOAD_UNWIND_H
#define GP_PRELOAD_UNWIND_H

#include "preload/modules.h"
#include "preload/shim.h"

/* The addresses in the program's code at which a greenlet of this hub stands,
 * innermost first, without ours: where it was interrupted or made a system
 * call, then return addresses. How many, up to `room`. Anywhere on the hub's
 * kernel thread, in the signal handler as well: then of the current greenlet
 * what was interrupted. Some microseconds a frame. */
int gp__unwind(const struct gp_greenlet *g, void **at, int room);

#endif
