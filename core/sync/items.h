/* items.h - what a queue holds: pointers, and the order in which they come out.
 *
 * Knows nothing of waiting. Called by queue.c only, from wherever that is.
 */
#ifndef GP_CORE_SYNC_ITEMS_H
#define GP_CORE_SYNC_ITEMS_H

#include "core/base.h"

enum gp_order { GP__FIFO, GP__LIFO, GP__PRIORITY };

struct gp_ranked {
	int64_t priority; /* the lowest comes first */
	uint64_t seq;     /* equal ones in the order in which they came */
	void *item;
};

/* Zeroed, with `order` set, it is empty and has no memory. */
struct gp_items {
	uint8_t order;              /* enum gp_order */
	size_t count;
	size_t room;                /* places of the table; of a ring a power of two; 0: no table */
	size_t first;               /* of a ring: where the oldest is */
	uint64_t seq;               /* of the next one that comes, GP__PRIORITY */
	union {
		void **ring;            /* GP__FIFO, GP__LIFO */
		struct gp_ranked *heap; /* GP__PRIORITY: a binary heap */
	};
};

/* 0, or -ENOMEM and nothing has changed. O(1), O(log n) with priorities; O(n)
 * where the table grows to twice its size. */
int gp__items_put(struct gp_items *s, void *item, int64_t priority);
/* The next one, out of it; it is not empty. */
void *gp__items_take(struct gp_items *s);
/* The same, and it stays. */
void *gp__items_next(const struct gp_items *s);
/* Forgets all and frees the table. */
void gp__items_drop(struct gp_items *s);

#endif
