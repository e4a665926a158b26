/* pool.c - a group with so many places (greenpatch/pool.h): a semaphore counts
 * those that are free. It is taken before a greenlet comes in and given back by
 * the link by which it leaves, so that the order of those who wait for a place
 * is that of a semaphore.
 */
#include "core/alloc.h"
#include "core/group.h"
#include "greenpatch/event.h"
#include "greenpatch/greenlet.h"
#include "greenpatch/pool.h"
#include "greenpatch/semaphore.h"

GP_API struct gp_group *gp_pool_new(unsigned size)
{
	struct gp_group *pool = gp__group_make();

	if (!pool)
		return NULL;
	pool->limit = size;
	pool->places = gp_semaphore_new(size);
	if (!pool->places) {
		gp_event_free(pool->empty);
		gp__free(pool);
		return NULL;
	}
	return pool;
}

GP_API int gp_pool_try_spawn(struct gp_group *pool, void *(*fn)(void *arg), void *arg, struct gp_greenlet **out)
{
	struct gp_greenlet *g;
	int r;

	if (!gp__group_hub(pool) || !fn)
		return -EINVAL;
	if (gp_pool_full(pool))
		return -EAGAIN;
	g = gp_new(NULL, fn, arg);
	r = g ? gp__group_start(pool, g, false, 0, NULL) : -ENOMEM;
	if (!r && out)
		*out = g;
	else
		gp_unref(g);
	return r;
}

GP_API int gp_pool_wait_available(struct gp_group *pool, int64_t deadline)
{
	if (!gp__group_hub(pool))
		return -EINVAL;
	return pool->places ? gp_semaphore_wait(pool->places, deadline) : INT_MAX;
}

GP_API size_t gp_pool_free_count(const struct gp_group *pool)
{
	if (!gp__group_hub(pool))
		return 0;
	if (!pool->places)
		return SIZE_MAX;
	return pool->count < pool->limit ? pool->limit - pool->count : 0;
}

GP_API bool gp_pool_full(const struct gp_group *pool)
{
	return gp__group_hub(pool) && pool->places && pool->count >= pool->limit;
}

GP_API size_t gp_pool_limit(const struct gp_group *pool)
{
	if (!gp__group_hub(pool))
		return 0;
	return pool->places ? pool->limit : SIZE_MAX;
}
