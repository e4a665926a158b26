/* passed.h - calls that are passed on although they may block. */
#ifndef GP_PRELOAD_CALLS_PASSED_H
#define GP_PRELOAD_CALLS_PASSED_H

#include "preload/shim.h"

/* The call, with its six arguments; the others have a turn whenever something
 * ends it early. Its result, or a GP__RESTART code. */
long gp__pass_blocking(struct gp_hub *h, struct gp_guest *me, long nr, const long *arg);

#endif
