/* greenpatch/pool.h - a group that limits how many of its greenlets run.
 *
 *	struct gp_group *pool = gp_pool_new(10);
 *
 *	for (i = 0; i < n; i++)
 *		gp_group_spawn(pool, fetch, url[i], NULL, GP_NEVER);   ten at a time
 *	gp_group_join(pool, GP_NEVER);
 *	gp_group_free(pool);
 *
 * A pool is a group, and has all of group.h and map.h. Each member has a place;
 * who wants one while all are taken waits, and gets it as from a semaphore: in
 * the order of arrival, but whoever asks between a place's return and the
 * wake-up is faster. A place is given back by a link of the member: a greenlet
 * may have ended while the pool still counts it.
 *
 * A member that spawns into its own full pool waits for a place that only the
 * others can give back.
 */
#ifndef GREENPATCH_POOL_H
#define GREENPATCH_POOL_H

#include "greenpatch/group.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A pool of so many places, at most INT_MAX; with none nobody ever gets in. NULL:
 * no memory. The caller owns it: gp_group_free(). */
struct gp_group *gp_pool_new(unsigned size);

/* gp_group_spawn() without waiting: -EAGAIN if the pool is full. Does not park. */
int gp_pool_try_spawn(struct gp_group *pool, void *(*fn)(void *arg), void *arg, struct gp_greenlet **g);

/* Waits until there is a free place, without taking it: how many there are then,
 * 0 if others were faster; INT_MAX for a group. -ETIMEDOUT at the deadline,
 * -ESHUTDOWN, -EINVAL. Parks if it is full. */
int gp_pool_wait_available(struct gp_group *pool, int64_t deadline);

/* Whether all places are taken; false for a group. */
bool gp_pool_full(const struct gp_group *pool);
/* How many are free, and how many there are; SIZE_MAX for a group, 0 for NULL
 * and elsewhere. */
size_t gp_pool_free_count(const struct gp_group *pool);
size_t gp_pool_limit(const struct gp_group *pool);

#ifdef __cplusplus
}
#endif
#endif
