/* spawn.c - making greenlets, and starting them: at once, later, or as part of a
 * struct of the caller's.
 */
#include <string.h>
#include "core/run/hub.h"
#include "greenpatch/greenlet.h"

#define STACK_DEFAULT (64 * 1024UL)
#define STACK_LEAST   (8 * 1024UL)

void gp__greenlet_entry(void);

static GP_NOINLINE void set_name(struct gp_greenlet *g, const char *name)
{
	size_t n = strlen(name);

	n = gp__min(n, sizeof g->label - 1);
	memcpy(g->label, name, n);
	g->label[n] = 0;
	g->name = n ? g->label : NULL;
}

GP_API const char *gp_name(const struct gp_greenlet *g) { return g && g->name ? g->name : ""; }

GP_API void gp_set_name(struct gp_greenlet *g, const char *name)
{
	if (g)
		set_name(g, name ? name : "");
}

GP_API struct gp_greenlet *gp_new(const struct gp_attr *attr, void *(*fn)(void *arg), void *arg)
{
	struct gp_hub *h = gp__hub_need();
	size_t size = attr && attr->stack_size ? attr->stack_size : STACK_DEFAULT;
	struct gp_greenlet *g;

	if (!h || !fn || size < STACK_LEAST)
		return NULL;
	g = gp__greenlet_record(h);
	if (!g)
		return NULL;
	gp__greenlet_init(h, g);
	g->state = GP__UNBORN;
	if (attr && attr->own_tls && h->hooks->carry) {
		g->flags |= GP__CARRIED;
		g->carried_stack = size;
	} else if (gp__stack_make(h, &g->stack, size)) {
		gp_unref(g);
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

static int start(struct gp_greenlet *g)
{
	int r;

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

GP_API int gp_start(struct gp_greenlet *g)
{
	int r = may_start(g);

	return r ? r : start(g);
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

	if (g && start(g)) {
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
