/* channel.c - putters and getters that meet.
 *
 * gevent's order. Whoever comes stands in line and parks; if somebody stands on
 * the other side, one turn is asked for, `unlock`. It takes the first getter
 * and the first putter, gives the one the other's item, and lets the getter run,
 * then the putter, then the next two.
 *
 * Invariants:
 *  - A waiter is in its line until it runs or `unlock` takes it out. Both of a
 *    pair are settled in the same moment: whatever ends the putter's wait
 *    between the getter's run and its own, its item was taken and its call says
 *    so.
 *  - While somebody waits on either side, `unlock` is asked for or under way;
 *    but for a greenlet that would meet itself in a gp_select().
 *
 * Called from greenlets of the hub that it was made in; unlock is a turn.
 */
#include "core/alloc.h"
#include "core/sync/channel.h"
#include "greenpatch/channel.h"

static void bury(struct gp_channel *c)
{
	if (c->life.freed && !c->life.users && !gp__notifier_pending(&c->unlock))
		gp__free(c);
}

/* ---- the turn ------------------------------------------------------------------- */

static struct gp_waiter *settle(struct gp_waiter *w, int result)
{
	struct gp_offer *o = gp__offer_of(w);

	gp__list_del(&w->link);
	o->settled = true;
	o->result = result;
	return w;
}

/* The first putter that is not the getter itself. O(1), unless a greenlet
 * waits on both sides. */
static struct gp_waiter *partner_of(struct gp_channel *c, const struct gp_waiter *getter)
{
	gp__list_each(n, &c->putters) {
		struct gp_waiter *w = gp__list_entry(n, struct gp_waiter, link);

		if (w->g != getter->g && w->g->state == GP__PARKED)
			return w;
	}
	return NULL;
}

/* Brings two together; gives the getter. */
static struct gp_waiter *next_pair(struct gp_channel *c)
{
	if (!gp__first_parked(&c->putters))
		return NULL;
	gp__list_each(n, &c->getters) {
		struct gp_waiter *getter = gp__list_entry(n, struct gp_waiter, link), *putter;

		if (getter->g->state != GP__PARKED)
			continue;
		putter = partner_of(c, getter);
		if (!putter)
			continue;
		getter->item = putter->item;
		c->owed = gp__offer_of(settle(putter, 0));
		return settle(getter, 0);
	}
	return NULL;
}

/* One that stays alone and may not. */
static struct gp_waiter *next_refused(struct gp_channel *c, struct gp_list *line)
{
	gp__list_each(n, line) {
		struct gp_waiter *w = gp__list_entry(n, struct gp_waiter, link);

		if (w->g->state != GP__PARKED)
			continue;
		if (c->life.closed)
			return settle(w, -ESHUTDOWN);
		if (gp__offer_of(w)->brief)
			return settle(w, -EAGAIN);
	}
	return NULL;
}

static struct gp_waiter *next_unlocked(struct gp_hub *h, struct gp_notifier *n)
{
	struct gp_channel *c = gp__container_of(n, struct gp_channel, unlock);
	struct gp_waiter *w;

	if (c->owed) {
		w = &c->owed->w;
		c->owed = NULL;
		return w;
	}
	w = next_pair(c);
	if (!w)
		w = next_refused(c, &c->putters);
	if (!w)
		w = next_refused(c, &c->getters);
	if (!w)
		bury(c);
	return w;
}

/* ---- standing in line ---------------------------------------------------------------- */

static struct gp_list *line_of(struct gp_channel *c, bool put) { return put ? &c->putters : &c->getters; }

static void unlock_for(struct gp_channel *c, bool put)
{
	if (!gp__list_empty(line_of(c, !put)))
		gp__notify(c->life.hub, &c->unlock);
}

void gp__channel_join(struct gp_channel *c, struct gp_offer *o, bool put)
{
	o->settled = false;
	gp__waiter_join(c->life.hub, line_of(c, put), &o->w);
	unlock_for(c, put);
}

void gp__channel_part(struct gp_channel *c, struct gp_offer *o)
{
	gp__list_del(&o->w.link);
	if (c->owed == o)
		c->owed = NULL;
}

void gp__channel_release(struct gp_channel *c)
{
	c->life.users--;
	bury(c);
}

/* Whether somebody on the other side is left when all on this side have met. */
static bool somebody_waits(struct gp_channel *c, bool put)
{
	const struct gp_list *mine = line_of(c, put), *theirs = line_of(c, !put);
	const struct gp_list *me = mine->next, *they = theirs->next;

	for (;;) {
		while (they != theirs && gp__list_entry(they, struct gp_waiter, link)->g->state != GP__PARKED)
			they = they->next;
		while (me != mine && gp__list_entry(me, struct gp_waiter, link)->g->state != GP__PARKED)
			me = me->next;
		if (they == theirs || me == mine)
			return they != theirs;
		they = they->next;
		me = me->next;
	}
}

/* 0: o->result says how it went; or what else ended the wait, -EAGAIN for one
 * that is brief and finds nobody. */
static int meet(struct gp_channel *c, struct gp_offer *o, bool put, int64_t deadline)
{
	int r = 0;

	o->settled = false;
	o->w.place = 0;
	gp__list_init(&o->w.link);
	gp__channel_hold(c);
	while (!r && !o->settled) {
		if (c->life.closed) {
			o->result = -ESHUTDOWN;
			break;
		}
		if (o->brief && !somebody_waits(c, put)) {
			r = -EAGAIN;
			break;
		}
		unlock_for(c, put);
		r = gp__wait_in(c->life.hub, line_of(c, put), &o->w, put ? "channel put" : "channel get",
		                (unsigned long)c, deadline);
	}
	if (o->settled) /* whatever ended the wait after that */
		r = 0;
	gp__channel_part(c, o);
	gp__channel_release(c);
	return r;
}

int gp__channel_try(struct gp_channel *c, struct gp_offer *o, bool put)
{
	int r;

	o->brief = true;
	r = meet(c, o, put, GP__NEVER);
	if (!r)
		return o->result != -EAGAIN;
	return r == -EAGAIN ? 0 : r;
}

/* ---- the calls ----------------------------------------------------------------------------- */

static int put_or_get(struct gp_channel *c, struct gp_offer *o, bool put, int64_t deadline)
{
	int r;

	if (!c || !gp__usable(&c->life))
		return -EINVAL;
	if (!o->brief && !c->life.closed && gp__deadline_passed(deadline))
		return -ETIMEDOUT;
	r = meet(c, o, put, deadline);
	return r ? r : o->result;
}

static int get(struct gp_channel *c, void **item, bool brief, int64_t deadline)
{
	struct gp_offer o = { .brief = brief };
	int r = put_or_get(c, &o, false, deadline);

	if (!r && item)
		*item = o.w.item;
	return r;
}

GP_API int gp_channel_put(struct gp_channel *c, void *item, int64_t deadline)
{
	struct gp_offer o = { .w.item = item };

	return put_or_get(c, &o, true, deadline);
}

GP_API int gp_channel_try_put(struct gp_channel *c, void *item)
{
	struct gp_offer o = { .w.item = item, .brief = true };

	return put_or_get(c, &o, true, GP__NEVER);
}

GP_API int gp_channel_get(struct gp_channel *c, void **item, int64_t deadline)
{
	return get(c, item, false, deadline);
}

GP_API int gp_channel_try_get(struct gp_channel *c, void **item)
{
	return get(c, item, true, GP__NEVER);
}

/* ---- made, closed, freed --------------------------------------------------------------------- */

GP_API struct gp_channel *gp_channel_new(void)
{
	struct gp_hub *h = gp__hub_need();
	struct gp_channel *c = h ? gp__alloc(sizeof *c) : NULL;

	if (!c)
		return NULL;
	c->life.hub = h;
	gp__list_init(&c->getters);
	gp__list_init(&c->putters);
	gp__notifier_init(&c->unlock, next_unlocked);
	return c;
}

GP_API int gp_channel_close(struct gp_channel *c)
{
	if (!c || !gp__usable(&c->life))
		return -EINVAL;
	c->life.closed = true;
	if (!gp__list_empty(&c->getters) || !gp__list_empty(&c->putters))
		gp__notify(c->life.hub, &c->unlock);
	return 0;
}

GP_API void gp_channel_free(struct gp_channel *c)
{
	if (!c || gp_channel_close(c))
		return;
	c->life.freed = true;
	bury(c);
}

GP_API bool gp_channel_closed(const struct gp_channel *c) { return c && c->life.closed; }

static int parked_in(const struct gp_list *line)
{
	int n = 0;

	gp__list_each(l, line)
		n += gp__list_entry(l, struct gp_waiter, link)->g->state == GP__PARKED;
	return n;
}

GP_API int gp_channel_balance(const struct gp_channel *c)
{
	return c ? parked_in(&c->putters) - parked_in(&c->getters) : 0;
}
