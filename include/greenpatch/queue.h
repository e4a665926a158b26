/* greenpatch/queue.h - queues between greenlets.
 *
 * An item is a pointer, or a number in one; a queue never looks at it, copies
 * nothing and frees nothing. Any number of greenlets put and get.
 *
 *	struct gp_queue *jobs = gp_queue_new(0);
 *
 *	gp_queue_put(jobs, job, GP_NEVER);           in one greenlet
 *
 *	gp_queue_each(job, jobs)                     in others: until it is closed
 *		work_on(job);                        and empty
 *
 * Who waits is served in the order of arrival. A put into a queue with room and
 * a get from one with items do not park, whoever else waits; nothing is kept
 * for a getter that was woken, so one that runs earlier may take the item, and
 * the other one waits on, behind those that came meanwhile.
 *
 * A queue belongs to the kernel thread in which it was made.
 *
 * Errors of all functions here that return int, beside those that
 * greenpatch/greenlet.h names for calls that park:
 *  -EINVAL      NULL, or called from a kernel thread that it does not belong to
 *  -ESHUTDOWN   it is closed (and, for whoever gets, empty), or being freed
 *  -ETIMEDOUT   it is full or empty, and the deadline has come: gevent's Full
 *               and Empty
 *  -EAGAIN      the same of the calls with `try`, which never park
 *  -ENOMEM      no memory for one item more, or for a deadline; nothing was put
 */
#ifndef GREENPATCH_QUEUE_H
#define GREENPATCH_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "greenpatch/greenlet.h"

#ifdef __cplusplus
extern "C" {
#endif

struct gp_queue;

/* Makes a queue for at most maxsize items; 0: for any number. The order in
 * which they come out is that in which they went in; the reverse of it; the
 * lowest priority first, equal ones in the order in which they went in. NULL: no memory.
 * Owner: the caller, who frees it. */
struct gp_queue *gp_queue_new(size_t maxsize);
struct gp_queue *gp_queue_new_lifo(size_t maxsize);
struct gp_queue *gp_queue_new_priority(size_t maxsize);

/* Whoever waits in it is woken with -ESHUTDOWN; nobody may begin to use it
 * after that. The items that are left are the caller's affair, who gets them
 * before. NULL is allowed. Does not park. */
void gp_queue_free(struct gp_queue *q);

/* Puts an item in: 0. Parks while the queue is full. In a queue with
 * priorities its priority is 0. O(1), of which now and then one is O(n) for a
 * larger table; O(log n) with priorities. */
int gp_queue_put(struct gp_queue *q, void *item, int64_t deadline);
int gp_queue_try_put(struct gp_queue *q, void *item);
/* The same with a priority, lower ones come out first; -EINVAL in a queue
 * without priorities. */
int gp_queue_put_priority(struct gp_queue *q, void *item, int64_t priority, int64_t deadline);
int gp_queue_try_put_priority(struct gp_queue *q, void *item, int64_t priority);

/* Takes the next item out: 0, and it is in *item (unless NULL). Parks while
 * the queue is empty. O(1), O(log n) with priorities. */
int gp_queue_get(struct gp_queue *q, void **item, int64_t deadline);
int gp_queue_try_get(struct gp_queue *q, void **item);

/* The same, and it stays in the queue. */
int gp_queue_peek(struct gp_queue *q, void **item, int64_t deadline);
int gp_queue_try_peek(struct gp_queue *q, void **item);

/* One item after the other, until the queue is closed and empty or the wait
 * ends for another reason. break and continue work as ever. */
#define gp_queue_each(item, q) for (void *item = NULL; gp_queue_get((q), &item, GP_NEVER) == 0;)

/* How many items are in it; whether it has none; whether a put would park. 0,
 * true and false for NULL. */
size_t gp_queue_length(const struct gp_queue *q);
bool gp_queue_empty(const struct gp_queue *q);
bool gp_queue_full(const struct gp_queue *q);
/* How many it may have, 0 for any number. Setting it lets those in for whom
 * there is room now, in their turn; a queue that has more keeps them: 0. Does not
 * park. */
size_t gp_queue_maxsize(const struct gp_queue *q);
int gp_queue_set_maxsize(struct gp_queue *q, size_t maxsize);

/* From now on nothing can be put: each put gives -ESHUTDOWN, those that wait
 * too. Getters get what is left and then -ESHUTDOWN. 0, also the second time.
 * Does not park. */
int gp_queue_close(struct gp_queue *q);
bool gp_queue_closed(const struct gp_queue *q);

/* Each item that was put counts as unfinished until somebody says that the work
 * on it is done: 0; -EINVAL if this was said more often than items were put.
 * Does not park. */
int gp_queue_task_done(struct gp_queue *q);
/* Waits until nothing is unfinished: 0. Parks, if something is. A queue that is
 * closed still waits for what is left in it. gp_queue_unfinished(): how much that
 * is, 0 for NULL. */
int gp_queue_join(struct gp_queue *q, int64_t deadline);
size_t gp_queue_unfinished(const struct gp_queue *q);

#ifdef __cplusplus
}
#endif
#endif
