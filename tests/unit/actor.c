/* actor.c - actors: messages in their order, questions and answers, how an actor ends and what becomes of its inbox. */
#include "unit.h"
#include <pthread.h>
#include "core/alloc.h"
#include "greenpatch.h"

static int fail_alloc_at = -1; /* the n-th from now fails; counts down */

void *gp__alloc(size_t size)
{
	if (fail_alloc_at >= 0 && !fail_alloc_at--)
		return NULL;
	return calloc(1, size ? size : 1);
}
void gp__free(void *p) { free(p); }
void *gp__realloc(void *p, size_t size)
{
	if (fail_alloc_at >= 0 && !fail_alloc_at--)
		return NULL;
	return realloc(p, size);
}

static void *ptr(intptr_t n) { return (void *)n; }
static void quiet(struct gp_greenlet *g) {}

/* What it does with a message is in the message. */
enum { NOTE = 1, ANSWER, TWICE, SILENT, END, FAIL, PARK, EXIT };

static struct gp_event *go_on; /* what PARK waits for */

static int receive(struct gp_actor *self, void *message)
{
	intptr_t n = (intptr_t)message;

	trace("%ld", (long)n);
	switch (n % 10) {
	case ANSWER: EXPECT_INT(gp_actor_reply(self, ptr(n + 100)), 0); return 0;
	case TWICE:
		EXPECT_INT(gp_actor_reply(self, ptr(1)), 0);
		EXPECT_INT(gp_actor_reply(self, ptr(2)), -ENOENT);
		return 0;
	case NOTE: EXPECT_INT(gp_actor_reply(self, NULL), -ENOENT); return 0;
	case END: return GP_ACTOR_END;
	case FAIL: return -77;
	case PARK: return gp_event_wait(go_on, GP_NEVER);
	case EXIT: gp_exit(ptr(5));
	}
	return 0;
}

static void discard(struct gp_actor *self, void *message)
{
	trace("discard%ld", (long)(intptr_t)message);
}

static struct gp_actor a;

static void make(void)
{
	gp_set_error_handler(quiet);
	EXPECT_INT(gp_actor_init(&a, receive, NULL), 0);
	a.discard = discard;
}

static void make_started(void)
{
	make();
	EXPECT_INT(gp_actor_start(&a), 0);
}

static int ask(intptr_t n, intptr_t *answer)
{
	void *reply = ptr(-1);
	int r = gp_actor_ask(&a, ptr(n), &reply, GP_NEVER);

	*answer = (intptr_t)reply;
	return r;
}

CASE("messages are received one after the other, those before the start too")
{
	make();
	EXPECT_INT(gp_actor_send(&a, ptr(11)), 0);
	EXPECT_INT(gp_actor_send(&a, ptr(21)), 0);
	EXPECT_INT(gp_actor_pending(&a), 2);
	EXPECT_INT(gp_actor_start(&a), 0);
	EXPECT_INT(gp_actor_start(&a), -EINVAL);
	EXPECT_INT(gp_actor_send(&a, ptr(31)), 0);
	EXPECT_STR(unit_trace, "");
	EXPECT_INT(gp_actor_destroy(&a), -EBUSY);
	EXPECT_INT(gp_actor_stop(&a, GP_NEVER), 0);
	EXPECT_STR(unit_trace, "11 21 31");
	EXPECT_INT(gp_actor_send(&a, ptr(41)), -ESHUTDOWN);
	EXPECT(gp_successful(a.greenlet));
	EXPECT_INT(gp_actor_stop(&a, GP_NEVER), 0);
	EXPECT_INT(gp_actor_destroy(&a), 0);
	EXPECT_INT(gp_actor_destroy(&a), 0);
	EXPECT_INT(gp_actor_destroy(NULL), 0);
}

CASE("whoever asks gets the answer, in the order of the questions")
{
	intptr_t answer;

	make_started();
	EXPECT_INT(ask(2, &answer), 0);
	EXPECT_INT(answer, 102);
	EXPECT_INT(gp_actor_send(&a, ptr(21)), 0);
	EXPECT_INT(ask(12, &answer), 0);
	EXPECT_INT(answer, 112);
	EXPECT_INT(ask(3, &answer), 0);
	EXPECT_INT(answer, 1);
	EXPECT_INT(gp_actor_ask(&a, ptr(2), NULL, GP_NEVER), 0);
	EXPECT_STR(unit_trace, "2 21 12 3 2");
	EXPECT_INT(gp_actor_stop(&a, GP_NEVER), 0);
	EXPECT_INT(gp_actor_destroy(&a), 0);
}

CASE("no answer is -ENODATA; a failure of receive is the asker's too, and ends the actor")
{
	intptr_t answer;

	make_started();
	EXPECT_INT(ask(4, &answer), -ENODATA);
	EXPECT_INT(ask(2, &answer), 0);
	EXPECT_INT(ask(6, &answer), -77);
	EXPECT_INT(gp_join(a.greenlet, GP_NEVER), 0);
	EXPECT_INT(gp_error(a.greenlet), -77);
	EXPECT_INT(ask(2, &answer), -ESHUTDOWN);
	EXPECT_INT(gp_actor_destroy(&a), 0);
}

static void *ask_one(void *n)
{
	intptr_t answer;
	int r = ask((intptr_t)n, &answer);

	trace("ask%ld:%d", (long)(intptr_t)n, r);
	return NULL;
}

CASE("an actor that ends tells those who ask, and leaves the rest to be discarded")
{
	make();
	gp_actor_send(&a, ptr(1));
	gp_actor_send(&a, ptr(5));
	gp_actor_send(&a, ptr(11));
	gp_go(ask_one, ptr(12));
	gp_go(ask_one, ptr(22));
	gp_yield();
	gp_actor_send(&a, ptr(21));
	EXPECT_INT(gp_actor_start(&a), 0);
	EXPECT_INT(gp_join(a.greenlet, GP_NEVER), 0);
	gp_yield();
	EXPECT_STR(unit_trace, "1 5 ask12:-108 ask22:-108");
	EXPECT_INT(gp_actor_pending(&a), 4);
	EXPECT_INT(gp_actor_destroy(&a), 0);
	EXPECT_STR(unit_trace, "1 5 ask12:-108 ask22:-108 discard11 discard21");
	EXPECT_INT(gp_actor_pending(&a), 0);
}

CASE("the question in hand gets -ENODATA when receive() ends its greenlet, or is killed")
{
	struct gp_greenlet *g;

	make_started();
	gp_go(ask_one, ptr(8));
	EXPECT_INT(gp_join(a.greenlet, GP_NEVER), 0);
	gp_yield();
	EXPECT_INT((intptr_t)gp_value(a.greenlet), 5);
	EXPECT_STR(unit_trace, "8 ask8:-61");
	EXPECT_INT(gp_actor_destroy(&a), 0);
	unit_trace[0] = 0;
	make_started();
	go_on = gp_event_new();
	g = gp_spawn(ask_one, ptr(7));
	gp_yield();
	gp_yield();
	EXPECT_INT(gp_kill(a.greenlet, GP_NEVER), 0); /* receive() gives -ECANCELED on */
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	EXPECT_STR(unit_trace, "7 ask7:-125");
	gp_unref(g);
	gp_event_free(go_on);
	EXPECT_INT(gp_actor_destroy(&a), 0);
}

CASE("a kill while it waits for messages ends it quietly; before its start, too")
{
	make_started();
	gp_yield();
	EXPECT_INT(gp_kill(a.greenlet, GP_NEVER), 0);
	EXPECT(gp_successful(a.greenlet));
	EXPECT(gp_value(a.greenlet) == GP_EXITED);
	EXPECT_INT(gp_actor_send(&a, ptr(1)), -ESHUTDOWN);
	EXPECT_INT(gp_actor_destroy(&a), 0);
	make_started();
	gp_go(ask_one, ptr(2));
	EXPECT_INT(gp_kill(a.greenlet, GP_NEVER), 0);
	gp_yield();
	EXPECT_STR(unit_trace, "ask2:-108");
	EXPECT_INT(gp_actor_destroy(&a), 0);
}

CASE("a question whose time is up is taken back, unless it is being received")
{
	make();
	go_on = gp_event_new();
	EXPECT_INT(gp_actor_ask(&a, ptr(2), NULL, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_actor_ask(&a, ptr(2), NULL, gp_now()), -ETIMEDOUT);
	EXPECT_INT(gp_actor_start(&a), 0);
	EXPECT_INT(gp_actor_send(&a, ptr(1)), 0);
	do /* on a busy machine its time may be up before it is received */
		EXPECT_INT(gp_actor_ask(&a, ptr(7), NULL, gp_after(GP_MSEC)), -ETIMEDOUT);
	while (!strchr(unit_trace, '7'));
	EXPECT_INT(gp_actor_stop(&a, gp_now()), -ETIMEDOUT);
	EXPECT_INT(gp_event_set(go_on), 0);
	EXPECT_INT(gp_actor_stop(&a, GP_NEVER), 0);
	EXPECT_STR(unit_trace, "1 7");
	EXPECT_INT(gp_actor_destroy(&a), 0);
	gp_event_free(go_on);
}

static int ask_self(struct gp_actor *self, void *message)
{
	EXPECT_INT(gp_actor_ask(self, NULL, NULL, GP_NEVER), -EDEADLK);
	EXPECT_INT(gp_actor_stop(self, GP_NEVER), 0);
	trace("self");
	return 0;
}

CASE("an actor that asks itself gets -EDEADLK, one that stops itself goes on to what is left")
{
	EXPECT_INT(gp_actor_init(&a, ask_self, NULL), 0);
	gp_actor_start(&a);
	gp_actor_send(&a, NULL);
	gp_actor_send(&a, NULL);
	EXPECT_INT(gp_join(a.greenlet, GP_NEVER), 0);
	EXPECT_STR(unit_trace, "self self");
	EXPECT_INT(gp_actor_destroy(&a), 0);
}

static void *from_elsewhere(void *arg)
{
	EXPECT_INT(gp_actor_send(&a, NULL), -EINVAL);
	EXPECT_INT(gp_actor_ask(&a, NULL, NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_actor_stop(&a, GP_NEVER), -EINVAL);
	return NULL;
}

CASE("NULL, a stack too small, and a call from another kernel thread are -EINVAL")
{
	struct gp_attr small = { .stack_size = 100 };
	pthread_t t;

	EXPECT_INT(gp_actor_init(NULL, receive, NULL), -EINVAL);
	EXPECT_INT(gp_actor_init(&a, NULL, NULL), -EINVAL);
	EXPECT_INT(gp_actor_init(&a, receive, &small), -EINVAL);
	EXPECT_INT(gp_actor_start(NULL), -EINVAL);
	EXPECT_INT(gp_actor_send(NULL, NULL), -EINVAL);
	EXPECT_INT(gp_actor_ask(NULL, NULL, NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_actor_reply(NULL, NULL), -EINVAL);
	EXPECT_INT(gp_actor_stop(NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_actor_pending(NULL), 0);
	make();
	NEED(!pthread_create(&t, NULL, from_elsewhere, NULL) && !pthread_join(t, NULL));
	EXPECT_INT(gp_actor_stop(&a, GP_NEVER), 0);
	EXPECT_INT(gp_actor_destroy(&a), 0);
}

CASE("without memory nothing is made and nothing is sent")
{
	gp_self();
	for (int n = 0; n < 2; n++) {
		fail_alloc_at = n;
		EXPECT_INT(gp_actor_init(&a, receive, NULL), -ENOMEM);
	}
	make();
	for (int n = 0; n < 2; n++) {
		fail_alloc_at = n;
		EXPECT_INT(gp_actor_send(&a, ptr(1)), -ENOMEM);
		fail_alloc_at = n;
		EXPECT_INT(gp_actor_ask(&a, ptr(1), NULL, GP_NEVER), -ENOMEM);
	}
	fail_alloc_at = 2;
	EXPECT_INT(gp_actor_ask(&a, ptr(1), NULL, GP_NEVER), -ENOMEM);
	fail_alloc_at = -1;
	EXPECT_INT(gp_actor_pending(&a), 0);
	EXPECT_INT(gp_actor_destroy(&a), 0);
}
