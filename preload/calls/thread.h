/* thread.h - the life of a thread of the program. */
#ifndef GP_PRELOAD_CALLS_THREAD_H
#define GP_PRELOAD_CALLS_THREAD_H

#include "preload/shim.h"

#define GP__TID_FIRST (1 << 22) /* more than the kernel gives */
#define GP__TID_LAST  ((1 << 30) - 1)

/* NULL: no living thread has that id. O(threads). */
struct gp_guest *gp__thread_by_tid(struct gp_hub *h, int tid);
/* Likewise, but not the first: one that for the kernel is nobody. */
static inline struct gp_guest *gp__thread_other(struct gp_hub *h, uint64_t tid)
{
	struct gp_guest *g = gp__unlikely((int)tid >= GP__TID_FIRST) ? gp__thread_by_tid(h, (int)tid) : NULL;

	return g && !g->is_main ? g : NULL;
}
/* A call that means a process has it by the id of any of its threads: the process's
 * id for that of one of ours, any other number as it is. */
static inline int gp__process_of(struct gp_hub *h, int id)
{
	return gp__thread_other(h, (uint64_t)id) ? h->pid : id;
}
/* A record for the thread that runs now, at start. NULL: no memory. */
struct gp_guest *gp__thread_first(void);
/* Hooks of core: a greenlet of gp_spawn becomes a thread of the program, of a
 * kind, and is one no longer. */
void gp__light_spawned(struct gp_hub *h, struct gp_greenlet *g);
void gp__light_returned(struct gp_hub *h, struct gp_greenlet *g);
/* carry.c. One that wants a TLS of its own: the hooks carry and uncarry. On the
 * stack of a greenlet that is at rest, inside a gp_ call. */
int gp__carry(struct gp_hub *h, struct gp_greenlet *g, size_t stack_size);
void gp__uncarry(void);
/* There are greenlets that libc does not know of. Likewise. */
void gp__tell_libc(void);

#endif
