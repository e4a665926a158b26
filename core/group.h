/* group.h - what a group is made of, for the files that work on it: group.c
 * (members), pool.c (places), map.c and imap.c (calls).
 */
#ifndef GP_CORE_GROUP_H
#define GP_CORE_GROUP_H

#include "core/run/hub.h"

struct gp_event;
struct gp_semaphore;

/* A group, or a pool, which is a group whose members need a place each. */
struct gp_group {
	struct gp_hub *hub;          /* where it was made */
	struct gp_list members;      /* struct gp_member, in the order in which they came */
	size_t count;                /* of members */
	struct gp_event *empty;      /* set while there are none */
	struct gp_semaphore *places; /* that are free; NULL: no limit */
	unsigned limit;              /* of a pool */
	uint32_t refs;               /* the owner's, and one for each call that is under way */
	bool closed;                 /* the owner has given it up */
};

/* One greenlet in one group. It leaves by a link of the greenlet: it may have
 * ended and be counted still. */
struct gp_member {
	struct gp_list link;     /* in group->members */
	struct gp_waiter ended;  /* in the links of g */
	struct gp_greenlet *g;   /* referenced */
	struct gp_group *group;
	struct gp_member *next;  /* of g, in another group */
	bool dying;              /* was killed by the group, and is not killed again */
};

/* group.c */
/* The caller may use the group: its hub, or NULL. */
static inline struct gp_hub *gp__group_hub(const struct gp_group *group)
{
	struct gp_hub *h = gp__hub();

	return group && h && group->hub == h && h->current ? h : NULL;
}
struct gp_group *gp__group_make(void);
static inline void gp__group_ref(struct gp_group *group) { group->refs++; }
void gp__group_unref(struct gp_group *group);
struct gp_member *gp__group_member(const struct gp_group *group, const struct gp_greenlet *g);
/* Makes g, which is not started, a member and starts it; `wait`: for a place,
 * until the deadline, else -EAGAIN. If *left (unless NULL) has become true
 * meanwhile, nobody wants it any more: -ECANCELED. */
int gp__group_start(struct gp_group *group, struct gp_greenlet *g, bool wait, int64_t deadline, const bool *left);
/* The same with a new one; *out is the caller's, or NULL where there is none. */
int gp__group_spawn(struct gp_group *group, void *(*fn)(void *arg), void *arg, struct gp_greenlet **out,
                    int64_t deadline, const bool *left);
/* Makes g, which is not started, a member without waiting. */
int gp__group_add_now(struct gp_group *group, struct gp_greenlet *g);

#endif
