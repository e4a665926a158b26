/* fault.h - calls whose n-th allocation fails, or that get no more descriptors. Include it behind unit.h, in a program
 * of its own: the allocator of core is replaced by one that fails when told to. */
#ifndef UNIT_FAULT_H
#define UNIT_FAULT_H

#include <dirent.h>
#include "core/alloc.h"
#include "core/run/hub.h"
#include "greenpatch.h"

static int fault_at = -1; /* the n-th allocation from now fails; counts down */

static int fault_blocks; /* that live; helper threads free some, too */

static void *fault_count(void *p)
{
	__atomic_add_fetch(&fault_blocks, p != NULL, __ATOMIC_RELAXED);
	return p;
}

static bool fault_now(void)
{
	return fault_at >= 0 && !fault_at--;
}

void *gp__alloc(size_t size)
{
	return fault_now() ? NULL : fault_count(calloc(1, size ? size : 1));
}
void gp__free(void *p)
{
	__atomic_sub_fetch(&fault_blocks, p != NULL, __ATOMIC_RELAXED);
	free(p);
}
void *gp__realloc(void *p, size_t size)
{
	if (fault_now())
		return NULL;
	return p ? realloc(p, size) : fault_count(realloc(NULL, size));
}

UNIT_UNUSED static int fault_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = -3; /* ".", ".." and its own */

	NEED(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Records of greenlets that have ended are used again: without them the next greenlet needs memory. */
UNIT_UNUSED static void fault_no_records(struct gp_hub *h)
{
	while (h->records) {
		struct gp_greenlet *g = h->records;

		h->records = g->arg;
		h->records_kept--;
		gp__free(g);
	}
}

/* The next deadline needs memory. */
UNIT_UNUSED static void fault_no_heap(void)
{
	struct gp_hub *h = gp_self()->hub;

	if (h->deadlines.count)
		return;
	gp__free(h->deadlines.heap);
	h->deadlines.heap = NULL;
	h->deadlines.room = 0;
}

/* Of a greenlet just made, or that could not be. */
UNIT_UNUSED static int fault_join(struct gp_greenlet *g)
{
	int r = g ? gp_join(g, GP_NEVER) : -ENOMEM;

	gp_unref(g);
	return r;
}

/* A call: 0, or a negative errno and nothing is changed. */
struct fault_call {
	const char *name;
	int (*call)(void);
	int error; /* what it gives without memory beside -ENOMEM; 0: nothing else */
};

#define FAULT_MOST 30

/* Runs it with the n-th allocation failing, for n from 1 until none fails. After each failure there are as many
 * greenlets and descriptors as before. Gives how many failed. The first run, without failure, makes what stays: the
 * pool's threads, tables. */
UNIT_UNUSED static int fault_each(const struct fault_call *c)
{
	struct gp_hub *h = gp_self()->hub;
	int r = c->call(), n = 0, descriptors;
	long live;

	if (r)
		unit_fail(__FILE__, __LINE__, "%s: expected 0 at first, came %d", c->name, r);
	gp_yield();
	gp_yield();
	descriptors = fault_descriptors();
	live = (long)h->stats.live;
	for (; n < FAULT_MOST; n++) {
		fault_no_records(h);
		fault_at = n;
		r = c->call();
		if (fault_at >= 0)
			break;
		if (r != -ENOMEM && (!c->error || r != c->error))
			unit_fail(__FILE__, __LINE__, "%s, allocation %d: expected -ENOMEM, came %d", c->name, n + 1,
			          r);
		gp_yield();
		gp_yield();
		if ((long)h->stats.live != live || fault_descriptors() != descriptors)
			unit_fail(__FILE__, __LINE__,
			          "%s, allocation %d: greenlets %ld, were %ld; descriptors %d, were %d", c->name, n + 1,
			          (long)h->stats.live, live, fault_descriptors(), descriptors);
		fault_at = -1;
		r = c->call();
		if (r)
			unit_fail(__FILE__, __LINE__, "%s after allocation %d: expected 0, came %d", c->name, n + 1, r);
	}
	fault_at = -1;
	if (r || !n || n == FAULT_MOST)
		unit_fail(__FILE__, __LINE__, "%s: expected 0 after some failures, came %d after %d", c->name, r, n);
	printf("# %s: %d allocations failed\n", c->name, n);
	return n;
}

/* All of an array of them. */
#define FAULT_EACH(calls)                                                    \
	do {                                                                 \
		for (size_t i = 0; i < sizeof(calls) / sizeof *(calls); i++) \
			fault_each(&(calls)[i]);                             \
	} while (0)

#endif
