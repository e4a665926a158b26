/* server.c - stream and datagram servers: a greenlet for each connection or
 * datagram.
 *
 * One greenlet, the acceptor, takes connections until the server is stopped,
 * its places are taken, or the kernel has no descriptor for one more; then it
 * waits, ever longer. What it takes becomes a job: a record and a greenlet. A
 * link of that greenlet, called by the hub when it has ended, however it ended,
 * closes the descriptor and frees the record.
 *
 * Whoever waits for a server (for a place, for its end, for its handlers) waits
 * in one list, and looks again at every change.
 *
 * The record of a server is freed with the last reference: the owner's, the
 * acceptor's, those of the jobs. Called from greenlets of its hub.
 */
#include <string.h>
#include "core/alloc.h"
#include "core/raw.h"
#include "core/server.h"
#include "greenpatch/greenlet.h"

#define BACKOFF_MIN (10 * GP_MSEC)
#define BACKOFF_MAX GP_SEC

/* ---- changes ------------------------------------------------------------------------ */

static struct gp_waiter *next_due(struct gp_hub *h, struct gp_notifier *n)
{
	return gp__waiter_take(&gp__container_of(n, struct gp_server, changed)->due);
}

static void has_changed(struct gp_server *s)
{
	gp__list_splice(&s->due, &s->waiters);
	gp__notify(s->hub, &s->changed);
}

static int wait_for_change(struct gp_server *s, const char *what, int64_t deadline)
{
	struct gp_waiter w = { .place = 0 };

	return gp__wait_in(s->hub, &s->waiters, &w, what, (unsigned long)s, deadline);
}

/* ---- the record ------------------------------------------------------------------------ */

static bool ours(const struct gp_server *s) { return s && gp__hub() == s->hub; }

struct gp_server *gp__server_new(const char *address, void *arg, const struct gp_server_options *options, int type)
{
	struct gp_hub *h = gp__hub_need();
	struct gp_server *s = h && address ? gp__alloc(sizeof *s) : NULL;
	size_t n = address ? strlen(address) + 1 : 0;

	if (!s)
		return NULL;
	s->address = gp__alloc(n);
	if (!s->address) {
		gp__free(s);
		return NULL;
	}
	memcpy(s->address, address, n);
	if (options)
		s->options = *options;
	if (!s->options.max_accept)
		s->options.max_accept = 100;
	if (!s->options.backlog)
		s->options.backlog = 1024;
	s->hub = h;
	s->refs = 1;
	s->fd = -1;
	s->type = type;
	s->arg = arg;
	gp__list_init(&s->jobs);
	gp__list_init(&s->waiters);
	gp__list_init(&s->due);
	gp__notifier_init(&s->changed, next_due);
	return s;
}

static void unref(struct gp_server *s)
{
	if (--s->refs)
		return;
	gp__list_del(&s->changed.turn.link);
	if (s->on_free)
		s->on_free(s->on_free_arg);
	gp__free(s->address);
	gp__free(s);
}

/* ---- jobs --------------------------------------------------------------------------------- */

static void close_fd(struct gp_hub *h, int *fd)
{
	if (*fd < 0)
		return;
	gp__fd_closing(h, *fd);
	gp__raw(SYS_close, *fd);
	*fd = -1;
}

static void job_has_ended(struct gp_hub *h, struct gp_waiter *w)
{
	struct gp_server_job *j = gp__container_of(w, struct gp_server_job, ended);
	struct gp_server *s = j->server;

	close_fd(h, &j->fd);
	gp__list_del(&j->link);
	s->counts.connections--;
	has_changed(s);
	gp_unref(j->g);
	gp__free(j);
	unref(s);
}

struct gp_server_job *gp__server_job_new(struct gp_server *s, size_t size, void *(*run)(void *job))
{
	struct gp_attr attr = { .name = s->options.name, .stack_size = s->options.stack_size };
	struct gp_server_job *j = gp__alloc(sizeof *j + size);

	if (!j)
		return NULL;
	j->g = gp_new(&attr, run, j);
	if (!j->g) {
		gp__free(j);
		return NULL;
	}
	j->server = s;
	j->fd = -1;
	j->size = size;
	return j;
}

void gp__server_job_drop(struct gp_server_job *j)
{
	gp_unref(j->g);
	gp__free(j);
}

void gp__server_job_start(struct gp_server_job *j)
{
	struct gp_server *s = j->server;

	j->ended.call = job_has_ended;
	gp__list_init(&j->ended.link);
	gp__list_append(&s->jobs, &j->link);
	s->refs++;
	s->counts.connections++;
	s->counts.accepted++;
	gp_start(j->g);
	gp__greenlet_link(j->g, &j->ended);
}

static void *run_stream(void *arg)
{
	struct gp_server_job *j = arg;

	j->server->on_stream(j->fd, &j->peer, j->server->arg);
	close_fd(j->server->hub, &j->fd);
	return j; /* a kill that it has taken is no error of it */
}

/* Takes one connection: 0, or an error. */
static int stream_take(struct gp_server *s)
{
	struct gp_address peer = { .length = sizeof peer.storage };
	int fd = (int)gp__raw(SYS_accept4, s->fd, &peer.storage, &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct gp_server_job *j;

	if (fd < 0)
		return fd;
	gp__fd_closing(s->hub, fd); /* the number is new: what was known of it is not */
	j = gp__server_job_new(s, 0, run_stream);
	if (!j) {
		gp__raw(SYS_close, fd);
		return -ENOMEM;
	}
	j->fd = fd;
	j->peer = peer;
	gp__server_job_start(j);
	return 0;
}

/* ---- the acceptor ---------------------------------------------------------------------------- */

/* It runs as long as it is the server's: whoever stops the server takes that
 * away, and wakes it in whatever it waits for. */
static bool accepts(const struct gp_server *s) { return s->acceptor == s->hub->current; }

/* The kernel is short of something; that passes. */
static bool is_shortage(int r) { return r == -EMFILE || r == -ENFILE || r == -ENOBUFS || r == -ENOMEM; }
/* The socket is none that can be listened to. */
static bool is_fatal(int r) { return r == -EBADF || r == -EINVAL || r == -ENOTSOCK || r == -EOPNOTSUPP; }

/* 0, or what a kill brings. */
static int back_off(struct gp_server *s, int64_t *delay)
{
	int64_t ns = gp__max(*delay, BACKOFF_MIN), until = gp__deadline_after(ns);
	int r = 0;

	s->counts.backoffs++;
	*delay = gp__min(2 * ns, BACKOFF_MAX);
	while (!r && accepts(s) && until > gp__now())
		r = wait_for_change(s, "back-off", until);
	return r == -ETIMEDOUT ? 0 : r;
}

static int wait_for_one(struct gp_server *s)
{
	int r = gp__wait_fd(s->hub, s->fd, GP__READ, GP__NEVER);

	if (r == -EINTR)
		gp__take_signals(s->hub);
	return r < 0 && r != -EINTR && accepts(s) ? r : 0;
}

/* Takes what there is. Whatever goes wrong with one connection is that one's
 * affair. Returns when it is stopped, or killed, or the socket is gone. */
static void accept_all(struct gp_server *s)
{
	int (*take)(struct gp_server *) = s->type == SOCK_STREAM ? stream_take : gp__datagram_take;
	unsigned taken = 0;
	int64_t delay = 0;
	int r = 0;

	while (!r && accepts(s)) {
		if (gp__server_full(s)) {
			r = wait_for_change(s, "place", GP__NEVER);
			continue;
		}
		r = take(s);
		if (is_fatal(r))
			break;
		delay = r && r != -EAGAIN ? delay : 0;
		if (is_shortage(r)) {
			r = back_off(s, &delay);
		} else if (r == -EAGAIN) {
			taken = 0;
			r = wait_for_one(s);
		} else if (++taken < s->options.max_accept) {
			r = 0;
		} else {
			taken = 0;
			r = gp_yield();
		}
	}
}

static void stop_accepting(struct gp_server *s)
{
	if (!s->acceptor)
		return;
	gp_unref(s->acceptor);
	s->acceptor = NULL;
	close_fd(s->hub, &s->fd);
	gp__listen_end(s);
	has_changed(s);
}

static void *acceptor(void *arg)
{
	struct gp_server *s = arg;

	accept_all(s);
	if (accepts(s)) /* by itself: the socket is gone, or somebody has killed it */
		stop_accepting(s);
	unref(s);
	return GP_EXITED;
}

/* ---- the public side ------------------------------------------------------------------------------ */

GP_API struct gp_server *gp_server_new(const char *address,
                                       void (*handle)(int fd, const struct gp_address *peer, void *arg), void *arg,
                                       const struct gp_server_options *options)
{
	struct gp_server *s = handle ? gp__server_new(address, arg, options, SOCK_STREAM) : NULL;

	if (s)
		s->on_stream = handle;
	return s;
}

GP_API int gp_server_start(struct gp_server *s)
{
	struct gp_attr attr = { .name = "acceptor" };
	struct gp_greenlet *g;
	int r;

	if (!ours(s) || s->acceptor)
		return -EINVAL;
	g = gp_new(&attr, acceptor, s);
	if (!g)
		return -ENOMEM;
	r = gp__listen(s, &s->fd);
	if (r) {
		gp_unref(g);
		return r;
	}
	s->acceptor = g;
	s->refs++;
	gp_start(g);
	return 0;
}

GP_API int gp_server_serve_forever(struct gp_server *s)
{
	int r = ours(s) ? 0 : -EINVAL;

	if (!r && !s->acceptor)
		r = gp_server_start(s);
	if (r)
		return r;
	s->refs++;
	while (!r && s->acceptor)
		r = wait_for_change(s, "server", GP__NEVER);
	unref(s);
	return r;
}

/* All of them, in order of arrival. O(jobs). */
static void kill_jobs(struct gp_server *s)
{
	gp__list_each(n, &s->jobs)
		gp_kill_soon(gp__list_entry(n, struct gp_server_job, link)->g, -ECANCELED);
}

static bool is_job(const struct gp_server *s, const struct gp_greenlet *g)
{
	gp__list_each(n, &s->jobs)
		if (gp__list_entry(n, struct gp_server_job, link)->g == g)
			return true;
	return false;
}

GP_API int gp_server_stop(struct gp_server *s, int64_t deadline)
{
	int r = 0;

	if (!ours(s))
		return -EINVAL;
	if (is_job(s, s->hub->current))
		return -EDEADLK;
	stop_accepting(s);
	s->refs++;
	while (!r && !gp__list_empty(&s->jobs) && deadline > gp__now())
		r = wait_for_change(s, "handlers", deadline);
	if (r == -ETIMEDOUT && deadline <= gp__now())
		r = 0;
	if (!r)
		kill_jobs(s);
	while (!r && !gp__list_empty(&s->jobs))
		r = wait_for_change(s, "handlers", GP__NEVER);
	unref(s);
	return r;
}

GP_API void gp_server_free(struct gp_server *s)
{
	if (!ours(s))
		return;
	stop_accepting(s);
	kill_jobs(s);
	unref(s);
}

GP_API int gp_server_port(const struct gp_server *s)
{
	const uint8_t *b = s ? (const uint8_t *)&s->bound.storage : NULL;

	if (!s || (s->bound.storage.ss_family != AF_INET && s->bound.storage.ss_family != AF_INET6))
		return 0;
	return b[2] << 8 | b[3]; /* the same place in both */
}

GP_API const char *gp_server_address(const struct gp_server *s) { return s ? s->text : ""; }
GP_API int gp_server_fd(const struct gp_server *s) { return s ? s->fd : -1; }

GP_API int gp_server_count(const struct gp_server *s, struct gp_server_counts *counts)
{
	if (!ours(s) || !counts)
		return -EINVAL;
	*counts = s->counts;
	return 0;
}

GP_API int gp_server_on_free(struct gp_server *s, void (*fn)(void *arg), void *arg)
{
	if (!ours(s))
		return -EINVAL;
	s->on_free = fn;
	s->on_free_arg = arg;
	return 0;
}

GP_API int gp_wake_fd(int fd)
{
	struct gp_hub *h = gp__hub();

	return h ? gp__fd_wake(h, fd) : 0;
}
