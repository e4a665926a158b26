/* greenpatch/web/stream.h - a connected stream, plain or through TLS, whose
 * calls park the greenlet and not the process.
 *
 * Deadlines and errors are those of greenpatch/greenlet.h. Errors of TLS itself
 * are -EPROTO. No call raises SIGPIPE: -EPIPE. -EINVAL: NULL.
 */
#ifndef GREENPATCH_WEB_STREAM_H
#define GREENPATCH_WEB_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <greenpatch/server.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gp_stream;
struct gp_tls;

/* A plain stream over a connected socket; O_NONBLOCK is set. The descriptor is
 * the stream's from now on. NULL: no memory; it stays the caller's. */
struct gp_stream *gp_stream_new(int fd);

/* Receives what is there, up to n bytes: the count, 0 at the end. Parks while
 * there is nothing. */
ssize_t gp_stream_recv(struct gp_stream *s, void *buf, size_t n, int64_t deadline);

/* Sends all: n, or an error, and then a part may have gone. Parks while the
 * peer does not take it. */
ssize_t gp_stream_send(struct gp_stream *s, const void *buf, size_t n, int64_t deadline);

/* Says that nothing more will be sent: 0 or an error. The other direction goes
 * on. TLS says it in a record of its own: parks while the peer does not take
 * that, -ETIMEDOUT; it can be called again. A plain stream does not park. */
int gp_stream_shutdown(struct gp_stream *s, int64_t deadline);

/* Closes it and gives it back. NULL is allowed. Does not park. */
void gp_stream_free(struct gp_stream *s);

/* Its descriptor; stays the stream's. */
int gp_stream_fd(const struct gp_stream *s);

/* Connects to an address (greenpatch/server.h): 0 and the stream in *s, the
 * caller's; -ENOMEM, or what gp_create_connection() says. Parks. */
int gp_stream_connect(struct gp_stream **s, const char *address, int64_t deadline);

/* ---- TLS ------------------------------------------------------------------------- */

/* What a side knows: keys, and whom it trusts. For any number of streams. */

/* A server's: PEM files of its certificate (chain) and its key, which are read here
 * and now. 0, and in *tls a reference, the caller's; -ENOENT, -EACCES, -ENOMEM;
 * -EPROTO if they are none, or do not belong together. Does not park. */
int gp_tls_server(struct gp_tls **tls, const char *certificate, const char *key);
/* A client's: the PEM file of those that it trusts; NULL: whom the system does. The
 * same otherwise. */
int gp_tls_client(struct gp_tls **tls, const char *trusted);
/* One reference less; streams hold their own. NULL is allowed. */
void gp_tls_free(struct gp_tls *tls);

/* Makes a plain stream one through TLS: 0, or an error, after which only
 * gp_stream_free() is of use. accept is the server's side; connect is the
 * client's, which checks that the certificate is one of `name`: -EACCES if it is
 * not, or if it does not trust it. -EINVAL: NULL, TLS already, or a gp_tls of the
 * other side. The stream holds a reference to tls from then on. Parks. */
int gp_tls_accept(struct gp_stream *s, struct gp_tls *tls, int64_t deadline);
int gp_tls_connect(struct gp_stream *s, struct gp_tls *tls, const char *name, int64_t deadline);

/* The server of greenpatch/server.h through TLS: handle(stream, peer, arg) runs
 * in a greenlet of its own once the handshake is done, for which a client has
 * ten seconds. The server frees the stream after it. start, stop, free and all
 * else are those of struct gp_server. NULL: no memory, or a NULL, or a client's tls. */
struct gp_server *gp_tls_server_new(const char *address, struct gp_tls *tls,
                                    void (*handle)(struct gp_stream *s, const struct gp_address *peer, void *arg),
                                    void *arg, const struct gp_server_options *options);

#ifdef __cplusplus
}
#endif
#endif
