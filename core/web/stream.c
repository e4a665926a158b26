/* stream.c - a connected stream, plain or through TLS (tls.c).
 *
 * One attempt, and a wait only if it would have blocked. The only file of the
 * web library that receives and sends on sockets, tls.c and zmq.c excepted.
 * Called by greenlets.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <greenpatch/greenlet.h>
#include <greenpatch/io.h>
#include "core/web/stream.h"

#define PIECE  (16 * 1024) /* of a file, where sendfile is not possible or not worth it */
#define RECORD 4096        /* of TLS, for a head and what follows it */

void gp__stream_init(struct gp_stream *s, int fd, bool borrowed)
{
	/* What is sent is whole as a rule: it must not wait for the peer to acknowledge the last of it. Fails elsewhere than on TCP. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	*s = (struct gp_stream){ .fd = fd, .borrowed = borrowed };
}

void gp__stream_end(struct gp_stream *s)
{
	if (s->ssl)
		gp__tls_end(s);
	if (s->fd >= 0 && !s->borrowed)
		gp_close(s->fd);
	s->fd = -1;
}

GP_API struct gp_stream *gp_stream_new(int fd)
{
	struct gp_stream *s = malloc(sizeof *s);
	int flags = fcntl(fd, F_GETFL);

	if (!s)
		return NULL;
	if (flags >= 0 && !(flags & O_NONBLOCK))
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	gp__stream_init(s, fd, false);
	return s;
}

GP_API void gp_stream_free(struct gp_stream *s)
{
	if (!s)
		return;
	gp__stream_end(s);
	free(s);
}

GP_API int gp_stream_fd(const struct gp_stream *s) { return s ? s->fd : -1; }

GP_API int gp_stream_connect(struct gp_stream **s, const char *address, int64_t deadline)
{
	int fd = s ? gp_create_connection(address, deadline) : -EINVAL;

	if (fd < 0)
		return fd;
	*s = gp_stream_new(fd);
	if (*s)
		return 0;
	gp_close(fd);
	return -ENOMEM;
}

/* ---- attempts ------------------------------------------------------------------------ */

int gp__stream_wait(struct gp_stream *s, int what, int64_t deadline)
{
	return what == GP__FOR_READ ? gp_wait_read(s->fd, deadline) : gp_wait_write(s->fd, deadline);
}

bool gp__stream_pending(const struct gp_stream *s) { return s->ssl && gp__tls_pending(s); }

ssize_t gp__stream_try_recv(struct gp_stream *s, void *buf, size_t n, int *what)
{
	ssize_t r;

	if (s->ssl)
		return gp__tls_try_recv(s, buf, n, what);
	*what = GP__FOR_READ;
	do
		r = recv(s->fd, buf, n, MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

/* What is small goes in one record. The next attempt of the same has the same. */
static ssize_t try_send_tls(struct gp_stream *s, const struct iovec *v, int n, int *what)
{
	char record[RECORD];
	size_t used = 0;

	if (n == 1 || v->iov_len >= sizeof record)
		return gp__tls_try_send(s, v->iov_base, v->iov_len, what);
	for (; n && used < sizeof record; v++, n--) {
		size_t len = v->iov_len < sizeof record - used ? v->iov_len : sizeof record - used;

		if (len)
			memcpy(record + used, v->iov_base, len);
		used += len;
	}
	return gp__tls_try_send(s, record, used, what);
}

ssize_t gp__stream_try_send(struct gp_stream *s, const struct iovec *v, int n, int *what)
{
	struct msghdr m = { .msg_iov = (struct iovec *)v, .msg_iovlen = (size_t)n };
	ssize_t r;

	if (s->ssl)
		return try_send_tls(s, v, n, what);
	*what = GP__FOR_WRITE;
	do
		r = n == 1 ? send(s->fd, v->iov_base, v->iov_len, MSG_DONTWAIT | MSG_NOSIGNAL) :
		             sendmsg(s->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

/* ---- whole calls ------------------------------------------------------------------------ */

static int64_t until(int64_t patience) { return patience == GP_NEVER ? GP_NEVER : gp_after(patience); }

GP_API ssize_t gp_stream_recv(struct gp_stream *s, void *buf, size_t n, int64_t deadline)
{
	int what, r = 0;

	if (!s || s->fd < 0 || !buf)
		return -EINVAL;
	while (!r) {
		ssize_t got = gp__stream_try_recv(s, buf, n, &what);

		if (got != -EAGAIN)
			return got;
		r = gp__stream_wait(s, what, deadline);
	}
	return r;
}

static int sendv(struct gp_stream *s, struct iovec *v, int n, int64_t patience, int64_t deadline)
{
	int what, r;

	for (;;) {
		ssize_t sent;

		for (; n && !v->iov_len; n--)
			v++;
		if (!n)
			return 0;
		sent = gp__stream_try_send(s, v, n, &what);
		if (sent == -EAGAIN) {
			r = gp__stream_wait(s, what, patience ? until(patience) : deadline);
			if (r)
				return r;
			continue;
		}
		if (sent < 0)
			return (int)sent;
		for (; n && (size_t)sent >= v->iov_len; n--)
			sent -= (ssize_t)v++->iov_len;
		if (n) {
			v->iov_base = (char *)v->iov_base + sent;
			v->iov_len -= (size_t)sent;
		}
	}
}

int gp__stream_sendv(struct gp_stream *s, struct iovec *v, int n, int64_t patience)
{
	return sendv(s, v, n, patience, GP_NEVER);
}

int gp__stream_send_all(struct gp_stream *s, const void *buf, size_t n, int64_t patience)
{
	struct iovec v = { (void *)buf, n };

	return sendv(s, &v, 1, patience, GP_NEVER);
}

GP_API ssize_t gp_stream_send(struct gp_stream *s, const void *buf, size_t n, int64_t deadline)
{
	struct iovec v = { (void *)buf, n };
	int r;

	if (!s || s->fd < 0 || (!buf && n))
		return -EINVAL;
	r = sendv(s, &v, 1, 0, deadline);
	return r ? r : (ssize_t)n;
}

GP_API int gp_stream_shutdown(struct gp_stream *s, int64_t deadline)
{
	int what, r = 0;

	if (!s || s->fd < 0)
		return -EINVAL;
	/* Without it the end would look to the peer as if it had been cut. */
	while (s->ssl && !r && (r = gp__tls_shutdown(s, &what)) == -EAGAIN)
		r = gp__stream_wait(s, what, deadline);
	if (r)
		return r;
	return shutdown(s->fd, SHUT_WR) ? -errno : 0;
}

void gp__stream_cut(struct gp_stream *s)
{
	struct linger none = { 1, 0 };

	setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
	if (s->ssl)
		gp__tls_cut(s);
}

/* ---- files --------------------------------------------------------------------------------- */

/* sendfile knows no MSG_NOSIGNAL: a SIGPIPE of its own is taken back. The mask
 * changes for the length of one system call. */
static ssize_t sendfile_quietly(int fd, int file, off_t *at, size_t n)
{
	static const struct timespec none = { 0, 0 };
	sigset_t pipe_only, before, pending;
	bool was_pending;
	ssize_t r;
	int error;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	sigpending(&pending);
	was_pending = sigismember(&pending, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	r = sendfile(fd, file, at, n);
	error = errno;
	if (r < 0 && error == EPIPE && !was_pending)
		sigtimedwait(&pipe_only, NULL, &none);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r < 0 ? -error : r;
}

static int send_pieces(struct gp_stream *s, int file, int64_t at, uint64_t n, int64_t patience)
{
	char *piece = malloc(PIECE);
	int r = piece ? 0 : -ENOMEM;

	while (!r && n) {
		ssize_t got = pread(file, piece, n < PIECE ? n : PIECE, at);

		if (got <= 0)
			r = got ? -errno : -EPIPE; /* it has become shorter */
		else
			r = gp__stream_send_all(s, piece, (size_t)got, patience);
		at += got;
		n -= (uint64_t)got;
	}
	free(piece);
	return r;
}

int gp__stream_sendfile(struct gp_stream *s, int file, int64_t at, uint64_t n, int64_t patience)
{
	off_t from = at;

	if (s->ssl || n <= PIECE)
		return send_pieces(s, file, at, n, patience);
	while (n) {
		ssize_t r = sendfile_quietly(s->fd, file, &from, n < (1 << 20) ? n : 1 << 20);

		if (r > 0)
			n -= (uint64_t)r;
		else if (r == -EINVAL || r == -ENOSYS)
			return send_pieces(s, file, from, n, patience);
		else if (!r)
			return -EPIPE; /* it has become shorter */
		else if (r != -EAGAIN && r != -EINTR)
			return (int)r;
		else if ((r = gp__stream_wait(s, GP__FOR_WRITE, until(patience))))
			return (int)r;
	}
	return 0;
}
