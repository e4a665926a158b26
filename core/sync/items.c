/* items.c - the table of a queue (items.h).
 *
 * First in, first out and last in, first out are one ring; priorities are a
 * binary heap, in which equal ones keep their order by a running number. The
 * table doubles when it is full. A queue that was long once gives the memory
 * back when it is empty: KEPT places stay.
 */
#include <string.h>
#include "core/alloc.h"
#include "core/sync/items.h"

enum { FEWEST = 8, KEPT = 1024 };

static size_t place(const struct gp_items *s, size_t i)
{
	return (s->first + i) & (s->room - 1);
}

/* What had wrapped around to the beginning follows the end of the old table. */
static void unwrap(struct gp_items *s, size_t old_room)
{
	if (s->first + s->count > old_room)
		memcpy(s->ring + old_room, s->ring, (s->first + s->count - old_room) * sizeof *s->ring);
}

static int grow(struct gp_items *s)
{
	size_t room = s->room ? 2 * s->room : FEWEST, bytes;
	void *table;

	if (__builtin_mul_overflow(room, s->order == GP__PRIORITY ? sizeof *s->heap : sizeof *s->ring, &bytes))
		return -ENOMEM;
	table = gp__realloc(s->ring, bytes);
	if (!table)
		return -ENOMEM;
	s->ring = table;
	if (s->order != GP__PRIORITY)
		unwrap(s, s->room);
	s->room = room;
	return 0;
}

static bool before(const struct gp_ranked *a, const struct gp_ranked *b)
{
	return a->priority != b->priority ? a->priority < b->priority : a->seq < b->seq;
}

static void rise(struct gp_items *s, size_t i, struct gp_ranked r)
{
	for (size_t up; i && before(&r, &s->heap[up = (i - 1) / 2]); i = up)
		s->heap[i] = s->heap[up];
	s->heap[i] = r;
}

/* r stands for the first, which is gone. */
static void sink(struct gp_items *s, struct gp_ranked r)
{
	size_t i = 0, down;

	while ((down = 2 * i + 1) < s->count) {
		if (down + 1 < s->count && before(&s->heap[down + 1], &s->heap[down]))
			down++;
		if (!before(&s->heap[down], &r))
			break;
		s->heap[i] = s->heap[down];
		i = down;
	}
	s->heap[i] = r;
}

int gp__items_put(struct gp_items *s, void *item, int64_t priority)
{
	if (s->count == s->room && grow(s))
		return -ENOMEM;
	if (s->order == GP__PRIORITY)
		rise(s, s->count, (struct gp_ranked){ priority, s->seq++, item });
	else
		s->ring[place(s, s->count)] = item;
	s->count++;
	return 0;
}

void *gp__items_next(const struct gp_items *s)
{
	if (s->order == GP__PRIORITY)
		return s->heap[0].item;
	return s->ring[place(s, s->order == GP__FIFO ? 0 : s->count - 1)];
}

void *gp__items_take(struct gp_items *s)
{
	void *item = gp__items_next(s);

	s->count--;
	if (s->order == GP__PRIORITY)
		sink(s, s->heap[s->count]);
	else if (s->order == GP__FIFO)
		s->first = place(s, 1);
	if (gp__unlikely(!s->count && s->room > KEPT))
		gp__items_drop(s);
	return item;
}

void gp__items_drop(struct gp_items *s)
{
	gp__free(s->ring);
	s->ring = NULL;
	s->count = s->room = s->first = 0;
}
