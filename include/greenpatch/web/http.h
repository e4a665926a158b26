/* greenpatch/web/http.h - an HTTP/1.1 server: a greenlet for each connection, a
 * handler for each request.
 *
 *	static int hello(struct gp_http_request *r, void *arg)
 *	{
 *		return gp_http_answer(r, 200, "text/plain", "hello\n", 6);
 *	}
 *
 *	struct gp_http_server *s = gp_http_server_new(":8080", hello, NULL, NULL);
 *
 *	gp_http_server_serve_forever(s);
 *
 * What a client does wrong never reaches the handler: it is refused with 400
 * (no request, two lengths, bare line ends ...), 408 (too slow), 413 (body too
 * large), 414 (target too long), 431 (header too large), 501 (a method or coding
 * that is not known), 505 (not HTTP/1), and the connection ends.
 *
 * A handler ends with 0 or a negative errno. With an error, or without an answer,
 * the client gets 500; if an answer was under way the connection is cut, so that
 * it does not look complete. Every call that parks may bring such an error
 * (-EPIPE, -ECONNRESET: the client has gone; -ETIMEDOUT: it takes nothing): a
 * handler hands it on.
 *
 * Texts that these functions give live as long as the request.
 */
#ifndef GREENPATCH_WEB_HTTP_H
#define GREENPATCH_WEB_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <greenpatch/server.h>
#include <greenpatch/web/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gp_http_server;
struct gp_http_request;

/* ---- the server ------------------------------------------------------------------ */

/* What is zero is as usual, and so is NULL for all of it. Times are ns. */
struct gp_http_options {
	struct gp_server_options server;
	struct gp_tls *tls;        /* https; NULL: http */
	size_t max_head;           /* bytes of request line and header; 0: 16 KiB */
	size_t max_target;         /* bytes of the target; 0: 8 KiB */
	unsigned max_headers;      /* fields, 128 at most; 0: 100 */
	uint64_t max_body;         /* bytes of a request's body; 0: 1 MiB */
	unsigned max_requests;     /* on one connection; 0: any number */
	int64_t head_time;         /* for a whole request line and header; 0: 10 s */
	int64_t body_time;         /* for the next piece of a body; 0: 30 s */
	int64_t write_time;        /* for the client to take something; 0: 30 s */
	int64_t idle_time;         /* between two requests; 0: 60 s */
	int64_t drain_time;        /* for requests on their way when it is stopped; 0: 100 ms */
	/* A line of the access log in the common format, with its line end, for
	 * each answer. Called in the connection's greenlet; may park. */
	void (*log)(const char *line, size_t n, void *arg);
	void *log_arg;
};

/* The log function that writes to the descriptor (int)(intptr_t)arg. */
void gp_http_log_fd(const char *line, size_t n, void *arg);

/* Makes a server that is not started; address as in greenpatch/server.h. The
 * options are copied, but not the texts in them. NULL: no memory, or a NULL for
 * address or handle. Owner: the caller, see gp_http_server_free(). */
struct gp_http_server *gp_http_server_new(const char *address, int (*handle)(struct gp_http_request *r, void *arg),
                                          void *arg, const struct gp_http_options *options);
/* As gp_server_start(), gp_server_serve_forever(), gp_server_free(). */
int gp_http_server_start(struct gp_http_server *s);
int gp_http_server_serve_forever(struct gp_http_server *s);
void gp_http_server_free(struct gp_http_server *s);
/* Stops it gracefully: no new connections; requests in flight, and those that
 * arrive within drain_time on a connection that is open, are answered with
 * "Connection: close"; WebSockets whose handlers receive are closed with 1001;
 * at the deadline the rest is killed. 0, or what ended the wait; -EDEADLK from one
 * of its own handlers. Parks. */
int gp_http_server_stop(struct gp_http_server *s, int64_t deadline);
/* Whether that has begun: for handlers that stream without end. */
bool gp_http_server_stopping(const struct gp_http_server *s);
/* The server under it, for gp_server_port() and the like. */
struct gp_server *gp_http_server_base(struct gp_http_server *s);

/* ---- the request -------------------------------------------------------------------- */

/* What came, beside the header and the body. */
const char *gp_http_method(const struct gp_http_request *r);  /* "GET" */
const char *gp_http_path(const struct gp_http_request *r);    /* decoded, begins with / (or is *); never has a 0 in it */
const char *gp_http_target(const struct gp_http_request *r);  /* the path as it came, without the query */
const char *gp_http_query(const struct gp_http_request *r);   /* behind the ?, as it came; "" */
int gp_http_version(const struct gp_http_request *r);         /* 10 or 11 */
const struct gp_address *gp_http_peer(const struct gp_http_request *r);
struct gp_http_server *gp_http_server_of(const struct gp_http_request *r);

/* The value of a header field, whatever its case; NULL: it is not there. Of
 * several the first. O(fields). */
const char *gp_http_header(const struct gp_http_request *r, const char *name);
/* The i-th field from 0: false behind the last. */
bool gp_http_header_at(const struct gp_http_request *r, unsigned i, const char **name, const char **value);

/* Reads from the body, up to n bytes: the count, 0 at its end; -EMSGSIZE: it is
 * larger than max_body (413); -EBADMSG: it is malformed (400); -ETIMEDOUT: too
 * slow (408); -ECONNRESET. After an error the client gets that status if the
 * handler hands the error on. Parks. */
ssize_t gp_http_read(struct gp_http_request *r, void *buf, size_t n);
/* All of the rest, with a 0 behind it that *n does not count; the request's, until
 * it ends or this is called again. 0; -ENOMEM, or an error of gp_http_read().
 * Parks. */
int gp_http_read_all(struct gp_http_request *r, char **body, size_t *n);

/* A value of the handler's own; end(value), unless NULL, is called when the
 * request ends, or another value is set. The value is NULL at first. */
void gp_http_set_value(struct gp_http_request *r, void *value, void (*end)(void *value));
void *gp_http_value(const struct gp_http_request *r);

/* ---- the answer ----------------------------------------------------------------------- */

/* Adds a header field to the answer, before it begins: 0; -EINVAL for a name
 * or value that would be something else on the line, or one that is the
 * server's own (Content-Length, Transfer-Encoding, Connection, Date);
 * -ENOBUFS: more than 2 KiB of them; -EALREADY. */
int gp_http_add_header(struct gp_http_request *r, const char *name, const char *value);

/* Answers with all of a body; type (Content-Type, up to 200 bytes) may be NULL. 0
 * or an error; -EALREADY: an answer has begun; -EINVAL: a status that is not 200
 * to 999, or such a type. The body stays the caller's. Parks while the client does
 * not take it, for write_time at most (-ETIMEDOUT). */
int gp_http_answer(struct gp_http_request *r, int status, const char *type, const void *body, size_t n);

/* Answers in pieces: begin, any number of writes, end (which a handler that
 * returns 0 may leave out). Each write is on its way when it returns, as a chunk
 * of its own. From begin on a client that goes away ends the handler's waits
 * with -ECONNRESET, see gp_http_watch(). A write without a begin, or after the end,
 * is -EINVAL, as is an end without a begin. Errors and parking as above; begin does
 * not park, and may give -ENOMEM. */
int gp_http_begin(struct gp_http_request *r, int status, const char *type);
int gp_http_write(struct gp_http_request *r, const void *data, size_t n);
int gp_http_end(struct gp_http_request *r);

/* Answers with the file `path` below the directory `root`; path is a decoded
 * one that came from a client, say: what leads out of root, by .. or by a
 * symbolic link, is 404. type NULL: by the name's ending. Ranges,
 * If-Modified-Since and HEAD are seen to; what is no regular file is 404; other
 * methods than GET and HEAD are 405. 0, also when the answer is one of these, or an
 * error as for gp_http_answer(). Parks while the client does not take it; the file
 * itself is opened and read directly, so a slow disk holds up all greenlets. */
int gp_http_answer_file(struct gp_http_request *r, const char *root, const char *path, const char *type);

/* From now on, until the answer is complete: when the client closes its side,
 * the call in which the handler's greenlet waits, whatever it waits for, returns
 * -ECONNRESET, once. For handlers that wait long before they answer. A client
 * that has sent more than its request meanwhile is not watched. 0 or -ENOMEM.
 * Does not park. */
int gp_http_watch(struct gp_http_request *r);

/* ---- forms ------------------------------------------------------------------------------ */

/* The value of `name` in a query or a form ("a=1&b=x%20y+z"), decoded into buf
 * with a 0 behind it: its length; -ENOENT: there is none; -ENOBUFS: buf is too
 * small; -EBADMSG: wrongly encoded, or with a 0 in it; -EINVAL. Does not park.
 * O(n). */
ssize_t gp_form_value(const char *form, size_t n, const char *name, char *buf, size_t size);

#ifdef __cplusplus
}
#endif
#endif
