/* barrier.c - so many greenlets wait for each other (greenpatch/barrier.h).
 *
 * Made of a lock and a condition, as in Python, so that the order is the same
 * as there. The lock is held by whoever runs in here, and given up by the waits.
 * All calls that are inside are counted: the last one frees what is closed.
 * Called from greenlets.
 */
#include "core/alloc.h"
#include "core/run/hub.h"
#include "greenpatch/barrier.h"
#include "greenpatch/condition.h"
#include "greenpatch/lock.h"

enum state { FILLING, DRAINING, RESETTING, BROKEN };

struct gp_barrier {
	struct gp_hub *hub;
	struct gp_lock *lock;           /* ours */
	struct gp_condition *condition; /* ours; NULL once closed */
	int (*action)(void *arg);       /* the caller's; NULL: none */
	void *arg;
	int parties;
	int count;                      /* who came and has not left */
	unsigned users;                 /* calls that are inside */
	uint8_t state;
};

static struct gp_hub *here(const struct gp_barrier *b)
{
	struct gp_hub *h = gp__hub();

	return b && h && b->hub == h && h->current ? h : NULL;
}

GP_API struct gp_barrier *gp_barrier_new(unsigned parties, int (*action)(void *arg), void *arg)
{
	struct gp_hub *h = gp__hub_need();
	struct gp_barrier *b;

	if (!h || !parties || parties > INT_MAX)
		return NULL;
	b = gp__alloc(sizeof *b);
	if (!b)
		return NULL;
	b->lock = gp_lock_new();
	if (!b->lock)
		goto fail_lock;
	b->condition = gp_condition_new(b->lock);
	if (!b->condition)
		goto fail_condition;
	b->hub = h;
	b->parties = (int)parties;
	b->action = action;
	b->arg = arg;
	return b;

fail_condition:
	gp_lock_free(b->lock);
fail_lock:
	gp__free(b);
	return NULL;
}

static void destroy(struct gp_barrier *b)
{
	gp_lock_free(b->lock);
	gp__free(b);
}

GP_API void gp_barrier_free(struct gp_barrier *b)
{
	if (!here(b) || !b->condition)
		return;
	gp_condition_free(b->condition);
	b->condition = NULL;
	if (!b->users)
		destroy(b);
}

/* Begins a call: 0 with the lock. */
static int come(struct gp_barrier *b, int64_t deadline)
{
	int r;

	b->users++;
	r = gp_lock_acquire(b->lock, deadline);
	if (!r && !b->condition) {
		gp_lock_release(b->lock);
		r = -ESHUTDOWN;
	}
	if (r && !--b->users && !b->condition)
		destroy(b);
	return r;
}

static int leave(struct gp_barrier *b, int result)
{
	gp_lock_release(b->lock);
	if (!--b->users && !b->condition)
		destroy(b);
	return result;
}

static void change(struct gp_barrier *b, enum state state)
{
	b->state = state;
	if (b->condition)
		gp_condition_notify_all(b->condition);
}

static int wait_once(struct gp_barrier *b, int64_t deadline)
{
	int r = gp_condition_wait(b->condition, deadline);

	return !r && !b->condition ? -ESHUTDOWN : r;
}

/* The last one has come. */
static int release(struct gp_barrier *b)
{
	int r = b->action ? b->action(b->arg) : 0;

	if (!b->condition)
		return -ESHUTDOWN;
	change(b, r ? BROKEN : DRAINING);
	return r > 0 ? -EPIPE : r;
}

static int wait_for_the_last(struct gp_hub *h, struct gp_barrier *b, int64_t deadline)
{
	while (b->state == FILLING) {
		const struct gp__timeout *before = h->current->hit;
		int r = wait_once(b, deadline);

		if (r == -ETIMEDOUT && h->current->hit == before) { /* not that of a gp_timeout */
			if (b->state != FILLING)
				break;
			if (b->condition)
				change(b, BROKEN);
		}
		if (r)
			return r;
	}
	return b->state == DRAINING ? 0 : -EPIPE;
}

GP_API int gp_barrier_wait(struct gp_barrier *b, int64_t deadline)
{
	struct gp_hub *h = here(b);
	int r, place;

	if (!h)
		return -EINVAL;
	r = come(b, deadline);
	if (r)
		return r;
	while (!r && (b->state == DRAINING || b->state == RESETTING))
		r = wait_once(b, deadline);
	if (!r && b->state == BROKEN)
		r = -EPIPE;
	if (r)
		return leave(b, r);
	place = b->count++;
	r = b->count == b->parties ? release(b) : wait_for_the_last(h, b, deadline);
	if (!--b->count && (b->state == DRAINING || b->state == RESETTING))
		change(b, FILLING);
	return leave(b, r ? r : place);
}

GP_API int gp_barrier_reset(struct gp_barrier *b)
{
	int r = here(b) ? come(b, GP__NEVER) : -EINVAL;

	if (r)
		return r;
	change(b, b->count ? b->state == DRAINING ? DRAINING : RESETTING : FILLING);
	return leave(b, 0);
}

GP_API int gp_barrier_abort(struct gp_barrier *b)
{
	int r = here(b) ? come(b, GP__NEVER) : -EINVAL;

	if (r)
		return r;
	change(b, BROKEN);
	return leave(b, 0);
}

GP_API int gp_barrier_parties(const struct gp_barrier *b) { return b ? b->parties : -EINVAL; }
GP_API int gp_barrier_waiting(const struct gp_barrier *b) { return !b ? -EINVAL : b->state == FILLING ? b->count : 0; }
GP_API bool gp_barrier_broken(const struct gp_barrier *b) { return b && b->state == BROKEN; }
