/* proc.h - paths below /proc that name threads of the program. */
#ifndef GP_PRELOAD_CALLS_PROC_H
#define GP_PRELOAD_CALLS_PROC_H

#include "preload/shim.h"

#define GP__PROC_PATH 96 /* longer paths name no thread */

enum gp_proc {
	GP__PROC_NONE,    /* none of ours */
	GP__PROC_PATH_OF, /* below a thread: `path` is the kernel's */
	GP__PROC_SELF,    /* the same, of who asks, and named as a link */
	GP__PROC_COMM,    /* its name */
	GP__PROC_TASKS,   /* the list of all */
};

/* What the path at `from` is; path: GP__PROC_PATH bytes. */
enum gp_proc gp__proc_look(struct gp_hub *h, struct gp_guest *me, uint64_t from, char *path, struct gp_guest **who);
/* readlink of /proc/thread-self, by a thread that the kernel does not know. */
long gp__proc_self_link(struct gp_hub *h, const struct gp_guest *me, uint64_t to, uint64_t size);
/* A descriptor of a thread's name, and a write to it. */
long gp__proc_comm_open(struct gp_hub *h, struct gp_guest *who, int flags);
long gp__proc_comm_write(struct gp_hub *h, const struct gp_frame *f);
/* getdents64 of the list. */
long gp__proc_tasks(struct gp_hub *h, struct gp_frame *f);

#endif
