/* map.c - calls in the greenlets of a group (greenpatch/map.h): one, one that
 * nobody waits for, one for each of many arguments.
 *
 * What a call works on belongs to its caller and may be gone when the caller
 * gives up. So the record of a call lies in memory of its own, with a reference
 * for the caller and one for the greenlet that does the work, and says when
 * nobody waits any more. That greenlet's reference is given back by a link of
 * it: it may be killed before it has run.
 */
#include <string.h>
#include "core/alloc.h"
#include "core/group.h"
#include "greenpatch/greenlet.h"
#include "greenpatch/group.h"
#include "greenpatch/map.h"
#include "greenpatch/pool.h"

/* ---- one ------------------------------------------------------------------------ */

GP_API int gp_group_apply(struct gp_group *group, void *(*fn)(void *arg), void *arg, void **value, int64_t deadline)
{
	struct gp_hub *h = gp__group_hub(group);
	struct gp_greenlet *g;
	void *came;
	int r;

	if (!h || !fn)
		return -EINVAL;
	if (gp__group_member(group, h->current)) {
		came = fn(arg);
		if (value)
			*value = came;
		return 0;
	}
	r = gp_group_spawn(group, fn, arg, &g, deadline);
	if (r)
		return r;
	r = gp_get(g, value, deadline);
	gp_unref(g);
	return r;
}

/* ---- one that nobody waits for ------------------------------------------------------ */

struct async {
	struct gp_waiter done;  /* in the links of whoever runs last */
	struct gp_group *group; /* referenced; NULL: the call has its own greenlet in the group */
	void *(*fn)(void *arg);
	void *arg;
	void (*callback)(void *value, void *arg); /* NULL: none */
	void *callback_arg;
	struct gp_greenlet *calls; /* runs the callback; made before it is wanted */
	void *value;
};

static void async_free(struct async *a)
{
	if (a->group)
		gp__group_unref(a->group);
	gp_unref(a->calls);
	gp__free(a);
}

static void told_done(struct gp_hub *h, struct gp_waiter *w)
{
	async_free(gp__container_of(w, struct async, done));
}

/* A link of the call: it runs in a greenlet of its own. */
static void call_back(struct gp_greenlet *g, void *arg)
{
	struct async a = *(struct async *)arg;

	async_free(arg);
	if (gp_successful(g))
		a.callback(gp_value(g), a.callback_arg);
}

/* There is a place: the call begins as one of the group. */
static int async_now(struct gp_group *group, struct async *a, struct gp_greenlet **out)
{
	struct gp_greenlet *g = gp_new(NULL, a->fn, a->arg);
	int r = g ? gp__group_add_now(group, g) : -ENOMEM;

	if (r)
		goto fail_greenlet;
	r = a->callback ? gp_link(g, call_back, a) : 0;
	if (r)
		goto fail_member;
	if (!a->callback)
		async_free(a);
	gp_start(g);
	*out = g;
	return 0;
fail_member:
	gp_group_discard(group, g);
fail_greenlet:
	gp_unref(g);
	return r;
}

static void *run_callback(void *arg)
{
	struct async *a = arg;

	a->callback(a->value, a->callback_arg);
	return NULL;
}

/* In a greenlet that is no member, and waits for a place and for the call. */
static void *run_async(void *arg)
{
	struct async *a = arg;
	int r = gp_group_apply(a->group, a->fn, a->arg, &a->value, GP_NEVER);
	void *value = a->value;

	if (r && gp_killed(gp_self()))
		return NULL; /* as any greenlet that was killed */
	if (r)
		gp_fail(r, NULL);
	if (a->calls) { /* is the last to run now */
		gp__list_del(&a->done.link);
		gp__greenlet_link(a->calls, &a->done);
		gp_start(a->calls);
	}
	return value;
}

static int async_later(struct gp_group *group, struct async *a, struct gp_greenlet **out)
{
	struct gp_greenlet *g = gp_new(NULL, run_async, a);

	if (!g)
		return -ENOMEM;
	if (a->callback) {
		a->calls = gp_new(NULL, run_callback, a);
		if (!a->calls) {
			gp_unref(g);
			return -ENOMEM;
		}
	}
	a->group = group;
	gp__group_ref(group);
	a->done.call = told_done;
	gp__greenlet_link(g, &a->done);
	gp_start(g);
	*out = g;
	return 0;
}

GP_API int gp_group_apply_async(struct gp_group *group, void *(*fn)(void *arg), void *arg,
                                void (*callback)(void *value, void *arg), void *callback_arg, struct gp_greenlet **out)
{
	struct gp_greenlet *g = NULL;
	struct async *a;
	int r;

	if (!gp__group_hub(group) || !fn)
		return -EINVAL;
	a = gp__alloc(sizeof *a);
	if (!a)
		return -ENOMEM;
	a->fn = fn;
	a->arg = arg;
	a->callback = callback;
	a->callback_arg = callback_arg;
	r = gp_pool_full(group) ? async_later(group, a, &g) : async_now(group, a, &g);
	if (r) {
		async_free(a);
		return r;
	}
	if (out)
		*out = g;
	else
		gp_unref(g);
	return 0;
}

/* ---- many ---------------------------------------------------------------------------- */

struct map {
	struct gp_waiter done; /* in the links of the greenlet that works */
	struct gp_group *group; /* referenced */
	void *(*fn)(void *arg);
	void *const *args; /* the caller's: not to be touched when nobody waits */
	size_t n, made;
	uint32_t refs;
	int error;
	bool left; /* the caller has gone */
	struct gp_greenlet *calls[];
};

static void map_unref(struct map *m)
{
	if (--m->refs)
		return;
	for (size_t i = 0; i < m->made; i++)
		gp_unref(m->calls[i]);
	gp__group_unref(m->group);
	gp__free(m);
}

static void told_mapped(struct gp_hub *h, struct gp_waiter *w)
{
	map_unref(gp__container_of(w, struct map, done));
}

/* As gevent's: spawns all, then takes the results in order. */
static void *run_map(void *arg)
{
	struct map *m = arg;
	int r = 0;

	while (!r && !m->left && m->made < m->n) {
		r = gp__group_spawn(m->group, m->fn, m->args[m->made], &m->calls[m->made], GP_NEVER, &m->left);
		m->made += !r;
	}
	for (size_t i = 0; !r && !m->left && i < m->n; i++)
		r = gp_get(m->calls[i], NULL, GP_NEVER);
	m->error = r;
	return m; /* a value: that it was told to end is no news */
}

GP_API int gp_group_map(struct gp_group *group, void *(*fn)(void *arg), void *const *args, size_t n, void **values,
                        int64_t deadline)
{
	struct gp_greenlet *g;
	struct map *m;
	int r;

	if (!gp__group_hub(group) || !fn || (n && !args))
		return -EINVAL;
	if (deadline <= gp__now())
		return -ETIMEDOUT;
	if (n > (SIZE_MAX / 2 - sizeof *m) / sizeof m->calls[0])
		return -ENOMEM;
	m = gp__alloc(sizeof *m + n * sizeof m->calls[0]);
	g = m ? gp_new(&(struct gp_attr){ .name = "map" }, run_map, m) : NULL;
	if (!g) {
		gp__free(m);
		return -ENOMEM;
	}
	m->group = group;
	gp__group_ref(group);
	m->fn = fn;
	m->args = args;
	m->n = n;
	m->refs = 2;
	m->error = -ECANCELED;
	m->done.call = told_mapped;
	gp__greenlet_link(g, &m->done);
	gp_start(g);
	r = gp_join(g, deadline);
	m->left = true;
	if (r)
		gp_kill_soon(g, -ECANCELED);
	else
		r = m->error;
	for (size_t i = 0; !r && values && i < n; i++)
		values[i] = gp_value(m->calls[i]);
	map_unref(m);
	gp_unref(g);
	return r;
}
