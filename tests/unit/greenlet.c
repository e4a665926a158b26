/* greenlet.c - the life of a greenlet: spawn, join, references, numbers. */
#include "unit.h"
#include <pthread.h>
#include "core/run/hub.h"
#include "greenpatch.h"

static void *store_one(void *arg)
{
	*(int *)arg = 1;
	return NULL;
}
static void *nothing(void *arg)
{
	return NULL;
}
static void *yield_once(void *arg)
{
	gp_yield();
	return NULL;
}

static void join_one(struct gp_greenlet *g)
{
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
}

CASE("spawn only appends: the function runs when its turn comes")
{
	int ran = 0;
	struct gp_greenlet *g = gp_spawn(store_one, &ran);

	NEED(g);
	EXPECT_INT(ran, 0);
	EXPECT(!gp_ready(g));
	gp_yield();
	EXPECT_INT(ran, 1);
	EXPECT(gp_ready(g));
	gp_unref(g);
}

CASE("spawn without a function is refused")
{
	unsigned long live;

	EXPECT(gp_self());
	live = gp_self()->hub->stats.live;
	EXPECT(!gp_spawn(NULL, NULL));
	EXPECT_INT(gp_self()->hub->stats.live, live);
}

CASE("join waits for the end; on one that has ended it does not park")
{
	int ran = 0;
	struct gp_greenlet *g = gp_spawn(store_one, &ran);
	unsigned long parks;

	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	EXPECT_INT(ran, 1);
	EXPECT(gp_ready(g));
	parks = gp_self()->hub->stats.parks;
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	EXPECT_INT(gp_join(g, 0), 0);
	EXPECT_INT(gp_self()->hub->stats.parks, parks);
	gp_unref(g);
}

CASE("join of the caller itself is -EDEADLK")
{
	EXPECT_INT(gp_join(gp_self(), GP_NEVER), -EDEADLK);
	EXPECT_INT(gp_join(gp_self(), 0), -EDEADLK);
}

static void *join_self(void *arg)
{
	*(int *)arg = gp_join(gp_self(), GP_NEVER);
	return NULL;
}

CASE("join of the caller itself is -EDEADLK in a spawned greenlet, too")
{
	int came = 1;

	join_one(gp_spawn(join_self, &came));
	EXPECT_INT(came, -EDEADLK);
}

static void *from_a_thread(void *g)
{
	EXPECT_INT(gp_join(g, GP_NEVER), -EINVAL);
	gp_yield(); /* nothing to yield to, and no harm */
	return NULL;
}

struct gp_hub *other_hub; /* a hub is for life: the leak checker finds it here */

CASE("join of NULL, from a thread without greenlets, or of another hub's, is -EINVAL")
{
	struct gp_greenlet *g = gp_spawn(nothing, NULL);
	struct gp_hub *ours = gp__hub(), *other = NULL;
	pthread_t t;

	EXPECT_INT(gp_join(NULL, GP_NEVER), -EINVAL);
	NEED(!pthread_create(&t, NULL, from_a_thread, g) && !pthread_join(t, NULL));
	EXPECT_INT(gp__hub_make(&other, NULL, NULL), 0);
	gp__hub_set(other);
	EXPECT_INT(gp_join(g, GP_NEVER), -EINVAL);
	gp__hub_set(ours);
	join_one(g);
	other_hub = other;
}

CASE("join before any hub exists is -EINVAL")
{
	EXPECT_INT(gp_join(NULL, 0), -EINVAL);
	gp_yield();
	EXPECT(!gp__hub());
}

CASE("join with a deadline that has passed is -ETIMEDOUT at once")
{
	struct gp_greenlet *g = gp_spawn(nothing, NULL);

	EXPECT_INT(gp_join(g, gp_now()), -ETIMEDOUT);
	EXPECT_INT(gp_join(g, 0), -ETIMEDOUT);
	EXPECT_INT(gp_join(g, INT64_MIN), -ETIMEDOUT);
	EXPECT(!gp_ready(g));
	join_one(g);
}

static bool may_end;

static void *end_when_told(void *arg)
{
	while (!may_end)
		gp_yield();
	return NULL;
}

CASE("join gives up at its deadline, and the later end does not wake it again")
{
	struct gp_greenlet *g = gp_spawn(end_when_told, NULL);
	int64_t deadline = gp_now() + 5 * GP__MSEC, began;

	EXPECT_INT(gp_join(g, deadline), -ETIMEDOUT);
	EXPECT(gp_now() >= deadline);
	EXPECT(gp__list_empty(&g->links));
	EXPECT_INT(gp_self()->deadline.slot, -1);
	may_end = true;
	began = gp_now();
	EXPECT_INT(gp_sleep(5 * GP__MSEC), 0);
	EXPECT(gp_now() - began >= 5 * GP__MSEC);
	EXPECT(gp_ready(g));
	gp_unref(g);
}

static struct gp_greenlet *awaited;

static void *joiner(void *arg)
{
	EXPECT_INT(gp_join(awaited, GP_NEVER), 0);
	trace("%ld", (long)(intptr_t)arg);
	return NULL;
}

CASE("one end wakes all who joined, in their order")
{
	struct gp_greenlet *g[5];

	awaited = gp_spawn(end_when_told, NULL);
	for (intptr_t i = 0; i < 5; i++)
		g[i] = gp_spawn(joiner, (void *)i);
	gp_yield();
	EXPECT_STR(unit_trace, "");
	may_end = true;
	for (int i = 4; i >= 0; i--)
		join_one(g[i]);
	EXPECT_STR(unit_trace, "0 1 2 3 4");
	gp_unref(awaited);
}

CASE("a greenlet can be joined after another reference to it was given back")
{
	struct gp_greenlet *g = gp_spawn(yield_once, NULL);

	gp_ref(g);
	gp_unref(g);
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	EXPECT(gp_ready(g));
	EXPECT(gp_id(g) > 1);
	gp_unref(g);
}

CASE("a greenlet runs on when nobody holds it, and is freed at its end")
{
	struct gp_hub *h = gp_self()->hub;
	int ran[50] = { 0 };

	for (int i = 0; i < 50; i++)
		gp_unref(gp_spawn(store_one, &ran[i]));
	EXPECT_INT(h->stats.live, 51);
	gp_yield();
	gp_yield(); /* the hub frees what ended in a turn of its own */
	for (int i = 0; i < 50; i++)
		EXPECT_INT(ran[i], 1);
	EXPECT_INT(h->stats.live, 1);
	EXPECT_INT(h->stats.peak, 51);
	EXPECT_INT(h->stats.greenlets, 51);
	EXPECT(gp__list_empty(&h->dead));
}

CASE("the record stays while a reference is held, whoever gives the last one back")
{
	struct gp_greenlet *g = gp_spawn(nothing, NULL);

	gp_ref(g);
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_yield();
	gp_yield();
	gp_unref(g);
	EXPECT(gp_ready(g));
	gp_unref(g);
	gp_ref(NULL);
	gp_unref(NULL);
}

CASE("numbers begin with 1 for main, count up and are not reused")
{
	unsigned long last = 1;

	EXPECT_INT(gp_id(gp_self()), 1);
	EXPECT_INT(gp_id(NULL), 0);
	EXPECT(!gp_ready(NULL));
	for (int i = 0; i < 10; i++) {
		struct gp_greenlet *g = gp_spawn(nothing, NULL);

		EXPECT_INT(gp_id(g), last + 1);
		last = gp_id(g);
		join_one(g);
	}
}

static void *note_self(void *arg)
{
	*(struct gp_greenlet **)arg = gp_self();
	return NULL;
}

CASE("gp_self is the greenlet that calls")
{
	struct gp_greenlet *main = gp_self(), *seen = NULL, *g = gp_spawn(note_self, &seen);

	EXPECT(main != g);
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	EXPECT(seen == g);
	EXPECT(gp_self() == main);
	gp_unref(g);
}

static void *spawn_deeper(void *arg)
{
	int depth = *(int *)arg;

	if (!depth)
		return NULL;
	--*(int *)arg;
	join_one(gp_spawn(spawn_deeper, arg));
	trace("%d", depth);
	return NULL;
}

CASE("greenlets spawn and join greenlets")
{
	int depth = 6;

	join_one(gp_spawn(spawn_deeper, &depth));
	EXPECT_INT(depth, 0);
	EXPECT_STR(unit_trace, "1 2 3 4 5 6");
}

static void *leave_by_exit(void *arg)
{
	exit(0);
	return NULL;
}

CASE("exit from a greenlet ends the program")
{
	gp_unref(gp_spawn(leave_by_exit, NULL));
	gp_yield();
	EXPECT(!"reached");
}
