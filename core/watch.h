/* watch.h - who keeps a hub from running others, under the shim. */
#ifndef GP_CORE_WATCH_H
#define GP_CORE_WATCH_H

#include "core/run/hub.h"

/* Reports the greenlet that runs if it has done so for longer than the program
 * allows (gp_watch_blocking()). keeps: false if it would have to let others run
 * now, were there any that could. On the hub's kernel thread, in the handler of
 * the tick or elsewhere. */
void gp__watch_look(struct gp_hub *h, bool keeps);

#endif
