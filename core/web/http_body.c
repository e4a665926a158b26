/* http_body.c - the body of a request, as a stream.
 *
 * The framing of chunks is read here and not by http_parser, which as Debian
 * builds it lets any byte stand where a line feed must: two servers in a row
 * would disagree about where a request ends. Here a size is one to fifteen
 * hexadecimal digits, every line ends with CR LF, and anything else is 400.
 *
 * Small pieces go through the request's buffer, behind the head; a body of known
 * length is received into the caller's memory, and never a byte more.
 */
#include <stdlib.h>
#include <string.h>
#include "core/web/http.h"

#define LINE_MAX_   256         /* of a chunk's size with its extensions */
#define TRAILER_MAX 4096
#define DRAIN_MAX   (64 * 1024) /* read to keep a connection */

static int broken(struct gp_http_request *r, int status, int error)
{
	r->body_status = status;
	r->body = GP__BODY_BROKEN;
	r->keep = false;
	return error;
}

static ssize_t receive(struct gp_http_request *r, void *buf, size_t n)
{
	struct gp_stream *s = &r->c->stream;
	int64_t deadline = gp_after(r->c->server->options.body_time);
	ssize_t got;
	int what, w;

	while ((got = gp__stream_try_recv(s, buf, n, &what)) == -EAGAIN) {
		w = gp__stream_wait(s, what, deadline);
		if (w)
			return gp__http_late(w, deadline) ? broken(r, 408, w) : w;
	}
	if (got <= 0)
		r->keep = false;
	return got ? got : -ECONNRESET;
}

/* More into the buffer, behind what was not taken yet: 0 or an error. */
static int fill(struct gp_http_request *r)
{
	size_t room, rest = r->used - r->at;
	ssize_t got;

	if (r->at > r->body_at) {
		memmove(r->text + r->body_at, r->text + r->at, rest);
		r->at = r->body_at;
		r->used = r->body_at + rest;
	}
	room = r->c->server->options.max_head + GP__BODY_ROOM - r->used;
	got = receive(r, r->text + r->used, room);
	if (got < 0)
		return (int)got;
	r->used += (size_t)got;
	return 0;
}

/* The next line, without its end: 0 and its length, or an error. */
static int next_line(struct gp_http_request *r, char **line, size_t *n, size_t max)
{
	for (;;) {
		char *at = r->text + r->at, *lf = memchr(at, '\n', r->used - r->at);
		int e;

		if (lf && lf > at && lf[-1] == '\r' && !memchr(at, '\r', (size_t)(lf - at - 1)) && (size_t)(lf - at) <= max) {
			*line = at;
			*n = (size_t)(lf - at - 1);
			r->at += *n + 2;
			return 0;
		}
		if (lf || r->used - r->at > max)
			return broken(r, 400, -EBADMSG);
		e = fill(r);
		if (e)
			return e;
	}
}

static int read_size(struct gp_http_request *r)
{
	char *line;
	size_t n, i;
	uint64_t v = 0;
	int e = next_line(r, &line, &n, LINE_MAX_);

	if (e)
		return e;
	for (i = 0; i < n; i++) {
		char c = line[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (unsigned)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			v = v << 4 | (unsigned)((c | 32) - 'a' + 10);
		else
			break;
	}
	if (!i || i > 15 || (i < n && line[i] != ';'))
		return broken(r, 400, -EBADMSG);
	if (v > r->c->server->options.max_body - r->taken)
		return broken(r, 413, -EMSGSIZE);
	r->left = v;
	r->chunk = v ? GP__CHUNK_DATA : GP__CHUNK_TRAILER;
	return 0;
}

static int read_trailer(struct gp_http_request *r)
{
	size_t n, seen = 0;
	char *line;
	int e;

	do {
		e = next_line(r, &line, &n, TRAILER_MAX - seen);
		if (e)
			return e;
		seen += n;
	} while (n);
	r->body = GP__BODY_NONE;
	return 0;
}

/* Up to the data of a chunk, or the end of all: 0 or an error. */
static int next_data(struct gp_http_request *r)
{
	size_t n;
	char *line;
	int e = 0;

	while (!e && r->body == GP__BODY_CHUNKED && r->chunk != GP__CHUNK_DATA) {
		switch (r->chunk) {
		case GP__CHUNK_SIZE:
			e = read_size(r);
			break;
		case GP__CHUNK_END:
			e = next_line(r, &line, &n, 2);
			if (!e && n)
				e = broken(r, 400, -EBADMSG);
			r->chunk = GP__CHUNK_SIZE;
			break;
		default:
			e = read_trailer(r);
		}
	}
	return e;
}

static ssize_t take(struct gp_http_request *r, void *buf, size_t n)
{
	size_t here = r->used - r->at;
	ssize_t got;

	n = n < r->left ? n : (size_t)r->left;
	if (!here && r->body == GP__BODY_CHUNKED) {
		int e = fill(r);

		if (e)
			return e;
		here = r->used - r->at;
	}
	if (here) {
		n = n < here ? n : here;
		memcpy(buf, r->text + r->at, n);
		r->at += n;
		got = (ssize_t)n;
	} else {
		got = receive(r, buf, n);
	}
	if (got > 0) {
		r->left -= (uint64_t)got;
		r->taken += (uint64_t)got;
	}
	return got;
}

GP_API ssize_t gp_http_read(struct gp_http_request *r, void *buf, size_t n)
{
	ssize_t got;
	int e;

	if (!r || (!buf && n))
		return -EINVAL;
	if (r->body == GP__BODY_BROKEN)
		return -EBADMSG;
	if (r->body == GP__BODY_NONE || !n)
		return 0;
	e = gp__http_continue(r);
	if (!e && r->body == GP__BODY_CHUNKED)
		e = next_data(r);
	if (e || r->body == GP__BODY_NONE)
		return e;
	if (!r->left) { /* a length of 0 */
		r->body = GP__BODY_NONE;
		return 0;
	}
	got = take(r, buf, n);
	if (got > 0 && !r->left) {
		if (r->body == GP__BODY_LENGTH)
			r->body = GP__BODY_NONE;
		else
			r->chunk = GP__CHUNK_END;
	}
	return got;
}

GP_API int gp_http_read_all(struct gp_http_request *r, char **body, size_t *size)
{
	size_t room = 4096, used = 0;
	char *text, *more;
	ssize_t got;

	if (!r || !body || !size)
		return -EINVAL;
	if (r->body == GP__BODY_LENGTH)
		room = (size_t)r->left + 2;
	text = malloc(room);
	if (!text)
		return -ENOMEM;
	while ((got = gp_http_read(r, text + used, room - 1 - used)) > 0) {
		used += (size_t)got;
		if (used < room - 1)
			continue;
		more = realloc(text, room * 2);
		if (!more) {
			free(text);
			return -ENOMEM;
		}
		text = more;
		room *= 2;
	}
	if (got < 0) {
		free(text);
		return (int)got;
	}
	text[used] = 0;
	free(r->whole);
	r->whole = *body = text;
	*size = used;
	return 0;
}

bool gp__http_body_drain(struct gp_http_request *r)
{
	char bin[4096];
	size_t seen = 0;

	if (r->body == GP__BODY_LENGTH && !r->left)
		return true;
	if (r->body != GP__BODY_NONE && r->expects)
		return false; /* it may send the body or not: who knows */
	while (r->body == GP__BODY_LENGTH || r->body == GP__BODY_CHUNKED) {
		ssize_t got = gp_http_read(r, bin, sizeof bin);

		if (got < 0 || (seen += (size_t)got) > DRAIN_MAX)
			return false;
	}
	return r->body == GP__BODY_NONE;
}
