/* queue_script.h - small programs of greenlets around one queue or channel, and the order of what happens in them.
 *
 * A program is a word for each greenlet, A, B ... in the order of their spawn; its letters are what the greenlet does:
 *
 *	p   put the next item (1, 2 ... counted over all)     P   put it without waiting
 *	g   get                                               G   get without waiting
 *	k   peek                                              K   peek without waiting
 *	d   task done                                         j   join
 *	y   yield                                             xB  kill B, not waiting for it
 *
 * Each leaves in the trace who did what and with which item, when it is done: Ap1, Bg1; Ag! for an error, and Ax when A
 * was killed, which ends it. When nothing happens any more, those that still wait are named: A?
 */
#ifndef QUEUE_SCRIPT_H
#define QUEUE_SCRIPT_H

#include "greenpatch.h"

enum { SCRIPT_MOST = 16 };

static struct {
	struct gp_queue *q; /* or */
	struct gp_channel *c;
	bool ranked; /* q has priorities: the item's number modulo 3 */
	struct gp_greenlet *g[SCRIPT_MOST];
	intptr_t next;
	bool over; /* what happens from now on is not looked at */
} script;

struct script_role {
	char name;
	const char *ops;
};

static int script_put(bool wait, void *item)
{
	if (script.c)
		return gp_channel_put(script.c, item, GP_NEVER);
	if (script.ranked)
		return wait ? gp_queue_put_priority(script.q, item, (intptr_t)item % 3, GP_NEVER)
		            : gp_queue_try_put_priority(script.q, item, (intptr_t)item % 3);
	return wait ? gp_queue_put(script.q, item, GP_NEVER) : gp_queue_try_put(script.q, item);
}

static int script_do(const char *op, void **item)
{
	switch (*op) {
	case 'p':
	case 'P': return script_put(*op == 'p', *item = (void *)++script.next);
	case 'g': return script.c ? gp_channel_get(script.c, item, GP_NEVER) : gp_queue_get(script.q, item, GP_NEVER);
	case 'G': return gp_queue_try_get(script.q, item);
	case 'k': return gp_queue_peek(script.q, item, GP_NEVER);
	case 'K': return gp_queue_try_peek(script.q, item);
	case 'd': return gp_queue_task_done(script.q);
	case 'j': return gp_queue_join(script.q, GP_NEVER);
	case 'y': return gp_yield();
	default: NEED(!"an op that exists"); return -EINVAL;
	}
}

static void *script_run(void *arg)
{
	const struct script_role *role = arg;

	for (const char *op = role->ops; *op && *op != ' '; op++) {
		void *item = NULL;
		int r;

		if (*op == 'x') {
			op++;
			gp_kill_soon(script.g[*op - 'A'], -ECANCELED);
			trace("%cx%c", role->name, *op);
			continue;
		}
		r = script_do(op, &item);
		if (script.over)
			return NULL;
		if (r == -ECANCELED) {
			trace("%cx", role->name);
			return NULL;
		}
		if (r)
			trace("%c%c!", role->name, *op);
		else if (strchr("pPgGkK", *op))
			trace("%c%c%ld", role->name, *op, (long)(intptr_t)item);
		else
			trace("%c%c", role->name, *op);
	}
	return NULL;
}

/* Runs a program; what happened is in unit_trace. kind: f(ifo), l(ifo), p(riority), c(hannel). */
static void script_play(char kind, size_t maxsize, const char *program)
{
	struct script_role roles[SCRIPT_MOST];
	int n = 0;

	unit_trace[0] = 0;
	memset(&script, 0, sizeof script);
	script.ranked = kind == 'p';
	if (kind == 'c')
		NEED(script.c = gp_channel_new());
	else
		NEED(script.q = kind == 'f' ? gp_queue_new(maxsize) : kind == 'l' ? gp_queue_new_lifo(maxsize)
		                                                                 : gp_queue_new_priority(maxsize));
	for (const char *at = program; at && n < SCRIPT_MOST; at = strchr(at, ' '), n++) {
		at += *at == ' ';
		roles[n] = (struct script_role){ (char)('A' + n), at };
		NEED(script.g[n] = gp_spawn(script_run, &roles[n]));
	}
	for (int i = 0; i < 100; i++)
		gp_yield();
	for (int i = 0; i < n; i++)
		if (!gp_ready(script.g[i]))
			trace("%c?", roles[i].name);
	script.over = true;
	gp_queue_free(script.q);
	gp_channel_free(script.c);
	for (int i = 0; i < n; i++) {
		gp_kill_soon(script.g[i], -ECANCELED);
		gp_unref(script.g[i]);
	}
	gp_yield();
}

#endif
