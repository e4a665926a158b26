/* http_server.c - connections of the HTTP server, one request after the other.
 *
 * A connection waits first and takes a request's record only when something has
 * come: an idle one costs its greenlet and nothing else. Whatever ends the
 * greenlet (a return, a kill, gp_fail() in a handler) goes through end_conn(),
 * which still gives a client whose request was under way its 500.
 *
 * Stopping: idle connections are woken and have drain_time left for a request
 * that is on its way; every answer says "Connection: close"; WebSockets are
 * woken, and close when their handlers receive.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <greenpatch/web/websocket.h>
#include "core/web/http.h"

#define STORE_MAX      256  /* records kept for the next request */
#define LINGER_TIME    GP_SEC
#define LINGER_MAX     (256 * 1024)
#define HANDSHAKE_TIME (10 * GP_SEC)

/* ---- records of requests ------------------------------------------------------------------- */

static struct gp_http_request *request_new(struct gp_http_conn *c)
{
	struct gp_http_server *s = c->server;
	struct gp_http_request *r = s->store;

	if (r) {
		s->store = r->next;
		s->stored--;
	} else {
		r = malloc(sizeof *r + gp__http_text_size(&s->options));
		if (!r)
			return NULL;
	}
	r->c = c;
	r->used = r->at = 0;
	gp__http_reset(r);
	return r;
}

static void request_free(struct gp_http_request *r)
{
	struct gp_http_server *s = r->c->server;

	if (s->stored == STORE_MAX) {
		free(r);
		return;
	}
	r->next = s->store;
	s->store = r;
	s->stored++;
}

/* What the handler left in it. */
static void request_end(struct gp_http_request *r)
{
	gp__http_unwatch(r);
	gp_websocket_free(r->websocket);
	if (r->value_end)
		r->value_end(r->value);
	r->value_end = NULL;
	free(r->whole);
	r->whole = NULL;
}

/* ---- one connection ------------------------------------------------------------------------- */

/* When a connection on which nothing comes ends. */
static int64_t idle_deadline(const struct gp_http_conn *c)
{
	const struct gp_http_options *o = &c->server->options;

	return gp_after(c->draining ? o->drain_time : c->requests ? o->idle_time : o->head_time);
}

/* Waits until something has come: 0, or the connection is to end. */
static int wait_for_bytes(struct gp_http_conn *c)
{
	int r;

	c->idle = true;
	for (;;) {
		char one;

		if (c->server->stopping && !c->draining) {
			c->draining = true;
			c->idle_by = idle_deadline(c);
		}
		r = gp_wait_read(c->stream.fd, c->idle_by);
		if (r || !c->server->stopping || c->draining)
			break;
		/* Woken because the server stops, or by a request? */
		if (recv(c->stream.fd, &one, 1, MSG_PEEK | MSG_DONTWAIT) >= 0)
			break;
	}
	c->idle = false;
	return r;
}

/* More of the head: 0, or the connection is to end, or a status. */
static int receive_head(struct gp_http_request *r)
{
	struct gp_stream *s = &r->c->stream;
	int what, e;
	ssize_t n;

	while ((n = gp__stream_try_recv(s, r->text + r->used, r->c->server->options.max_head - r->used, &what)) == -EAGAIN) {
		if (!r->used) /* nothing yet: the wait was for nothing, or for a part of what TLS has to have whole */
			e = wait_for_bytes(r->c);
		else
			e = gp__stream_wait(s, what, r->head_by);
		if (e)
			return r->used && gp__http_late(e, r->head_by) ? 408 : e;
	}
	if (n <= 0)
		return n ? (int)n : -ECONNRESET;
	r->used += (size_t)n;
	return 0;
}

/* A whole head in c->request: 0; a negative errno: the connection is to end; or
 * the status to refuse it with. */
static int next_head(struct gp_http_conn *c)
{
	struct gp_http_request *r = c->request;
	int e = 0;

	if (!r) {
		c->idle_by = idle_deadline(c);
		/* What TLS has already may be a part only: receive_head() finds out. */
		e = gp__stream_pending(&c->stream) ? 0 : wait_for_bytes(c);
		if (e)
			return e;
		r = c->request = request_new(c);
		if (!r)
			return -ENOMEM;
	}
	r->head_by = gp_after(c->server->options.head_time);
	while (!e) {
		e = gp__http_parse(r);
		if (e == 1)
			return r->body == GP__BODY_LENGTH && r->left > c->server->options.max_body ? 413 : 0;
		if (!e)
			e = receive_head(r);
	}
	return e;
}

/* The handler is through, with 0 or an error. */
static void complete(struct gp_http_request *r, int error)
{
	r->handled = true;
	switch (r->answer) {
	case GP__UNANSWERED:
		if (r->body_status)
			gp__http_refuse(r, r->body_status);
		else if (error != -ECONNRESET && error != -EPIPE)
			gp_http_answer(r, 500, "text/plain", "Internal Server Error\n", 22);
		break;
	case GP__STREAMING:
		if (!error)
			gp_http_end(r);
		else
			r->keep = false;
		break;
	case GP__ANSWERED:
		break;
	}
	/* An answer that was cut must not look as if it were whole. */
	if (r->answer == GP__STREAMING)
		gp__stream_cut(&r->c->stream);
	if (r->answer != GP__UNANSWERED)
		gp__http_log(r);
}

/* After an answer that the client may not have read while it still sends: a
 * close would reset the connection, and the answer be lost. */
static void linger(struct gp_http_conn *c)
{
	int64_t deadline = gp_after(LINGER_TIME);
	char bin[4096];
	size_t seen = 0;

	gp_stream_shutdown(&c->stream, deadline);
	while (seen < LINGER_MAX) {
		ssize_t n = recv(c->stream.fd, bin, sizeof bin, MSG_DONTWAIT);

		if (n > 0)
			seen += (size_t)n;
		else if (!n || errno != EAGAIN || gp_wait_read(c->stream.fd, deadline))
			break;
	}
}

/* Serves one request: whether there may be another. */
static bool serve_request(struct gp_http_conn *c)
{
	struct gp_http_request *r;
	int status = next_head(c);
	bool unread;

	if (status < 0)
		return false;
	r = c->request;
	c->requests++;
	if (status) {
		gp__http_refuse(r, status);
		gp__http_log(r);
		linger(c);
		return false;
	}
	complete(r, c->server->handle(r, c->server->arg));
	unread = !gp__http_body_drain(r);
	request_end(r);
	if (!r->keep || unread) {
		if (r->answer == GP__ANSWERED && (unread || r->used > r->at || r->status == 101))
			linger(c);
		return false;
	}
	gp__http_reset(r);
	if (!r->used) {
		c->request = NULL;
		request_free(r);
	}
	return true;
}

static void end_conn(void *arg)
{
	struct gp_http_conn *c = arg;

	if (c->request) {
		if (c->request->complete && !c->request->handled && !c->request->refusal)
			complete(c->request, -EFAULT);
		request_end(c->request);
		request_free(c->request);
	}
	c->next->prev = c->prev;
	c->prev->next = c->next;
	gp__stream_end(&c->stream);
}

static void serve(int fd, const struct gp_address *peer, void *arg)
{
	struct gp_http_server *s = arg;
	struct gp_http_conn c = { .server = s, .peer = peer, .g = gp_self() };

	gp__stream_init(&c.stream, fd, true);
	c.next = &s->conns;
	c.prev = s->conns.prev;
	c.prev->next = s->conns.prev = &c;
	if (gp_defer(end_conn, &c)) {
		end_conn(&c);
		return;
	}
	if (!s->options.tls || !gp_tls_accept(&c.stream, s->options.tls, gp_after(HANDSHAKE_TIME)))
		while (serve_request(&c))
			;
	gp_undefer(end_conn, &c);
	end_conn(&c);
}

/* ---- the server --------------------------------------------------------------------------------- */

static void end_server(void *arg)
{
	struct gp_http_server *s = arg;

	while (s->store) {
		struct gp_http_request *r = s->store;

		s->store = r->next;
		free(r);
	}
	gp_tls_free(s->options.tls);
	free(s);
}

static void fill_in(struct gp_http_options *o)
{
	if (!o->max_head)
		o->max_head = 16 * 1024;
	if (o->max_head < 512)
		o->max_head = 512;
	if (!o->max_target)
		o->max_target = 8 * 1024;
	if (!o->max_headers)
		o->max_headers = 100;
	if (o->max_headers > GP__FIELDS_MAX)
		o->max_headers = GP__FIELDS_MAX;
	if (!o->max_body)
		o->max_body = 1 << 20;
	if (!o->head_time)
		o->head_time = 10 * GP_SEC;
	if (!o->body_time)
		o->body_time = 30 * GP_SEC;
	if (!o->write_time)
		o->write_time = 30 * GP_SEC;
	if (!o->idle_time)
		o->idle_time = 60 * GP_SEC;
	if (!o->drain_time)
		o->drain_time = 100 * GP_MSEC;
	if (!o->server.name)
		o->server.name = "http";
}

GP_API struct gp_http_server *gp_http_server_new(const char *address,
                                                 int (*handle)(struct gp_http_request *r, void *arg), void *arg,
                                                 const struct gp_http_options *options)
{
	struct gp_http_server *s = handle && address ? calloc(1, sizeof *s) : NULL;

	if (!s)
		return NULL;
	if (options)
		s->options = *options;
	fill_in(&s->options);
	s->handle = handle;
	s->arg = arg;
	s->conns.next = s->conns.prev = &s->conns;
	s->date_second = -1;
	s->base = gp_server_new(address, serve, s, &s->options.server);
	if (!s->base) {
		free(s);
		return NULL;
	}
	if (s->options.tls)
		gp__tls_ref(s->options.tls);
	gp_server_on_free(s->base, end_server, s);
	return s;
}

GP_API int gp_http_server_start(struct gp_http_server *s)
{
	if (!s)
		return -EINVAL;
	s->stopping = false;
	return gp_server_start(s->base);
}

GP_API int gp_http_server_serve_forever(struct gp_http_server *s)
{
	if (!s)
		return -EINVAL;
	if (gp_server_fd(s->base) < 0)
		s->stopping = false;
	return gp_server_serve_forever(s->base);
}

GP_API int gp_http_server_stop(struct gp_http_server *s, int64_t deadline)
{
	if (!s)
		return -EINVAL;
	s->stopping = true;
	for (struct gp_http_conn *c = s->conns.next; c != &s->conns; c = c->next)
		if (c->idle || (c->request && c->request->websocket))
			gp_wake_fd(c->stream.fd);
	return gp_server_stop(s->base, deadline);
}

GP_API void gp_http_server_free(struct gp_http_server *s)
{
	if (s)
		gp_server_free(s->base);
}

GP_API bool gp_http_server_stopping(const struct gp_http_server *s) { return s && s->stopping; }
GP_API struct gp_server *gp_http_server_base(struct gp_http_server *s) { return s ? s->base : NULL; }

/* ---- the request, for the handler ----------------------------------------------------------------- */

GP_API const char *gp_http_method(const struct gp_http_request *r)
{
	return http_method_str((enum http_method)r->parser.method);
}
GP_API const char *gp_http_path(const struct gp_http_request *r) { return r->path; }
GP_API const char *gp_http_target(const struct gp_http_request *r) { return r->target; }
GP_API const char *gp_http_query(const struct gp_http_request *r) { return r->query; }
GP_API int gp_http_version(const struct gp_http_request *r) { return 10 + r->minor; }
GP_API const struct gp_address *gp_http_peer(const struct gp_http_request *r) { return r->c->peer; }
GP_API struct gp_http_server *gp_http_server_of(const struct gp_http_request *r) { return r->c->server; }

GP_API const char *gp_http_header(const struct gp_http_request *r, const char *name)
{
	size_t n = strlen(name);

	for (unsigned i = 0; i < r->fields_n; i++)
		if (r->fields[i].name_n == n && !strcasecmp(r->fields[i].name, name))
			return r->fields[i].value;
	return NULL;
}

GP_API bool gp_http_header_at(const struct gp_http_request *r, unsigned i, const char **name, const char **value)
{
	if (i >= r->fields_n)
		return false;
	*name = r->fields[i].name;
	*value = r->fields[i].value;
	return true;
}

GP_API void gp_http_set_value(struct gp_http_request *r, void *value, void (*end)(void *value))
{
	if (r->value_end)
		r->value_end(r->value);
	r->value = value;
	r->value_end = end;
}

GP_API void *gp_http_value(const struct gp_http_request *r) { return r->value; }
