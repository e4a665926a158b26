/* rwlock.c - many readers, or one writer (greenpatch/rwlock.h).
 *
 * One queue for both: the first that waits decides whether there is a round
 * (linkable.h), and each one woken takes the lock before the next is asked for.
 * Nobody overtakes: who finds somebody waiting waits, too, even if that one's
 * time is up and it has only not run yet. When that one leaves the queue without
 * the lock, the next one is looked at. Called from greenlets.
 */
#include "core/sync/linkable.h"
#include "greenpatch/rwlock.h"

struct gp_rwlock {
	struct gp_linkable link;
	int readers;          /* who read now */
	unsigned long writer; /* the number of the greenlet that writes; 0: none */
};

/* What a waiter wants: its item points to one of these. */
static const char READ, WRITE;

static bool free_for(const struct gp_rwlock *l, const void *want)
{
	return !l->writer && (want == &READ || !l->readers);
}

static bool ready(const struct gp_linkable *l, const struct gp_waiter *first)
{
	return free_for(gp__container_of(l, struct gp_rwlock, link), first->item);
}

static bool somebody_waits(const struct gp_rwlock *l)
{
	return !gp__list_empty(&l->link.waiters) || !gp__list_empty(&l->link.waking);
}

GP_API struct gp_rwlock *gp_rwlock_new(void)
{
	return gp__linkable_new(sizeof(struct gp_rwlock), ready);
}

GP_API void gp_rwlock_free(struct gp_rwlock *l)
{
	if (l)
		gp__linkable_free(&l->link);
}

static int take(struct gp_hub *h, struct gp_rwlock *l, const void *want, int64_t deadline)
{
	struct gp_waiter w = { .item = (void *)(uintptr_t)want };
	int r = 0;

	if (l->writer == h->current->id)
		return -EDEADLK;
	if (somebody_waits(l) || !free_for(l, want))
		r = gp__deadline_passed(deadline);
	while (!r && !(free_for(l, want) && (w.notified || !somebody_waits(l))))
		r = gp__linkable_wait(h, &l->link, &w, "rwlock", deadline, GP__CANCELABLE);
	if (r)
		return r;
	if (want == &READ)
		l->readers++;
	else
		l->writer = h->current->id;
	return 0;
}

static int take_now(struct gp_rwlock *l, const void *want)
{
	struct gp_hub *h = l ? gp__linkable_hub(&l->link) : NULL;

	if (!h)
		return -EINVAL;
	return somebody_waits(l) || !free_for(l, want) ? -EAGAIN : take(h, l, want, GP__NEVER);
}

static int take_later(struct gp_rwlock *l, const void *want, int64_t deadline)
{
	struct gp_hub *h = l ? gp__linkable_hub(&l->link) : NULL;

	return h ? take(h, l, want, deadline) : -EINVAL;
}

GP_API int gp_rwlock_read(struct gp_rwlock *l, int64_t deadline) { return take_later(l, &READ, deadline); }
GP_API int gp_rwlock_write(struct gp_rwlock *l, int64_t deadline) { return take_later(l, &WRITE, deadline); }
GP_API int gp_rwlock_try_read(struct gp_rwlock *l) { return take_now(l, &READ); }
GP_API int gp_rwlock_try_write(struct gp_rwlock *l) { return take_now(l, &WRITE); }

GP_API int gp_rwlock_unlock(struct gp_rwlock *l)
{
	struct gp_hub *h = l ? gp__linkable_hub(&l->link) : NULL;

	if (!h)
		return -EINVAL;
	if (l->writer ? l->writer != h->current->id : !l->readers)
		return -EPERM;
	if (l->writer)
		l->writer = 0;
	else
		l->readers--;
	gp__linkable_check(&l->link);
	return 0;
}

GP_API int gp_rwlock_readers(const struct gp_rwlock *l) { return l ? l->readers : -EINVAL; }
GP_API unsigned long gp_rwlock_writer(const struct gp_rwlock *l) { return l ? l->writer : 0; }
