/* queue_random.c - queues and channels under random operations: one greenlet against a simple model, and many that put,
 * get, are killed and run out of time, against what must hold whatever their order. */
#include "unit.h"
#include "core/sync/channel.h"
#include "greenpatch.h"

static void *ptr(intptr_t n) { return (void *)n; }

/* ---- one greenlet, a sorted array ------------------------------------------------------- */

enum { ROOM = 64 };

static struct {
	int kind; /* enum gp_order */
	size_t maxsize, count, undone;
	bool closed;
	intptr_t next;
	struct {
		intptr_t item;
		int64_t priority;
	} in[ROOM]; /* in the order in which they come out */
} model;

static int model_put(intptr_t item, int64_t priority)
{
	size_t at = model.kind == GP__LIFO ? 0 : model.count;

	if (model.closed)
		return -ESHUTDOWN;
	if (model.maxsize && model.count >= model.maxsize)
		return -EAGAIN;
	if (model.kind == GP__PRIORITY)
		for (; at && model.in[at - 1].priority > priority; at--)
			;
	memmove(&model.in[at + 1], &model.in[at], (model.count - at) * sizeof *model.in);
	model.in[at].item = item;
	model.in[at].priority = priority;
	model.count++;
	model.undone++;
	return 0;
}

static int model_get(intptr_t *item, bool stays)
{
	if (!model.count)
		return model.closed ? -ESHUTDOWN : -EAGAIN;
	*item = model.in[0].item;
	if (!stays)
		memmove(&model.in[0], &model.in[1], --model.count * sizeof *model.in);
	return 0;
}

static void one_step(struct gp_queue *q)
{
	intptr_t want = 0;
	void *item = NULL;
	int64_t priority;
	int r;

	switch (unit_random(8)) {
	case 0: case 1: case 2:
		if (model.count == ROOM)
			return;
		priority = model.kind == GP__PRIORITY ? (int64_t)unit_random(5) - 2 : 0;
		r = model_put(++model.next, priority);
		if (model.kind == GP__PRIORITY)
			EXPECT_INT(gp_queue_try_put_priority(q, ptr(model.next), priority), r);
		else
			EXPECT_INT(unit_random(2) || r == -EAGAIN ? gp_queue_try_put(q, ptr(model.next))
			                                          : gp_queue_put(q, ptr(model.next), GP_NEVER), r);
		return;
	case 3: case 4:
		r = model_get(&want, false);
		EXPECT_INT(gp_queue_try_get(q, &item), r);
		EXPECT_INT((intptr_t)item, want);
		return;
	case 5:
		r = model_get(&want, true);
		EXPECT_INT(gp_queue_try_peek(q, &item), r);
		EXPECT_INT((intptr_t)item, want);
		return;
	case 6:
		EXPECT_INT(gp_queue_task_done(q), model.undone ? 0 : -EINVAL);
		model.undone -= !!model.undone;
		return;
	default:
		if (unit_random(20))
			return;
		model.maxsize = unit_random(10);
		EXPECT_INT(gp_queue_set_maxsize(q, model.maxsize), 0);
	}
}

CASE("one greenlet: queues of every kind do what an array does")
{
	unit_seed();
	for (int round = 0; round < 60; round++) {
		struct gp_queue *q;

		memset(&model, 0, sizeof model);
		model.kind = round % 3;
		model.maxsize = unit_random(10);
		q = model.kind == GP__FIFO ? gp_queue_new(model.maxsize)
		    : model.kind == GP__LIFO ? gp_queue_new_lifo(model.maxsize) : gp_queue_new_priority(model.maxsize);
		for (int i = 0; i < 400; i++) {
			if (i == 350) {
				model.closed = true;
				EXPECT_INT(gp_queue_close(q), 0);
			}
			one_step(q);
			EXPECT_INT(gp_queue_length(q), model.count);
			EXPECT_INT(gp_queue_unfinished(q), model.undone);
			EXPECT_INT(gp_queue_full(q), model.maxsize && model.count >= model.maxsize);
		}
		gp_queue_free(q);
	}
}

/* ---- many greenlets ------------------------------------------------------------------------ */

enum { ITEMS = 4000, WORKERS = 10 };
enum { PENDING = 1, PUT, REFUSED };

static struct gp_queue *q;
static struct gp_channel *c;
static struct gp_greenlet *worker[WORKERS];
static struct {
	uint8_t put;    /* how far its put is */
	uint8_t worker; /* that puts it */
	bool got;
} item_is[ITEMS];
static intptr_t items, last_of[WORKERS];
static bool in_order; /* items of one worker come out in the order in which they went in */

static bool parked_in(struct gp_list *l)
{
	gp__list_each(n, l)
		if (gp__list_entry(n, struct gp_waiter, link)->g->state == GP__PARKED)
			return true;
	return false;
}

/* Nobody waits for what is there, unless the turn that will tell is due. */
static void look(void)
{
	if (c) {
		if (parked_in(&c->getters) && parked_in(&c->putters))
			EXPECT(gp__notifier_pending(&c->unlock));
		return;
	}
	EXPECT(q->items.count <= q->maxsize);
	if (q->items.count && parked_in(&q->getters))
		EXPECT(gp__notifier_pending(&q->unlock));
	if (q->items.count < q->maxsize && parked_in(&q->putters))
		EXPECT(gp__notifier_pending(&q->unlock));
}

static int64_t any_deadline(void)
{
	switch (unit_random(4)) {
	case 0: return gp_now();
	case 1: return gp_after(unit_random(200) * GP_USEC);
	default: return GP_NEVER;
	}
}

static int put_any(int self)
{
	intptr_t i = items;
	int r;

	if (i == ITEMS)
		return -ESHUTDOWN;
	items++;
	item_is[i].put = PENDING;
	item_is[i].worker = (uint8_t)self;
	if (c)
		r = unit_random(4) ? gp_channel_put(c, ptr(i), any_deadline()) : gp_channel_try_put(c, ptr(i));
	else if (q->items.order == GP__PRIORITY)
		r = gp_queue_put_priority(q, ptr(i), unit_random(4), any_deadline());
	else
		r = unit_random(4) ? gp_queue_put(q, ptr(i), any_deadline()) : gp_queue_try_put(q, ptr(i));
	item_is[i].put = r ? REFUSED : PUT;
	return r;
}

static void took(intptr_t i)
{
	NEED(i >= 0 && i < items);
	EXPECT(item_is[i].put == PENDING || item_is[i].put == PUT);
	EXPECT(!item_is[i].got);
	item_is[i].got = true;
	if (!in_order)
		return;
	EXPECT(i > last_of[item_is[i].worker]);
	last_of[item_is[i].worker] = i;
}

static int get_any(void)
{
	void *item;
	int r;

	if (!c && !unit_random(6)) {
		r = gp_queue_peek(q, &item, any_deadline());
		EXPECT(r || !item_is[(intptr_t)item].got);
		return r;
	}
	if (c)
		r = unit_random(4) ? gp_channel_get(c, &item, any_deadline()) : gp_channel_try_get(c, &item);
	else
		r = unit_random(4) ? gp_queue_get(q, &item, any_deadline()) : gp_queue_try_get(q, &item);
	if (!r)
		took((intptr_t)item);
	return r;
}

static void *work(void *arg)
{
	int self = (int)(intptr_t)arg, r = 0;

	while (r != -ESHUTDOWN && r != -ECANCELED) {
		switch (unit_random(8)) {
		case 0: r = gp_yield(); break;
		case 1: r = gp_sleep(unit_random(100) * GP_USEC); break;
		case 2: case 3: case 4: r = put_any(self); break;
		default: r = get_any(); break;
		}
		EXPECT(r == 0 || r == -ESHUTDOWN || r == -ECANCELED || r == -ETIMEDOUT || r == -EAGAIN);
		look();
	}
	return NULL;
}

static void *stir(void *arg)
{
	for (int i = 0; i < 400 && items < ITEMS; i++) {
		int n = (int)unit_random(WORKERS);

		if (!unit_random(3)) {
			if (unit_random(2))
				gp_kill(worker[n], GP_NEVER);
			else
				gp_kill_soon(worker[n], -ECANCELED);
			gp_unref(worker[n]);
			worker[n] = gp_spawn(work, ptr(n));
		}
		if (q && !unit_random(20))
			gp_queue_set_maxsize(q, q->items.count + 1 + unit_random(3));
		look();
		gp_sleep(unit_random(300) * GP_USEC);
	}
	return NULL;
}

static void begin(void)
{
	memset(item_is, 0, sizeof item_is);
	memset(last_of, -1, sizeof last_of);
	items = 0;
	for (int i = 0; i < WORKERS; i++)
		worker[i] = gp_spawn(work, ptr(i));
}

static void end(void)
{
	for (int i = 0; i < WORKERS; i++) {
		EXPECT_INT(gp_join(worker[i], GP_NEVER), 0);
		gp_unref(worker[i]);
	}
	for (int i = 0; i < WORKERS; i++) /* those that were killed and not waited for */
		gp_sleep(0);
}

static void judge(void)
{
	for (intptr_t i = 0; i < items; i++) {
		if (item_is[i].put == PUT && !item_is[i].got)
			unit_fail(__FILE__, __LINE__, "item %ld was put and is lost", (long)i);
		if (item_is[i].put == REFUSED && item_is[i].got)
			unit_fail(__FILE__, __LINE__, "item %ld was refused and came out", (long)i);
	}
}

static void many_in_a_queue(struct gp_queue *made)
{
	void *item;

	NEED(made);
	q = made;
	in_order = q->items.order == GP__FIFO;
	begin();
	stir(NULL);
	EXPECT_INT(gp_queue_close(q), 0);
	end();
	while (!gp_queue_try_get(q, &item))
		took((intptr_t)item);
	judge();
	EXPECT_INT(q->life.users, 0);
	gp_queue_free(q);
	q = NULL;
}

CASE("many greenlets, kills and deadlines: a queue loses nothing and gives nothing twice")
{
	unit_seed();
	many_in_a_queue(gp_queue_new(0));
	many_in_a_queue(gp_queue_new(1));
	many_in_a_queue(gp_queue_new(3));
}

CASE("the same for last in first out, and priorities")
{
	unit_seed();
	many_in_a_queue(gp_queue_new_lifo(2));
	many_in_a_queue(gp_queue_new_priority(2));
	many_in_a_queue(gp_queue_new_priority(0));
}

CASE("the same for a channel")
{
	unit_seed();
	NEED(c = gp_channel_new());
	in_order = false;
	for (int round = 0; round < 2; round++) {
		begin();
		stir(NULL);
		if (round)
			EXPECT_INT(gp_channel_close(c), 0);
		else
			for (int i = 0; i < WORKERS; i++)
				gp_kill(worker[i], GP_NEVER);
		end();
		judge();
		EXPECT_INT(c->life.users, 0);
	}
	gp_channel_free(c);
	c = NULL;
}
