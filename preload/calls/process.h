/* process.h - children. */
#ifndef GP_PRELOAD_CALLS_PROCESS_H
#define GP_PRELOAD_CALLS_PROCESS_H

#include "preload/shim.h"

/* clone without CLONE_THREAD, or with it where threads are not patched.
 * stack: the child's stack pointer, 0: as the parent's. */
long gp__process_clone(struct gp_hub *h, struct gp_guest *me, struct gp_frame *f, uint64_t flags, uint64_t stack);
/* A SIGCHLD came: whoever waits for a child looks again. */
void gp__child_changed(struct gp_hub *h);
void gp__vfork_done(struct gp_frame *saved);

#endif
