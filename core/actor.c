/* actor.c - greenlets with an inbox (greenpatch/actor.h).
 *
 * Made of public calls. What lies in the inbox is a letter, which two may
 * have: the actor, and somebody who asks and waits for its answer. Whoever is
 * done with it first says so in it:
 *
 *  - The answer, or the error instead of one, is written into the letter and
 *    the queue `reply`, on which the asker waits, is closed. The asker waits for
 *    the end of the actor's greenlet, too, so that nothing which ends the actor
 *    leaves it behind.
 *  - An asker that gives up frees that queue. A letter that is in the inbox then
 *    is never received.
 *
 * Called from greenlets of one hub.
 */
#include "core/alloc.h"
#include "core/run/hub.h"
#include "greenpatch/actor.h"
#include "greenpatch/queue.h"
#include "greenpatch/select.h"

struct gp_letter {
	void *message;
	bool asks;              /* somebody wants an answer, or wanted one */
	struct gp_queue *reply; /* closed when there is one; NULL: nobody waits; owner: the asker */
	void *answer;
	int error;              /* instead of it */
	int refs;               /* 2 while the asker has it, too */
};

static void let_go(struct gp_letter *l)
{
	if (!--l->refs)
		gp__free(l);
}

static bool is_awaited(const struct gp_letter *l) { return l && l->reply && !gp_queue_closed(l->reply); }

static void answer(struct gp_letter *l, void *value, int error)
{
	l->answer = value;
	l->error = error;
	gp_queue_close(l->reply);
}

/* ---- the actor's greenlet ------------------------------------------------------- */

static void end_letter(struct gp_actor *a, int error)
{
	struct gp_letter *l = a->letter;

	if (!l)
		return;
	if (is_awaited(l))
		answer(l, NULL, error);
	a->letter = NULL;
	let_go(l);
}

/* However it ends: by a return, a kill, gp_exit(), gp_fail(). */
static void end(void *arg)
{
	struct gp_actor *a = arg;
	int error = gp_error(gp_self());

	end_letter(a, error ? error : -ENODATA);
	gp_queue_close(a->inbox); /* whoever asks in it is told by the greenlet's end */
}

static void *run(void *arg)
{
	struct gp_actor *a = arg;
	void *item;
	int r = gp_defer(end, a);

	if (r)
		gp_fail(r, NULL);
	while (!(r = gp_queue_get(a->inbox, &item, GP_NEVER))) {
		struct gp_letter *l = item;

		if (l->asks && !is_awaited(l)) { /* taken back */
			let_go(l);
			continue;
		}
		a->letter = l;
		r = a->receive(a, l->message);
		if (r < 0)
			gp_fail(r, NULL);
		end_letter(a, -ENODATA);
		if (r)
			return NULL;
	}
	if (r != -ESHUTDOWN && !gp_killed(gp_self()))
		gp_fail(r, NULL);
	return NULL; /* stopped, or killed: the greenlet's value says so */
}

/* ---- made and ended ---------------------------------------------------------------- */

GP_API int gp_actor_init(struct gp_actor *a, int (*receive)(struct gp_actor *self, void *message),
                         const struct gp_attr *attr)
{
	struct gp_queue *inbox;
	struct gp_greenlet *g;

	if (!a || !receive || (attr && attr->stack_size && attr->stack_size < 8192))
		return -EINVAL;
	inbox = gp_queue_new(0);
	if (!inbox)
		return -ENOMEM;
	g = gp_new(attr, run, a);
	if (!g) {
		gp_queue_free(inbox);
		return -ENOMEM;
	}
	*a = (struct gp_actor){ .greenlet = g, .receive = receive, .inbox = inbox };
	return 0;
}

GP_API int gp_actor_start(struct gp_actor *a) { return a ? gp_start(a->greenlet) : -EINVAL; }

GP_API int gp_actor_stop(struct gp_actor *a, int64_t deadline)
{
	int r = a ? gp_queue_close(a->inbox) : -EINVAL;

	if (r || a->greenlet == gp_self() || !gp_started(a->greenlet))
		return r;
	return gp_join(a->greenlet, deadline);
}

static void empty_inbox(struct gp_actor *a)
{
	void *item;

	while (!gp_queue_try_get(a->inbox, &item)) {
		struct gp_letter *l = item;

		if (is_awaited(l))
			answer(l, NULL, -ESHUTDOWN);
		else if (!l->asks && a->discard)
			a->discard(a, l->message);
		let_go(l);
	}
}

GP_API int gp_actor_destroy(struct gp_actor *a)
{
	if (!a || !a->greenlet)
		return 0;
	if (gp_started(a->greenlet))
		return -EBUSY;
	empty_inbox(a);
	gp_queue_free(a->inbox);
	gp_unref(a->greenlet);
	a->greenlet = NULL;
	a->inbox = NULL;
	return 0;
}

/* Made on this hub and not destroyed. */
static bool is_here(const struct gp_actor *a) { return a && a->greenlet && a->greenlet->hub == gp__hub(); }

/* ---- messages ----------------------------------------------------------------------- */

/* 0, or an error and nothing was sent. */
static int post(struct gp_actor *a, void *message, struct gp_letter **out, struct gp_queue *reply)
{
	struct gp_letter *l;
	int r;

	if (gp_ready(a->greenlet))
		return -ESHUTDOWN;
	l = gp__alloc(sizeof *l);
	if (!l)
		return -ENOMEM;
	*l = (struct gp_letter){ .message = message, .asks = reply, .reply = reply, .refs = reply ? 2 : 1 };
	r = gp_queue_try_put(a->inbox, l);
	if (r)
		gp__free(l);
	else if (out)
		*out = l;
	return r;
}

GP_API int gp_actor_send(struct gp_actor *a, void *message)
{
	return is_here(a) ? post(a, message, NULL, NULL) : -EINVAL;
}

/* The actor and its struct may be gone when this returns. */
static int wait_for_answer(struct gp_actor *a, struct gp_letter *l, int64_t deadline)
{
	struct gp_case cases[] = { gp_case_queue_get(l->reply), gp_case_join(a->greenlet) };
	int r = gp_select(cases, 2, deadline);

	if (r < 0)
		return r;
	return gp_queue_closed(l->reply) ? l->error : -ESHUTDOWN;
}

GP_API int gp_actor_ask(struct gp_actor *a, void *message, void **reply, int64_t deadline)
{
	struct gp_queue *queue;
	struct gp_letter *l;
	int r;

	if (!is_here(a))
		return -EINVAL;
	if (a->greenlet == gp_self())
		return -EDEADLK;
	queue = gp_queue_new(1);
	if (!queue)
		return -ENOMEM;
	r = post(a, message, &l, queue);
	if (r)
		goto out;
	r = wait_for_answer(a, l, deadline);
	if (!r && reply)
		*reply = l->answer;
	l->reply = NULL;
	let_go(l);
out:
	gp_queue_free(queue);
	return r;
}

GP_API int gp_actor_reply(struct gp_actor *self, void *reply)
{
	if (!self)
		return -EINVAL;
	if (!is_awaited(self->letter))
		return -ENOENT;
	answer(self->letter, reply, 0);
	return 0;
}

GP_API size_t gp_actor_pending(const struct gp_actor *a) { return a ? gp_queue_length(a->inbox) : 0; }
