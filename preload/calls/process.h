/* process.h - children. */
#ifndef GP_PRELOAD_CALLS_PROCESS_H
#define GP_PRELOAD_CALLS_PROCESS_H

#include "preload/shim.h"

struct gp_clone_args { /* struct clone_args; of clone: the stack's top, its size is 0 */
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

/* clone without CLONE_THREAD, or with it where threads are not patched. */
long gp__process_clone(struct gp_hub *h, struct gp_guest *me, struct gp_frame *f, const struct gp_clone_args *a);
/* A SIGCHLD came: whoever waits for a child looks again. */
void gp__child_changed(struct gp_hub *h);
void gp__vfork_done(struct gp_frame *saved);

#endif
