/* fault_objects.c - objects that are made, and filled, while the n-th allocation fails, for each n: NULL or -ENOMEM,
 * nothing is changed, the next try works. */
#include "unit.h"
#include "fault.h"

#define MADE(noun, made)                    \
	static int make_##noun(void)        \
	{                                   \
		struct gp_##noun *o = made; \
                                            \
		gp_##noun##_free(o);        \
		return o ? 0 : -ENOMEM;     \
	}

MADE(queue, gp_queue_new(1))
MADE(channel, gp_channel_new())
MADE(event, gp_event_new())
MADE(semaphore, gp_semaphore_new(1))
MADE(rwlock, gp_rwlock_new())
MADE(barrier, gp_barrier_new(2, NULL, NULL))
MADE(async_result, gp_async_result_new())
MADE(lock, gp_lock_new())

static int put_queue(void)
{
	struct gp_queue *q = gp_queue_new(0);
	int r = q ? gp_queue_try_put(q, q) : -ENOMEM;

	EXPECT(!q || gp_queue_length(q) == !r);
	gp_queue_free(q);
	return r;
}

static int put_priority(void)
{
	struct gp_queue *q = gp_queue_new_priority(0);
	int r = q ? gp_queue_put_priority(q, q, 1, GP_NEVER) : -ENOMEM;

	EXPECT(!q || gp_queue_length(q) == !r);
	gp_queue_free(q);
	return r;
}

static int try_put_priority(void)
{
	struct gp_queue *q = gp_queue_new_priority(0);
	int r = q ? gp_queue_try_put_priority(q, q, 1) : -ENOMEM;

	EXPECT(!q || gp_queue_length(q) == !r);
	gp_queue_free(q);
	return r;
}

static int make_condition(void)
{
	static struct gp_lock *lock;
	struct gp_condition *c;

	if (!lock)
		lock = gp_lock_new();
	if (!lock)
		return -ENOMEM;
	c = gp_condition_new(lock);
	gp_condition_free(c);
	return c ? 0 : -ENOMEM;
}

CASE("constructors of objects to wait for: no memory is NULL")
{
	static const struct fault_call calls[] = {
		{ "queue", make_queue, 0 },
		{ "channel", make_channel, 0 },
		{ "event", make_event, 0 },
		{ "semaphore", make_semaphore, 0 },
		{ "rwlock", make_rwlock, 0 },
		{ "barrier", make_barrier, 0 },
		{ "lock", make_lock, 0 },
		{ "condition", make_condition, 0 },
		{ "async_result", make_async_result, 0 },
	};

	FAULT_EACH(calls);
}

CASE("a put into a queue without memory is -ENOMEM, and its length stays")
{
	fault_each(&(struct fault_call){ "put", put_queue, 0 });
	fault_each(&(struct fault_call){ "put_priority", put_priority, 0 });
	fault_each(&(struct fault_call){ "try_put_priority", try_put_priority, 0 });
}

/* ---- actors ---------------------------------------------------------------------- */

static int receive(struct gp_actor *self, void *message)
{
	gp_actor_reply(self, message);
	return 0;
}

static int actor_init(void)
{
	struct gp_actor a;
	int r = gp_actor_init(&a, receive, NULL);

	if (!r)
		EXPECT_INT(gp_actor_destroy(&a), 0);
	return r;
}

static struct gp_actor actor;

static int actor_send(void)
{
	size_t before = gp_actor_pending(&actor);
	int r = gp_actor_send(&actor, &actor);

	EXPECT_INT(gp_actor_pending(&actor), before + !r);
	return r;
}

CASE("an actor without memory is not made; a letter without it is not sent")
{
	fault_each(&(struct fault_call){ "actor_init", actor_init, 0 });
	NEED(!gp_actor_init(&actor, receive, NULL));
	fault_each(&(struct fault_call){ "actor_send", actor_send, 0 });
	NEED(!gp_actor_start(&actor));
	EXPECT_INT(gp_actor_stop(&actor, GP_NEVER), 0);
	EXPECT_INT(gp_actor_destroy(&actor), 0);
}

static int actor_ask(void)
{
	void *answer = NULL;
	int r = gp_actor_ask(&actor, &actor, &answer, GP_NEVER);

	EXPECT(answer == (r ? NULL : (void *)&actor));
	return r;
}

CASE("a question without memory is -ENOMEM, and the actor goes on")
{
	NEED(!gp_actor_init(&actor, receive, NULL) && !gp_actor_start(&actor));
	fault_each(&(struct fault_call){ "actor_ask", actor_ask, 0 });
	EXPECT_INT(gp_actor_pending(&actor), 0);
	EXPECT_INT(gp_actor_stop(&actor, GP_NEVER), 0);
	EXPECT_INT(gp_actor_destroy(&actor), 0);
}
