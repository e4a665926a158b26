/* lock.c - one at a time (greenpatch/lock.h).
 *
 * A semaphore of one that knows who has it: by number, since a record may be
 * freed and numbers are not used again. Called from greenlets.
 */
#include "core/sync/linkable.h"
#include "core/sync/lock.h"
#include "greenpatch/lock.h"

struct gp_lock {
	struct gp_linkable link;
	unsigned long owner; /* the number of the greenlet that has it; 0: free */
	uint32_t depth;      /* how often it has it */
	bool recursive;
};

static bool ready(const struct gp_linkable *l, const struct gp_waiter *first)
{
	return !gp__container_of(l, struct gp_lock, link)->owner;
}

GP_API struct gp_lock *gp_lock_new(void)
{
	return gp__linkable_new(sizeof(struct gp_lock), ready);
}

GP_API struct gp_lock *gp_lock_new_recursive(void)
{
	struct gp_lock *l = gp_lock_new();

	if (l)
		l->recursive = true;
	return l;
}

GP_API void gp_lock_free(struct gp_lock *l)
{
	if (l)
		gp__linkable_free(&l->link);
}

static int again(struct gp_lock *l)
{
	if (!l->recursive)
		return -EDEADLK;
	if (l->depth == UINT32_MAX)
		return -EOVERFLOW;
	l->depth++;
	return 0;
}

static int take(struct gp_hub *h, struct gp_lock *l, int64_t deadline, uint32_t depth, unsigned flags)
{
	struct gp_waiter w = { .place = 0 };
	int r = l->owner ? gp__deadline_passed(deadline) : 0;

	while (!r && l->owner)
		r = gp__linkable_wait(h, &l->link, &w, "lock", deadline, flags);
	if (r)
		return r;
	l->owner = h->current->id;
	l->depth = depth;
	return 0;
}

GP_API int gp_lock_acquire(struct gp_lock *l, int64_t deadline)
{
	struct gp_hub *h = l ? gp__linkable_hub(&l->link) : NULL;

	if (!h)
		return -EINVAL;
	return l->owner == h->current->id ? again(l) : take(h, l, deadline, 1, GP__CANCELABLE);
}

GP_API int gp_lock_try_acquire(struct gp_lock *l)
{
	struct gp_hub *h = l ? gp__linkable_hub(&l->link) : NULL;

	if (!h)
		return -EINVAL;
	if (l->owner == h->current->id && l->recursive)
		return again(l);
	return l->owner ? -EAGAIN : take(h, l, GP__NEVER, 1, 0);
}

GP_API int gp_lock_release(struct gp_lock *l)
{
	struct gp_hub *h = l ? gp__linkable_hub(&l->link) : NULL;

	if (!h)
		return -EINVAL;
	if (l->owner != h->current->id)
		return -EPERM;
	if (--l->depth)
		return 0;
	l->owner = 0;
	gp__linkable_tell(&l->link);
	return 0;
}

GP_API unsigned long gp_lock_owner(const struct gp_lock *l) { return l ? l->owner : 0; }
GP_API bool gp_lock_locked(const struct gp_lock *l) { return l && l->owner; }

/* ---- for a condition ------------------------------------------------------------------- */

bool gp__lock_here(const struct gp_lock *l)
{
	return gp__linkable_here(&l->link);
}

bool gp__lock_mine(const struct gp_lock *l)
{
	struct gp_hub *h = gp__linkable_hub(&l->link);

	return h && l->owner == h->current->id;
}

uint32_t gp__lock_drop(struct gp_lock *l)
{
	uint32_t depth = l->depth;

	l->owner = 0;
	l->depth = 0;
	gp__linkable_tell(&l->link);
	return depth;
}

int gp__lock_take_back(struct gp_hub *h, struct gp_lock *l, uint32_t depth)
{
	return take(h, l, GP__NEVER, depth, 0);
}
