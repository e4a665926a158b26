/* lock.h - what a condition asks of its lock.
 *
 * Called from greenlets of the lock's hub.
 */
#ifndef GP_CORE_SYNC_LOCK_H
#define GP_CORE_SYNC_LOCK_H

#include "core/run/hub.h"

struct gp_lock;

/* Whether the lock is of this hub; whether the current greenlet has it. */
bool gp__lock_here(const struct gp_lock *l);
bool gp__lock_mine(const struct gp_lock *l);
/* The current greenlet gives up its lock entirely: how often it had it. */
uint32_t gp__lock_drop(struct gp_lock *l);
/* Has it as often again. Kills and timeouts wait until after that. 0, or
 * without the lock -ESHUTDOWN, -EDEADLK. */
int gp__lock_take_back(struct gp_hub *h, struct gp_lock *l, uint32_t depth);

#endif
