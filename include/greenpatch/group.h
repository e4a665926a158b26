/* greenpatch/group.h - greenlets that are waited for and killed together.
 *
 *	struct gp_group *group = gp_group_new();
 *
 *	gp_group_spawn(group, fetch, "one", NULL, GP_NEVER);
 *	gp_group_spawn(group, fetch, "two", NULL, GP_NEVER);
 *	gp_group_join(group, GP_NEVER);
 *	gp_group_free(group);
 *
 * The group holds a reference to each member. A member leaves when it has ended:
 * by a link, so that for the length of a turn a greenlet has ended (gp_ready())
 * and is counted still.
 *
 * A pool is a group with a number of places (pool.h): all that is here is for
 * pools, too; gp_group_add(), gp_group_start() and gp_group_spawn() wait for a
 * place there, and park for no other reason. greenpatch/map.h has calls over a
 * group.
 *
 * A group belongs to the kernel thread (the hub) that made it: a call from
 * another one is -EINVAL, as is NULL. -ESHUTDOWN: it was freed meanwhile. What
 * any call that parks may return besides says greenlet.h.
 */
#ifndef GREENPATCH_GROUP_H
#define GREENPATCH_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gp_group;
struct gp_greenlet;

/* A group without members. NULL: no memory. The caller owns it. */
struct gp_group *gp_group_new(void);

/* Frees it, or a pool. The members go on without it; who waits for a place or
 * for the members gets -ESHUTDOWN. NULL is allowed; from another kernel thread it
 * does nothing. Does not park. O(members). */
void gp_group_free(struct gp_group *group);

/* Spawns fn(arg) as a member: 0, and in *g, unless that is NULL, a handle that
 * the caller owns. -ENOMEM, -ESHUTDOWN, -EINVAL: nothing was spawned; of a pool
 * also -ETIMEDOUT, when it was full until the deadline. Parks only for a place of a
 * pool. */
int gp_group_spawn(struct gp_group *group, void *(*fn)(void *arg), void *arg, struct gp_greenlet **g,
                   int64_t deadline);

/* Starts g, which is not started, as a member: 0 or as gp_group_spawn();
 * -EINVAL also if it was started, or is a member. For greenlets with attributes
 * (gp_new()) or fields of their own (gp_task). */
int gp_group_start(struct gp_group *group, struct gp_greenlet *g, int64_t deadline);

/* Makes g a member, whatever it does: 0, also if it is one, or as
 * gp_group_spawn(); -EINVAL for the main greenlet, which never ends. One that
 * has ended leaves again soon. */
int gp_group_add(struct gp_group *group, struct gp_greenlet *g, int64_t deadline);

/* Gives g up without ending it: 0; -ENOENT: it is no member. Does not park. */
int gp_group_discard(struct gp_group *group, struct gp_greenlet *g);

/* Waits until there is no member, once: 0. When the caller goes on there may be
 * some again. -ETIMEDOUT at the deadline. Parks if there are members; a member
 * that calls it waits for itself. */
int gp_group_join(struct gp_group *group, int64_t deadline);

/* Kills all members, in the order in which they came, each once, and waits until
 * none is left: 0; -ETIMEDOUT at the deadline; -ENOMEM for one, and nobody is told.
 * Those that come meanwhile are killed when the others have left. error: what
 * their calls return, negative (-ECANCELED as gp_kill()). A member that calls it
 * is told by this very call, when all have been asked. Parks if there are members.
 * O(members). */
int gp_group_kill(struct gp_group *group, int error, int64_t deadline);
/* The same without waiting: 0, -EINVAL. Does not park. */
int gp_group_kill_soon(struct gp_group *group, int error);

/* How many members there are; 0 for NULL and elsewhere. */
size_t gp_group_size(const struct gp_group *group);
/* Whether g is one. */
bool gp_group_has(const struct gp_group *group, const struct gp_greenlet *g);

/* The member that came next after g, the first for NULL; borrowed. NULL: there
 * is none, or g is no member any more.
 *
 *	for (g = gp_group_next(group, NULL); g; g = gp_group_next(group, g))
 *		...                                  without parking */
struct gp_greenlet *gp_group_next(const struct gp_group *group, const struct gp_greenlet *g);

#ifdef __cplusplus
}
#endif
#endif
