/* linkable.h - what the objects that are ready or not have in common.
 *
 * gevent's rules for Event, AsyncResult and Semaphore (its AbstractLinkable):
 *
 *  - Whatever makes an object ready asks for one round, if somebody waits. The
 *    round is a turn of the run queue; it wakes those who wait when it begins,
 *    in the order of their arrival, one after the other.
 *  - An object that wakes `all` wakes them even if it is no longer ready: it
 *    was. Another one (a semaphore) asks before each, and whoever was not woken
 *    stays in front of those who came later.
 *  - Who finds an object ready while its round is asked for or under way may
 *    queue up behind those who had to wait: the late ones, whom the same round
 *    wakes last.
 *  - If the last waiter is gone before the round has begun, there is none.
 *
 * Called from greenlets of the object's hub; gp__linkable_check() also from a
 * turn.
 */
#ifndef GP_CORE_SYNC_LINKABLE_H
#define GP_CORE_SYNC_LINKABLE_H

#include "core/run/hub.h"

/* The first member of each such object. */
struct gp_linkable {
	struct gp_hub *hub;        /* where it was made; who calls from elsewhere gets -EINVAL */
	struct gp_notifier notifier;
	struct gp_list waiters;    /* struct gp_waiter, in the order of their arrival */
	struct gp_list waking;     /* those that the round under way is for */
	struct gp_list late;       /* found it ready, and wait for the round */
	/* Whether `first`, which waits, may have it. */
	bool (*ready)(const struct gp_linkable *l, const struct gp_waiter *first);
	/* Frees what the object has besides itself; NULL: nothing. Switches nowhere. */
	void (*destroy)(struct gp_linkable *l);
	uint32_t told;             /* how often it has become ready, modulo 2^32 */
	uint32_t users;            /* calls that wait in it: the last one frees what is closed */
	uint8_t round;             /* how far it is (linkable.c) */
	bool all;                  /* a round wakes everybody, see above */
	bool closed;               /* to be freed; nobody may begin to use it */
};

/* An object of `size` bytes with this as its first member, zeroed but for it.
 * NULL: no memory. */
void *gp__linkable_new(size_t size, bool (*ready)(const struct gp_linkable *l, const struct gp_waiter *first));
/* Wakes all who wait with -ESHUTDOWN, then frees it. NULL is allowed. From a
 * kernel thread that it does not belong to: nothing. */
void gp__linkable_free(struct gp_linkable *l);
/* It may have become ready. */
void gp__linkable_check(struct gp_linkable *l);
/* It has become ready, for anybody. Who is in no list just then, because it takes a
 * signal, sees it by `told`. */
static inline void gp__linkable_tell(struct gp_linkable *l)
{
	l->told++;
	if (!gp__list_empty(&l->waiters))
		gp__notify(l->hub, &l->notifier);
}

enum {
	GP__LATE = 1 << 8, /* the caller is one of the late ones */
};

/* Parks the caller until it is woken: 0, and then it looks again at the object
 * (a signal may have been taken: w->notified tells). An error: -ESHUTDOWN, and
 * then it must not touch the object any more; -ETIMEDOUT, or what a kill or a
 * timeout brings. flags: GP__CANCELABLE, GP__LATE. w->item is the caller's, who
 * sets w->place to 0 before the first wait. */
int gp__linkable_wait(struct gp_hub *h, struct gp_linkable *l, struct gp_waiter *w, const char *what,
                      int64_t deadline, unsigned flags);

/* Where w is to wait: one that has a place among those who are being woken goes
 * there. */
static inline struct gp_list *gp__linkable_list(struct gp_linkable *l, const struct gp_waiter *w)
{
	bool among = w->place && !gp__list_empty(&l->waking) &&
	             gp__list_entry(l->waking.prev, struct gp_waiter, link)->place > w->place;

	return among ? &l->waking : &l->waiters;
}

/* The parts of that, for gp_select(). While it is held it exists, even closed. */
static inline void gp__linkable_hold(struct gp_linkable *l) { l->users++; }
void gp__linkable_release(struct gp_linkable *l);
/* w, with its greenlet, begins to wait; it does no longer. */
static inline void gp__linkable_join(struct gp_linkable *l, struct gp_waiter *w)
{
	gp__waiter_join(l->hub, gp__linkable_list(l, w), w);
}
void gp__linkable_part(struct gp_linkable *l, struct gp_waiter *w);

/* Whether the object may be used here; and the hub, if the caller may also wait. */
static inline bool gp__linkable_here(const struct gp_linkable *l)
{
	return l && l->hub == gp__hub();
}
static inline struct gp_hub *gp__linkable_hub(const struct gp_linkable *l)
{
	struct gp_hub *h = gp__hub();

	return l && h == l->hub && h->current ? h : NULL;
}
/* Somebody is about to wait: -ETIMEDOUT if the deadline has passed. */
static inline int gp__deadline_passed(int64_t deadline)
{
	return deadline != GP__NEVER && deadline <= gp__now() ? -ETIMEDOUT : 0;
}

#endif
