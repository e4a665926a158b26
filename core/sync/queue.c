/* queue.c - queues of pointers, first in first out and otherwise.
 *
 * gevent's order. Whoever finds room puts, whoever finds an item takes it, and
 * neither parks; if somebody waits on the other side, one turn is asked for,
 * `unlock`. It goes to and fro: a putter for whom there is room gets its item
 * in and runs, then a getter for whom there is an item runs, until neither is
 * possible. So a putter's item is in the queue before the putter runs, while a
 * getter takes its item itself, when it runs: nothing is reserved for it.
 *
 * Invariants:
 *  - A waiter is in getters or putters until it runs or `unlock` takes it out.
 *  - While a getter waits and there is an item, or a putter waits and there is
 *    room, `unlock` is asked for or under way.
 *  - A queue that is freed lives on until nobody waits in it and its turn is
 *    over.
 *
 * Called from greenlets of the hub that it was made in; unlock is a
 * turn.
 */
#include "core/alloc.h"
#include "core/sync/queue.h"
#include "greenpatch/event.h"
#include "greenpatch/queue.h"

/* ---- its end ------------------------------------------------------------------- */

static void bury(struct gp_queue *q)
{
	if (!q->life.freed || q->life.users || gp__notifier_pending(&q->unlock))
		return;
	gp__items_drop(&q->items);
	gp__free(q);
}

/* ---- the turns ------------------------------------------------------------------- */

static bool has_room(const struct gp_queue *q) { return q->items.count < q->maxsize; }

static int put_in(struct gp_queue *q, void *item, int64_t priority)
{
	int r = gp__items_put(&q->items, item, priority);

	if (r)
		return r;
	q->unfinished++;
	if (q->finished)
		gp_event_clear(q->finished);
	return 0;
}

static struct gp_waiter *next_putter(struct gp_queue *q)
{
	struct gp_waiter *w = gp__first_parked(&q->putters);
	struct gp_offer *o;

	if (!w || !gp__queue_may_put(q))
		return NULL;
	o = gp__offer_of(w);
	gp__list_del(&w->link);
	o->settled = true;
	o->result = q->life.closed ? -ESHUTDOWN : put_in(q, w->item, o->priority);
	return w;
}

static struct gp_waiter *next_getter(struct gp_queue *q)
{
	struct gp_waiter *w = gp__first_parked(&q->getters);

	if (!w || !gp__queue_may_get(q))
		return NULL;
	gp__list_del(&w->link);
	return w;
}

static struct gp_waiter *next_unlocked(struct gp_hub *h, struct gp_notifier *n)
{
	struct gp_queue *q = gp__container_of(n, struct gp_queue, unlock);

	for (int side = 0; side < 2; side++) {
		struct gp_waiter *w = q->getters_turn ? next_getter(q) : next_putter(q);

		q->getters_turn = !q->getters_turn;
		if (w)
			return w;
	}
	q->getters_turn = false;
	bury(q);
	return NULL;
}

/* ---- waiting in it --------------------------------------------------------------------- */

/* Somebody has come to one side, or made something for the other. */
static inline void unlock_for(struct gp_queue *q, const struct gp_list *others)
{
	if (!gp__list_empty(others))
		gp__notify(q->life.hub, &q->unlock);
}

static int wait_in(struct gp_queue *q, struct gp_list *list, struct gp_waiter *w, const char *what, int64_t deadline)
{
	int r;

	q->life.users++;
	r = gp__wait_in(q->life.hub, list, w, what, (unsigned long)q, deadline);
	q->life.users--;
	return r;
}

bool gp__queue_may_get(const struct gp_queue *q) { return q->items.count || q->life.closed; }
bool gp__queue_may_put(const struct gp_queue *q) { return has_room(q) || q->life.closed; }

int gp__queue_get_now(struct gp_queue *q, void **item, bool stays)
{
	void *got;

	if (!q->items.count)
		return q->life.closed ? -ESHUTDOWN : -EAGAIN;
	if (stays) {
		got = gp__items_next(&q->items);
	} else {
		unlock_for(q, &q->putters);
		got = gp__items_take(&q->items);
	}
	if (item)
		*item = got;
	return 0;
}

int gp__queue_put_now(struct gp_queue *q, void *item, int64_t priority)
{
	int r;

	if (q->life.closed)
		return -ESHUTDOWN;
	if (!has_room(q))
		return -EAGAIN;
	r = put_in(q, item, priority);
	if (!r)
		unlock_for(q, &q->getters);
	return r;
}

void gp__queue_join_getters(struct gp_queue *q, struct gp_waiter *w)
{
	gp__waiter_join(q->life.hub, &q->getters, w);
	unlock_for(q, &q->putters);
}

void gp__queue_join_putters(struct gp_queue *q, struct gp_offer *o)
{
	gp__waiter_join(q->life.hub, &q->putters, &o->w);
	unlock_for(q, &q->getters);
}

void gp__queue_release(struct gp_queue *q)
{
	q->life.users--;
	bury(q);
}

/* ---- putting and getting ------------------------------------------------------------------ */

static int put(struct gp_queue *q, void *item, int64_t priority, int64_t deadline)
{
	struct gp_offer o;
	int r = gp__queue_put_now(q, item, priority);

	if (r == -EAGAIN && gp__deadline_passed(deadline))
		return -ETIMEDOUT;
	o.w.place = 0;
	o.settled = false;
	o.priority = priority;
	o.w.item = item;
	while (r == -EAGAIN) {
		unlock_for(q, &q->getters);
		r = wait_in(q, &q->putters, &o.w, "queue put", deadline);
		if (o.settled)
			r = o.result;
		else if (!r) /* a signal: look again */
			r = gp__queue_put_now(q, item, priority);
	}
	bury(q);
	return r;
}

static int get(struct gp_queue *q, void **item, int64_t deadline, bool stays)
{
	struct gp_waiter w;
	int r = gp__queue_get_now(q, item, stays);

	if (r == -EAGAIN && gp__deadline_passed(deadline))
		return -ETIMEDOUT;
	w.place = 0;
	while (r == -EAGAIN) {
		unlock_for(q, &q->putters);
		r = wait_in(q, &q->getters, &w, "queue get", deadline);
		if (!r)
			r = gp__queue_get_now(q, item, stays);
	}
	bury(q);
	return r;
}

GP_API int gp_queue_put(struct gp_queue *q, void *item, int64_t deadline)
{
	return q && gp__usable(&q->life) ? put(q, item, 0, deadline) : -EINVAL;
}

GP_API int gp_queue_try_put(struct gp_queue *q, void *item)
{
	return q && gp__usable(&q->life) ? gp__queue_put_now(q, item, 0) : -EINVAL;
}

GP_API int gp_queue_put_priority(struct gp_queue *q, void *item, int64_t priority, int64_t deadline)
{
	if (!q || !gp__usable(&q->life) || q->items.order != GP__PRIORITY)
		return -EINVAL;
	return put(q, item, priority, deadline);
}

GP_API int gp_queue_try_put_priority(struct gp_queue *q, void *item, int64_t priority)
{
	if (!q || !gp__usable(&q->life) || q->items.order != GP__PRIORITY)
		return -EINVAL;
	return gp__queue_put_now(q, item, priority);
}

GP_API int gp_queue_get(struct gp_queue *q, void **item, int64_t deadline)
{
	return q && gp__usable(&q->life) ? get(q, item, deadline, false) : -EINVAL;
}

GP_API int gp_queue_try_get(struct gp_queue *q, void **item)
{
	return q && gp__usable(&q->life) ? gp__queue_get_now(q, item, false) : -EINVAL;
}

GP_API int gp_queue_peek(struct gp_queue *q, void **item, int64_t deadline)
{
	return q && gp__usable(&q->life) ? get(q, item, deadline, true) : -EINVAL;
}

GP_API int gp_queue_try_peek(struct gp_queue *q, void **item)
{
	return q && gp__usable(&q->life) ? gp__queue_get_now(q, item, true) : -EINVAL;
}

/* ---- the work on what was taken out ---------------------------------------------------------- */

GP_API int gp_queue_task_done(struct gp_queue *q)
{
	if (!q || !gp__usable(&q->life) || !q->unfinished)
		return -EINVAL;
	if (!--q->unfinished && q->finished)
		gp_event_set(q->finished);
	return 0;
}

GP_API int gp_queue_join(struct gp_queue *q, int64_t deadline)
{
	int r;

	if (!q || !gp__usable(&q->life))
		return -EINVAL;
	if (!q->finished) {
		if (!q->unfinished)
			return 0;
		q->finished = gp_event_new();
		if (!q->finished)
			return -ENOMEM;
	}
	q->life.users++;
	r = gp_event_wait(q->finished, deadline);
	q->life.users--;
	bury(q);
	return r;
}

GP_API size_t gp_queue_unfinished(const struct gp_queue *q) { return q ? q->unfinished : 0; }

/* ---- made, closed, freed ------------------------------------------------------------------------ */

static struct gp_queue *make(uint8_t order, size_t maxsize)
{
	struct gp_hub *h = gp__hub_need();
	struct gp_queue *q = h ? gp__alloc(sizeof *q) : NULL;

	if (!q)
		return NULL;
	q->life.hub = h;
	q->items.order = order;
	q->maxsize = maxsize ? maxsize : SIZE_MAX;
	gp__list_init(&q->getters);
	gp__list_init(&q->putters);
	gp__notifier_init(&q->unlock, next_unlocked);
	return q;
}

GP_API struct gp_queue *gp_queue_new(size_t maxsize) { return make(GP__FIFO, maxsize); }
GP_API struct gp_queue *gp_queue_new_lifo(size_t maxsize) { return make(GP__LIFO, maxsize); }
GP_API struct gp_queue *gp_queue_new_priority(size_t maxsize) { return make(GP__PRIORITY, maxsize); }

GP_API int gp_queue_close(struct gp_queue *q)
{
	if (!q || !gp__usable(&q->life))
		return -EINVAL;
	q->life.closed = true;
	if (!gp__list_empty(&q->putters) || !gp__list_empty(&q->getters))
		gp__notify(q->life.hub, &q->unlock);
	return 0;
}

GP_API void gp_queue_free(struct gp_queue *q)
{
	if (!q || gp_queue_close(q))
		return;
	q->life.freed = true;
	gp__items_drop(&q->items);
	gp_event_free(q->finished);
	q->finished = NULL;
	bury(q);
}

/* ---- asking -------------------------------------------------------------------------------------- */

GP_API bool gp_queue_closed(const struct gp_queue *q) { return q && q->life.closed; }
GP_API size_t gp_queue_length(const struct gp_queue *q) { return q ? q->items.count : 0; }
GP_API bool gp_queue_empty(const struct gp_queue *q) { return !q || !q->items.count; }
GP_API bool gp_queue_full(const struct gp_queue *q) { return q && !has_room(q); }
GP_API size_t gp_queue_maxsize(const struct gp_queue *q) { return q && q->maxsize != SIZE_MAX ? q->maxsize : 0; }

GP_API int gp_queue_set_maxsize(struct gp_queue *q, size_t maxsize)
{
	if (!q || !gp__usable(&q->life))
		return -EINVAL;
	q->maxsize = maxsize ? maxsize : SIZE_MAX;
	if (has_room(q))
		unlock_for(q, &q->putters);
	return 0;
}
