/* connect.c - the call of a client: from an address as a text to a connected
 * stream, with a deadline over all of it. */
#include <string.h>
#include "core/io.h"
#include "core/raw.h"
#include "core/server.h"
#include "greenpatch/greenlet.h"

#define CANDIDATES 16

/* Waits for the kernel's answer: 0, or the error of the connection. */
static int finish(struct gp_hub *h, int fd, int64_t deadline)
{
	int error = 0, r;
	socklen_t size = sizeof error;

	r = gp__desc_await(h, fd, GP__WRITE, deadline);
	if (r)
		return r;
	r = (int)gp__raw(SYS_getsockopt, fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return r ? r : -error;
}

static int connect_to(struct gp_hub *h, const struct gp_address *a, int64_t deadline)
{
	int fd = (int)gp__raw(SYS_socket, a->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return fd;
	gp__fd_closing(h, fd); /* the number is new: what was known of it is not */
	/* A Unix socket whose backlog is full says EAGAIN, and nothing tells when
	 * that has passed. */
	while ((r = (int)gp__raw(SYS_connect, fd, &a->storage, a->length)) == -EAGAIN && a->storage.ss_family == AF_UNIX) {
		if (deadline <= gp__now())
			r = -ETIMEDOUT;
		else
			r = gp_sleep(GP_MSEC);
		if (r)
			break;
	}
	if (r == -EINPROGRESS || r == -EINTR)
		r = finish(h, fd, deadline);
	if (!r)
		return fd;
	gp__fd_closing(h, fd);
	gp__raw(SYS_close, fd);
	return r;
}

GP_API int gp_create_connection(const char *address, int64_t deadline)
{
	struct gp_hub *h = gp__hub_need();
	struct gp_address a[CANDIDATES];
	const char *host;
	int port, r;
	size_t n;

	if (!address)
		return -EINVAL;
	if (!h)
		return -ENOMEM;
	if (deadline <= gp__now())
		return -ETIMEDOUT;
	if (!gp_address_parse(a, address))
		return connect_to(h, a, deadline);
	r = gp__address_split(address, &host, &n, &port);
	if (r)
		return r;
	r = gp__resolve(host, n, port, a, CANDIDATES, deadline);
	if (r <= 0)
		return r ? r : -ENOENT;
	for (int i = 0, count = r; i < count; i++) {
		r = connect_to(h, &a[i], deadline);
		if (r >= 0 || r == -ECANCELED || r == -ETIMEDOUT)
			break;
	}
	return r;
}
