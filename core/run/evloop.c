/* evloop.c - the hub's side of libev; the only file that sees ev.h.
 *
 * libev sleeps and tells which descriptors are ready. One watcher a number,
 * kept for ever: stopped and started between two iterations with the same
 * events it costs no epoll_ctl. The deadlines fire from a check watcher of the
 * highest priority, so that what is due comes before what is readable, as in
 * gevent.
 *
 * Never the default loop (it takes SIGCHLD), never the environment's flags.
 *
 * libev's object and this file use vector registers, which under the shim
 * belong to the program while one of its calls is being handled: everything
 * here runs in the hub's context. What a greenlet wants of the loop it asks for
 * by a field of the hub, and lets the hub have a turn (after a fork, and when
 * the program takes one of our numbers).
 */
#include <fcntl.h>
#include <sys/eventfd.h>
#include "core/alloc.h"
#include "core/raw.h"
#include "core/run/evlibc.h"
#include "core/run/evmem.h"
#include "core/run/hub.h"
#include "core/run/offload.h"
#include "core/run/ownfd.h"

#define ev_set_allocator gp__lib_ev_set_allocator
#define ev_loop_new      gp__lib_ev_loop_new
#define ev_loop_destroy  gp__lib_ev_loop_destroy
#define ev_loop_fork     gp__lib_ev_loop_fork
#define ev_run           gp__lib_ev_run
#define ev_io_start      gp__lib_ev_io_start
#define ev_io_stop       gp__lib_ev_io_stop
#define ev_check_start   gp__lib_ev_check_start
#define ev_userdata      gp__lib_ev_userdata
#define ev_set_userdata  gp__lib_ev_set_userdata
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#include <ev.h>
#pragma GCC diagnostic pop

struct gp_loop {
	struct ev_loop *ev;
	struct gp_hub *hub;
	ev_io kick;      /* an eventfd: gp__loop_kick() */
	ev_check due;    /* fires the deadlines */
	struct gp_evmem mem;
};

struct watcher {
	ev_io io;
	struct gp_fd *f;
	struct gp_loop *loop;
};

/* ---- libev calls back ------------------------------------------------------- */

static void on_due(struct ev_loop *ev, ev_check *w, int revents)
{
	struct gp_loop *l = gp__container_of(w, struct gp_loop, due);

	if (l->hub->deadlines.count)
		gp__deadlines_fire(l->hub, gp__now());
}

static void watch_kick(struct gp_loop *l, int fd)
{
	ev_io_stop(l->ev, &l->kick);
	ev_io_set(&l->kick, fd, EV_READ);
	ev_io_start(l->ev, &l->kick);
}

static void on_kick(struct ev_loop *ev, ev_io *w, int revents)
{
	struct gp_loop *l = gp__container_of(w, struct gp_loop, kick);
	uint64_t count;

	if (revents & EV_ERROR) /* the kernel would not watch it now */
		watch_kick(l, w->fd);
	gp__raw(SYS_read, w->fd, &count, sizeof count);
	gp__offload_collect(l->hub);
	gp__handlers_collect(l->hub);
}

static void on_ready(struct ev_loop *ev, ev_io *io, int revents)
{
	struct watcher *w = gp__container_of(io, struct watcher, io);
	unsigned events = (revents & EV_READ ? GP__READ : 0) | (revents & EV_WRITE ? GP__WRITE : 0), unsure = 0;

	if (revents & EV_ERROR) { /* libev has stopped it: the number is not open, or the kernel would not watch it now */
		w->f->active = 0;
		w->f->watched = w->f->generation - 1; /* libev believes that the kernel watches it */
		events = GP__READ | GP__WRITE;
		unsure = GP__UNSURE;
	}
	gp__list_each(n, &w->f->waits) {
		struct gp_fdwait *fw = gp__list_entry(n, struct gp_fdwait, link);

		if (!(fw->events & events))
			continue;
		fw->ready |= (uint16_t)((fw->events & events) | unsure);
		gp__wake(fw->g, 0);
	}
}

/* ---- watchers follow waiters --------------------------------------------------- */

static void nobody(struct ev_loop *ev, ev_io *w, int revents) {}

static struct watcher *watcher_of(struct gp_hub *h, struct gp_fd *f)
{
	struct watcher *w = f->watcher;

	if (w)
		return w;
	w = gp__alloc(sizeof *w);
	if (!w)
		return NULL;
	if (gp__evmem_room((int)(f - h->fds))) {
		gp__free(w);
		return NULL;
	}
	ev_init(&w->io, nobody);
	ev_set_cb(&w->io, on_ready);
	w->f = f;
	w->loop = h->loop;
	f->watcher = w;
	return w;
}

static void bring_up_to_date(struct gp_hub *h, struct gp_fd *f)
{
	struct ev_loop *ev = h->loop->ev;
	unsigned want = 0;
	bool anew = !f->watcher || f->watched != f->generation;
	struct watcher *w;

	gp__list_each(n, &f->waits) {
		const struct gp_fdwait *fw = gp__list_entry(n, struct gp_fdwait, link);

		if (!(fw->ready & GP__CLOSED)) /* it waited for what the number was */
			want |= fw->events;
	}
	if (want == f->active && !anew)
		return;
	w = watcher_of(h, f);
	if (!w) { /* short of memory: let them try again rather than sleep for ever */
		gp__list_each(n, &f->waits)
			gp__wake(gp__list_entry(n, struct gp_fdwait, link)->g, -ENOMEM);
		return;
	}
	ev_io_stop(ev, &w->io);
	if (want) {
		int events = (want & GP__READ ? EV_READ : 0) | (want & GP__WRITE ? EV_WRITE : 0);

		if (anew)
			ev_io_set(&w->io, (int)(f - h->fds), events);
		else
			ev_io_modify(&w->io, events);
		ev_io_start(ev, &w->io);
		f->watched = f->generation;
	}
	f->active = (uint8_t)want;
}

/* The main greenlet is told by its call, as by gevent's LoopExit, if that can
 * be told anything: true. Otherwise everybody is listed, once. */
static bool nothing_can_wake(struct gp_hub *h)
{
	struct gp_greenlet *main = h->main;

	if (main->state == GP__PARKED && main->park_flags & GP__CANCELABLE)
		return gp__wake(main, -EDEADLK);
	h->deadlock_told = true;
	gp__dump_deadlock(h);
	return false;
}

static void serve_requests(struct gp_hub *h);

void gp__loop_poll(struct gp_hub *h, bool may_block)
{
	int64_t started;

	h->turns = 0;
	h->poll_now = false;
	if (h->forked || h->wanted_fd >= 0)
		serve_requests(h);
	if (h->hooks->before_poll)
		h->hooks->before_poll(h);
	while (!gp__list_empty(&h->fd_changes)) {
		struct gp_fd *f = gp__list_first(&h->fd_changes, struct gp_fd, changed);

		gp__list_del(&f->changed);
		bring_up_to_date(h, f);
	}
	may_block = may_block && gp__list_empty(&h->runq);
	if (may_block && gp__hub_alone(h) && !h->deadlock_told && !h->handlers &&
	    !(h->hooks->may_wake && h->hooks->may_wake(h)))
		may_block = !nothing_can_wake(h);
	started = gp__now();
	h->refused = false;
	ev_run(h->loop->ev, may_block ? EVRUN_ONCE : EVRUN_NOWAIT);
	h->polled = gp__now();
	h->poll_cost = may_block ? 0 : h->polled - started;
}

void gp__loop_kick(struct gp_hub *h)
{
	uint64_t one = 1;

	if (h->forked) /* it will look, and the number is no longer ours */
		return;
	gp__raw(SYS_write, h->loop->kick.fd, &one, sizeof one);
}

/* ---- life ------------------------------------------------------------------------- */

static int start_kick(struct gp_loop *l)
{
	int fd = gp__fd_hide((int)gp__raw(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK));
	int r = fd < 0 ? fd : gp__evmem_room(fd);

	if (r) {
		gp__lib_close(fd);
		return r;
	}
	ev_init(&l->kick, nobody);
	ev_set_cb(&l->kick, on_kick);
	watch_kick(l, fd);
	return 0;
}

static void no_check(struct ev_loop *ev, ev_check *w, int revents) {}

int gp__loop_make(struct gp_hub *h)
{
	struct gp_loop *l = gp__alloc(sizeof *l);
	int r;

	if (!l)
		return -ENOMEM;
	gp__evmem_use(&l->mem);
	r = gp__evmem_room(0);
	if (r)
		goto fail_loop;
	ev_set_allocator(gp__evmem_allocate);
	l->hub = h;
	l->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV | EVFLAG_NOTIMERFD);
	if (!l->ev) {
		r = -EMFILE;
		goto fail_loop;
	}
	h->loop = l;
	r = start_kick(l);
	if (r)
		goto fail_kick;
	ev_init(&l->due, no_check);
	ev_set_cb(&l->due, on_due);
	ev_set_priority(&l->due, EV_MAXPRI);
	ev_check_start(l->ev, &l->due);
	return 0;
fail_kick:
	h->loop = NULL;
	ev_loop_destroy(l->ev);
fail_loop:
	gp__evmem_drop();
	gp__free(l);
	return r;
}

static void renew_kick(struct gp_loop *l)
{
	int tries = 0;

	ev_io_stop(l->ev, &l->kick);
	gp__lib_close(l->kick.fd);
	while (start_kick(l))
		if (!gp__fd_pause(&tries))
			gp__panic(__FILE__, __LINE__, "no descriptor is left for the hub");
}

/* In the child of a fork: libev and the eventfd are the parent's. What was
 * kicked before now is looked at here. */
static void renew(struct gp_hub *h)
{
	renew_kick(h->loop);
	ev_loop_fork(h->loop->ev);
	h->forked = false;
	gp__offload_collect(h);
	gp__handlers_collect(h);
}

/* The program wants a number of ours: libev makes its descriptor anew when it
 * runs next, which is at once. */
static void give_up(struct gp_hub *h, int fd)
{
	if (fd != h->loop->kick.fd)
		ev_loop_fork(h->loop->ev);
	else
		renew_kick(h->loop);
}

static void serve_requests(struct gp_hub *h)
{
	if (h->forked)
		renew(h);
	if (h->wanted_fd >= 0)
		give_up(h, h->wanted_fd);
	h->wanted_fd = -1;
}
