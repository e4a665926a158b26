/* greenpatch/actor.h - a greenlet that handles its messages one after the other.
 *
 * An actor has an inbox; its greenlet takes one message out at a time and calls
 * receive() with it. Nobody else touches what belongs to it, so it needs no
 * locks. It is the first member of the caller's struct:
 *
 *	struct counter { struct gp_actor actor; int sum; };
 *	static int receive(struct gp_actor *self, void *message)
 *	{
 *		struct counter *c = (struct counter *)self;
 *
 *		c->sum += *(int *)message;
 *		gp_actor_reply(self, c);          if it was asked
 *		return 0;
 *	}
 *
 *	gp_actor_init(&c.actor, receive, NULL);
 *	gp_actor_start(&c.actor);
 *	gp_actor_send(&c.actor, &one);
 *	gp_actor_stop(&c.actor, GP_NEVER);
 *	gp_actor_destroy(&c.actor);
 *
 * A message is a pointer, or a number in one. It belongs to the sender until
 * receive() has it; one that was never received goes to discard().
 *
 * Errors of all functions here that return int, beside those that
 * greenpatch/greenlet.h names for calls that park:
 *  -EINVAL     NULL, or called from a kernel thread that it does not belong to
 *  -ESHUTDOWN  it takes no messages any more: it was stopped or has ended
 *  -ENOMEM     no memory; nothing was sent
 */
#ifndef GREENPATCH_ACTOR_H
#define GREENPATCH_ACTOR_H

#include <stddef.h>
#include "greenpatch/greenlet.h"

#ifdef __cplusplus
extern "C" {
#endif

struct gp_queue;
struct gp_letter;

/* What receive() returns to end the actor without an error. */
enum { GP_ACTOR_END = 1 };

/* The struct lives until the greenlet has ended and gp_actor_destroy() was
 * called. */
struct gp_actor {
	struct gp_greenlet *greenlet; /* to join, kill or link; owned by the actor */
	/* Handles one message, in the actor's greenlet; may park. 0: go on;
	 * greater: end; a negative error: end with it, as gp_fail() does. */
	int (*receive)(struct gp_actor *self, void *message);
	/* Told by gp_actor_destroy() of each message that was sent and never
	 * received; NULL, as at first: nobody is. Must not park. */
	void (*discard)(struct gp_actor *self, void *message);
	struct gp_queue *inbox;       /* owned by the actor; its own affair */
	struct gp_letter *letter;     /* in receive(): what it came in */
};

/* Makes an actor that is not started; attr as for gp_new(). 0, -EINVAL,
 * -ENOMEM: nothing to destroy. Does not park. */
int gp_actor_init(struct gp_actor *a, int (*receive)(struct gp_actor *self, void *message),
                  const struct gp_attr *attr);
/* It begins to receive when its turn comes; messages may be sent before. As
 * gp_start(). */
int gp_actor_start(struct gp_actor *a);

/* Puts a message into the inbox: 0. Does not park, and the inbox has no limit. */
int gp_actor_send(struct gp_actor *a, void *message);

/* Sends a message and waits for the answer: 0, and it is in *reply (unless
 * NULL). Parks. -ETIMEDOUT at the deadline: the message is taken back, unless
 * receive() has it already. -ENODATA: receive() returned without an answer; or
 * the error that receive() returned or the actor failed with; -ESHUTDOWN: the
 * actor ended before it came to this message; -EDEADLK: it asks itself. */
int gp_actor_ask(struct gp_actor *a, void *message, void **reply, int64_t deadline);

/* In receive(): answers whoever asks. 0; -ENOENT: nobody asks, or no longer, or
 * was answered already. Does not park. */
int gp_actor_reply(struct gp_actor *self, void *reply);

/* No message is taken from now on; those in the inbox are still received. Then
 * waits until the actor has ended: 0, also in receive() itself, where it does
 * not wait; -ETIMEDOUT at the deadline. One that was never started does not
 * end: its messages wait for gp_actor_destroy(). Parks, unless it has ended. */
int gp_actor_stop(struct gp_actor *a, int64_t deadline);

/* How many messages are in the inbox; what an actor that has ended left there
 * counts until it is destroyed. */
size_t gp_actor_pending(const struct gp_actor *a);

/* Discards what is left and frees what the actor has. -EBUSY: it has started
 * and not ended. NULL is allowed. Does not park. */
int gp_actor_destroy(struct gp_actor *a);

#ifdef __cplusplus
}
#endif
#endif
