/* pipe.c - whole messages between processes (greenpatch/pipe.h).
 *
 * A stream socket and frames. Each direction has a gate that lets one greenlet
 * in. What is under way lies in the object, not on the greenlet's stack, so
 * that whoever is ended leaves a state that the next one can go on from: the
 * rest of a frame to send, or the part of one that came.
 */
#include <string.h>
#include <sys/socket.h>
#include "core/alloc.h"
#include "core/io.h"
#include "core/raw.h"
#include "greenpatch/pipe.h"

#define HEAD 4

/* Lets one greenlet in at a time. Whoever asks first gets in: nothing is handed over. */
struct gate {
	bool busy;
	struct gp_list waiters;
	struct gp_notifier notifier;
	struct gp_pipe *pipe;
};

struct gp_pipe {
	struct gp_hub *hub;
	int fd;
	bool freed;              /* by the program; the last user frees the record */
	unsigned users;          /* calls that wait */
	struct gate sending, receiving;
	char *rest;              /* of a frame whose sender has gone; NULL: none */
	size_t rest_size, rest_sent;
	unsigned char head[HEAD];
	char *body;              /* of the frame that comes; NULL: its head is not whole */
	size_t came, size;       /* bytes of what comes now; of the body */
};

/* ---- gates --------------------------------------------------------------------------- */

static struct gp_waiter *next(struct gp_hub *h, struct gp_notifier *n)
{
	struct gate *g = gp__container_of(n, struct gate, notifier);

	return g->busy && !g->pipe->freed ? NULL : gp__waiter_take(&g->waiters);
}

static void gate_init(struct gate *g, struct gp_pipe *p)
{
	gp__list_init(&g->waiters);
	gp__notifier_init(&g->notifier, next);
	g->pipe = p;
}

static void destroy(struct gp_pipe *p)
{
	gp__list_del(&p->sending.notifier.turn.link);
	gp__list_del(&p->receiving.notifier.turn.link);
	gp__free(p->rest);
	gp__free(p->body);
	gp__free(p);
}

static void leave(struct gp_pipe *p)
{
	if (!--p->users && p->freed)
		destroy(p);
}

static bool ours(const struct gp_pipe *p)
{
	struct gp_hub *h = gp__hub();

	return p && h && p->hub == h && h->current;
}

static bool usable(const struct gp_pipe *p)
{
	return ours(p) && !p->freed;
}

/* 0: the caller is in, until gate_leave(); or an error. */
static int gate_enter(struct gp_pipe *p, struct gate *g, int64_t deadline)
{
	struct gp_waiter w = { .place = 0 };
	int r = 0;

	p->users++;
	while (!r && g->busy && !p->freed)
		r = gp__wait_in(p->hub, &g->waiters, &w, "pipe", (unsigned long)p->fd, deadline);
	if (!r && p->freed)
		r = -ESHUTDOWN;
	if (r)
		leave(p);
	else
		g->busy = true;
	return r;
}

static void gate_leave(struct gp_pipe *p, struct gate *g)
{
	g->busy = false;
	if (!gp__list_empty(&g->waiters))
		gp__notify(p->hub, &g->notifier);
	leave(p);
}

/* ---- ends ---------------------------------------------------------------------------- */

GP_API struct gp_pipe *gp_pipe_over(int fd)
{
	int type = 0;
	socklen_t len = sizeof type;
	struct gp_pipe *p;
	struct gp_hub *h;

	if (gp__desc_enter(&h, fd) || gp__raw(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &len) || type != SOCK_STREAM)
		return NULL;
	p = gp__alloc(sizeof *p);
	if (!p)
		return NULL;
	p->hub = h;
	p->fd = fd;
	gate_init(&p->sending, p);
	gate_init(&p->receiving, p);
	return p;
}

GP_API int gp_pipe_pair(struct gp_pipe **a, struct gp_pipe **b)
{
	struct gp_pipe *p, *q;
	struct gp_hub *h;
	int fd[2], r = gp__desc_enter(&h, -1);

	if (r || !a || !b)
		return r ? r : -EINVAL;
	r = (int)gp__raw(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd);
	if (r)
		return r;
	p = gp_pipe_over(gp__desc_fresh(h, fd[0]));
	q = gp_pipe_over(gp__desc_fresh(h, fd[1]));
	if (!p || !q) {
		gp__free(p);
		gp__free(q);
		gp__desc_close(h, fd[0]);
		gp__desc_close(h, fd[1]);
		return -ENOMEM;
	}
	*a = p;
	*b = q;
	return 0;
}

GP_API void gp_pipe_free(struct gp_pipe *p)
{
	if (!ours(p) || p->freed)
		return;
	p->users++;
	p->freed = true;
	gp__desc_close(p->hub, p->fd);
	gp__notify(p->hub, &p->sending.notifier);
	gp__notify(p->hub, &p->receiving.notifier);
	leave(p);
}

GP_API int gp_pipe_fd(const struct gp_pipe *p)
{
	return p ? p->fd : -EINVAL;
}

/* ---- sending -------------------------------------------------------------------------- */

static int wait_for(struct gp_pipe *p, unsigned events, int64_t deadline)
{
	int r = gp__desc_wait(p->hub, p->fd, events, deadline);

	return p->freed ? -ESHUTDOWN : r;
}

/* What a frame has left to send: two pieces at most. */
static long send_some(struct gp_pipe *p, struct iovec *v)
{
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };
	long r = gp__raw(SYS_sendmsg, p->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);

	for (size_t by = r > 0 ? (size_t)r : 0; by; v++) {
		size_t n = gp__min(by, v->iov_len);

		v->iov_base = (char *)v->iov_base + n;
		v->iov_len -= n;
		by -= n;
	}
	return r == -ECONNRESET ? -EPIPE : r;
}

/* All of v: 0, or an error. */
static int send_frame(struct gp_pipe *p, struct iovec *v, int64_t deadline)
{
	while (v[0].iov_len || v[1].iov_len) {
		long r = send_some(p, v);

		if (r == -EAGAIN)
			r = wait_for(p, GP__WRITE, deadline);
		if (r < 0)
			return (int)r;
	}
	return 0;
}

static int send_rest(struct gp_pipe *p, int64_t deadline)
{
	struct iovec v[2] = { { p->rest + p->rest_sent, p->rest_size - p->rest_sent } };
	int r = send_frame(p, v, deadline);

	if (p->freed)
		return r ? r : -ESHUTDOWN;
	p->rest_sent = p->rest_size - v[0].iov_len;
	if (!r) {
		gp__free(p->rest);
		p->rest = NULL;
	}
	return r;
}

/* The frame was begun and its sender is ended. Without memory for the rest the
 * stream is of no use any more: the other end is told by its end. */
static void keep_rest(struct gp_pipe *p, const struct iovec *v)
{
	p->rest_size = v[0].iov_len + v[1].iov_len;
	p->rest_sent = 0;
	p->rest = gp__alloc(p->rest_size);
	if (!p->rest) {
		gp__raw(SYS_shutdown, p->fd, SHUT_WR);
		return;
	}
	memcpy(p->rest, v[0].iov_base, v[0].iov_len);
	if (v[1].iov_len)
		memcpy(p->rest + v[0].iov_len, v[1].iov_base, v[1].iov_len);
}

GP_API int gp_pipe_send(struct gp_pipe *p, const void *message, size_t n, int64_t deadline)
{
	unsigned char head[HEAD] = { (unsigned char)(n >> 24), (unsigned char)(n >> 16), (unsigned char)(n >> 8), (unsigned char)n };
	struct iovec v[2] = { { head, HEAD }, { (void *)message, n } };
	int r;

	if (!usable(p) || (n && !message))
		return -EINVAL;
	if (n > GP_PIPE_MAX)
		return -EMSGSIZE;
	r = gate_enter(p, &p->sending, deadline);
	if (r)
		return r;
	if (p->rest)
		r = send_rest(p, deadline);
	if (!r) {
		r = send_frame(p, v, deadline);
		if (r && r != -EPIPE && !p->freed && v[0].iov_len + v[1].iov_len < HEAD + n)
			keep_rest(p, v);
	}
	gate_leave(p, &p->sending);
	return r;
}

/* ---- receiving -------------------------------------------------------------------------- */

/* Until p->came is n: 0, or an error. */
static int fill(struct gp_pipe *p, void *buf, size_t n, int64_t deadline)
{
	while (p->came < n) {
		long r = gp__raw(SYS_recvfrom, p->fd, (char *)buf + p->came, n - p->came, MSG_DONTWAIT, 0, 0);

		if (!r || r == -ECONNRESET)
			return -EPIPE;
		if (r > 0)
			p->came += (size_t)r;
		else if (r == -EAGAIN)
			r = wait_for(p, GP__READ, deadline);
		if (r < 0)
			return (int)r;
	}
	return 0;
}

/* Until p->body is whole. */
static int receive(struct gp_pipe *p, int64_t deadline)
{
	int r;

	if (!p->body) {
		r = fill(p, p->head, HEAD, deadline);
		if (r)
			return r;
		p->size = (size_t)p->head[0] << 24 | (size_t)p->head[1] << 16 | (size_t)p->head[2] << 8 | p->head[3];
		if (p->size > GP_PIPE_MAX)
			return -EBADMSG;
		p->body = gp__alloc(p->size + 1);
		if (!p->body)
			return -ENOMEM;
		p->came = 0;
	}
	return fill(p, p->body, p->size, deadline);
}

/* The message is out of the way. */
static ssize_t taken(struct gp_pipe *p)
{
	p->body = NULL;
	p->came = 0;
	return (ssize_t)p->size;
}

GP_API ssize_t gp_pipe_recv(struct gp_pipe *p, void *buf, size_t size, int64_t deadline)
{
	ssize_t r;

	if (!usable(p) || (size && !buf))
		return -EINVAL;
	r = gate_enter(p, &p->receiving, deadline);
	if (r)
		return r;
	r = receive(p, deadline);
	if (!r && p->size > size)
		r = -EMSGSIZE;
	if (!r) {
		if (p->size)
			memcpy(buf, p->body, p->size);
		gp__free(p->body);
		r = taken(p);
	}
	gate_leave(p, &p->receiving);
	return r;
}

GP_API ssize_t gp_pipe_recv_new(struct gp_pipe *p, void **message, int64_t deadline)
{
	ssize_t r;

	if (!usable(p) || !message)
		return -EINVAL;
	r = gate_enter(p, &p->receiving, deadline);
	if (r)
		return r;
	r = receive(p, deadline);
	if (!r) {
		*message = p->body;
		r = taken(p);
	}
	gate_leave(p, &p->receiving);
	return r;
}
