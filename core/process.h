/* process.h - waiting for one child, for those who start some. */
#ifndef GP_CORE_PROCESS_H
#define GP_CORE_PROCESS_H

#include "core/run/hub.h"

/* A descriptor that is readable when the child has ended; a negative errno
 * where there is none. Closed by gp__desc_close(). */
int gp__pidfd(struct gp_hub *h, int pid);
/* Parks until the child may have ended: by its descriptor, or if that is
 * negative for *pause, which grows. 0: look again; or an error. */
int gp__child_wait(struct gp_hub *h, int pid, int pidfd, int64_t *pause, int64_t deadline);
#define GP__CHILD_PAUSE GP__MSEC /* the first one */

#endif
