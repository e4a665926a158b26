/* greenpatch/select.h - waiting for several things at once.
 *
 *	struct gp_case cases[] = {
 *		gp_case_queue_get(jobs),
 *		gp_case_readable(fd),
 *		gp_case_event(stop),
 *	};
 *
 *	switch (gp_select(cases, 3, gp_after(GP_SEC))) {
 *	case 0: work_on(cases[0].item); break;     it was taken out of the queue
 *	case 1: n = gp_read(fd, ...); break;
 *	case 2: return;
 *	case -ETIMEDOUT: ...
 *	}
 *
 * One case is carried out, the others are as if nobody had asked. Which one:
 *  - of those that are ready when it is called, that with the lowest index;
 *  - if none is, the one that becomes ready first: whose object has its turn
 *    first, as if a greenlet had waited for each of them alone. Of descriptors
 *    that become ready in the same look at the loop, the lowest index.
 * The same program with the same input takes the same cases in every run.
 *
 * A case whose object is closed is ready, with the error that the object gives.
 */
#ifndef GREENPATCH_SELECT_H
#define GREENPATCH_SELECT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gp_queue;
struct gp_channel;
struct gp_event;
struct gp_semaphore;
struct gp_greenlet;

enum {
	GP_CASE_OFF,         /* never ready: takes a case out without moving the others */
	GP_CASE_QUEUE_GET,
	GP_CASE_QUEUE_PEEK,
	GP_CASE_QUEUE_PUT,
	GP_CASE_CHANNEL_GET,
	GP_CASE_CHANNEL_PUT,
	GP_CASE_EVENT,       /* it is set */
	GP_CASE_ACQUIRE,     /* a semaphore; the caller has to release it */
	GP_CASE_JOIN,        /* a greenlet has ended */
	GP_CASE_READABLE,    /* or at its end, or in error */
	GP_CASE_WRITABLE
};

/* Made by the functions below; may be used again, and its fields changed
 * between two calls. */
struct gp_case {
	int kind;           /* GP_CASE_... */
	int fd;             /* GP_CASE_READABLE, GP_CASE_WRITABLE */
	void *object;       /* of the others */
	void *item;         /* to be put; or what was got; or the value of a greenlet */
	int64_t priority;   /* of the item, in a queue with priorities */
	int error;          /* of the case that was carried out: 0; -ESHUTDOWN, -EBADF, -ENOMEM
	                     * of a put; of a greenlet the error that it ended with */
	uint64_t opaque[10]; /* of the wait */
};

/* Carries out one of n cases: its index, and its `error` says how it went. Or
 *  -ETIMEDOUT  none was ready until the deadline
 *  -EINVAL     NULL, a kind that does not exist, an object of another kernel thread
 *  -EDEADLK    the caller would wait for its own end
 * and what any call that parks may return (greenpatch/greenlet.h); then no case
 * was carried out. Parks if none is ready, and for the turn in which two meet
 * in a channel. Objects and descriptors may be freed and closed meanwhile.
 * O(n); a system call for each descriptor; no memory. */
int gp_select(struct gp_case *cases, size_t n, int64_t deadline);
/* The same, and -EAGAIN at once if none is ready. */
int gp_try_select(struct gp_case *cases, size_t n);

/* A case of that kind with that object, without an item. */
static inline struct gp_case gp_case_make(int kind, void *object)
{
	struct gp_case c;

	memset(&c, 0, sizeof c);
	c.kind = kind;
	c.object = object;
	return c;
}

/* A queue: get, peek, put; for a priority set the case's. */
static inline struct gp_case gp_case_queue_get(struct gp_queue *q) { return gp_case_make(GP_CASE_QUEUE_GET, q); }
static inline struct gp_case gp_case_queue_peek(struct gp_queue *q) { return gp_case_make(GP_CASE_QUEUE_PEEK, q); }
static inline struct gp_case gp_case_queue_put(struct gp_queue *q, void *item)
{
	struct gp_case c = gp_case_make(GP_CASE_QUEUE_PUT, q);

	c.item = item;
	return c;
}
/* A channel: get, put. */
static inline struct gp_case gp_case_channel_get(struct gp_channel *c) { return gp_case_make(GP_CASE_CHANNEL_GET, c); }
static inline struct gp_case gp_case_channel_put(struct gp_channel *channel, void *item)
{
	struct gp_case c = gp_case_make(GP_CASE_CHANNEL_PUT, channel);

	c.item = item;
	return c;
}
/* An event that is set; a semaphore to acquire; the end of a greenlet. */
static inline struct gp_case gp_case_event(struct gp_event *e) { return gp_case_make(GP_CASE_EVENT, e); }
static inline struct gp_case gp_case_acquire(struct gp_semaphore *s) { return gp_case_make(GP_CASE_ACQUIRE, s); }
static inline struct gp_case gp_case_join(struct gp_greenlet *g) { return gp_case_make(GP_CASE_JOIN, g); }
/* A descriptor. */
static inline struct gp_case gp_case_readable(int fd)
{
	struct gp_case c = gp_case_make(GP_CASE_READABLE, NULL);

	c.fd = fd;
	return c;
}
static inline struct gp_case gp_case_writable(int fd)
{
	struct gp_case c = gp_case_make(GP_CASE_WRITABLE, NULL);

	c.fd = fd;
	return c;
}

#ifdef __cplusplus
}
#endif
#endif
