/* datagram.c - the server of datagrams: takes one, hands it to a greenlet of its
 * own; sends. The rest is server.c. Called from greenlets of its hub. */
#include <string.h>
#include "core/io.h"
#include "core/raw.h"
#include "core/server.h"
#include "greenpatch/greenlet.h"

#define LARGEST 65536 /* no datagram of IP or of a Unix socket's default buffer is larger */

static void *run_datagram(void *arg)
{
	struct gp_server_job *j = arg;

	j->server->on_datagram(j->server, j->data, j->size, &j->peer, j->server->arg);
	return j;
}

/* The size of the next one is asked for first, so that the record is no larger. */
int gp__datagram_take(struct gp_server *s)
{
	char none;
	long n = gp__raw(SYS_recvfrom, s->fd, &none, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
	struct gp_server_job *j;

	if (n < 0)
		return (int)n;
	j = gp__server_job_new(s, (size_t)gp__min(n, (long)LARGEST), run_datagram);
	if (!j)
		return -ENOMEM;
	j->peer.length = sizeof j->peer.storage;
	n = gp__raw(SYS_recvfrom, s->fd, j->data, j->size, MSG_DONTWAIT, &j->peer.storage, &j->peer.length);
	if (n < 0) {
		gp__server_job_drop(j);
		return (int)n;
	}
	j->size = (size_t)n;
	gp__server_job_start(j);
	return 0;
}

GP_API struct gp_server *gp_datagram_server_new(const char *address,
                                                void (*handle)(struct gp_server *server, const void *data, size_t n,
                                                               const struct gp_address *peer, void *arg),
                                                void *arg, const struct gp_server_options *options)
{
	struct gp_server *s = handle ? gp__server_new(address, arg, options, SOCK_DGRAM) : NULL;

	if (s)
		s->on_datagram = handle;
	return s;
}

GP_API int gp_datagram_send(struct gp_server *s, const void *data, size_t n, const struct gp_address *to, int64_t deadline)
{
	struct gp_hub *h = gp__hub();
	int64_t pause = 0;

	if (!s || !h || s->hub != h || s->type != SOCK_DGRAM || (!data && n) || !to)
		return -EINVAL;
	for (;;) {
		long r = s->fd < 0 ? -EBADF : gp__raw(SYS_sendto, s->fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL, &to->storage, to->length);

		if (r >= 0)
			return 0;
		if (r == -EINTR)
			continue;
		if (r != -EAGAIN)
			return (int)r;
		if (deadline <= gp__now())
			return -ETIMEDOUT;
		r = gp__desc_wait_to(h, s->fd, to, &pause, deadline);
		if (r)
			return (int)r;
	}
}
