/* sync.h - what the tests of the synchronization objects share: memory that fails when told to, a call from another
 * kernel thread, scenarios with gevent's order (orders.h). */
#ifndef SYNC_H
#define SYNC_H

#include "orders.h"
#include <pthread.h>
#include "core/alloc.h"
#include "core/run/hub.h"

#define ORDERS_HOLD(table) orders_hold(table, sizeof(table) / sizeof *(table))

static int alloc_fails_at = -1; /* the n-th from now fails; counts down */
static bool realloc_fails;

void *gp__alloc(size_t size)
{
	if (alloc_fails_at >= 0 && !alloc_fails_at--)
		return NULL;
	return calloc(1, size ? size : 1);
}

void gp__free(void *p)
{
	free(p);
}

void *gp__realloc(void *p, size_t size)
{
	return realloc_fails ? NULL : realloc(p, size);
}

static void *call_it(void *arg)
{
	(*(void (**)(void))arg)();
	return NULL;
}

/* Calls fn on a kernel thread that has no greenlets. */
UNIT_UNUSED static void elsewhere(void (*fn)(void))
{
	pthread_t t;

	NEED(!pthread_create(&t, NULL, call_it, &fn) && !pthread_join(t, NULL));
}

UNIT_UNUSED static void turns(int n)
{
	while (n--)
		gp_yield();
}

UNIT_UNUSED static void join_one(struct gp_greenlet *g)
{
	EXPECT_INT(gp_join(g, gp_after(5 * GP_SEC)), 0);
	gp_unref(g);
}

/* Kills it and waits for its end. */
UNIT_UNUSED static void kill_one(struct gp_greenlet *g)
{
	EXPECT_INT(gp_kill(g, gp_after(5 * GP_SEC)), 0);
	gp_unref(g);
}

#define PASSED 1 /* a deadline that has passed */

#endif
