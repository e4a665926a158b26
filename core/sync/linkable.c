/* linkable.c - the rounds in which an object wakes those who wait for it
 * (linkable.h has the rules).
 *
 * A waiter's record is in exactly one of the three lists until a round takes it
 * out, or until the waiter runs again for another reason. One whose time was up
 * and that has not run yet is still in its list; the notifier passes it over.
 */
#include "core/alloc.h"
#include "core/sync/linkable.h"

enum { NO_ROUND, FIRST, LATE }; /* asked for at most; wakes those who waited; wakes the late ones */

static void destroy(struct gp_linkable *l)
{
	gp__list_del(&l->notifier.turn.link);
	if (l->destroy)
		l->destroy(l);
	gp__free(l);
}

static struct gp_waiter *next_closed(struct gp_linkable *l)
{
	struct gp_waiter *w = gp__waiter_take(&l->waking);

	if (!w)
		w = gp__waiter_take(&l->waiters);
	if (!w)
		w = gp__waiter_take(&l->late);
	if (!w && !l->users)
		destroy(l);
	return w;
}

/* Who was not woken stands in front of those who came meanwhile. */
static void end_round(struct gp_hub *h, struct gp_linkable *l)
{
	if (!gp__list_empty(&l->waking)) {
		gp__list_splice(&l->waking, &l->waiters);
		gp__list_splice(&l->waiters, &l->waking);
	}
	l->round = NO_ROUND;
	if (gp__unlikely(!gp__list_empty(&l->late))) {
		/* These came while the late ones were woken, who shall not be
		 * woken for ever in one turn. Each has found the object ready. */
		if (!l->ready(l, gp__list_first(&l->late, struct gp_waiter, link))) {
			l->round = LATE;
			gp__list_splice(&l->waking, &l->late);
			gp__notify(h, &l->notifier);
			return;
		}
		gp__list_splice(&l->waiters, &l->late);
	}
	gp__linkable_check(l);
}

static struct gp_waiter *next(struct gp_hub *h, struct gp_notifier *n)
{
	struct gp_linkable *l = gp__container_of(n, struct gp_linkable, notifier);

	if (l->closed)
		return next_closed(l);
	if (l->round == NO_ROUND) {
		l->round = FIRST;
		gp__list_splice(&l->waking, &l->waiters);
	}
	if (l->round == FIRST && gp__list_empty(&l->waking)) {
		l->round = LATE;
		gp__list_splice(&l->waking, &l->late);
	}
	if (!gp__list_empty(&l->waking) &&
	    (l->all || l->ready(l, gp__list_first(&l->waking, struct gp_waiter, link))))
		return gp__waiter_take(&l->waking);
	end_round(h, l);
	return NULL;
}

void *gp__linkable_new(size_t size, bool (*ready)(const struct gp_linkable *l, const struct gp_waiter *first))
{
	struct gp_hub *h = gp__hub_need();
	struct gp_linkable *l = h ? gp__alloc(size) : NULL;

	if (!l)
		return NULL;
	gp__list_init(&l->waiters);
	gp__list_init(&l->waking);
	gp__list_init(&l->late);
	gp__notifier_init(&l->notifier, next);
	l->hub = h;
	l->ready = ready;
	return l;
}

static bool nobody_waits(const struct gp_linkable *l)
{
	return gp__list_empty(&l->waiters) && gp__list_empty(&l->waking) && gp__list_empty(&l->late);
}

void gp__linkable_free(struct gp_linkable *l)
{
	if (!gp__linkable_here(l) || l->closed)
		return;
	l->closed = true;
	if (!nobody_waits(l))
		gp__notify(l->hub, &l->notifier);
	else if (!l->users)
		destroy(l);
}

void gp__linkable_check(struct gp_linkable *l)
{
	if (!gp__list_empty(&l->waiters) && l->ready(l, gp__list_first(&l->waiters, struct gp_waiter, link)))
		gp__notify(l->hub, &l->notifier);
}

void gp__linkable_release(struct gp_linkable *l)
{
	l->users--;
	if (gp__unlikely(l->closed) && !l->users && nobody_waits(l))
		destroy(l);
}

void gp__linkable_part(struct gp_linkable *l, struct gp_waiter *w)
{
	gp__list_del(&w->link);
	if (w->notified || l->closed)
		return;
	if (l->round == NO_ROUND && nobody_waits(l))
		gp__list_del(&l->notifier.turn.link);
	gp__linkable_check(l); /* another one is the first now */
}

int gp__linkable_wait(struct gp_hub *h, struct gp_linkable *l, struct gp_waiter *w, const char *what,
                      int64_t deadline, unsigned flags)
{
	struct gp_list *list = flags & GP__LATE ? &l->late : gp__linkable_list(l, w);
	int r;

	l->users++;
	r = gp__wait_with(h, list, w, what, (unsigned long)l, deadline, flags & GP__CANCELABLE);
	l->users--;
	if (gp__unlikely(l->closed)) {
		if (!l->users && nobody_waits(l))
			destroy(l);
		return r ? r : -ESHUTDOWN;
	}
	if (w->notified)
		return r;
	if (r && l->round == NO_ROUND && nobody_waits(l))
		gp__list_del(&l->notifier.turn.link);
	gp__linkable_check(l); /* another one is the first now */
	return r;
}
