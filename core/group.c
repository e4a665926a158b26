/* group.c - greenlets that are waited for and killed together (greenpatch/group.h).
 *
 * A member leaves by a link of its greenlet, gevent's rule: the greenlet has
 * ended before the group knows. The link sets the event of the empty group
 * first, then gives the place back, each of which may ask for a turn.
 *
 * A call that parks keeps the record, not the group: after each park it looks
 * whether the owner has given it up. Called from greenlets of the group's hub;
 * told_ended() by notifiers.
 */
#include "core/alloc.h"
#include "core/group.h"
#include "greenpatch/event.h"
#include "greenpatch/greenlet.h"
#include "greenpatch/group.h"
#include "greenpatch/semaphore.h"

struct gp_group *gp__group_make(void)
{
	struct gp_hub *h = gp__hub_need();
	struct gp_group *group = h ? gp__alloc(sizeof *group) : NULL;

	if (!group)
		return NULL;
	group->hub = h;
	gp__list_init(&group->members);
	group->refs = 1;
	group->empty = gp_event_new();
	if (!group->empty) {
		gp__free(group);
		return NULL;
	}
	gp_event_set(group->empty);
	return group;
}

void gp__group_unref(struct gp_group *group)
{
	if (!--group->refs)
		gp__free(group);
}

GP_API struct gp_group *gp_group_new(void)
{
	return gp__group_make();
}

/* ---- members ---------------------------------------------------------------------- */

struct gp_member *gp__group_member(const struct gp_group *group, const struct gp_greenlet *g)
{
	struct gp_member *m = g ? g->groups : NULL;

	while (m && m->group != group)
		m = m->next;
	return m;
}

/* Out of every list; the place is not given back. */
static void forget(struct gp_member *m)
{
	struct gp_member **at = &m->g->groups;

	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
	gp__list_del(&m->link);
	gp__list_del(&m->ended.link);
	m->group->count--;
	gp_unref(m->g);
	gp__free(m);
}

static void leave(struct gp_member *m)
{
	struct gp_group *group = m->group;

	forget(m);
	if (!group->count)
		gp_event_set(group->empty);
	if (group->places)
		gp_semaphore_release(group->places);
}

static void told_ended(struct gp_hub *h, struct gp_waiter *w)
{
	leave(gp__container_of(w, struct gp_member, ended));
}

/* m, whose memory the caller has got before it waited for a place, comes in. */
static void enter(struct gp_group *group, struct gp_member *m, struct gp_greenlet *g)
{
	*m = (struct gp_member){ .g = g, .group = group, .next = g->groups, .ended.call = told_ended };
	gp_ref(g);
	g->groups = m;
	gp__list_append(&group->members, &m->link);
	gp__greenlet_link(g, &m->ended);
	group->count++;
	gp_event_clear(group->empty);
}

static int take_place(struct gp_group *group, bool wait, int64_t deadline)
{
	if (group->closed)
		return -ESHUTDOWN;
	if (!group->places)
		return 0;
	return wait ? gp_semaphore_acquire(group->places, deadline) : gp_semaphore_try_acquire(group->places);
}

/* 0, an error, or 1: somebody else has added it meanwhile. The group and g are
 * kept by the caller. */
static int add(struct gp_group *group, struct gp_greenlet *g, bool wait, int64_t deadline)
{
	struct gp_member *m = gp__alloc(sizeof *m);
	int r;

	if (!m)
		return -ENOMEM;
	r = take_place(group, wait, deadline);
	if (r)
		goto fail_memory;
	if (gp__group_member(group, g)) {
		if (group->places)
			gp_semaphore_release(group->places);
		r = 1;
		goto fail_memory;
	}
	enter(group, m, g);
	return 0;
fail_memory:
	gp__free(m);
	return r;
}

int gp__group_start(struct gp_group *group, struct gp_greenlet *g, bool wait, int64_t deadline, const bool *left)
{
	int r;

	gp__group_ref(group);
	gp_ref(g);
	r = add(group, g, wait, deadline);
	if (!r) {
		r = left && *left ? -ECANCELED : gp_start(g);
		if (r)
			leave(gp__group_member(group, g));
	}
	gp_unref(g);
	gp__group_unref(group);
	return r > 0 ? -EINVAL : r;
}

int gp__group_spawn(struct gp_group *group, void *(*fn)(void *arg), void *arg, struct gp_greenlet **out,
                    int64_t deadline, const bool *left)
{
	struct gp_greenlet *g = gp_new(NULL, fn, arg);
	int r = g ? gp__group_start(group, g, true, deadline, left) : -ENOMEM;

	if (!r && out)
		*out = g;
	else
		gp_unref(g);
	return r;
}

int gp__group_add_now(struct gp_group *group, struct gp_greenlet *g)
{
	return add(group, g, false, 0);
}

GP_API int gp_group_add(struct gp_group *group, struct gp_greenlet *g, int64_t deadline)
{
	struct gp_hub *h = gp__group_hub(group);
	int r;

	if (!h || !g || g->hub != h || g == h->main)
		return -EINVAL;
	if (gp__group_member(group, g))
		return 0;
	gp__group_ref(group);
	gp_ref(g);
	r = add(group, g, true, deadline);
	gp_unref(g);
	gp__group_unref(group);
	return r > 0 ? 0 : r;
}

GP_API int gp_group_start(struct gp_group *group, struct gp_greenlet *g, int64_t deadline)
{
	struct gp_hub *h = gp__group_hub(group);

	if (!h || !g || g->hub != h || gp__group_member(group, g) || g->state != GP__UNBORN || g->start.slot >= 0)
		return -EINVAL;
	return gp__group_start(group, g, true, deadline, NULL);
}

GP_API int gp_group_spawn(struct gp_group *group, void *(*fn)(void *arg), void *arg, struct gp_greenlet **g,
                          int64_t deadline)
{
	return gp__group_hub(group) && fn ? gp__group_spawn(group, fn, arg, g, deadline, NULL) : -EINVAL;
}

GP_API int gp_group_discard(struct gp_group *group, struct gp_greenlet *g)
{
	struct gp_member *m;

	if (!gp__group_hub(group) || !g)
		return -EINVAL;
	m = gp__group_member(group, g);
	if (!m)
		return -ENOENT;
	leave(m);
	return 0;
}

GP_API void gp_group_free(struct gp_group *group)
{
	if (!gp__group_hub(group) || group->closed)
		return;
	group->closed = true;
	while (!gp__list_empty(&group->members))
		forget(gp__list_first(&group->members, struct gp_member, link));
	gp_event_free(group->empty);
	gp_semaphore_free(group->places);
	gp__group_unref(group);
}

/* ---- all of them ----------------------------------------------------------------------- */

GP_API int gp_group_join(struct gp_group *group, int64_t deadline)
{
	return gp__group_hub(group) ? gp_event_wait(group->empty, deadline) : -EINVAL;
}

/* Waits until the link of m has been told; after this the group may be gone. */
static int await_leave(struct gp_hub *h, struct gp_member *m, int64_t deadline)
{
	struct gp_greenlet *g = m->g;
	struct gp_waiter w = { .place = 0 };
	int r = -ETIMEDOUT;

	if (deadline <= gp__now())
		return r;
	gp_ref(g);
	/* Behind the group's own link, which is there as long as m is. */
	r = gp__wait_in(h, &g->links, &w, "group", g->id, deadline);
	gp_unref(g);
	return r;
}

static struct gp_member *first_dying(const struct gp_group *group)
{
	gp__list_each(n, &group->members) {
		struct gp_member *m = gp__list_entry(n, struct gp_member, link);

		if (m->dying)
			return m;
	}
	return NULL;
}

static void ask_all(struct gp_group *group, int error)
{
	gp__list_each(n, &group->members) {
		struct gp_member *m = gp__list_entry(n, struct gp_member, link);

		if (m->dying)
			continue;
		m->dying = true;
		gp_kill_soon(m->g, error);
	}
}

GP_API int gp_group_kill_soon(struct gp_group *group, int error)
{
	if (!gp__group_hub(group) || error >= 0)
		return -EINVAL;
	ask_all(group, error);
	return 0;
}

GP_API int gp_group_kill(struct gp_group *group, int error, int64_t deadline)
{
	struct gp_hub *h = gp__group_hub(group);
	struct gp_member *m;
	int r;

	if (!h || error >= 0)
		return -EINVAL;
	r = gp__deadline_room(h, deadline);
	if (r)
		return r;
	gp__group_ref(group);
	while (!r && !gp__list_empty(&group->members)) {
		ask_all(group, error);
		while (!r && (m = first_dying(group)))
			r = await_leave(h, m, deadline);
	}
	if (group->closed && !r)
		r = -ESHUTDOWN;
	gp__group_unref(group);
	return r;
}

GP_API size_t gp_group_size(const struct gp_group *group)
{
	return gp__group_hub(group) ? group->count : 0;
}

GP_API bool gp_group_has(const struct gp_group *group, const struct gp_greenlet *g)
{
	return gp__group_hub(group) && gp__group_member(group, g);
}

GP_API struct gp_greenlet *gp_group_next(const struct gp_group *group, const struct gp_greenlet *g)
{
	const struct gp_member *m = gp__group_hub(group) && g ? gp__group_member(group, g) : NULL;
	const struct gp_list *at = m ? &m->link : NULL;

	if (!gp__group_hub(group) || (g && !m))
		return NULL;
	if (!at)
		at = &group->members;
	return at->next == &group->members ? NULL : gp__list_first(at, struct gp_member, link)->g;
}
