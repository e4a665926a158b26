/* greenlet.c - the life of a greenlet: made, started, joined, its value or
 * error, its end.
 *
 * A record has one reference for the caller's handle and one for its run, from
 * start to end. A greenlet that has ended still stands on its stack; whoever
 * runs next frees it (gp__greenlet_reap).
 *
 * The end of a greenlet sets value and error at once, and asks for a turn in
 * which its links are told in the order of their registration (gevent's rule):
 * a joiner is one of them, a group's bookkeeping another.
 */
#include <string.h>
#include "core/alloc.h"
#include "core/run/hub.h"
#include "core/run/report.h"
#include "greenpatch/greenlet.h"

#define STACK_DEFAULT (64 * 1024UL)
#define STACK_LEAST   (8 * 1024UL)

struct gp_defer {
	struct gp_defer *next; /* set up before it */
	void (*fn)(void *arg);
	void *arg;
};

void gp__greenlet_entry(void);
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

void gp__greenlet_link(struct gp_greenlet *g, struct gp_waiter *w)
{
	gp__list_append(&g->links, &w->link);
	if (g->state == GP__DEAD)
		tell_links(g->hub, g);
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
	gp__timeouts_end(h, g);
	if (gp__unlikely(g->locals != NULL))
		gp__locals_drop(g);
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

static void run_defers(struct gp_greenlet *g)
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
	else
		g->error = gp__timeout_unhandled(g);
}

/* What is left to do on its own stack. */
static void run_out(struct gp_hub *h, struct gp_greenlet *g, void *value)
{
	settle(g, value);
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

/* ---- making one ------------------------------------------------------------------ */

static char *copied(const char *text)
{
	size_t n = strlen(text) + 1;
	char *copy = gp__alloc(n);

	if (copy)
		memcpy(copy, text, n);
	return copy;
}

static void set_name(struct gp_greenlet *g, const char *name)
{
	size_t n = strlen(name);

	n = gp__min(n, sizeof g->label - 1);
	memcpy(g->label, name, n);
	g->label[n] = 0;
	g->name = n ? g->label : NULL;
}

/* Records are kept, because to make one anew costs as much as all the rest of
 * a spawn. Not where a tool looks for the use of one that was freed. */
#ifdef __SANITIZE_ADDRESS__
#define RECORDS_MAX 1U
#else
#define RECORDS_MAX 256U
#endif

/* Zeroed. */
static struct gp_greenlet *take_record(struct gp_hub *h)
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

GP_API struct gp_greenlet *gp_new(const struct gp_attr *attr, void *(*fn)(void *arg), void *arg)
{
	struct gp_hub *h = gp__hub_need();
	size_t size = attr && attr->stack_size ? attr->stack_size : STACK_DEFAULT;
	struct gp_greenlet *g;

	if (!h || !fn || size < STACK_LEAST)
		return NULL;
	g = take_record(h);
	if (!g)
		return NULL;
	gp__greenlet_init(h, g);
	g->state = GP__UNBORN;
	if (attr && attr->own_tls && h->hooks->carry) {
		g->flags |= GP__CARRIED;
		g->carried_stack = size;
	} else if (gp__stack_make(h, &g->stack, size)) {
		free_record(g);
		return NULL;
	}
	if (attr && attr->name)
		set_name(g, attr->name);
	g->run = fn;
	g->arg = arg;
	if (!(g->flags & GP__CARRIED))
		g->sp = gp__context_prepare((char *)g->stack.base + g->stack.size - 128, gp__greenlet_entry);
	return g;
}

static int may_start(struct gp_greenlet *g)
{
	struct gp_hub *h = gp__hub();

	return g && h && g->hub == h && g->state == GP__UNBORN && g->start.slot < 0 ? 0 : -EINVAL;
}

GP_API int gp_start(struct gp_greenlet *g)
{
	int r = may_start(g);

	if (r)
		return r;
	gp_ref(g);
	if (g->flags & GP__CARRIED) {
		r = g->hub->hooks->carry(g->hub, g, g->carried_stack);
		if (r)
			g->refs--;
		return r;
	}
	if (g->hub->hooks->spawned)
		g->hub->hooks->spawned(g->hub, g);
	gp__greenlet_start(g->hub, g);
	return 0;
}

GP_API int gp_start_later(struct gp_greenlet *g, int64_t ns)
{
	int r = may_start(g);

	if (!r && g->flags & GP__CARRIED)
		r = -ENOTSUP;
	if (!r)
		r = gp__timer_add(g->hub, &g->start, gp__deadline_after(ns));
	if (r)
		return r;
	gp_ref(g);
	if (g->hub->hooks->spawned)
		g->hub->hooks->spawned(g->hub, g);
	return 0;
}

GP_API struct gp_greenlet *gp_spawn_with(const struct gp_attr *attr, void *(*fn)(void *arg), void *arg)
{
	struct gp_greenlet *g = gp_new(attr, fn, arg);

	if (g && gp_start(g)) {
		gp_unref(g);
		return NULL;
	}
	return g;
}

GP_API struct gp_greenlet *gp_spawn(void *(*fn)(void *arg), void *arg)
{
	return gp_spawn_with(NULL, fn, arg);
}

GP_API struct gp_greenlet *gp_spawn_later(int64_t ns, void *(*fn)(void *arg), void *arg)
{
	struct gp_greenlet *g = gp_new(NULL, fn, arg);

	if (g && gp_start_later(g, ns)) {
		gp_unref(g);
		return NULL;
	}
	return g;
}

GP_API int gp_go(void *(*fn)(void *arg), void *arg)
{
	struct gp_greenlet *g = fn ? gp_spawn(fn, arg) : NULL;

	if (!g)
		return fn ? -ENOMEM : -EINVAL;
	gp_unref(g);
	return 0;
}

static void *run_task(void *arg)
{
	struct gp_task *t = arg;

	return t->run(t);
}

GP_API int gp_task_init(struct gp_task *t, void *(*run)(struct gp_task *self), const struct gp_attr *attr)
{
	if (!t || !run || (attr && attr->stack_size && attr->stack_size < STACK_LEAST))
		return -EINVAL;
	t->run = run;
	t->greenlet = gp_new(attr, run_task, t);
	return t->greenlet ? 0 : -ENOMEM;
}

GP_API int gp_task_start(struct gp_task *t) { return t ? gp_start(t->greenlet) : -EINVAL; }

GP_API void gp_task_destroy(struct gp_task *t)
{
	if (!t)
		return;
	gp_unref(t->greenlet);
	t->greenlet = NULL;
}

/* ---- waiting for its end ------------------------------------------------------------ */

GP_API int gp_join(struct gp_greenlet *g, int64_t deadline)
{
	struct gp_hub *h = gp__hub();
	struct gp_waiter w;

	if (!g || !h || g->hub != h)
		return -EINVAL;
	if (g == h->current)
		return -EDEADLK;
	if (g->state == GP__DEAD)
		return 0;
	if (gp__passed(deadline))
		return -ETIMEDOUT;
	while (g->state != GP__DEAD) {
		int r = gp__wait_in(h, &g->links, &w, "join", g->id, deadline);

		if (r)
			return r;
	}
	return 0;
}

GP_API int gp_get(struct gp_greenlet *g, void **value, int64_t deadline)
{
	int r = gp_join(g, deadline);

	if (r)
		return r;
	if (g->error)
		return g->error;
	if (value)
		*value = g->value;
	return 0;
}

/* One ends, another one is waited for: the order of their ends does not matter
 * to whoever waits for all. */
GP_API int gp_join_all(struct gp_greenlet *const *gs, size_t n, int64_t deadline)
{
	int ended = 0, r = n && !gs ? -EINVAL : 0;

	for (size_t i = 0; i < n && r >= 0; i++)
		r = gs[i] ? gp_join(gs[i], deadline) : 0;
	if (r && r != -ETIMEDOUT)
		return r;
	for (size_t i = 0; i < n; i++)
		ended += gp_ready(gs[i]);
	return ended;
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
	g->message = message ? copied(message) : NULL;
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

/* ---- giving way ------------------------------------------------------------------------- */

GP_API int gp_sleep(int64_t ns)
{
	struct gp_hub *h = gp__hub_need();
	const struct gp__timeout *before;
	int64_t deadline;
	int r;

	if (!h)
		return -ENOMEM;
	if (ns <= 0)
		return gp__yield_cancelable(h);
	before = h->current->hit;
	deadline = gp__deadline_after(ns);
	while ((r = gp__park(h, "sleep", 0, deadline, GP__EXTERNAL | GP__INTERRUPTIBLE | GP__CANCELABLE)) == -EINTR)
		gp__take_signals(h);
	/* Its own deadline, or a timeout that says the same. */
	return r == -ETIMEDOUT && h->current->hit == before ? 0 : r;
}

GP_API int gp_yield(void)
{
	struct gp_hub *h = gp__hub();

	return h ? gp__yield_cancelable(h) : 0;
}

/* ---- asking -------------------------------------------------------------------------------- */

GP_API struct gp_greenlet *gp_self(void)
{
	struct gp_hub *h = gp__hub_need();

	return h ? h->current : NULL;
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

GP_API unsigned long gp_id(const struct gp_greenlet *g) { return g ? g->id : 0; }
GP_API unsigned long gp_parent(const struct gp_greenlet *g) { return g ? g->parent : 0; }
GP_API const char *gp_name(const struct gp_greenlet *g) { return g && g->name ? g->name : ""; }

GP_API void gp_set_name(struct gp_greenlet *g, const char *name)
{
	if (g)
		set_name(g, name ? name : "");
}

GP_API bool gp_started(const struct gp_greenlet *g)
{
	return g && g->state != GP__DEAD && (g->state != GP__UNBORN || g->start.slot >= 0);
}

GP_API bool gp_ready(const struct gp_greenlet *g) { return g && g->state == GP__DEAD; }
GP_API bool gp_successful(const struct gp_greenlet *g) { return gp_ready(g) && !g->error; }
GP_API void *gp_value(const struct gp_greenlet *g) { return gp_successful(g) ? g->value : NULL; }
GP_API int gp_error(const struct gp_greenlet *g) { return g ? g->error : 0; }
GP_API const char *gp_message(const struct gp_greenlet *g) { return g && g->message ? g->message : ""; }
GP_API int64_t gp_now(void) { return gp__now(); }
GP_API int64_t gp_after(int64_t ns) { return gp__deadline_after(ns); }
