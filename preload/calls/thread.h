/* thread.h - the life of a thread of the program. */
#ifndef GP_PRELOAD_CALLS_THREAD_H
#define GP_PRELOAD_CALLS_THREAD_H

#include "preload/shim.h"

/* NULL: no living thread has that id. O(threads). */
struct gp_guest *gp__thread_by_tid(struct gp_hub *h, int tid);
/* A record for the thread that runs now, at start. NULL: no memory. */
struct gp_guest *gp__thread_first(void);
/* Hooks of core: a greenlet of gp_spawn becomes a thread of the program, of a
 * kind, and is one no longer. */
void gp__light_spawned(struct gp_hub *h, struct gp_greenlet *g);
void gp__light_returned(struct gp_hub *h, struct gp_greenlet *g);

#endif
