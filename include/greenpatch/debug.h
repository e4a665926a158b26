/* greenpatch/debug.h - which greenlets there are, what they wait for, and who
 * keeps the others from running.
 *
 * All of it is for the kernel thread that calls, whose greenlets are meant.
 * Nothing here parks.
 */
#ifndef GREENPATCH_DEBUG_H
#define GREENPATCH_DEBUG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "greenpatch/greenlet.h"

#ifdef __cplusplus
extern "C" {
#endif

enum gp_info_state {
	GP_INFO_NEW,      /* started, its turn has not come */
	GP_INFO_RUNNABLE, /* has run, and its turn will come */
	GP_INFO_RUNNING,  /* the caller */
	GP_INFO_WAITING
};

/* One greenlet, as it was at the time of the call. */
struct gp_info {
	struct gp_greenlet *greenlet; /* borrowed: gp_ref() it before you park */
	unsigned long id, parent;     /* as gp_id(), gp_parent() */
	const char *name;             /* as gp_name() */
	enum gp_info_state state;
	const char *wait_what;        /* WAITING: for what, "queue get", "sleep" ...; else "" */
	unsigned long wait_object;    /* WAITING: the object's address, or a number (descriptor, greenlet) */
	int64_t waiting;              /* WAITING: nanoseconds since it began to */
	uint32_t parks;               /* how often it has waited, modulo 2^32 */
};

/* Tells of all greenlets that were started and have not ended, in the order of
 * their starts, the first `room` of them into info: how many there are, which
 * may be more; 0 from a thread without greenlets. O(greenlets). */
size_t gp_list(struct gp_info *info, size_t room);

/* The return addresses on the stack of a greenlet, innermost first, without
 * those of this library: how many, up to `room`; 0 for one that has not run
 * yet. For backtrace_symbols(). -EINVAL. Under libgreenpatch.so threads of the
 * program are greenlets, too, and an address in one that a signal or the slice
 * has interrupted is where it was. Code without unwind tables (a JIT compiler's)
 * is followed by frame pointers, if it has them; else the list ends there. */
int gp_backtrace(const struct gp_greenlet *g, void **at, int room);

/* A line for each greenlet to a descriptor, which should not block, and below
 * it where it stands: function names where the program was linked with
 * -rdynamic, addresses for addr2line elsewhere; under libgreenpatch.so always
 * a file's name and an address in it, for addr2line -e. 0; -EINVAL; or what
 * write() says, and then the list ends there. O(greenlets). */
int gp_dump(int fd);

/* fn is called whenever a greenlet begins to run, or goes on, with it; NULL:
 * no more. On any stack, which may be small: fn is brief and calls nothing
 * that parks, spawns or frees. 0 or -ENOMEM. */
int gp_set_trace(void (*fn)(struct gp_greenlet *g));

/* Reports on stderr a greenlet that runs for longer than limit_ns without
 * letting others run, with its backtrace: once, while it still does. 0 ends the
 * watch, a second call changes the limit. A helper thread looks every half
 * limit, and asks with SIGURG, whose handler is replaced, for the backtrace. A
 * switch costs no more than without. The child of a fork has no helper until
 * it calls this. 0, -EINVAL for a limit below 1 ms, -EBUSY
 * if another thread's greenlets are watched, -EAGAIN, -ENOMEM.
 *
 * Under libgreenpatch.so there is no helper and no SIGURG: the timer of the slices
 * looks, each slice or half limit, while there is more than one greenlet; in the
 * child of a fork, too. A thread that is preempted lets others run; so what is
 * reported is a greenlet of gp_spawn() that computes, a call that is passed on,
 * a slow disk, and with GREENPATCH_SLICE=off a thread that computes. A sleep or
 * poll that is passed on is reported when it is over. */
int gp_watch_blocking(int64_t limit_ns);

#ifdef __cplusplus
}
#endif
#endif
