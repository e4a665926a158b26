/* timeout.c - the clock, and the heap of timers.
 *
 * Times are absolute nanoseconds of CLOCK_MONOTONIC. The heap is ours rather
 * than libev's, because a greenlet sets its deadline on its own stack with
 * integer registers only, because libev's timers are doubles that its epoll
 * backend rounds up to milliseconds, and because equal times must fire in the
 * order in which they were set. A timer says what it does when it is due: it
 * ends a park, starts a greenlet, or makes a gp_timeout hit. libev's loop still does the sleeping:
 * evloop.c hands it the first deadline.
 *
 * O(log n) to add and to take out; a yield never touches it.
 */
#include <time.h>
#include "core/alloc.h"
#include "core/clock.h"
#include "core/run/hub.h"

static bool before(const struct gp_deadline *a, const struct gp_deadline *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static void put(struct gp_deadlines *d, int slot, struct gp_deadline x)
{
	d->heap[slot] = x;
	x.t->slot = slot;
}

static void sift_up(struct gp_deadlines *d, int slot, struct gp_deadline x)
{
	while (slot > 0 && before(&x, &d->heap[(slot - 1) / 2])) {
		put(d, slot, d->heap[(slot - 1) / 2]);
		slot = (slot - 1) / 2;
	}
	put(d, slot, x);
}

static void sift_down(struct gp_deadlines *d, int slot, struct gp_deadline x)
{
	for (;;) {
		int child = 2 * slot + 1;

		if (child >= d->count)
			break;
		if (child + 1 < d->count && before(&d->heap[child + 1], &d->heap[child]))
			child++;
		if (!before(&d->heap[child], &x))
			break;
		put(d, slot, d->heap[child]);
		slot = child;
	}
	put(d, slot, x);
}

static int make_room(struct gp_deadlines *d)
{
	int room = d->room ? 2 * d->room : 64;
	void *heap;

	if (d->count < d->room)
		return 0;
	heap = gp__realloc(d->heap, (size_t)room * sizeof *d->heap);
	if (!heap)
		return -ENOMEM;
	d->heap = heap;
	d->room = room;
	return 0;
}

int gp__timer_add(struct gp_hub *h, struct gp_timer *t, int64_t at)
{
	struct gp_deadlines *d = &h->deadlines;
	int r = make_room(d);

	if (!r)
		sift_up(d, d->count++, (struct gp_deadline){ at, d->seq++, t });
	return r;
}

void gp__timer_del(struct gp_hub *h, struct gp_timer *t)
{
	struct gp_deadlines *d = &h->deadlines;
	int slot = t->slot;
	struct gp_deadline last;

	if (slot < 0)
		return;
	last = d->heap[--d->count];
	t->slot = -1;
	if (slot == d->count)
		return;
	if (slot > 0 && before(&last, &d->heap[(slot - 1) / 2]))
		sift_up(d, slot, last);
	else
		sift_down(d, slot, last);
}

static void park_is_over(struct gp_hub *h, struct gp_timer *t)
{
	gp__wake(gp__container_of(t, struct gp_greenlet, deadline), -ETIMEDOUT);
}

int gp__deadline_add(struct gp_hub *h, struct gp_greenlet *g, int64_t at)
{
	g->deadline.fire = park_is_over;
	return gp__timer_add(h, &g->deadline, at);
}

int gp__deadline_room(struct gp_hub *h, int64_t at)
{
	return at == GP__NEVER ? 0 : make_room(&h->deadlines);
}

void gp__deadlines_fire(struct gp_hub *h, int64_t now)
{
	while (gp__deadline_next(h) <= now) {
		struct gp_timer *t = h->deadlines.heap[0].t;

		gp__timer_del(h, t);
		t->fire(h, t);
	}
}

int64_t gp__now(void)
{
	return gp__clock(CLOCK_MONOTONIC);
}
