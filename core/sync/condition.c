/* condition.c - waiting for something that a lock guards
 * (greenpatch/condition.h).
 *
 * In Python each wait has a lock of its own, which the notification releases,
 * so that each waiter is woken by a callback of its own. The same here: each
 * wait has a notifier, on the stack of whoever waits. A record is in c->waiting
 * until it is notified and in c->told until it leaves. Called from greenlets.
 */
#include "core/alloc.h"
#include "core/sync/linkable.h"
#include "core/sync/lock.h"
#include "greenpatch/condition.h"
#include "greenpatch/lock.h"

struct gp_condition {
	struct gp_hub *hub;
	struct gp_lock *lock;   /* the caller's */
	struct gp_list waiting; /* struct wait, in the order of their arrival */
	struct gp_list told;    /* struct wait, notified and not yet gone */
};

struct wait {
	struct gp_list link;          /* in one of these; alone once c is NULL */
	struct gp_condition *c;       /* NULL: it was freed */
	struct gp_notifier notifier;
	struct gp_list parked;        /* w, while it is parked */
	struct gp_waiter w;
	bool told;
	bool chosen;                  /* told as one of so many, not with all: if it cannot use it, the next one is to be */
};

static struct gp_waiter *next(struct gp_hub *h, struct gp_notifier *n)
{
	return gp__waiter_take(&gp__container_of(n, struct wait, notifier)->parked);
}

static struct gp_hub *here(const struct gp_condition *c)
{
	struct gp_hub *h = gp__hub();

	return c && h && c->hub == h && h->current ? h : NULL;
}

GP_API struct gp_condition *gp_condition_new(struct gp_lock *lock)
{
	struct gp_condition *c = lock && gp__lock_here(lock) ? gp__alloc(sizeof *c) : NULL;

	if (!c)
		return NULL;
	c->hub = gp__hub();
	c->lock = lock;
	gp__list_init(&c->waiting);
	gp__list_init(&c->told);
	return c;
}

static void tell(struct gp_hub *h, struct wait *this)
{
	gp__list_del(&this->link);
	this->told = true;
	gp__notify(h, &this->notifier);
}

GP_API void gp_condition_free(struct gp_condition *c)
{
	struct gp_hub *h = here(c);

	if (!h)
		return;
	gp__list_splice(&c->told, &c->waiting);
	while (!gp__list_empty(&c->told)) {
		struct wait *this = gp__list_first(&c->told, struct wait, link);

		this->c = NULL;
		tell(h, this);
	}
	gp__free(c);
}

#define ALL SIZE_MAX

static void notify(struct gp_hub *h, struct gp_condition *c, size_t n)
{
	bool all = n == ALL;

	for (; n && !gp__list_empty(&c->waiting); n--) {
		struct wait *first = gp__list_first(&c->waiting, struct wait, link);

		tell(h, first);
		first->chosen = !all;
		gp__list_append(&c->told, &first->link);
	}
}

GP_API int gp_condition_wait(struct gp_condition *c, int64_t deadline)
{
	struct gp_hub *h = here(c);
	struct wait this = { .c = c };
	struct gp_lock *lock;
	uint32_t depth;
	int r, back;

	if (!h)
		return -EINVAL;
	lock = c->lock;
	if (!gp__lock_mine(lock))
		return -EPERM;
	r = gp__deadline_passed(deadline);
	if (r)
		return r;
	gp__list_init(&this.parked);
	gp__notifier_init(&this.notifier, next);
	gp__list_append(&c->waiting, &this.link);
	depth = gp__lock_drop(lock);
	while (!r && !this.told)
		r = gp__wait_in(h, &this.parked, &this.w, "condition", (unsigned long)c, deadline);
	gp__list_del(&this.notifier.turn.link);
	gp__list_del(&this.link);
	if (!this.c)
		r = r ? r : -ESHUTDOWN;
	else if (r && this.chosen)
		notify(h, c, 1);
	back = gp__lock_take_back(h, lock, depth);
	return back ? back : r;
}

GP_API int gp_condition_wait_for(struct gp_condition *c, bool (*holds)(void *arg), void *arg, int64_t deadline)
{
	int r;

	if (!here(c) || !holds)
		return -EINVAL;
	if (!gp__lock_mine(c->lock))
		return -EPERM;
	while (!holds(arg)) {
		const struct gp__timeout *before = c->hub->current->hit;

		r = gp_condition_wait(c, deadline);
		if (r == -ETIMEDOUT && gp__hub()->current->hit == before && holds(arg))
			return 0;
		if (r)
			return r;
	}
	return 0;
}

static int notify_some(struct gp_condition *c, size_t n)
{
	struct gp_hub *h = here(c);

	if (!h)
		return -EINVAL;
	if (!gp__lock_mine(c->lock))
		return -EPERM;
	notify(h, c, n);
	return 0;
}

GP_API int gp_condition_notify(struct gp_condition *c, size_t n) { return notify_some(c, n); }
GP_API int gp_condition_notify_all(struct gp_condition *c) { return notify_some(c, ALL); }
