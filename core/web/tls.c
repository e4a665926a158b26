/* tls.c - streams through TLS: OpenSSL over a socket that does not block.
 *
 * OpenSSL reads and writes through a BIO of ours, because its own raises
 * SIGPIPE. Whatever would block comes back as what to wait for; the waiting is
 * stream.c's. The error queue of OpenSSL belongs to the kernel thread: it is
 * emptied before each call, and asked before anybody else can run.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <greenpatch/greenlet.h>
#include "core/web/stream.h"

#define HANDSHAKE_TIME (10 * GP_SEC)

struct gp_tls {
	unsigned refs;
	SSL_CTX *context;
	bool server;
};

/* ---- the BIO ----------------------------------------------------------------------------- */

static int bio_read(BIO *b, char *buf, int n)
{
	ssize_t r = recv((int)(intptr_t)BIO_get_data(b), buf, (size_t)n, MSG_DONTWAIT);

	BIO_clear_retry_flags(b);
	if (r < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(b);
	return (int)r;
}

static int bio_write(BIO *b, const char *buf, int n)
{
	ssize_t r = send((int)(intptr_t)BIO_get_data(b), buf, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);

	BIO_clear_retry_flags(b);
	if (r < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(b);
	return (int)r;
}

static long bio_ctrl(BIO *b, int command, long n, void *p) { return command == BIO_CTRL_FLUSH; }

/* Of the process; made once, kept. */
static BIO_METHOD *bio_method(void)
{
	static BIO_METHOD *m;

	if (m)
		return m;
	m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "greenpatch");
	if (m) {
		BIO_meth_set_read(m, bio_read);
		BIO_meth_set_write(m, bio_write);
		BIO_meth_set_ctrl(m, bio_ctrl);
	}
	return m;
}

/* ---- contexts -------------------------------------------------------------------------------- */

static int context_new(struct gp_tls **tls, const SSL_METHOD *method, bool server)
{
	struct gp_tls *t = calloc(1, sizeof *t);

	if (!t)
		return -ENOMEM;
	t->refs = 1;
	t->server = server;
	t->context = SSL_CTX_new(method);
	if (!t->context || !SSL_CTX_set_min_proto_version(t->context, TLS1_2_VERSION)) {
		gp_tls_free(t);
		return -ENOMEM;
	}
	SSL_CTX_set_mode(t->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	                                     SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(t->context, SSL_OP_NO_RENEGOTIATION);
	*tls = t;
	return 0;
}

GP_API int gp_tls_server(struct gp_tls **tls, const char *certificate, const char *key)
{
	struct gp_tls *t;
	int r;

	if (!tls || !certificate || !key)
		return -EINVAL;
	if (access(certificate, R_OK) || access(key, R_OK))
		return -errno;
	r = context_new(&t, TLS_server_method(), true);
	if (r)
		return r;
	if (SSL_CTX_use_certificate_chain_file(t->context, certificate) != 1 ||
	    SSL_CTX_use_PrivateKey_file(t->context, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(t->context) != 1) {
		ERR_clear_error();
		gp_tls_free(t);
		return -EPROTO;
	}
	*tls = t;
	return 0;
}

GP_API int gp_tls_client(struct gp_tls **tls, const char *trusted)
{
	struct gp_tls *t;
	int r;

	if (!tls)
		return -EINVAL;
	if (trusted && access(trusted, R_OK))
		return -errno;
	r = context_new(&t, TLS_client_method(), false);
	if (r)
		return r;
	SSL_CTX_set_verify(t->context, SSL_VERIFY_PEER, NULL);
	if (trusted ? SSL_CTX_load_verify_locations(t->context, trusted, NULL) != 1 :
	              SSL_CTX_set_default_verify_paths(t->context) != 1) {
		ERR_clear_error();
		gp_tls_free(t);
		return -EPROTO;
	}
	*tls = t;
	return 0;
}

void gp__tls_ref(struct gp_tls *t) { t->refs++; }

GP_API void gp_tls_free(struct gp_tls *t)
{
	if (!t || --t->refs)
		return;
	SSL_CTX_free(t->context);
	free(t);
}

/* ---- attempts ---------------------------------------------------------------------------------- */

/* What a call of OpenSSL that did not succeed means. */
static int outcome(struct gp_stream *s, int r, int *what)
{
	int error = errno;

	switch (SSL_get_error(s->ssl, r)) {
	case SSL_ERROR_WANT_READ: *what = GP__FOR_READ; return -EAGAIN;
	case SSL_ERROR_WANT_WRITE: *what = GP__FOR_WRITE; return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN: return 0;
	case SSL_ERROR_SYSCALL: return error && r < 0 ? -error : -ECONNRESET;
	default:
		/* The peer left without saying so: as a plain stream's end cut short. */
		return ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING ? -ECONNRESET : -EPROTO;
	}
}

ssize_t gp__tls_try_recv(struct gp_stream *s, void *buf, size_t n, int *what)
{
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_read(s->ssl, buf, n > INT32_MAX ? INT32_MAX : (int)n);
	return r > 0 ? r : outcome(s, r, what);
}

ssize_t gp__tls_try_send(struct gp_stream *s, const void *buf, size_t n, int *what)
{
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_write(s->ssl, buf, n > INT32_MAX ? INT32_MAX : (int)n);
	r = r > 0 ? r : outcome(s, r, what);
	return r ? r : -EPIPE;
}

int gp__tls_peek(struct gp_stream *s)
{
	int what, r;
	char one;

	ERR_clear_error();
	errno = 0;
	r = SSL_peek(s->ssl, &one, 1);
	return r > 0 ? 1 : outcome(s, r, &what);
}

bool gp__tls_pending(const struct gp_stream *s) { return SSL_has_pending(s->ssl); }

int gp__tls_shutdown(struct gp_stream *s, int *what)
{
	int r;

	if (s->said_end || !SSL_is_init_finished(s->ssl))
		return 0;
	ERR_clear_error();
	errno = 0;
	r = SSL_shutdown(s->ssl);
	r = r >= 0 ? 0 : outcome(s, r, what);
	if (r == -EAGAIN && *what == GP__FOR_READ) /* only the peer's end is missing */
		r = 0;
	s->said_end = r != -EAGAIN;
	ERR_clear_error();
	return r;
}

void gp__tls_cut(struct gp_stream *s) { s->said_end = true; }

void gp__tls_end(struct gp_stream *s)
{
	int what;

	if (!s->ssl)
		return;
	gp__tls_shutdown(s, &what);
	SSL_free(s->ssl);
	s->ssl = NULL;
}

/* ---- handshakes ----------------------------------------------------------------------------------- */

static int prepare(struct gp_stream *s, struct gp_tls *t)
{
	BIO_METHOD *m = bio_method();
	BIO *b = m ? BIO_new(m) : NULL;

	s->ssl = b ? SSL_new(t->context) : NULL;
	if (!s->ssl) {
		BIO_free(b);
		return -ENOMEM;
	}
	BIO_set_data(b, (void *)(intptr_t)s->fd);
	BIO_set_init(b, 1);
	SSL_set_bio(s->ssl, b, b);
	return 0;
}

static int handshake(struct gp_stream *s, int (*step)(SSL *), int64_t deadline)
{
	int what, r;

	for (;;) {
		ERR_clear_error();
		errno = 0;
		r = step(s->ssl);
		if (r == 1)
			return 0;
		r = outcome(s, r, &what);
		if (r != -EAGAIN)
			break;
		r = gp__stream_wait(s, what, deadline);
		if (r)
			return r;
	}
	if (SSL_get_verify_result(s->ssl) != X509_V_OK)
		r = -EACCES;
	return r ? r : -EPROTO;
}

GP_API int gp_tls_accept(struct gp_stream *s, struct gp_tls *t, int64_t deadline)
{
	int r;

	if (!s || !t || s->fd < 0 || s->ssl || !t->server)
		return -EINVAL;
	r = prepare(s, t);
	return r ? r : handshake(s, SSL_accept, deadline);
}

GP_API int gp_tls_connect(struct gp_stream *s, struct gp_tls *t, const char *name, int64_t deadline)
{
	X509_VERIFY_PARAM *p;
	int r;

	if (!s || !t || !name || s->fd < 0 || s->ssl || t->server)
		return -EINVAL;
	r = prepare(s, t);
	if (r)
		return r;
	p = SSL_get0_param(s->ssl);
	if (X509_VERIFY_PARAM_set1_ip_asc(p, name) != 1 &&
	    (X509_VERIFY_PARAM_set1_host(p, name, 0) != 1 || !SSL_set_tlsext_host_name(s->ssl, name)))
		return -EINVAL;
	return handshake(s, SSL_connect, deadline);
}

/* ---- the server ------------------------------------------------------------------------------------ */

struct tls_server {
	struct gp_tls *tls;
	void (*handle)(struct gp_stream *s, const struct gp_address *peer, void *arg);
	void *arg;
};

static void end_stream(void *s) { gp__stream_end(s); }

static void serve_one(int fd, const struct gp_address *peer, void *arg)
{
	struct tls_server *server = arg;
	struct gp_stream s;

	gp__stream_init(&s, fd, true);
	if (gp_defer(end_stream, &s))
		return;
	if (!gp_tls_accept(&s, server->tls, gp_after(HANDSHAKE_TIME)))
		server->handle(&s, peer, server->arg);
	gp_undefer(end_stream, &s);
	gp__stream_end(&s);
}

static void end_server(void *arg)
{
	struct tls_server *t = arg;

	gp_tls_free(t->tls);
	free(t);
}

GP_API struct gp_server *gp_tls_server_new(const char *address, struct gp_tls *tls,
                                           void (*handle)(struct gp_stream *s, const struct gp_address *peer, void *arg),
                                           void *arg, const struct gp_server_options *options)
{
	struct tls_server *t = tls && tls->server && handle ? malloc(sizeof *t) : NULL;
	struct gp_server *s;

	if (!t)
		return NULL;
	*t = (struct tls_server){ tls, handle, arg };
	s = gp_server_new(address, serve_one, t, options);
	if (!s) {
		free(t);
		return NULL;
	}
	tls->refs++;
	gp_server_on_free(s, end_server, t);
	return s;
}
