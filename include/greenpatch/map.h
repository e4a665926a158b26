/* greenpatch/map.h - calls of a function in the greenlets of a group or a pool.
 *
 *	gp_group_map(pool, fetch, urls, n, pages, GP_NEVER);     all results at once
 *
 *	struct gp_imap it;                                       one by one
 *
 *	gp_imap_begin(&it, pool, fetch, urls, n, 0);
 *	while (gp_imap_next(&it, GP_NEVER))
 *		if (it.error)
 *			report(it.index, it.error);
 *		else
 *			use(it.index, it.value);
 *	gp_imap_end(&it);
 *
 * The error of a call (gp_fail(), an error that it ended with otherwise) reaches
 * whoever takes its result; it is said on stderr, too, as for any greenlet. A
 * call that was killed has the value GP_EXITED.
 *
 * Whoever gives up waiting (a deadline, a kill, gp_imap_end()) leaves the calls
 * that have begun to themselves: they go on to their end as members of the
 * group, and what their arguments point to must live that long. No more begin,
 * and the arrays are not touched any more.
 *
 * A group that is freed meanwhile: -ESHUTDOWN. Errors besides: group.h.
 */
#ifndef GREENPATCH_MAP_H
#define GREENPATCH_MAP_H

#include "greenpatch/group.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Calls fn(arg) in a new member of the group and waits for its end: 0, and its
 * value in *value (unless NULL), or the error that it ended with. A caller that
 * is a member itself calls fn right here. Parks; -ETIMEDOUT at the deadline, which
 * counts for the place and for the call. */
int gp_group_apply(struct gp_group *group, void *(*fn)(void *arg), void *arg, void **value, int64_t deadline);

/* The same without waiting: never parks. When the call has ended with a value,
 * callback(value, callback_arg) is called in a greenlet of its own (NULL:
 * nothing is). The handle in *g (unless NULL) is the caller's and ends with the
 * call's value or error. Where a pool is full the handle is that of a greenlet
 * that waits for a place, and is no member. 0, -EINVAL, -ENOMEM: fn will not be
 * called. */
int gp_group_apply_async(struct gp_group *group, void *(*fn)(void *arg), void *arg,
                         void (*callback)(void *value, void *callback_arg), void *callback_arg,
                         struct gp_greenlet **g);

/* fn(args[i]) for all n, as many at a time as the group has places: 0, and the
 * values in the order of their arguments in values[] (unless NULL); or the error
 * of the first call in that order which has one, and values[] stays as it was.
 * Runs in a greenlet of its own. Parks; -ETIMEDOUT at the deadline. O(n), and
 * memory for n. */
int gp_group_map(struct gp_group *group, void *(*fn)(void *arg), void *const *args, size_t n, void **values,
                 int64_t deadline);

/* An iteration over results. What next() says of one is good until the next
 * next(), or end(). */
struct gp_imap {
	void *value;                  /* of the call; NULL if it has an error */
	int error;                    /* of the call; where next() gave false: why */
	size_t index;                 /* of its argument, from 0 */
	struct gp_greenlet *greenlet; /* that ran it; borrowed. For gp_message() */
	void *opaque;
};

/* Begins calls of fn(args[i]) for all n: 0, -EINVAL, -ENOMEM. The results come
 * in the order of the arguments, or as the calls end. The calls are spawned by a
 * greenlet of its own, which waits for places. room: how many results may wait
 * to be taken; while there are so many no call begins; 0: no limit. args[] must
 * live until end. Does not park. */
int gp_imap_begin(struct gp_imap *it, struct gp_group *group, void *(*fn)(void *arg), void *const *args, size_t n,
                  size_t room);
int gp_imap_unordered_begin(struct gp_imap *it, struct gp_group *group, void *(*fn)(void *arg), void *const *args,
                            size_t n, size_t room);

/* The same with arguments that are made one by one: source(state, &arg) gives
 * true and the next one, or false after the last. It is called in the spawning
 * greenlet when a call can be begun but for its place and room, and may park;
 * gp_imap_end() kills it then, and state must live until it has returned. */
int gp_imap_from(struct gp_imap *it, struct gp_group *group, void *(*fn)(void *arg),
                 bool (*source)(void *state, void **arg), void *state, size_t room);
int gp_imap_unordered_from(struct gp_imap *it, struct gp_group *group, void *(*fn)(void *arg),
                           bool (*source)(void *state, void **arg), void *state, size_t room);

/* Waits for the next result: true, and it is in *it, be it an error of the call.
 * False: it.error is 0 when all were given; -ETIMEDOUT at the deadline, or what
 * a kill or a timeout brings, and one may ask again; or, when all that had begun
 * were given, the error for which no more could be begun (-ENOMEM, -ESHUTDOWN).
 * Parks, unless there is one. */
bool gp_imap_next(struct gp_imap *it, int64_t deadline);

/* Ends the iteration, after the last result or before. Needed after each begin
 * that gave 0. Does not park. */
void gp_imap_end(struct gp_imap *it);

#ifdef __cplusplus
}
#endif
#endif
