/* select.c - waiting for several objects and descriptors at once.
 *
 * One look at all cases, from the lowest index on; if none is ready a waiter of
 * each joins its object, and the greenlet parks once. To the object such a
 * waiter is like any other: it is woken in its order, its item is put for it,
 * it meets somebody in a channel. Being woken takes the greenlet out of its
 * park, so no second object can give it anything: they pass over waiters that
 * are not parked.
 *
 * Invariants:
 *  - From the first look to the end the objects are held: they exist, even
 *    freed.
 *  - A waiter is in its object's list only around the park. It lies in the
 *    caller's struct gp_case.
 *  - A case that its object has settled (an item put, a meeting) is the one
 *    that is told, whatever else ends the park.
 *
 * What is different for each kind is in the table `kinds`. Called from
 * greenlets.
 */
#include <poll.h>
#include "core/io.h"
#include "core/raw.h"
#include "core/run/hub.h"
#include "core/sync/channel.h"
#include "core/sync/linkable.h"
#include "core/sync/queue.h"
#include "greenpatch/event.h"
#include "greenpatch/greenlet.h"
#include "greenpatch/select.h"
#include "greenpatch/semaphore.h"

/* What gp_case.opaque is while the call lasts. */
struct wait {
	union {
		struct gp_offer offer; /* its w is the waiter of all objects */
		struct gp_fdwait fd;
	};
	uint32_t told;  /* of an event: how often it had been set when the call began */
	bool joined;
};

_Static_assert(sizeof(struct wait) <= sizeof((struct gp_case *)0)->opaque, "greenpatch/select.h");
_Static_assert(offsetof(struct gp_queue, life) == 0 && offsetof(struct gp_channel, life) == 0, "usable()");

static struct wait *wait_of(struct gp_case *c) { return (struct wait *)(void *)c->opaque; }
static struct gp_waiter *waiter_of(struct gp_case *c) { return &wait_of(c)->offer.w; }

struct kind {
	bool (*usable)(const struct gp_case *c); /* here; there may be no hub */
	void (*hold)(struct gp_case *c);
	void (*release)(struct gp_case *c);
	/* Carries it out if it is ready: 1, and c->error is set; 0; or what ends
	 * the call. */
	int (*now)(struct gp_case *c);
	/* Begins to wait: 1 if it came to be ready by that, as above. */
	int (*join)(struct gp_hub *h, struct gp_case *c);
	/* It was what ended the park: carries it out. Still joined. */
	bool (*came)(struct gp_case *c);
	void (*part)(struct gp_hub *h, struct gp_case *c);
};

static int carried_out(struct gp_case *c, int error)
{
	c->error = error;
	return 1;
}

/* ---- queues ---------------------------------------------------------------------- */

static bool queue_usable(const struct gp_case *c) { return c->object && gp__usable(c->object); }
static void queue_hold(struct gp_case *c) { gp__queue_hold(c->object); }
static void queue_release(struct gp_case *c) { gp__queue_release(c->object); }

static int get_now(struct gp_case *c)
{
	int r = gp__queue_get_now(c->object, &c->item, c->kind == GP_CASE_QUEUE_PEEK);

	return r == -EAGAIN ? 0 : carried_out(c, r);
}

static int get_join(struct gp_hub *h, struct gp_case *c)
{
	gp__queue_join_getters(c->object, waiter_of(c));
	return 0;
}

static bool get_came(struct gp_case *c) { return waiter_of(c)->notified && get_now(c); }

static int put_now(struct gp_case *c)
{
	int r = gp__queue_put_now(c->object, c->item, c->priority);

	return r == -EAGAIN ? 0 : carried_out(c, r);
}

static int put_join(struct gp_hub *h, struct gp_case *c)
{
	struct gp_offer *o = &wait_of(c)->offer;

	o->w.item = c->item;
	o->priority = c->priority;
	gp__queue_join_putters(c->object, o);
	return 0;
}

static bool offer_came(struct gp_case *c)
{
	const struct gp_offer *o = &wait_of(c)->offer;

	if (!o->settled)
		return false;
	if (c->kind == GP_CASE_CHANNEL_GET && !o->result)
		c->item = o->w.item;
	return carried_out(c, o->result);
}

static void waiter_part(struct gp_hub *h, struct gp_case *c) { gp__list_del(&waiter_of(c)->link); }

/* ---- channels -------------------------------------------------------------------- */

static void channel_hold(struct gp_case *c) { gp__channel_hold(c->object); }
static void channel_release(struct gp_case *c) { gp__channel_release(c->object); }

static int channel_now(struct gp_case *c)
{
	struct gp_offer *o = &wait_of(c)->offer;
	int r;

	o->w.item = c->item;
	r = gp__channel_try(c->object, o, c->kind == GP_CASE_CHANNEL_PUT);
	if (r <= 0)
		return r;
	if (c->kind == GP_CASE_CHANNEL_GET && !o->result)
		c->item = o->w.item;
	return carried_out(c, o->result);
}

static int channel_join(struct gp_hub *h, struct gp_case *c)
{
	wait_of(c)->offer.brief = false;
	wait_of(c)->offer.w.item = c->item;
	gp__channel_join(c->object, &wait_of(c)->offer, c->kind == GP_CASE_CHANNEL_PUT);
	return 0;
}

static void channel_part(struct gp_hub *h, struct gp_case *c) { gp__channel_part(c->object, &wait_of(c)->offer); }

/* ---- events and semaphores, which begin with a struct gp_linkable ------------------ */

static bool linkable_usable(const struct gp_case *c) { return gp__linkable_here(c->object); }
static void linkable_hold(struct gp_case *c) { gp__linkable_hold(c->object); }
static void linkable_release(struct gp_case *c) { gp__linkable_release(c->object); }
static bool is_closed(const struct gp_case *c) { return ((const struct gp_linkable *)c->object)->closed; }

static void event_hold(struct gp_case *c)
{
	wait_of(c)->told = ((const struct gp_linkable *)c->object)->told;
	linkable_hold(c);
}

static int event_now(struct gp_case *c)
{
	if (is_closed(c))
		return carried_out(c, -ESHUTDOWN);
	return gp_event_is_set(c->object) ? carried_out(c, 0) : 0;
}

/* One that was set while the caller took a signal, whatever it is now, came. */
static int event_join(struct gp_hub *h, struct gp_case *c)
{
	const struct gp_linkable *l = c->object;

	if (wait_of(c)->told != l->told)
		return carried_out(c, 0);
	gp__linkable_join(c->object, waiter_of(c));
	return 0;
}

static int linkable_join(struct gp_hub *h, struct gp_case *c)
{
	gp__linkable_join(c->object, waiter_of(c));
	return 0;
}

static bool event_came(struct gp_case *c)
{
	return waiter_of(c)->notified && carried_out(c, is_closed(c) ? -ESHUTDOWN : 0);
}

static void linkable_part(struct gp_hub *h, struct gp_case *c) { gp__linkable_part(c->object, waiter_of(c)); }

static int acquire_now(struct gp_case *c)
{
	if (is_closed(c))
		return carried_out(c, -ESHUTDOWN);
	return gp_semaphore_try_acquire(c->object) ? 0 : carried_out(c, 0);
}

static bool acquire_came(struct gp_case *c) { return waiter_of(c)->notified && acquire_now(c); }

/* ---- greenlets -------------------------------------------------------------------- */

static bool greenlet_usable(const struct gp_case *c)
{
	return c->object && ((const struct gp_greenlet *)c->object)->hub == gp__hub();
}
static void greenlet_hold(struct gp_case *c) { gp_ref(c->object); }
static void greenlet_release(struct gp_case *c) { gp_unref(c->object); }

static int join_now(struct gp_case *c)
{
	struct gp_greenlet *g = c->object;

	if (g == g->hub->current)
		return -EDEADLK;
	if (!gp_ready(g))
		return 0;
	c->item = gp_value(g);
	return carried_out(c, gp_error(g));
}

static int join_join(struct gp_hub *h, struct gp_case *c)
{
	gp__greenlet_join(c->object, waiter_of(c));
	return 0;
}

static bool join_came(struct gp_case *c) { return waiter_of(c)->notified && join_now(c); }

/* ---- descriptors -------------------------------------------------------------------- */

static bool fd_usable(const struct gp_case *c) { return true; }
static void fd_hold(struct gp_case *c) {}

static int fd_now(struct gp_case *c)
{
	struct pollfd p = { c->fd, c->kind == GP_CASE_READABLE ? POLLIN : POLLOUT, 0 };

	if (c->fd < 0)
		return carried_out(c, -EBADF);
	if (gp__raw(SYS_poll, &p, 1, 0) <= 0)
		return 0;
	return carried_out(c, p.revents & POLLNVAL ? -EBADF : 0);
}

static int fd_join(struct gp_hub *h, struct gp_case *c)
{
	struct gp_fdwait *w = &wait_of(c)->fd;

	w->fd = c->fd;
	w->events = c->kind == GP_CASE_READABLE ? GP__READ : GP__WRITE;
	return gp__fdwait_join(h, w) ? carried_out(c, -EBADF) : 0;
}

static bool fd_came(struct gp_case *c)
{
	const struct gp_fdwait *w = &wait_of(c)->fd;
	unsigned ready = w->ready;

	if (ready & GP__UNSURE && !gp__desc_ready(c->fd, w->events))
		return false;
	return ready && carried_out(c, ready & GP__CLOSED ? -EBADF : 0);
}

static void fd_part(struct gp_hub *h, struct gp_case *c) { gp__fdwait_part(h, &wait_of(c)->fd); }

/* ---- the call ------------------------------------------------------------------------ */

static const struct kind kinds[] = {
	[GP_CASE_QUEUE_GET] = { queue_usable, queue_hold, queue_release, get_now, get_join, get_came, waiter_part },
	[GP_CASE_QUEUE_PEEK] = { queue_usable, queue_hold, queue_release, get_now, get_join, get_came, waiter_part },
	[GP_CASE_QUEUE_PUT] = { queue_usable, queue_hold, queue_release, put_now, put_join, offer_came, waiter_part },
	[GP_CASE_CHANNEL_GET] = { queue_usable, channel_hold, channel_release, channel_now, channel_join, offer_came,
	                          channel_part },
	[GP_CASE_CHANNEL_PUT] = { queue_usable, channel_hold, channel_release, channel_now, channel_join, offer_came,
	                          channel_part },
	[GP_CASE_EVENT] = { linkable_usable, event_hold, linkable_release, event_now, event_join, event_came,
	                    linkable_part },
	[GP_CASE_ACQUIRE] = { linkable_usable, linkable_hold, linkable_release, acquire_now, linkable_join, acquire_came,
	                      linkable_part },
	[GP_CASE_JOIN] = { greenlet_usable, greenlet_hold, greenlet_release, join_now, join_join, join_came, waiter_part },
	[GP_CASE_READABLE] = { fd_usable, fd_hold, fd_hold, fd_now, fd_join, fd_came, fd_part },
	[GP_CASE_WRITABLE] = { fd_usable, fd_hold, fd_hold, fd_now, fd_join, fd_came, fd_part },
};

/* NULL: it is off. */
static const struct kind *kind_of(const struct gp_case *c) { return c->kind == GP_CASE_OFF ? NULL : &kinds[c->kind]; }
static bool is_fd(const struct gp_case *c) { return c->kind == GP_CASE_READABLE || c->kind == GP_CASE_WRITABLE; }

/* The index of the first that is ready and was carried out; n: none; or an
 * error. */
static long look(struct gp_case *cs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int r = kind_of(&cs[i]) ? kind_of(&cs[i])->now(&cs[i]) : 0;

		if (r)
			return r < 0 ? r : (long)i;
	}
	return (long)n;
}

/* All begin to wait, or go on in their place: n; or the index of one that cannot,
 * and says why. */
static size_t join_all(struct gp_hub *h, struct gp_case *cs, size_t n, uint64_t place, unsigned *flags)
{
	for (size_t i = 0; i < n; i++) {
		struct wait *w = wait_of(&cs[i]);

		w->joined = false;
		if (!kind_of(&cs[i]))
			continue;
		if (!is_fd(&cs[i])) {
			w->offer = (struct gp_offer){ .w.g = h->current, .w.place = place };
			gp__list_init(&w->offer.w.link);
		} else {
			*flags |= GP__EXTERNAL;
		}
		if (kind_of(&cs[i])->join(h, &cs[i]))
			return i;
		w->joined = true;
	}
	return n;
}

/* Which one ended the park; n: none. What an object has settled goes first. A
 * descriptor can wait when there is something to be `told`. */
static size_t who_came(struct gp_case *cs, size_t n, bool told)
{
	for (int pass = 0; pass < (told ? 1 : 2); pass++)
		for (size_t i = 0; i < n; i++)
			if (wait_of(&cs[i])->joined && is_fd(&cs[i]) == pass && kind_of(&cs[i])->came(&cs[i]))
				return i;
	return n;
}

/* Waits once: an index; n, and then they are to be looked at again; or an
 * error. *place is kept if a signal ended the wait. */
static long wait_once(struct gp_hub *h, struct gp_case *cs, size_t n, uint64_t *place, int64_t deadline)
{
	unsigned flags = GP__INTERRUPTIBLE | GP__CANCELABLE;
	const struct gp__timeout *before = h->current->hit;
	size_t joined, which;
	int r = 0;

	*place = *place ? *place : ++h->arrivals;
	which = joined = join_all(h, cs, n, *place, &flags);
	if (joined == n) {
		r = gp__park(h, "select", n, deadline, flags);
		which = who_came(cs, n, r && r != -EINTR && (r != -ETIMEDOUT || h->current->hit != before));
	}
	for (size_t i = 0; i < joined; i++)
		if (wait_of(&cs[i])->joined)
			kind_of(&cs[i])->part(h, &cs[i]);
	if (which < n)
		return (long)which;
	if (r != -EINTR) {
		*place = 0;
		return r ? r : (long)n;
	}
	gp__take_signals(h); /* in no list: a handler may leave by a jump */
	return (long)n;
}

static long choose(struct gp_hub *h, struct gp_case *cs, size_t n, int64_t deadline, bool wait)
{
	uint64_t place = 0;

	for (;;) {
		long r = look(cs, n);

		if (r == (long)n && !wait)
			return -EAGAIN;
		if (r == (long)n && gp__deadline_passed(deadline))
			return -ETIMEDOUT;
		if (r == (long)n)
			r = wait_once(h, cs, n, &place, deadline);
		if (r != (long)n)
			return r;
	}
}

static int select_one(struct gp_case *cs, size_t n, int64_t deadline, bool wait)
{
	struct gp_hub *h;
	long r;

	if ((n && !cs) || n > INT_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (cs[i].kind < 0 || cs[i].kind > GP_CASE_WRITABLE ||
		    (kind_of(&cs[i]) && !kind_of(&cs[i])->usable(&cs[i])))
			return -EINVAL;
	h = gp__hub_need();
	if (!h || !h->current)
		return h ? -EINVAL : -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (kind_of(&cs[i]))
			kind_of(&cs[i])->hold(&cs[i]);
	r = choose(h, cs, n, deadline, wait);
	for (size_t i = 0; i < n; i++)
		if (kind_of(&cs[i]))
			kind_of(&cs[i])->release(&cs[i]);
	return (int)r;
}

GP_API int gp_select(struct gp_case *cases, size_t n, int64_t deadline)
{
	return select_one(cases, n, deadline, true);
}

GP_API int gp_try_select(struct gp_case *cases, size_t n)
{
	return select_one(cases, n, GP__NEVER, false);
}
