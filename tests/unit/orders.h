/* orders.h - plays the scenarios of orders.py, which records what real gevent does; the notation is explained there.
 * orders_hold() compares a table of scenarios with what gevent printed for them. */
#ifndef ORDERS_H
#define ORDERS_H

#include "unit.h"
#include "core/clock.h"
#include "core/run/hub.h"
#include "greenpatch.h"

/* In place of core/clock.c: a scenario has a clock of its own, which goes on in steps when nobody can run. */
static int64_t stands_at; /* 0: it is the real one */
volatile uint32_t gp__in_vdso;

void gp__clock_use(int (*vdso)(int, struct timespec *)) {}

int64_t gp__clock(int id)
{
	return stands_at ? stands_at : unit_now();
}

UNIT_UNUSED static void clock_to(int64_t at)
{
	stands_at = at;
	gp__yield_poll(gp__hub());
}

/* Until nobody can run but the caller. */
UNIT_UNUSED static void settle(void)
{
	do
		gp_yield();
	while (!gp__list_empty(&gp__hub()->runq));
}

#define ORDERS_SHORT (15 * GP_MSEC)
#define ORDERS_LONG  (40 * GP_MSEC)
#define ORDERS_STEP  (5 * GP_MSEC)

struct order {
	const char *scenario, *trace;
};

/* The one that is played. */
static char order_kind;
static void *order_thing;
static struct gp_lock *order_lock; /* of a condition */
static struct gp_greenlet *order_greenlets[26];

static void order_came(char name, int r)
{
	if (r == -ECANCELED)
		trace("%c!", name);
	else if (r == -EPERM)
		trace("%c#", name);
	else
		trace("%c%s", name, r ? "-" : "+");
}

static int order_event(char name, char op, int64_t deadline)
{
	int r;

	if (op == 's' || op == 'c')
		return op == 's' ? gp_event_set(order_thing) : gp_event_clear(order_thing);
	r = gp_event_wait(order_thing, deadline);
	order_came(name, r);
	return r;
}

static int order_result(char name, char op, int64_t deadline)
{
	void *value;
	int r;

	if (op == 's' || op == 'x')
		return op == 's' ? gp_async_result_set(order_thing, (void *)5)
		                 : gp_async_result_set_error(order_thing, -ENOENT, "no");
	r = op == 'w' ? gp_async_result_wait(order_thing, deadline) : gp_async_result_get(order_thing, &value, deadline);
	if (op != 'w' && !r)
		trace("%c%d", name, (int)(intptr_t)value);
	else if (r == -ENOENT)
		trace("%c/", name);
	else
		order_came(name, r);
	return r;
}

static int order_semaphore(char name, char op, int64_t deadline)
{
	int r;

	if (op == 'r')
		return gp_semaphore_release(order_thing);
	if (op == 'w') {
		r = gp_semaphore_wait(order_thing, deadline);
		if (r >= 0)
			trace("%c%d", name, r);
		else
			order_came(name, r);
		return r;
	}
	r = op == 'n' ? gp_semaphore_try_acquire(order_thing) : gp_semaphore_acquire(order_thing, deadline);
	order_came(name, r);
	return r;
}

static int order_locked(char name, char op, int64_t deadline)
{
	int r;

	if (op == 'r')
		r = gp_lock_release(order_lock);
	else
		r = op == 'n' ? gp_lock_try_acquire(order_lock) : gp_lock_acquire(order_lock, deadline);
	if (op != 'r' || r)
		order_came(name, r);
	return r;
}

static int order_condition(char name, char op, int64_t deadline)
{
	int r;

	if (op == 'a' || op == 'r')
		return order_locked(name, op, deadline);
	if (op == 'n' || op == 'N')
		return op == 'n' ? gp_condition_notify(order_thing, 1) : gp_condition_notify_all(order_thing);
	r = gp_condition_wait(order_thing, deadline);
	order_came(name, r);
	return r;
}

static int order_barrier(char name, char op, int64_t deadline)
{
	int r;

	if (op == 'r' || op == 'x')
		return op == 'r' ? gp_barrier_reset(order_thing) : gp_barrier_abort(order_thing);
	r = gp_barrier_wait(order_thing, deadline);
	if (r >= 0)
		trace("%c%d", name, r);
	else
		trace("%c%s", name, r == -ECANCELED ? "!" : "/");
	return r;
}

static int order_operate(char name, char op)
{
	int64_t deadline = op == 't' ? gp_after(ORDERS_SHORT) : GP_NEVER;

	switch (order_kind) {
	case 'e': return order_event(name, op, deadline);
	case 'r': return order_result(name, op, deadline);
	case 'l': return order_locked(name, op, deadline);
	case 'c': return order_condition(name, op, deadline);
	case 'b': return order_barrier(name, op, deadline);
	default: return order_semaphore(name, op, deadline);
	}
}

static void *order_body(void *arg)
{
	const char *script = arg;
	char name = 'a';
	int r = 0;

	while (order_greenlets[name - 'a'] != gp_self())
		name++;
	for (; *script > ' ' && *script != ':' && r != -ECANCELED && r != -EPERM; script++) {
		trace("%c%c", name, *script);
		if (*script == 'y' || *script == 'z') {
			r = gp_sleep(*script == 'y' ? 0 : ORDERS_LONG);
			if (r)
				order_came(name, r);
		} else if (*script == 'k') {
			r = gp_kill_soon(order_greenlets[*++script - 'a'], -ECANCELED);
		} else {
			r = order_operate(name, *script);
		}
	}
	return NULL;
}

static void order_make(const char *kind)
{
	order_kind = *kind;
	order_lock = strchr("lc", *kind) ? gp_lock_new_recursive() : NULL;
	switch (*kind) {
	case 'e': order_thing = gp_event_new(); break;
	case 'r': order_thing = gp_async_result_new(); break;
	case 'l': break;
	case 'c': order_thing = gp_condition_new(order_lock); break;
	case 'b': order_thing = gp_barrier_new((unsigned)atoi(kind + 1), NULL, NULL); break;
	default: order_thing = gp_semaphore_new((unsigned)atoi(kind)); break;
	}
}

static void order_free(void)
{
	switch (order_kind) {
	case 'e': gp_event_free(order_thing); break;
	case 'r': gp_async_result_free(order_thing); break;
	case 'l': break;
	case 'c': gp_condition_free(order_thing); break;
	case 'b': gp_barrier_free(order_thing); break;
	default: gp_semaphore_free(order_thing); break;
	}
	gp_lock_free(order_lock);
}

/* Plays it; unit_trace has what happened. Who still waits at the end is woken by the end of the object. */
static void order_play(const char *scenario)
{
	size_t end = strcspn(scenario, ":");
	int n = 0;

	unit_trace[0] = 0;
	order_make(scenario);
	for (const char *s = strchr(scenario, ' '); s && s < scenario + end; s = strchr(s + 1, ' '))
		order_greenlets[n++] = gp_spawn(order_body, (void *)(uintptr_t)(s + 1));
	stands_at = unit_now();
	settle();
	for (int64_t at = 0; at < 4 * ORDERS_LONG && strcspn(scenario, "zt") < end; at += ORDERS_STEP) {
		clock_to(stands_at + ORDERS_STEP);
		settle();
	}
	stands_at = 0;
	for (int i = 0; i < n; i++)
		if (!gp_ready(order_greenlets[i]))
			trace("%c?", 'a' + i);
}

/* Ends it: nobody may be left over. */
static void order_end(void)
{
	char came[sizeof unit_trace];

	memcpy(came, unit_trace, sizeof came);
	for (int i = 0; i < 26; i++)
		if (order_greenlets[i])
			gp_kill_soon(order_greenlets[i], -ECANCELED);
	gp_yield();
	order_free();
	for (int i = 0; i < 26; i++) {
		for (int j = 0; j < 80 && order_greenlets[i] && !gp_ready(order_greenlets[i]); j++)
			gp_yield();
		EXPECT(!order_greenlets[i] || gp_ready(order_greenlets[i]));
		gp_unref(order_greenlets[i]);
		order_greenlets[i] = NULL;
	}
	memcpy(unit_trace, came, sizeof came);
}

UNIT_UNUSED static void orders_hold(const struct order *orders, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		order_play(orders[i].scenario);
		order_end();
		if (strcmp(unit_trace, orders[i].trace))
			unit_fail(__FILE__, __LINE__, "%s: expected \"%s\", came \"%s\"", orders[i].scenario,
			          orders[i].trace, unit_trace);
	}
}

#endif
