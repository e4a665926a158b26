/* queue.h - the record of a queue, and how gp_select() waits in one.
 *
 * The public calls are in greenpatch/queue.h. Called from greenlets of the
 * queue's hub.
 */
#ifndef GP_CORE_SYNC_QUEUE_H
#define GP_CORE_SYNC_QUEUE_H

#include "core/run/hub.h"
#include "core/sync/items.h"
#include "core/sync/linkable.h"

/* Somebody who waits with an item, or for one that somebody else has. On the
 * stack of whoever waits; w.item is the item. */
struct gp_offer {
	struct gp_waiter w;
	int64_t priority; /* of the item, in a queue with priorities */
	int result;       /* what the call returns, once it is settled */
	bool settled;     /* done, or refused, by whoever wakes it: whatever ends its wait now */
	bool brief;       /* of a channel's try: is refused rather than left to wait */
};

/* Who waits for an object that is being freed still uses it. */
struct gp_lifetime {
	struct gp_hub *hub; /* where it was made; who calls from elsewhere gets -EINVAL */
	unsigned users;     /* calls that wait in it */
	bool closed;
	bool freed;         /* closed, too; the last one out frees it */
};

struct gp_queue {
	struct gp_lifetime life;   /* first: select.c */
	struct gp_items items;
	size_t maxsize;            /* SIZE_MAX: any number */
	struct gp_list getters;    /* struct gp_waiter: get and peek */
	struct gp_list putters;    /* struct gp_offer.w */
	struct gp_notifier unlock; /* lets putters in, and wakes getters, by turns */
	bool getters_turn;         /* of unlock: whom it looks at next */
	size_t unfinished;         /* items that were put and are not done */
	struct gp_event *finished; /* set while that is 0; made by the first join that waits */
};

/* Whether it may be used by the caller. */
static inline bool gp__usable(const struct gp_lifetime *l)
{
	return l && l->hub == gp__hub() && l->hub && l->hub->current && !l->freed;
}
/* The first of a list that still waits. Those that do not, and have not run
 * yet, are taken out of it. */
static inline struct gp_waiter *gp__first_parked(struct gp_list *waiters)
{
	while (!gp__list_empty(waiters)) {
		struct gp_waiter *w = gp__list_first(waiters, struct gp_waiter, link);

		if (w->g->state == GP__PARKED)
			return w;
		gp__list_del(&w->link);
	}
	return NULL;
}
static inline struct gp_offer *gp__offer_of(struct gp_waiter *w) { return gp__container_of(w, struct gp_offer, w); }

/* Whether a get (a put) would not park; what it gives then. Also from a turn. */
bool gp__queue_may_get(const struct gp_queue *q);
bool gp__queue_may_put(const struct gp_queue *q);
int gp__queue_get_now(struct gp_queue *q, void **item, bool stays);
int gp__queue_put_now(struct gp_queue *q, void *item, int64_t priority);
/* For select.c. While it is held it exists, even freed. */
static inline void gp__queue_hold(struct gp_queue *q) { q->life.users++; }
void gp__queue_release(struct gp_queue *q);
/* Into the list of getters (putters). */
void gp__queue_join_getters(struct gp_queue *q, struct gp_waiter *w);
void gp__queue_join_putters(struct gp_queue *q, struct gp_offer *o);

#endif
