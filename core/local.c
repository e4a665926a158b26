/* local.c - what each greenlet has for itself: slots (see greenpatch/local.h).
 *
 * A value hangs in two lists: in its greenlet's, latest first, which is walked
 * when somebody asks (a greenlet has few), and in its slot's, for the end of
 * the slot. Destructors are called on the stack of whoever sets, deletes, ends
 * or frees, when the value is in no list any more: they may do what they like.
 */
#include "core/alloc.h"
#include "core/run/hub.h"
#include "greenpatch/greenlet.h"
#include "greenpatch/local.h"

struct gp_local {
	struct gp_hub *hub;
	struct gp_list values; /* struct gp_local_value, in the order in which they were set first */
	void (*destroy)(void *value);
};

struct gp_local_value {
	struct gp_local_value *next; /* of the greenlet, set before it */
	struct gp_list link;         /* in local->values */
	struct gp_local *local;
	struct gp_greenlet *g;
	void *value;
};

/* Where the greenlet has the slot's value, or where its list ends. */
static struct gp_local_value **find(struct gp_greenlet *g, const struct gp_local *local)
{
	struct gp_local_value **at = &g->locals;

	while (*at && (*at)->local != local)
		at = &(*at)->next;
	return at;
}

/* The current greenlet, if the slot is of its hub. */
static struct gp_greenlet *caller(const struct gp_local *local)
{
	struct gp_hub *h = gp__hub();

	return local && h && local->hub == h ? h->current : NULL;
}

static void destroy(void (*fn)(void *value), void *value)
{
	if (fn)
		fn(value);
}

/* Takes it out and destroys what it holds. */
static void remove_at(struct gp_local_value **at)
{
	struct gp_local_value gone = **at;

	gp__list_del(&(*at)->link);
	gp__free(*at);
	*at = gone.next;
	destroy(gone.local->destroy, gone.value);
}

void gp__locals_end(struct gp_greenlet *g)
{
	while (g->locals)
		remove_at(&g->locals);
}

GP_API struct gp_local *gp_local_new(void (*fn)(void *value))
{
	struct gp_hub *h = gp__hub_need();
	struct gp_local *local = h ? gp__alloc(sizeof *local) : NULL;

	if (!local)
		return NULL;
	local->hub = h;
	local->destroy = fn;
	gp__list_init(&local->values);
	return local;
}

GP_API int gp_local_free(struct gp_local *local)
{
	if (!local)
		return 0;
	if (!caller(local))
		return -EINVAL;
	while (!gp__list_empty(&local->values)) {
		struct gp_local_value *v = gp__list_first(&local->values, struct gp_local_value, link);

		remove_at(find(v->g, local));
	}
	gp__free(local);
	return 0;
}

GP_API int gp_local_set(struct gp_local *local, void *value)
{
	struct gp_greenlet *g = caller(local);
	struct gp_local_value *v, **at;

	if (!g)
		return -EINVAL;
	at = find(g, local);
	if (*at) {
		void *old = (*at)->value;

		(*at)->value = value;
		if (old != value)
			destroy(local->destroy, old);
		return 0;
	}
	v = gp__alloc(sizeof *v);
	if (!v)
		return -ENOMEM;
	*v = (struct gp_local_value){ .next = g->locals, .local = local, .g = g, .value = value };
	gp__list_append(&local->values, &v->link);
	g->locals = v;
	return 0;
}

GP_API void *gp_local_get(const struct gp_local *local)
{
	struct gp_greenlet *g = caller(local);
	struct gp_local_value *v = g ? *find(g, local) : NULL;

	return v ? v->value : NULL;
}

GP_API bool gp_local_has(const struct gp_local *local)
{
	struct gp_greenlet *g = caller(local);

	return g && *find(g, local);
}

GP_API int gp_local_delete(struct gp_local *local)
{
	struct gp_greenlet *g = caller(local);
	struct gp_local_value **at = g ? find(g, local) : NULL;

	if (!g)
		return -EINVAL;
	if (!*at)
		return -ENOENT;
	remove_at(at);
	return 0;
}
