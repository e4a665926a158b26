/* http_answer.c - the answer to a request: head, whole body, or pieces.
 *
 * The head is built in the request's buffer and sent together with the body or
 * the first piece, so that an answer is one system call. An answer that could
 * not be sent as a whole leaves the connection unusable: `keep` is false then.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include "core/web/http.h"

/* ---- building a head ------------------------------------------------------------------------ */

static void put(struct gp_http_request *r, const char *text, size_t n)
{
	if (n) /* of nothing there may be no address */
		memcpy(r->out + r->out_n, text, n);
	r->out_n += n;
}

#define PUT(r, text) put(r, text, sizeof text - 1)

static size_t decimal(char *buf, uint64_t v)
{
	char tmp[20];
	size_t n = 0, i = 0;

	do
		tmp[n++] = (char)('0' + v % 10);
	while (v /= 10);
	while (n)
		buf[i++] = tmp[--n];
	return i;
}

static const char *reason(int status)
{
	switch (status) {
	case 413: return "Content Too Large";
	default: {
		const char *text = http_status_str((enum http_status)status);

		return *text == '<' ? "Other" : text;
	}
	}
}

static bool may_have_body(int status) { return status >= 200 && status != 204 && status != 304; }

static bool is_value(const char *v)
{
	for (; *v; v++)
		if (((unsigned char)*v < ' ' && *v != '\t') || *v == 127)
			return false;
	return true;
}

/* Whether the connection goes on behind this answer. */
static bool goes_on(const struct gp_http_request *r)
{
	const struct gp_http_server *s = r->c->server;

	return r->keep && !s->stopping && (!s->options.max_requests || r->c->requests < s->options.max_requests);
}

static void put_status(struct gp_http_request *r, int status)
{
	const char *text;

	if (status == 200) {
		PUT(r, "HTTP/1.1 200 OK\r\nDate: ");
	} else {
		PUT(r, "HTTP/1.1 ");
		r->out_n += decimal(r->out + r->out_n, (unsigned)status);
		PUT(r, " ");
		text = reason(status);
		put(r, text, strlen(text));
		PUT(r, "\r\nDate: ");
	}
	gp__http_dates(r->c->server);
	put(r, r->c->server->date, 29);
	PUT(r, "\r\n");
}

/* length < 0: it is not known. */
int gp__http_begin(struct gp_http_request *r, int status, const char *type, int64_t length)
{
	if (r->answer != GP__UNANSWERED)
		return -EALREADY;
	if (status < 200 || status > 999 || (type && (strlen(type) > 200 || !is_value(type))))
		return -EINVAL;
	r->status = status;
	r->answer = GP__STREAMING;
	r->head_only = r->parser.method == HTTP_HEAD || !may_have_body(status);
	r->chunked = length < 0 && r->minor && may_have_body(status);
	if (length < 0 && !r->minor && may_have_body(status))
		r->keep = false; /* the end of the connection is that of the body */
	r->keep = goes_on(r);
	put_status(r, status);
	if (type) {
		PUT(r, "Content-Type: ");
		put(r, type, strlen(type));
		PUT(r, "\r\n");
	}
	if (length >= 0 && may_have_body(status)) {
		PUT(r, "Content-Length: ");
		r->out_n += decimal(r->out + r->out_n, (uint64_t)length);
		PUT(r, "\r\n");
	} else if (r->chunked) {
		PUT(r, "Transfer-Encoding: chunked\r\n");
	}
	put(r, r->extra, r->extra_n);
	if (!r->keep)
		PUT(r, "Connection: close\r\n");
	else if (!r->minor)
		PUT(r, "Connection: keep-alive\r\n");
	PUT(r, "\r\n");
	return 0;
}

GP_API int gp_http_add_header(struct gp_http_request *r, const char *name, const char *value)
{
	static const char *const own[] = { "content-length", "transfer-encoding", "connection", "date" };
	size_t n, v;

	if (!r || !name || !value || !gp__http_is_token(name, strlen(name)) || !is_value(value))
		return -EINVAL;
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (!strcasecmp(name, own[i]))
			return -EINVAL;
	if (r->answer != GP__UNANSWERED)
		return -EALREADY;
	n = strlen(name);
	v = strlen(value);
	if (n + v + 4 > sizeof r->extra - r->extra_n)
		return -ENOBUFS;
	memcpy(r->extra + r->extra_n, name, n);
	memcpy(r->extra + r->extra_n + n, ": ", 2);
	memcpy(r->extra + r->extra_n + n + 2, value, v);
	memcpy(r->extra + r->extra_n + n + 2 + v, "\r\n", 2);
	r->extra_n += n + v + 4;
	return 0;
}

/* ---- sending --------------------------------------------------------------------------------- */

/* The head, if it was not sent yet, and these. */
static int send_with_head(struct gp_http_request *r, struct iovec *v, int n)
{
	int e;

	v[0] = (struct iovec){ r->out, r->out_n };
	r->out_n = 0;
	e = gp__stream_sendv(&r->c->stream, v, n, r->c->server->options.write_time);
	if (e)
		r->keep = false;
	return e;
}

int gp__http_flush(struct gp_http_request *r)
{
	struct iovec v;

	return r->out_n ? send_with_head(r, &v, 1) : 0;
}

int gp__http_continue(struct gp_http_request *r)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (!r->expects)
		return 0;
	r->expects = false;
	if (r->used > r->at || r->answer != GP__UNANSWERED) /* it did not wait, or is not to send it */
		return 0;
	return gp__stream_send_all(&r->c->stream, text, sizeof text - 1, r->c->server->options.write_time);
}

GP_API int gp_http_answer(struct gp_http_request *r, int status, const char *type, const void *body, size_t n)
{
	struct iovec v[2];
	int e;

	if (!r || (!body && n) || n > INT64_MAX)
		return -EINVAL;
	e = gp__http_begin(r, status, type, (int64_t)n);
	if (e)
		return e;
	r->answer = GP__ANSWERED;
	gp__http_unwatch(r);
	if (r->head_only)
		return gp__http_flush(r);
	r->sent = n;
	if (n <= sizeof r->out - r->out_n) {
		put(r, body, n);
		return gp__http_flush(r);
	}
	v[1] = (struct iovec){ (void *)body, n };
	return send_with_head(r, v, 2);
}

GP_API int gp_http_begin(struct gp_http_request *r, int status, const char *type)
{
	int e = r ? gp__http_begin(r, status, type, -1) : -EINVAL;

	if (!e)
		e = gp_http_watch(r);
	return e;
}

GP_API int gp_http_write(struct gp_http_request *r, const void *data, size_t n)
{
	char size[20];
	struct iovec v[4];
	int at = 16;

	if (!r || (!data && n) || r->answer != GP__STREAMING)
		return -EINVAL;
	r->sent += r->head_only ? 0 : n;
	if (r->head_only || !n)
		return gp__http_flush(r);
	if (!r->chunked) {
		v[1] = (struct iovec){ (void *)data, n };
		return send_with_head(r, v, 2);
	}
	memcpy(size + at, "\r\n", 2);
	for (size_t left = n; left; left >>= 4)
		size[--at] = "0123456789abcdef"[left & 15];
	v[1] = (struct iovec){ size + at, (size_t)(18 - at) };
	v[2] = (struct iovec){ (void *)data, n };
	v[3] = (struct iovec){ "\r\n", 2 };
	return send_with_head(r, v, 4);
}

GP_API int gp_http_end(struct gp_http_request *r)
{
	if (!r || r->answer == GP__UNANSWERED)
		return -EINVAL;
	if (r->answer == GP__ANSWERED)
		return 0;
	r->answer = GP__ANSWERED;
	gp__http_unwatch(r);
	if (r->chunked && !r->head_only)
		PUT(r, "0\r\n\r\n");
	return gp__http_flush(r);
}

int gp__http_refuse(struct gp_http_request *r, int status)
{
	char text[64];
	const char *why = reason(status);
	size_t n = strlen(why);

	memcpy(text, why, n);
	text[n++] = '\n';
	r->keep = false;
	r->extra_n = 0;
	return gp_http_answer(r, status, "text/plain", text, n);
}

/* ---- clients that go away ------------------------------------------------------------------------ */

/* On the heap, since it may outlive the request: c is NULL then. */
struct watch {
	struct gp_http_conn *c;
};

/* 1: it has sent something; 0: it has closed; -EAGAIN: neither; or an error. */
static int peer_state(struct gp_stream *s)
{
	char one;
	ssize_t n = recv(s->fd, &one, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n > 0)
		return s->ssl ? gp__tls_peek(s) : 1;
	return n ? -errno : 0;
}

static void *watch(void *arg)
{
	struct watch *w = arg;
	int r = 0;

	while (!r && w->c) {
		int state = peer_state(&w->c->stream);

		if (state == -EAGAIN) {
			r = gp_wait_read(w->c->stream.fd, GP_NEVER);
			continue;
		}
		if (state <= 0)
			gp_kill_soon(w->c->g, -ECONNRESET);
		break;
	}
	if (w->c)
		w->c->request->watch = NULL;
	free(w);
	return GP_EXITED;
}

GP_API int gp_http_watch(struct gp_http_request *r)
{
	struct gp_attr attr = { .name = "watch", .stack_size = 16 * 1024 };
	struct gp_greenlet *g;
	struct watch *w;

	if (!r)
		return -EINVAL;
	if (r->watch || r->answer == GP__ANSWERED)
		return 0;
	w = malloc(sizeof *w);
	if (!w)
		return -ENOMEM;
	w->c = r->c;
	g = gp_spawn_with(&attr, watch, w);
	if (!g) {
		free(w);
		return -ENOMEM;
	}
	gp_unref(g);
	r->watch = w;
	return 0;
}

void gp__http_unwatch(struct gp_http_request *r)
{
	if (!r->watch)
		return;
	r->watch->c = NULL;
	r->watch = NULL;
	gp_wake_fd(r->c->stream.fd);
}
