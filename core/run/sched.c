/* sched.c - who runs next. The only park() and the only wake().
 *
 * Laws:
 *  - A wake-up never switches: it appends to the run queue, first in, first
 *    out. The caller goes on.
 *  - A greenlet that parks hands the processor straight to the head of the
 *    queue. The hub's own context runs only when the queue is empty, when its
 *    head is a function, or when it is time to look at the loop.
 *  - gp__wake() takes a greenlet out of its deadline and out of the list that
 *    it waits in, whoever calls it and for whatever reason; a greenlet that is
 *    no longer parked cannot be woken a second time.
 *  - hub->external counts the parked greenlets that something outside can
 *    wake. When it is 0 and the queue is empty, nothing can happen here.
 */
#include "core/run/context.h"
#include "core/run/hub.h"

/* A park is one function, without calls on its way: each return behind a
 * switch may be foretold wrongly. */
#define ALWAYS __attribute__((always_inline))

/* errno is kept for a greenlet that shares its TLS with others. Under the shim
 * a greenlet with one of its own needs no help. */
static inline int *errno_of(struct gp_hub *h, const struct gp_greenlet *g)
{
#ifdef GP_SHIM
	return g->flags & GP__OWN_TLS ? NULL : h->shared_errno;
#else
	return h->shared_errno;
#endif
}

static bool GP_NOINLINE turns_are_over(struct gp_hub *h)
{
	h->turns = 0;
	h->poll_now = !h->poll_after || gp__loop_due(h);
	return h->poll_now;
}

/* Whether the hub should look at the loop before anybody else runs. */
static inline bool time_to_poll(struct gp_hub *h)
{
	if (h->poll_now)
		return true;
	if (++h->turns < h->turns_max)
		return false;
	return turns_are_over(h);
}

/* The greenlet at the head of the queue, taken out, or NULL for the hub. The
 * functions before it are called on the way. */
static inline ALWAYS struct gp_greenlet *take_next(struct gp_hub *h)
{
	if (gp__unlikely(!gp__list_empty(&h->dead)) && h->current->state != GP__DEAD)
		gp__greenlet_reap(h);
	while (!gp__list_empty(&h->runq) && !time_to_poll(h)) {
		struct gp_turn *t = gp__list_first(&h->runq, struct gp_turn, link);

		gp__list_del(&t->link);
		if (!t->run)
			return gp__container_of(t, struct gp_greenlet, turn);
		t->run(h, t);
	}
	return NULL;
}

static inline void enter(struct gp_hub *h, struct gp_greenlet *g)
{
	h->stats.switches++;
	h->current = g;
	g->state = GP__RUNNING;
	if (gp__unlikely(h->trace))
		h->trace(g);
#ifdef GP_SHIM
	gp__fs_set(h, g->fs);
#endif
	if (h->hooks->switched)
		h->hooks->switched(h, g);
}

/* The caller's context stops here until somebody resumes it. */
static inline ALWAYS void switch_from(struct gp_hub *h, struct gp_greenlet *self, struct gp_greenlet *next)
{
	void *to;

	if (next == self) {
		self->state = GP__RUNNING;
		return;
	}
	if (next) {
		enter(h, next);
		to = next->sp;
	} else {
		h->current = NULL; /* the hub needs no TLS: its FS base stays what it was */
		to = h->sp;
	}
	if (self->flags & GP__KEEP_VECTOR && self->sse_only)
		gp__context_switch_sse(&self->sp, to);
	else if (self->flags & GP__KEEP_VECTOR)
		gp__context_switch_vector(&self->sp, to);
	else
		gp__switch(&self->sp, to);
}

int gp__park(struct gp_hub *h, const char *what, unsigned long object, int64_t deadline, unsigned flags)
{
	struct gp_greenlet *self = h->current;
	int *err = errno_of(h, self), saved_errno = err ? *err : 0, r = 0;

	if (gp__unlikely(self->cancel) && flags & GP__CANCELABLE)
		r = gp__cancel_take(self);
	if (!r && deadline != GP__NEVER)
		r = gp__deadline_add(h, self, deadline);
	if (gp__unlikely(r)) {
		gp__list_del(&self->wait_link);
		return r;
	}
	if (deadline != GP__NEVER)
		flags |= GP__EXTERNAL;
	self->wait_what = what;
	self->wait_object = object;
	self->wait_since = h->polled;
	self->park_flags = (uint8_t)flags;
	self->state = GP__PARKED;
	h->external += !!(flags & GP__EXTERNAL);
	h->stats.parks++;
	self->parks++;
	switch_from(h, self, take_next(h));
	if (err)
		*err = saved_errno;
	return self->wake_result;
}

/* Takes a parked greenlet out of what it waits in. */
static void unpark(struct gp_hub *h, struct gp_greenlet *g, int result)
{
	if (g->deadline.slot >= 0)
		gp__deadline_del(h, g);
	gp__list_del(&g->wait_link);
	h->external -= !!(g->park_flags & GP__EXTERNAL);
	g->wait_what = NULL;
	g->wake_result = result;
	g->state = GP__RUNNABLE;
	h->deadlock_told = false;
}

bool gp__wake(struct gp_greenlet *g, int result)
{
	struct gp_hub *h = g->hub;

	if (g->state != GP__PARKED)
		return false;
	unpark(h, g, result);
	gp__list_append(&h->runq, &g->turn.link);
	return true;
}

bool gp__wake_first(struct gp_greenlet *g, int result)
{
	struct gp_hub *h = g->hub;

	if (g->state != GP__PARKED)
		return false;
	unpark(h, g, result);
	gp__list_prepend(&h->runq, &g->turn.link);
	return true;
}

static inline ALWAYS void yield_to(struct gp_hub *h, struct gp_greenlet *next)
{
	int *err = errno_of(h, h->current), saved_errno = err ? *err : 0;

	switch_from(h, h->current, next);
	if (err)
		*err = saved_errno;
}

static inline ALWAYS void yield(struct gp_hub *h)
{
	struct gp_greenlet *self = h->current;

	self->state = GP__RUNNABLE;
	gp__list_append(&h->runq, &self->turn.link);
	yield_to(h, take_next(h));
}

void gp__yield(struct gp_hub *h) { yield(h); }

int gp__yield_cancelable(struct gp_hub *h)
{
	struct gp_greenlet *self = h->current;

	if (gp__unlikely(self->cancel))
		return gp__cancel_take(self);
	self->wake_result = 0;
	self->yields = true;
	yield(h);
	self->yields = false;
	return self->wake_result;
}

void gp__yield_poll(struct gp_hub *h)
{
	struct gp_greenlet *self = h->current;

	self->state = GP__RUNNABLE;
	gp__list_append(&h->runq, &self->turn.link);
	h->poll_now = true;
	yield_to(h, NULL);
}

void *gp__leave_to(struct gp_hub *h)
{
	struct gp_greenlet *self = h->current, *next;

	self->state = GP__DEAD;
	next = take_next(h);
	if (next) {
		enter(h, next);
		return next->sp;
	}
	h->current = NULL;
	return h->sp;
}

void gp__leave(struct gp_hub *h)
{
	struct gp_greenlet *self = h->current;

	self->state = GP__DEAD;
	self->flags &= (uint8_t)~GP__KEEP_VECTOR;
	switch_from(h, self, take_next(h));
	gp__assert(!"a dead greenlet was resumed");
	__builtin_unreachable();
}

void gp__resume(struct gp_hub *h, struct gp_greenlet *g)
{
	enter(h, g);
	gp__switch(&h->sp, g->sp);
}
