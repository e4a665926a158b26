/* greenlet.c - the life of a greenlet: its record, its run, its value or error,
 * its end. spawn.c makes and starts them, join.c waits for their ends.
 *
 * A record has one reference for the caller's handle and one for its run, from
 * start to end. A greenlet that has ended still stands on its stack; whoever
 * runs next frees it (gp__greenlet_reap).
 *
 * The end of a greenlet sets value and error at once, and asks for a turn in
 * which its links are told in the order of their registration (gevent's rule):
 * a joiner is one of them, a group's bookkeeping another.
 */
#include "core/alloc.h"
#include "core/run/hub.h"
#include "core/run/report.h"
#include "greenpatch/greenlet.h"

struct gp_defer {
	struct gp_defer *next; /* set up before it */
	void (*fn)(void *arg);
	void *arg;
};

void *gp__greenlet_body(void);

static struct gp_waiter *next_link(struct gp_hub *h, struct gp_notifier *n)
{
	struct gp_greenlet *g = gp__container_of(n, struct gp_greenlet, ended);
	struct gp_waiter *w = gp__waiter_take(&g->links);

	if (!w)
		gp_unref(g);
	return w;
}

static void tell_links(struct gp_hub *h, struct gp_greenlet *g)
{
	if (gp__list_empty(&g->links) || gp__notifier_pending(&g->ended))
		return;
	gp_ref(g); /* until the last one was told */
	gp__notify(h, &g->ended);
}

void gp__greenlet_join(struct gp_greenlet *g, struct gp_waiter *w)
{
	gp__waiter_join(g->hub, &g->links, w);
	if (g->state == GP__DEAD)
		tell_links(g->hub, g);
}

void gp__greenlet_link(struct gp_greenlet *g, struct gp_waiter *w)
{
	w->place = 0;
	gp__greenlet_join(g, w);
}

static void start_is_due(struct gp_hub *h, struct gp_timer *t)
{
	gp__greenlet_start(h, gp__container_of(t, struct gp_greenlet, start));
}

struct gp_greenlet *gp__greenlet_of_start(struct gp_timer *t)
{
	return t->fire == start_is_due ? gp__container_of(t, struct gp_greenlet, start) : NULL;
}

void gp__greenlet_init(struct gp_hub *h, struct gp_greenlet *g)
{
	gp__list_init(&g->turn.link);
	gp__list_init(&g->all);
	gp__list_init(&g->wait_link);
	gp__list_init(&g->links);
	gp__list_init(&g->killers);
	gp__list_init(&g->kill_turn.link);
	gp__list_init(&g->timeouts);
	gp__notifier_init(&g->ended, next_link);
	g->hub = h;
	g->deadline.slot = -1;
	g->start.slot = -1;
	g->start.fire = start_is_due;
	g->refs = 1;
	g->id = ++h->next_id;
	g->parent = h->current ? h->current->id : 0;
}

void gp__greenlet_start(struct gp_hub *h, struct gp_greenlet *g)
{
	g->state = GP__NEW;
	gp__list_append(&h->all, &g->all);
	gp__list_append(&h->runq, &g->turn.link);
	h->stats.greenlets++;
	h->stats.live++;
	h->stats.peak = gp__max(h->stats.peak, h->stats.live);
}

void gp__greenlet_end(struct gp_hub *h, struct gp_greenlet *g)
{
	if (!gp__list_empty(&g->all)) {
		gp__list_del(&g->all);
		h->stats.live--;
	}
	if (gp__unlikely(!gp__list_empty(&g->timeouts)))
		gp__timeouts_end(h, g);
	tell_links(h, g);
}

void gp__greenlet_reap(struct gp_hub *h)
{
	while (!gp__list_empty(&h->dead)) {
		struct gp_greenlet *g = gp__list_first(&h->dead, struct gp_greenlet, wait_link);

		gp__list_del(&g->wait_link);
		gp__stack_free(h, &g->stack);
		gp_unref(g);
	}
}

void gp__greenlet_bury(struct gp_hub *h, struct gp_greenlet *g)
{
	gp__list_append(&h->dead, &g->wait_link);
}

/* ---- the run ------------------------------------------------------------------- */

static GP_NOINLINE void run_defers(struct gp_greenlet *g)
{
	struct gp_defer *d;

	while ((d = g->defers)) {
		struct gp_defer this = *d;

		g->defers = d->next;
		gp__free(d);
		this.fn(this.arg);
	}
}

/* What was thrown and never handled ends it: a greenlet that was killed and
 * gave no value, or whose own timeout hit and was not stopped. */
static void settle(struct gp_greenlet *g, void *value)
{
	g->value = value;
	if (g->error || value)
		return;
	if (g->kill_told && g->kill_error == -ECANCELED)
		g->value = GP_EXITED;
	else if (g->kill_told)
		g->error = g->kill_error;
	else if (!gp__list_empty(&g->timeouts))
		g->error = gp__timeout_unhandled(g);
}

/* What is left to do on its own stack. */
static void run_out(struct gp_hub *h, struct gp_greenlet *g, void *value)
{
	settle(g, value);
	if (g->defers)
		run_defers(g);
	if (g->locals)
		gp__locals_end(g);
	if (g->error) {
		g->value = NULL;
		gp__report_error(h, g);
	}
}

static void finish(struct gp_hub *h, struct gp_greenlet *g, void *value)
{
	run_out(h, g, value);
	if (g->flags & GP__CARRIED) {
		h->hooks->uncarry();
		__builtin_unreachable();
	}
	if (h->hooks->returned)
		h->hooks->returned(h, g);
	gp__greenlet_end(h, g);
	gp__greenlet_bury(h, g);
}

/* From gp__greenlet_entry(), and returns to it with the context that follows:
 * all its calls have returned then, as the processor expects. */
void *gp__greenlet_body(void)
{
	struct gp_hub *h = gp__hub();
	struct gp_greenlet *g = h->current;
	void *value;

	gp__take_signals(h); /* sent to it before its first turn */
	value = g->run(g->arg);
	finish(h, g, value);
	return gp__leave_to(h);
}

void gp__greenlet_carry(void)
{
	struct gp_hub *h = gp__hub();
	struct gp_greenlet *g = h->current;

	run_out(h, g, g->run(g->arg));
}

/* ---- records ---------------------------------------------------------------- */

/* Records are kept, because to make one anew costs as much as all the rest of
 * a spawn. Not where a tool looks for the use of one that was freed. */
#ifdef __SANITIZE_ADDRESS__
#define RECORDS_MAX 1U
#else
#define RECORDS_MAX 256U
#endif

struct gp_greenlet *gp__greenlet_record(struct gp_hub *h)
{
	size_t size = gp__max(sizeof(struct gp_greenlet), h->hooks->record_size);
	struct gp_greenlet *g = h->records;

	if (!g)
		return gp__alloc(size);
	h->records = g->arg;
	h->records_kept--;
	memset(g, 0, size);
	return g;
}

static void free_record(struct gp_greenlet *g)
{
	struct gp_hub *h = g->hub;

	if (h->records_kept + 1 >= RECORDS_MAX) {
		gp__free(g);
		return;
	}
	g->arg = h->records;
	h->records = g;
	h->records_kept++;
}

GP_API void gp_ref(struct gp_greenlet *g)
{
	if (g)
		g->refs++;
}

GP_API void gp_unref(struct gp_greenlet *g)
{
	if (!g || --g->refs)
		return;
	if (!gp__list_empty(&g->links))
		gp__links_drop(g);
	if (g->stack.size) /* it never ran */
		gp__stack_free(g->hub, &g->stack);
	gp__free(g->message);
	free_record(g);
}

/* ---- ending from within ---------------------------------------------------------------- */

/* The greenlet of gp_spawn that calls; NULL: it is another kind. */
static struct gp_greenlet *self_made(struct gp_hub *h)
{
	return h && h->current && h->current->run && h->current->state == GP__RUNNING ? h->current : NULL;
}

GP_API int gp_exit(void *value)
{
	struct gp_hub *h = gp__hub();
	struct gp_greenlet *g = self_made(h);

	if (!g)
		return -EPERM;
	finish(h, g, value);
	gp__leave(h);
}

GP_API int gp_fail(int error, const char *message)
{
	struct gp_hub *h = gp__hub();
	struct gp_greenlet *g = self_made(h);

	if (!error)
		return -EINVAL;
	if (!g)
		return -EPERM;
	g->error = error;
	gp__free(g->message);
	g->message = message ? gp__copy_of(message) : NULL;
	finish(h, g, NULL);
	gp__leave(h);
}

GP_API int gp_defer(void (*fn)(void *arg), void *arg)
{
	struct gp_hub *h = gp__hub();
	struct gp_greenlet *g = self_made(h);
	struct gp_defer *d;

	if (!fn)
		return -EINVAL;
	if (!g)
		return -EPERM;
	d = gp__alloc(sizeof *d);
	if (!d)
		return -ENOMEM;
	*d = (struct gp_defer){ g->defers, fn, arg };
	g->defers = d;
	return 0;
}

GP_API bool gp_undefer(void (*fn)(void *arg), void *arg)
{
	struct gp_greenlet *g = self_made(gp__hub());

	for (struct gp_defer **at = g ? &g->defers : NULL; at && *at; at = &(*at)->next) {
		struct gp_defer *d = *at;

		if (d->fn != fn || d->arg != arg)
			continue;
		*at = d->next;
		gp__free(d);
		return true;
	}
	return false;
}
