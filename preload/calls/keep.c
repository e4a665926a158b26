/* keep.c - files whose number is closed while calls are blocked on them.
 *
 * Natively a blocked read holds the file, not the number: another thread may
 * close that, or give it another meaning, and the read goes on and has what
 * comes to the file that it began with. Here the waiter would lose it. So before
 * a number goes away whose file somebody waits for, the file gets a second
 * number, of ours, and the waiters go on at that one, until their calls end.
 *
 * A waiter's call finds the new number in its frame (the program's register is
 * put back on the way out) and in its gp_fdwait. poll and select are different
 * natively, too: when the old file wakes them they look at their numbers anew.
 * Their arguments are not touched.
 *
 * Where no number is left, or it is a gp_ function that waits, the waiter is woken
 * instead and its call made again: EBADF, or what the number means now.
 */
#include <time.h>
#include "core/run/evlibc.h"
#include "core/run/ownfd.h"
#include "preload/calls/fd.h"

/* One such file; on its way out the last call that uses it closes it. */
struct kept {
	struct gp_list link;
	int fd, was;
	unsigned users;
};

struct gp_hold { /* of one call */
	struct gp_hold *next;
	struct kept *k;
};

static struct gp_list files; /* few */

/* The arguments of the call that are this number. */
void gp__fd_rename(struct gp_frame *f, int from, int to)
{
	for (unsigned args = gp__call_fd_args(f->nr); args; args &= args - 1) {
		uint64_t *arg = &f->arg[__builtin_ctz(args)];

		if ((int)*arg == from)
			*arg = (*arg & ~0xffffffffUL) | (unsigned)to;
	}
}

static bool hold(struct gp_guest *g, struct kept *k)
{
	struct gp_hold *o = g->holds;

	while (o && o->k != k)
		o = o->next;
	if (o)
		return true;
	o = gp__alloc(sizeof *o);
	if (!o)
		return false;
	*o = (struct gp_hold){ g->holds, k };
	g->holds = o;
	k->users++;
	return true;
}

/* Whoever waits for the one number waits at the other: the file is the same, and
 * so is what is known of it. Those that cannot hold it stay. */
static void move_waiters(struct gp_hub *h, int from, int to, struct kept *k)
{
	const struct gp_fd *old = gp__fd(h, from);
	struct gp_fd *new = gp__fd(h, to);

	new->kind = old->kind;
	new->traits = old->traits;
	new->epoch = old->epoch;
	new->shares = old->shares;
	gp__list_each(n, &old->waits) {
		struct gp_fdwait *w = gp__list_entry(n, struct gp_fdwait, link);
		struct gp_guest *g = gp__guest(w->g);

		if (!g->frame || !hold(g, k))
			continue;
		gp__fdwait_move(h, w, to);
		gp__fd_rename(g->frame, from, to);
	}
}

static void let_go(struct gp_hub *h, struct kept *k)
{
	if (--k->users)
		return;
	gp__list_del(&k->link);
	gp__lib_epoll_forget(k->fd);
	gp__fd_unkeep(h, k->fd);
	gp__raw(SYS_close, k->fd);
	gp__free(k);
}

void gp__fds_let_go(struct gp_hub *h, struct gp_guest *me)
{
	while (me->holds) {
		struct gp_hold *o = me->holds;

		me->holds = o->next;
		gp__fd_rename(me->frame, o->k->fd, o->k->was);
		let_go(h, o->k);
		gp__free(o);
	}
}

static void keep(struct gp_hub *h, int fd)
{
	struct kept *k = gp__alloc(sizeof *k);
	int to = k ? gp__fd_keep(h, fd) : -ENOMEM;

	if (to < 0) {
		gp__free(k);
		return;
	}
	*k = (struct kept){ .fd = to, .was = fd, .users = 1 };
	if (!files.next)
		gp__list_init(&files);
	gp__list_append(&files, &k->link);
	move_waiters(h, fd, to, k);
	let_go(h, k);
	gp__lib_epoll_forget(fd);
}

void gp__fd_ending(struct gp_hub *h, int fd)
{
	if (fd >= 0 && fd < h->fds_used && h->fds[fd].waits.next && !gp__list_empty(&h->fds[fd].waits))
		keep(h, fd);
	gp__fd_closing(h, fd);
}

bool gp__fd_give_up(struct gp_hub *h, int fd)
{
	int to = gp__fd_keep(h, fd);

	if (to < 0)
		return false;
	gp__list_each(n, &files) {
		struct kept *k = gp__list_entry(n, struct kept, link);

		if (k->fd == fd) {
			move_waiters(h, fd, to, k);
			k->fd = to;
		}
	}
	gp__lib_epoll_forget(fd);
	gp__fd_unkeep(h, fd);
	return true;
}

void gp__fds_keep_forked(struct gp_hub *h, struct gp_guest *me)
{
	me->holds = NULL;
	if (files.next)
		gp__list_init(&files);
	gp__fds_drop_kept(h);
}
