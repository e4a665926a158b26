/* cancel.c - kills and timeouts: errors that reach a greenlet from outside.
 *
 * A C function cannot be made to throw. What gevent throws into a greenlet is
 * here the result of the call that it waits in, or of the next one that it
 * waits in, if that is one which can be cancelled (GP__CANCELABLE): once, then
 * the greenlet goes on as if nothing had been. What libc waits for (a futex of
 * a mutex) cannot: glibc would abort.
 *
 * In order: a kill before the timeouts, timeouts by their time. What is due is
 * kept in the greenlet (`cancel`, `kill_due`, its list of timeouts); gp__park()
 * looks there first.
 *
 * As in gevent, a kill throws from a callback of its own (kill_turn), and the
 * victim runs at once then, before the killer. A timeout that is due comes
 * behind the sleeps and reads of the same look at the loop: its hit is a turn.
 */
#include "core/run/hub.h"
#include "greenpatch/greenlet.h"
#include "greenpatch/timeout.h"

enum { IDLE, RUNS, DUE, HIT }; /* of a timeout: not started; in the heap; to be told; told */

struct gp__timeout {
	struct gp_timer timer;
	struct gp_turn turn;     /* of its hit */
	struct gp_list link;     /* in g->timeouts */
	struct gp_greenlet *g;   /* who started it */
	int64_t at;
	int error;               /* what the call returns */
	uint8_t state;
	bool silent;             /* gp_timeout_stop() says nothing of it */
};

_Static_assert(sizeof(struct gp__timeout) <= sizeof(struct gp_timeout), "greenpatch/timeout.h");

static struct gp__timeout *inner(struct gp_timeout *t) { return (struct gp__timeout *)(void *)t; }

int gp__cancel_take(struct gp_greenlet *g)
{
	struct gp__timeout *first = NULL;
	int due = 0;

	gp__list_each(n, &g->timeouts) {
		struct gp__timeout *t = gp__list_entry(n, struct gp__timeout, link);

		if (t->state != DUE)
			continue;
		due++;
		if (!first || t->at <= first->at)
			first = t;
	}
	if (g->kill_due) {
		g->kill_due = false;
		g->kill_told = true;
		g->hit = NULL;
		g->cancel = due > 0;
		return g->kill_error;
	}
	g->cancel = due > 1;
	if (!first)
		return 0;
	first->state = HIT;
	g->hit = first;
	return first->error;
}

void gp__cancel_again(struct gp_greenlet *g)
{
	if (g->hit)
		g->hit->state = DUE;
	else if (g->killed)
		g->kill_due = true;
	g->cancel = g->cancel || g->hit || g->kill_due;
	g->hit = NULL;
}

void gp__cancel(struct gp_greenlet *g)
{
	struct gp_hub *h = g->hub;

	g->cancel = true;
	if (g->state == GP__PARKED && g->park_flags & GP__CANCELABLE) {
		gp__wake_first(g, gp__cancel_take(g));
	} else if (g->state == GP__RUNNABLE && g->yields) {
		g->wake_result = gp__cancel_take(g);
		gp__list_del(&g->turn.link);
		gp__list_prepend(&h->runq, &g->turn.link);
	}
}

/* ---- timeouts ------------------------------------------------------------------ */

static void hit(struct gp_hub *h, struct gp_turn *turn)
{
	struct gp__timeout *t = gp__container_of(turn, struct gp__timeout, turn);

	t->state = DUE;
	gp__cancel(t->g);
}

static void time_is_up(struct gp_hub *h, struct gp_timer *timer)
{
	gp__hub_call(h, &gp__container_of(timer, struct gp__timeout, timer)->turn);
}

static void end_timeout(struct gp_hub *h, struct gp__timeout *t)
{
	gp__timer_del(h, &t->timer);
	gp__list_del(&t->turn.link);
	gp__list_del(&t->link);
	if (t->g->hit == t)
		t->g->hit = NULL;
	if (t->state != HIT)
		t->state = IDLE;
}

void gp__timeouts_end(struct gp_hub *h, struct gp_greenlet *g)
{
	while (!gp__list_empty(&g->timeouts))
		end_timeout(h, gp__list_first(&g->timeouts, struct gp__timeout, link));
}

int gp__timeout_unhandled(const struct gp_greenlet *g)
{
	gp__list_each(n, &g->timeouts) {
		const struct gp__timeout *t = gp__list_entry(n, struct gp__timeout, link);

		if (t->state == HIT && !t->silent)
			return t->error;
	}
	return 0;
}

void gp__timeouts_forked(struct gp_hub *h, struct gp_greenlet *g)
{
	gp__list_each(n, &g->timeouts) {
		struct gp__timeout *t = gp__list_entry(n, struct gp__timeout, link);
		bool due = !gp__list_empty(&t->turn.link);

		t->timer.slot = -1;
		gp__list_del(&t->turn.link);
		if (due)
			gp__hub_call(h, &t->turn);
		else if (t->state == RUNS)
			gp__timer_add(h, &t->timer, t->at); /* there is room: the heap only shrank */
	}
}

static int start(struct gp_timeout *timeout, int64_t ns, int error, bool silent)
{
	struct gp_hub *h = gp__hub_need();
	struct gp__timeout *t = inner(timeout);
	int r;

	if (!t || error >= 0)
		return -EINVAL;
	if (!h)
		return -ENOMEM;
	if (!h->current)
		return -EPERM;
	*t = (struct gp__timeout){ .timer = { -1, time_is_up }, .turn = { .run = hit }, .error = error, .silent = silent };
	gp__list_init(&t->turn.link);
	gp__list_init(&t->link);
	t->g = h->current;
	t->at = gp__deadline_after(ns);
	if (t->at != GP__NEVER) {
		r = gp__timer_add(h, &t->timer, t->at);
		if (r)
			return r;
	}
	t->state = RUNS;
	gp__list_prepend(&h->current->timeouts, &t->link);
	return 0;
}

GP_API int gp_timeout_start(struct gp_timeout *t, int64_t ns)
{
	return start(t, ns, -ETIMEDOUT, false);
}

GP_API int gp_timeout_start_error(struct gp_timeout *t, int64_t ns, int error)
{
	return start(t, ns, error, false);
}

GP_API int gp_timeout_start_silent(struct gp_timeout *t, int64_t ns)
{
	return start(t, ns, -ETIMEDOUT, true);
}

GP_API int gp_timeout_stop(struct gp_timeout *timeout)
{
	struct gp__timeout *t = inner(timeout);
	struct gp_hub *h = gp__hub();

	if (!t)
		return -EINVAL;
	if (t->state == IDLE || !t->g)
		return 0;
	if (!h || t->g->hub != h)
		return -EPERM;
	if (!gp__list_empty(&t->link))
		end_timeout(h, t);
	return t->state == HIT && !t->silent ? t->error : 0;
}

GP_API bool gp_timeout_pending(const struct gp_timeout *timeout)
{
	const struct gp__timeout *t = (const struct gp__timeout *)(const void *)timeout;

	return t && (t->state == RUNS || t->state == DUE);
}

GP_API bool gp_timeout_hit(const struct gp_timeout *timeout)
{
	const struct gp__timeout *t = (const struct gp__timeout *)(const void *)timeout;

	return t && t->state == HIT;
}

GP_API struct gp_timeout *gp_timeout_which(void)
{
	struct gp_hub *h = gp__hub();

	return h && h->current ? (struct gp_timeout *)(void *)h->current->hit : NULL;
}

GP_API int gp_with_timeout(int64_t ns, void *(*fn)(void *arg), void *arg, void **value)
{
	struct gp_timeout t;
	void *came;
	int r;

	if (!fn)
		return -EINVAL;
	r = gp_timeout_start(&t, ns);
	if (r)
		return r;
	came = fn(arg);
	r = gp_timeout_stop(&t);
	if (!r && value)
		*value = came;
	return r;
}

/* ---- kills ---------------------------------------------------------------------- */

/* Throws, and then wakes the killers one after the other, in front of all. */
static void kill_turn(struct gp_hub *h, struct gp_turn *turn)
{
	struct gp_greenlet *g = gp__container_of(turn, struct gp_greenlet, kill_turn);
	struct gp_waiter *w;

	if (g->kill_stage == 1) {
		g->kill_stage = 2;
		gp__list_prepend(&h->runq, &turn->link);
		if (g->state != GP__DEAD) {
			g->kill_due = true;
			gp__cancel(g);
		}
		return;
	}
	while ((w = gp__waiter_take(&g->killers))) {
		if (w->g->state != GP__PARKED)
			continue;
		w->notified = true;
		gp__list_prepend(&h->runq, &turn->link);
		gp__wake_first(w->g, 0);
		return;
	}
	g->kill_stage = 0;
	gp_unref(g);
}

static void die_unborn(struct gp_hub *h, struct gp_greenlet *g)
{
	bool started = g->state == GP__NEW || g->start.slot >= 0;

	gp__timer_del(h, &g->start);
	gp__list_del(&g->turn.link);
	g->state = GP__DEAD;
	if (g->kill_error == -ECANCELED)
		g->value = GP_EXITED;
	else
		g->error = g->kill_error;
	if (started && h->hooks->returned)
		h->hooks->returned(h, g);
	gp__greenlet_end(h, g);
	if (started)
		gp__greenlet_bury(h, g);
}

/* 0, or why it cannot be. */
static int may_kill(const struct gp_hub *h, const struct gp_greenlet *g, int error)
{
	if (!g || !h || g->hub != h || error >= 0)
		return -EINVAL;
	return g == h->main ? -EPERM : 0;
}

/* Asks for it, which cannot fail: whether its turn will come. */
static bool ask(struct gp_greenlet *g, int error)
{
	struct gp_hub *h = g->hub;

	if (g->state == GP__DEAD)
		return false;
	g->killed = true;
	g->kill_error = error;
	if (g->state == GP__NEW || g->state == GP__UNBORN) {
		die_unborn(h, g);
		return false;
	}
	if (g == h->current) {
		g->kill_due = g->cancel = true;
		return false;
	}
	if (g->kill_stage != 1) {
		gp_ref(g);
		if (g->kill_stage == 2) { /* killed again while its killers are woken: behind them */
			gp__list_del(&g->kill_turn.link);
			gp_unref(g);
		}
		g->kill_stage = 1;
		g->kill_turn.run = kill_turn;
		gp__hub_call(h, &g->kill_turn);
	}
	return true;
}

GP_API int gp_kill_soon(struct gp_greenlet *g, int error)
{
	int r = may_kill(gp__hub(), g, error);

	if (!r)
		ask(g, error);
	return r;
}

GP_API int gp_kill_error(struct gp_greenlet *g, int error, int64_t deadline)
{
	struct gp_hub *h = gp__hub();
	struct gp_waiter w = { .place = 0 };
	int r = may_kill(h, g, error);

	if (!r)
		r = gp__deadline_room(h, deadline);
	if (r || !ask(g, error))
		return r;
	do {
		r = gp__wait_in(h, &g->killers, &w, "kill", g->id, deadline);
	} while (!r && !w.notified && g->kill_stage);
	return r ? r : gp_join(g, deadline);
}

GP_API int gp_kill(struct gp_greenlet *g, int64_t deadline)
{
	return gp_kill_error(g, -ECANCELED, deadline);
}

GP_API int gp_kill_all(struct gp_greenlet *const *gs, size_t n, int error, int64_t deadline)
{
	struct gp_hub *h = gp__hub();
	int r = (n && !gs) || error >= 0 ? -EINVAL : 0;

	for (size_t i = 0; i < n && !r; i++)
		if (gs[i])
			r = may_kill(h, gs[i], error);
	if (!r && h)
		r = gp__deadline_room(h, deadline);
	if (r)
		return r;
	for (size_t i = 0; i < n; i++)
		if (gs[i])
			ask(gs[i], error);
	for (size_t i = 0; i < n && !r; i++)
		if (gs[i] && gs[i] != h->current)
			r = gp_join(gs[i], deadline);
	return r;
}

GP_API bool gp_killed(const struct gp_greenlet *g)
{
	return g && g->killed;
}
