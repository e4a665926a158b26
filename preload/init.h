/* init.h - the start of the shim. */
#ifndef GP_PRELOAD_INIT_H
#define GP_PRELOAD_INIT_H

#include "core/base.h"

/* Starts with no group patched, unless it was started. 0 or a negative errno
 * (greenpatch/patch.h has the list). */
int gp__shim_need(void);

#endif
