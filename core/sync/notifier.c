/* notifier.c - how an object wakes those who wait for it.
 *
 * gevent's rule: whatever makes an object ready appends one callback to the
 * run queue, at most one at a time for each object. When its turn comes the
 * callback switches into the waiters one after the other, in the order of
 * their arrival, and nobody else runs in between. Whether the next one is to be
 * woken is asked anew each time, since the one before may have taken what
 * there was: nothing is handed over, and nothing is reserved.
 *
 * Here the callback is a turn. It puts whom it wakes before everybody else, and
 * itself right behind.
 *
 * A waiter that is no longer parked (its deadline came first, or a kill) is
 * passed over, so that what would have woken it wakes the next.
 */
#include "core/run/hub.h"

static void notify_next(struct gp_hub *h, struct gp_turn *t)
{
	struct gp_notifier *n = gp__container_of(t, struct gp_notifier, turn);
	struct gp_waiter *w;

	while ((w = n->next(h, n))) {
		if (w->call) {
			w->call(h, w);
			if (gp__notifier_pending(n)) /* goes on behind whom it has put first */
				return;
			continue;
		}
		if (w->g->state != GP__PARKED)
			continue;
		w->notified = true;
		gp__list_prepend(&h->runq, &n->turn.link);
		gp__wake_first(w->g, 0);
		return;
	}
}

void gp__notifier_init(struct gp_notifier *n, struct gp_waiter *(*next)(struct gp_hub *h, struct gp_notifier *n))
{
	gp__list_init(&n->turn.link);
	n->turn.run = notify_next;
	n->next = next;
}

int gp__wait_with(struct gp_hub *h, struct gp_list *waiters, struct gp_waiter *w, const char *what,
                  unsigned long object, int64_t deadline, unsigned flags)
{
	int r;

	w->g = h->current;
	w->call = NULL;
	w->notified = false;
	gp__waiter_join(h, waiters, w);
	r = gp__park(h, what, object, deadline, GP__INTERRUPTIBLE | flags);
	gp__list_del(&w->link);
	if (r == -EINTR) { /* in no list: a handler may leave by a jump */
		gp__take_signals(h);
		return 0;
	}
	w->place = 0;
	return r;
}

int gp__wait_in(struct gp_hub *h, struct gp_list *waiters, struct gp_waiter *w, const char *what,
                unsigned long object, int64_t deadline)
{
	return gp__wait_with(h, waiters, w, what, object, deadline, GP__CANCELABLE);
}
