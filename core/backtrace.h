/* backtrace.h - where a greenlet stands. */
#ifndef GP_CORE_BACKTRACE_H
#define GP_CORE_BACKTRACE_H

#include "core/run/hub.h"

/* Return addresses of g, which runs, or has run and does not now; innermost
 * first, without those of our own text. How many. Not from a signal handler,
 * except under the shim, where it works anywhere. */
int gp__backtrace(const struct gp_greenlet *g, void **at, int room);
/* The same from a signal handler: what it interrupted. */
int gp__backtrace_interrupted(void **at, int room);
/* Lines "    at function+offset" (under the shim: file+offset) to a descriptor. */
void gp__backtrace_print(void *const *at, int n, int fd);
/* The first backtrace loads the unwinder, which may allocate: before a signal
 * handler needs one. */
void gp__backtrace_prepare(void);

#endif
