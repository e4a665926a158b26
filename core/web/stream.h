/* stream.h - what the files of the web library know of a stream. */
#ifndef GP_CORE_WEB_STREAM_H
#define GP_CORE_WEB_STREAM_H

#include <stdbool.h>
#include <sys/uio.h>
#include <greenpatch/web/stream.h>

#define GP_API __attribute__((visibility("default")))

struct ssl_st;

struct gp_stream {
	int fd;             /* -1: closed */
	bool borrowed;      /* fd is a server's, which closes it */
	struct ssl_st *ssl; /* NULL: plain */
	bool said_end;      /* through TLS; or there is to be none */
};

/* The same as gp_stream_new(), in memory of the caller's. */
void gp__stream_init(struct gp_stream *s, int fd, bool borrowed);
void gp__stream_end(struct gp_stream *s);

/* One attempt: the count, 0 at the end, -EAGAIN, or an error. *what says what
 * to wait for then (TLS may have to write in order to read). */
enum { GP__FOR_READ, GP__FOR_WRITE };
ssize_t gp__stream_try_recv(struct gp_stream *s, void *buf, size_t n, int *what);
ssize_t gp__stream_try_send(struct gp_stream *s, const struct iovec *v, int n, int *what);
int gp__stream_wait(struct gp_stream *s, int what, int64_t deadline);
/* The connection is reset when it ends: what was sent does not look whole. */
void gp__stream_cut(struct gp_stream *s);
/* Something was received and decrypted, and waits to be taken. */
bool gp__stream_pending(const struct gp_stream *s);

/* Sends all of it; each wait for the peer takes `patience` ns at most. 0 or an
 * error. v is used up. */
int gp__stream_sendv(struct gp_stream *s, struct iovec *v, int n, int64_t patience);
int gp__stream_send_all(struct gp_stream *s, const void *buf, size_t n, int64_t patience);
/* The same from a file. */
int gp__stream_sendfile(struct gp_stream *s, int file, int64_t at, uint64_t n, int64_t patience);

/* tls.c */
void gp__tls_ref(struct gp_tls *tls);
ssize_t gp__tls_try_recv(struct gp_stream *s, void *buf, size_t n, int *what);
ssize_t gp__tls_try_send(struct gp_stream *s, const void *buf, size_t n, int *what);
/* 1: there is something to read; 0: the end; -EAGAIN, or an error. */
int gp__tls_peek(struct gp_stream *s);
bool gp__tls_pending(const struct gp_stream *s);
/* Says that it is the end, as far as the socket takes it: 0, -EAGAIN, or an error. */
int gp__tls_shutdown(struct gp_stream *s, int *what);
/* From now on nothing is said at the end, which looks cut then. */
void gp__tls_cut(struct gp_stream *s);
void gp__tls_end(struct gp_stream *s);

#endif
