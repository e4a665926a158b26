/* imap.c - the results of many calls, one by one (greenpatch/map.h).
 *
 * gevent's way: a greenlet of its own, the producer, spawns the calls one after
 * the other, as far as the group has places and there is room for results. The
 * link of each call appends its result to a queue, and the last one a mark
 * behind it. Whoever iterates takes from the queue; in order, it keeps what
 * comes early until its turn.
 *
 * One record a call, which is in three lists: the links of its greenlet until
 * it ends, then the queue until it is taken; and from beginning to delivery the
 * list of all calls in the order of their arguments, so that nothing has to be
 * searched and nothing be allocated when a result comes.
 *
 * The record of the iteration is kept by the iterator, the producer and whoever
 * waits in it. Called from greenlets; told_*() and next_getter() by notifiers.
 */
#include "core/alloc.h"
#include "core/group.h"
#include "greenpatch/greenlet.h"
#include "greenpatch/group.h"
#include "greenpatch/map.h"
#include "greenpatch/semaphore.h"

struct imap;

struct call {
	struct gp_waiter ended;  /* in the links of g */
	struct gp_list queued;   /* in imap->queue */
	struct gp_list ordered;  /* in imap->calls */
	struct gp_greenlet *g;   /* referenced */
	struct imap *m;
	size_t index;            /* of its argument */
	bool taken;              /* out of the queue, before its turn */
};

struct imap {
	struct gp_hub *hub;
	struct gp_group *group;         /* referenced */
	struct gp_semaphore *room;      /* for results; NULL: no limit */
	struct gp_list calls;           /* struct call, in the order of their arguments */
	struct gp_list queue;           /* struct call, in the order of their ends */
	struct gp_list getters;         /* struct gp_waiter: in gp_imap_next() */
	struct gp_notifier unlock;      /* wakes them */
	struct gp_greenlet *producer;   /* referenced */
	struct gp_waiter produced_link; /* in the links of producer */
	struct call *delivered;         /* last; freed by the next one */
	void *(*fn)(void *arg);
	void *const *args;              /* of the caller's; NULL: source */
	size_t n;
	bool (*source)(void *state, void **arg);
	void *state;
	size_t made;                    /* calls */
	size_t running;                 /* calls that have not ended */
	uint32_t refs;
	int error;                      /* why no more calls were made */
	bool in_order;
	bool produced;                  /* no more calls will be made */
	bool mark;                      /* stands behind all in the queue */
	bool over;                      /* the mark was taken */
	bool asked;                     /* room was given back for the result that is waited for */
	bool left;                      /* the iterator has gone */
};

static void imap_unref(struct imap *m)
{
	if (--m->refs)
		return;
	gp__list_del(&m->unlock.turn.link);
	gp_unref(m->producer);
	gp_semaphore_free(m->room);
	gp__group_unref(m->group);
	gp__free(m);
}

static void call_free(struct call *c)
{
	gp__list_del(&c->ended.link);
	gp__list_del(&c->queued);
	gp__list_del(&c->ordered);
	gp_unref(c->g);
	gp__free(c);
}

/* ---- results come ---------------------------------------------------------------- */

static struct gp_waiter *next_getter(struct gp_hub *h, struct gp_notifier *n)
{
	struct imap *m = gp__container_of(n, struct imap, unlock);

	return m->left || m->mark || m->over || !gp__list_empty(&m->queue) ? gp__waiter_take(&m->getters) : NULL;
}

static void unlock(struct imap *m)
{
	if (!gp__list_empty(&m->getters))
		gp__notify(m->hub, &m->unlock);
}

static void mark_if_last(struct imap *m)
{
	if (m->left || !m->produced || m->running || m->mark || m->over)
		return;
	m->mark = true;
	unlock(m);
}

static void told_ended(struct gp_hub *h, struct gp_waiter *w)
{
	struct call *c = gp__container_of(w, struct call, ended);
	struct imap *m = c->m;

	m->running--;
	gp__list_append(&m->queue, &c->queued);
	unlock(m);
	mark_if_last(m);
}

static void told_produced(struct gp_hub *h, struct gp_waiter *w)
{
	struct imap *m = gp__container_of(w, struct imap, produced_link);

	if (!m->produced) { /* killed before it has run */
		m->produced = true;
		m->error = -ECANCELED;
		mark_if_last(m);
	}
	imap_unref(m);
}

/* ---- the producer ------------------------------------------------------------------- */

static bool next_arg(struct imap *m, void **arg)
{
	if (!m->args)
		return m->source && m->source(m->state, arg) && !m->left;
	if (m->left || m->made == m->n)
		return false;
	*arg = m->args[m->made];
	return true;
}

static int make_call(struct imap *m, void *arg)
{
	struct call *c = gp__alloc(sizeof *c);
	int r = c ? 0 : -ENOMEM;

	if (!r && m->room)
		r = gp_semaphore_acquire(m->room, GP_NEVER);
	if (!r)
		r = gp__group_spawn(m->group, m->fn, arg, &c->g, GP_NEVER, &m->left);
	if (r) {
		gp__free(c);
		return r;
	}
	c->m = m;
	c->index = m->made++;
	c->ended.call = told_ended;
	gp__list_init(&c->queued);
	gp__list_append(&m->calls, &c->ordered);
	m->running++;
	gp__greenlet_link(c->g, &c->ended);
	return 0;
}

static void *produce(void *p)
{
	struct imap *m = p;
	void *arg = NULL;
	int r = 0;

	while (!r && next_arg(m, &arg))
		r = make_call(m, arg);
	m->error = r;
	m->produced = true;
	mark_if_last(m);
	return m; /* a value: that it was told to end is no news */
}

/* ---- iterating ------------------------------------------------------------------------ */

static int begin(struct gp_imap *it, struct gp_group *group, const struct imap *how, size_t room)
{
	struct gp_hub *h = gp__group_hub(group);
	struct imap *m;

	if (!it || !h || !how->fn || (!how->source && how->n && !how->args) || room > INT_MAX)
		return -EINVAL;
	m = gp__alloc(sizeof *m);
	if (!m)
		return -ENOMEM;
	*m = *how;
	m->room = room ? gp_semaphore_new((unsigned)room) : NULL;
	if (room && !m->room)
		goto fail_memory;
	m->producer = gp_new(&(struct gp_attr){ .name = "imap" }, produce, m);
	if (!m->producer)
		goto fail_room;
	m->hub = h;
	m->group = group;
	gp__group_ref(group);
	gp__list_init(&m->calls);
	gp__list_init(&m->queue);
	gp__list_init(&m->getters);
	gp__notifier_init(&m->unlock, next_getter);
	m->refs = 2;
	m->produced_link.call = told_produced;
	gp__greenlet_link(m->producer, &m->produced_link);
	gp_start(m->producer);
	*it = (struct gp_imap){ .opaque = m };
	return 0;
fail_room:
	gp_semaphore_free(m->room);
fail_memory:
	gp__free(m);
	return -ENOMEM;
}

GP_API int gp_imap_begin(struct gp_imap *it, struct gp_group *group, void *(*fn)(void *arg), void *const *args,
                         size_t n, size_t room)
{
	return begin(it, group, &(struct imap){ .fn = fn, .args = args, .n = n, .in_order = true }, room);
}

GP_API int gp_imap_unordered_begin(struct gp_imap *it, struct gp_group *group, void *(*fn)(void *arg),
                                   void *const *args, size_t n, size_t room)
{
	return begin(it, group, &(struct imap){ .fn = fn, .args = args, .n = n }, room);
}

GP_API int gp_imap_from(struct gp_imap *it, struct gp_group *group, void *(*fn)(void *arg),
                        bool (*source)(void *state, void **arg), void *state, size_t room)
{
	if (!source)
		return -EINVAL;
	return begin(it, group, &(struct imap){ .fn = fn, .source = source, .state = state, .in_order = true }, room);
}

GP_API int gp_imap_unordered_from(struct gp_imap *it, struct gp_group *group, void *(*fn)(void *arg),
                                  bool (*source)(void *state, void **arg), void *state, size_t room)
{
	if (!source)
		return -EINVAL;
	return begin(it, group, &(struct imap){ .fn = fn, .source = source, .state = state }, room);
}

/* The next result that is there, out of the queue; NULL: there is none. */
static struct call *take(struct imap *m)
{
	for (;;) {
		struct call *c = m->in_order && !gp__list_empty(&m->calls)
		                         ? gp__list_first(&m->calls, struct call, ordered)
		                         : NULL;

		if (c && c->taken)
			return c;
		if (gp__list_empty(&m->queue))
			return NULL;
		c = gp__list_first(&m->queue, struct call, queued);
		gp__list_del(&c->queued);
		c->taken = true;
		if (!m->in_order)
			return c;
	}
}

/* The next result, or NULL and in *error why there is none. */
static struct call *await(struct imap *m, int64_t deadline, int *error)
{
	struct gp_waiter w = { .place = 0 };
	struct call *c;

	while (!(c = take(m)) && !m->over) {
		int r = 0;

		if (m->left) {
			r = -ESHUTDOWN;
		} else if (m->mark) {
			m->over = true;
			unlock(m); /* the others who wait */
		} else if (deadline <= gp__now()) {
			r = -ETIMEDOUT;
		} else {
			r = gp__wait_in(m->hub, &m->getters, &w, "imap", (unsigned long)m, deadline);
		}
		if (r) {
			*error = r;
			return NULL;
		}
	}
	*error = m->over ? m->error : 0;
	return c;
}

GP_API bool gp_imap_next(struct gp_imap *it, int64_t deadline)
{
	struct gp_hub *h = gp__hub();
	struct imap *m = it ? it->opaque : NULL;
	struct call *c;
	int r;

	if (!m)
		return false;
	if (m->hub != h || !h->current) {
		it->error = -EINVAL;
		return false;
	}
	m->refs++;
	if (m->room && !m->asked)
		gp_semaphore_release(m->room);
	m->asked = true;
	c = await(m, deadline, &r);
	if (m->left) { /* the iterator is gone */
		imap_unref(m);
		return false;
	}
	if (m->delivered)
		call_free(m->delivered);
	m->delivered = c;
	*it = (struct gp_imap){ .error = r, .opaque = m };
	if (c) {
		m->asked = false;
		gp__list_del(&c->ordered);
		it->value = gp_value(c->g);
		it->error = gp_error(c->g);
		it->index = c->index;
		it->greenlet = c->g;
	}
	imap_unref(m);
	return c;
}

GP_API void gp_imap_end(struct gp_imap *it)
{
	struct imap *m = it ? it->opaque : NULL;

	if (!m || gp__hub() != m->hub)
		return;
	it->opaque = NULL;
	it->greenlet = NULL;
	m->left = true;
	if (m->delivered)
		call_free(m->delivered);
	m->delivered = NULL;
	while (!gp__list_empty(&m->calls))
		call_free(gp__list_first(&m->calls, struct call, ordered));
	unlock(m);
	if (!m->produced)
		gp_kill_soon(m->producer, -ECANCELED);
	imap_unref(m);
}
