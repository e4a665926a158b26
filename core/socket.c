/* socket.c - sockets (greenpatch/socket.h).
 *
 * recv and send have MSG_DONTWAIT. accept has nothing of the kind: poll() is
 * asked first. connect sets O_NONBLOCK for the length of one system call:
 * nobody else uses a socket that is not connected yet.
 */
#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include "core/io.h"
#include "core/raw.h"
#include "greenpatch/dns.h"
#include "greenpatch/io.h"
#include "greenpatch/socket.h"

/* ---- data ------------------------------------------------------------------------ */

GP_API ssize_t gp_recvfrom(int fd, void *buf, size_t n, int flags, struct gp_address *from, int64_t deadline)
{
	struct gp_hub *h;
	long r = gp__desc_enter(&h, fd);

	while (!r) {
		if (from)
			from->length = sizeof from->storage;
		r = gp__raw(SYS_recvfrom, fd, buf, n, flags | MSG_DONTWAIT, from ? &from->storage : NULL,
		            from ? &from->length : NULL);
		if (r != -EAGAIN || flags & (MSG_DONTWAIT | MSG_ERRQUEUE))
			break;
		r = gp__desc_wait(h, fd, GP__READ, deadline);
	}
	return r;
}

GP_API ssize_t gp_recv(int fd, void *buf, size_t n, int flags, int64_t deadline)
{
	return gp_recvfrom(fd, buf, n, flags, NULL, deadline);
}

GP_API ssize_t gp_recv_exactly(int fd, void *buf, size_t n, int64_t deadline)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = gp_read(fd, (char *)buf + done, n - done, deadline);

		if (r < 0)
			return r;
		if (!r)
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

GP_API ssize_t gp_sendto(int fd, const void *buf, size_t n, int flags, const struct gp_address *to, int64_t deadline)
{
	int64_t pause = 0;
	struct gp_hub *h;
	long r = gp__desc_enter(&h, fd);

	while (!r) {
		r = gp__raw(SYS_sendto, fd, buf, n, flags | MSG_DONTWAIT | MSG_NOSIGNAL, to ? &to->storage : NULL,
		            to ? to->length : 0);
		if (r != -EAGAIN || flags & MSG_DONTWAIT)
			break;
		r = to ? gp__desc_wait_to(h, fd, to, &pause, deadline) : gp__desc_wait(h, fd, GP__WRITE, deadline);
	}
	return r;
}

GP_API ssize_t gp_send(int fd, const void *buf, size_t n, int flags, int64_t deadline)
{
	return gp_sendto(fd, buf, n, flags, NULL, deadline);
}

GP_API ssize_t gp_send_all(int fd, const void *buf, size_t n, int flags, int64_t deadline)
{
	size_t done = 0;

	do {
		ssize_t r = gp_send(fd, (const char *)buf + done, n - done, flags, deadline);

		if (r < 0)
			return r;
		done += (size_t)r;
	} while (done < n);
	return (ssize_t)done;
}

/* ---- connections -------------------------------------------------------------------- */

GP_API int gp_accept(int fd, struct gp_address *from, int flags, int64_t deadline)
{
	struct gp_hub *h;
	long r = gp__desc_enter(&h, fd);

	if (r)
		return (int)r;
	for (;;) {
		r = -EAGAIN;
		if (from)
			from->length = sizeof from->storage;
		if (gp__desc_ready(fd, GP__READ))
			r = gp__raw(SYS_accept4, fd, from ? &from->storage : NULL, from ? &from->length : NULL, flags);
		/* A connection that ended before it was taken is none. */
		if (r != -EAGAIN && r != -ECONNABORTED && r != -EINTR)
			return gp__desc_fresh(h, r);
		r = gp__desc_wait(h, fd, GP__READ, deadline);
		if (r)
			return (int)r;
	}
}

static long attempt_connect(int fd, const struct sockaddr *addr, socklen_t length)
{
	long flags = gp__raw(SYS_fcntl, fd, F_GETFL), r;

	if (flags < 0)
		return flags;
	r = flags & O_NONBLOCK ? 0 : gp__raw(SYS_fcntl, fd, F_SETFL, flags | O_NONBLOCK);
	if (r)
		return r;
	r = gp__raw(SYS_connect, fd, addr, length);
	if (!(flags & O_NONBLOCK))
		gp__raw(SYS_fcntl, fd, F_SETFL, flags);
	return r;
}

/* The result of a connection that was under way comes from a second connect,
 * which alone brings the kernel's socket into its final state. */
GP_API int gp_connect(int fd, const struct sockaddr *addr, socklen_t length, int64_t deadline)
{
	int64_t pause = 0;
	struct gp_hub *h;
	long r = gp__desc_enter(&h, fd);

	while (!r) {
		r = attempt_connect(fd, addr, length);
		if (r == -EAGAIN)
			r = gp__desc_pause(h, "connect", &pause, deadline);
		else if (r == -EINPROGRESS || r == -EALREADY || r == -EINTR)
			r = gp__desc_wait(h, fd, GP__WRITE, deadline);
		else
			break;
	}
	return (int)r;
}

/* A socket that is connected to one address, or an error. */
static int connect_to(struct gp_hub *h, const struct addrinfo *a, int64_t deadline)
{
	int fd = gp__desc_fresh(h, gp__raw(SYS_socket, a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol));
	int r;

	if (fd < 0)
		return fd;
	r = gp_connect(fd, a->ai_addr, a->ai_addrlen, deadline);
	if (!r)
		return fd;
	gp__desc_close(h, fd);
	return r;
}

/* Whether the next address may do better. */
static bool worth_another(int error)
{
	return error == -ECONNREFUSED || error == -ENETUNREACH || error == -EHOSTUNREACH || error == -EAFNOSUPPORT ||
	       error == -EADDRNOTAVAIL || error == -ECONNRESET || error == -EACCES || error == -EINVAL;
}

GP_API int gp_connect_name(const char *host, const char *service, int64_t deadline)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	struct gp_hub *h;
	int r = gp__desc_enter(&h, -1);

	if (!r)
		r = gp_getaddrinfo(host, service, &hints, &list, deadline);
	if (r)
		return r;
	r = -EADDRNOTAVAIL;
	for (const struct addrinfo *a = list; a; a = a->ai_next) {
		r = connect_to(h, a, deadline);
		if (r >= 0 || !worth_another(r))
			break;
	}
	gp_freeaddrinfo(list);
	return r;
}
