/* apart.h - running a function that may block apart from the greenlet that
 * waits for it. */
#ifndef GP_CORE_APART_H
#define GP_CORE_APART_H

#include "core/run/hub.h"

/* Runs fn(arg) on a helper thread (under the shim: in a greenlet of its own) and
 * waits. 0: it has run, arg is the caller's. An error: what a deadline, a kill
 * or a timeout brings, -EAGAIN, -ENOMEM; then end(arg) is called, at once or
 * when fn is through, on the stack of whoever finds that out. */
int gp__apart(struct gp_hub *h, void (*fn)(void *arg), void *arg, void (*end)(void *arg), int64_t deadline);

#endif
