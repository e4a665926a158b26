/* http_parse.c - the head of a request: request line and header.
 *
 * http_parser takes it apart. Debian builds it lax (HTTP_PARSER_STRICT=0), and
 * it lets pass what two servers in a row may understand differently, so its
 * answer is looked through again: bare line ends, folded lines, names that are
 * no tokens, more than one length, transfer codings other than chunked, no host
 * or two. What is refused here is the material of request smuggling. The body's
 * framing is not its affair (http_body.c says why).
 *
 * The head lies in one piece in the request's buffer; names and values are cut
 * out of it in place, so nothing is copied but the decoded path.
 */
#include <string.h>
#include <strings.h>
#include "core/web/http.h"

static bool is_tchar(unsigned char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

bool gp__http_is_token(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_tchar((unsigned char)s[i]))
			return false;
	return n > 0;
}

/* ---- what http_parser says --------------------------------------------------------------- */

static struct gp_http_request *request_of(http_parser *p) { return (struct gp_http_request *)p->data; }

static int refuse(struct gp_http_request *r, int status)
{
	r->refusal = status;
	return 1; /* stops the parser */
}

static int on_url(http_parser *p, const char *at, size_t n)
{
	struct gp_http_request *r = request_of(p);

	if (!r->target)
		r->target = (char *)at;
	r->target_n += n;
	return r->target_n > r->c->server->options.max_target ? refuse(r, 414) : 0;
}

static int on_name(http_parser *p, const char *at, size_t n)
{
	struct gp_http_request *r = request_of(p);

	if (!r->fields_n || r->in_value) {
		if (r->fields_n == r->c->server->options.max_headers)
			return refuse(r, 431);
		r->fields[r->fields_n++] = (struct gp__field){ .name = (char *)at };
		r->in_value = false;
	}
	r->fields[r->fields_n - 1].name_n += (unsigned)n;
	return 0;
}

static int on_value(http_parser *p, const char *at, size_t n)
{
	struct gp_http_request *r = request_of(p);
	struct gp__field *f = &r->fields[r->fields_n - 1];

	if (!r->in_value)
		f->value = (char *)at;
	r->in_value = true;
	f->value_n += (unsigned)n;
	return 0;
}

static int on_head(http_parser *p)
{
	request_of(p)->complete = true;
	http_parser_pause(p, 1);
	return 0;
}

static const struct http_parser_settings settings = {
	.on_url = on_url,
	.on_header_field = on_name,
	.on_header_value = on_value,
	.on_headers_complete = on_head,
};

/* A method that is a token but none that the parser knows. */
static bool unknown_method(const struct gp_http_request *r)
{
	const char *in = r->text, *space = memchr(in, ' ', r->used);
	size_t n = space ? (size_t)(space - in) : r->used;

	return gp__http_is_token(in, n) && n <= 32;
}

static int status_of(const struct gp_http_request *r)
{
	switch (HTTP_PARSER_ERRNO(&r->parser)) {
	case HPE_INVALID_METHOD: return unknown_method(r) ? 501 : 400;
	case HPE_INVALID_VERSION: return 505;
	case HPE_HEADER_OVERFLOW: return 431;
	default: return r->refusal ? r->refusal : 400;
	}
}

/* ---- what it does not say ------------------------------------------------------------------ */

/* Every line ends with CR LF, has neither of them within, and does not go on in
 * the next one. */
static bool lines_are_whole(const char *in, size_t n)
{
	const char *end = in + n, *at = in;

	while (at < end) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));

		if (!lf || lf == at || lf[-1] != '\r' || memchr(at, '\r', (size_t)(lf - at - 1)))
			return false;
		at = lf + 1;
		if (at < end && (*at == ' ' || *at == '\t'))
			return false;
	}
	return true;
}

static bool is(const struct gp__field *f, const char *name, size_t n)
{
	return f->name_n == n && !strncasecmp(f->name, name, n);
}

/* Whether a list "a, b;q=1" has this word. */
static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	while (*list) {
		size_t len = strcspn(list, ",");
		const char *at = list;
		size_t m = len;

		while (m && (*at == ' ' || *at == '\t'))
			at++, m--;
		while (m && (at[m - 1] == ' ' || at[m - 1] == '\t'))
			m--;
		if (m == n && !strncasecmp(at, word, n))
			return true;
		list += len + (list[len] == ',');
	}
	return false;
}

static int read_length(struct gp_http_request *r, const struct gp__field *f)
{
	uint64_t v = 0;

	if (r->body != GP__BODY_NONE || !f->value_n || f->value_n > 18)
		return 400;
	for (unsigned i = 0; i < f->value_n; i++) {
		if (f->value[i] < '0' || f->value[i] > '9')
			return 400;
		v = v * 10 + (unsigned)(f->value[i] - '0');
	}
	r->body = GP__BODY_LENGTH;
	r->left = v;
	return 0;
}

static int read_coding(struct gp_http_request *r, const struct gp__field *f)
{
	if (r->body != GP__BODY_NONE || !r->minor)
		return 400;
	if (f->value_n != 7 || strncasecmp(f->value, "chunked", 7))
		return has_word(f->value, "chunked") ? 400 : 501;
	r->body = GP__BODY_CHUNKED;
	return 0;
}

/* What a field means to the server itself: 0 or a status. */
static int take_field(struct gp_http_request *r, const struct gp__field *f, unsigned *hosts)
{
	switch (f->name[0] | 32) {
	case 'h':
		*hosts += is(f, "host", 4);
		break;
	case 'c':
		if (is(f, "content-length", 14))
			return read_length(r, f);
		if (!is(f, "connection", 10))
			break;
		if (has_word(f->value, "close"))
			r->keep = false;
		else if (!r->minor && has_word(f->value, "keep-alive"))
			r->keep = true;
		break;
	case 't':
		if (is(f, "transfer-encoding", 17))
			return read_coding(r, f);
		break;
	case 'e':
		if (!is(f, "expect", 6) || !r->minor)
			break;
		if (strcasecmp(f->value, "100-continue"))
			return 417;
		r->expects = true;
		break;
	case 'u':
		if (is(f, "upgrade", 7))
			r->upgrades = has_word(f->value, "websocket");
		break;
	}
	return 0;
}

static bool has_control(const struct gp__field *f)
{
	for (unsigned i = 0; i < f->value_n; i++)
		if (((unsigned char)f->value[i] < ' ' && f->value[i] != '\t') || f->value[i] == 127)
			return true;
	return false;
}

static int take_fields(struct gp_http_request *r)
{
	unsigned hosts = 0;

	for (unsigned i = 0; i < r->fields_n; i++) {
		struct gp__field *f = &r->fields[i];
		int status;

		if (!gp__http_is_token(f->name, f->name_n) || !f->value || has_control(f))
			return 400;
		while (f->value_n && (f->value[f->value_n - 1] == ' ' || f->value[f->value_n - 1] == '\t'))
			f->value_n--;
		f->name[f->name_n] = 0;
		f->value[f->value_n] = 0;
		status = take_field(r, f, &hosts);
		if (status)
			return status;
	}
	return hosts > 1 || (!hosts && r->minor) ? 400 : 0;
}

/* "http://host/path" means the path. */
static char *without_authority(char *target)
{
	char *at = target;

	if (!strncasecmp(at, "http://", 7))
		at += 7;
	else if (!strncasecmp(at, "https://", 8))
		at += 8;
	else
		return target;
	at += strcspn(at, "/?");
	return *at == '/' ? at : NULL;
}

/* One space before the target, one behind it; http_parser takes any number. */
static bool stands_alone(const struct gp_http_request *r)
{
	const char *at = r->target, *method = http_method_str((enum http_method)r->parser.method);
	size_t n = strlen(method);

	return (size_t)(at - r->text) > n && at[-1] == ' ' && !memcmp(at - 1 - n, method, n) &&
	       !memcmp(at + r->target_n, " HTTP/", 6);
}

static int take_target(struct gp_http_request *r)
{
	char *fragment;

	if (!stands_alone(r))
		return 400;
	for (size_t i = 0; i < r->target_n; i++)
		if (r->target[i] <= ' ' || r->target[i] >= 127)
			return 400;
	r->target[r->target_n] = 0;
	r->target = without_authority(r->target);
	if (!r->target || (*r->target != '/' && strcmp(r->target, "*")))
		return 400;
	if (*r->target == '*' && r->parser.method != HTTP_OPTIONS)
		return 400;
	fragment = strchr(r->target, '#');
	if (fragment)
		return 400;
	r->query = strchr(r->target, '?');
	if (r->query)
		*r->query++ = 0;
	else
		r->query = r->target + strlen(r->target);
	if (gp__url_decode(r->path, r->target, strlen(r->target), false) < 0)
		return 400;
	return 0;
}

/* The request line stays as it came for the log: what is in the buffer is cut. */
static void keep_line(struct gp_http_request *r)
{
	char *end = memchr(r->text, '\r', r->body_at);
	size_t n = (size_t)(end - r->text);

	memcpy(r->line, r->text, n);
	r->line[n] = 0;
}

static int look_through(struct gp_http_request *r)
{
	char *in = r->text;
	int status;

	/* Empty lines before the first are allowed, and were skipped. */
	if (!lines_are_whole(in, r->body_at))
		return 400;
	if (r->parser.http_major != 1)
		return 505;
	if (r->parser.method == HTTP_CONNECT || !r->target)
		return 501;
	r->minor = r->parser.http_minor > 0;
	r->keep = r->minor > 0;
	if (r->c->server->options.log && in[0] != '\r')
		keep_line(r);
	status = take_target(r);
	return status ? status : take_fields(r);
}

/* ---- a head ------------------------------------------------------------------------------------ */

void gp__http_reset(struct gp_http_request *r)
{
	const struct gp_http_options *o = &r->c->server->options;
	size_t rest = r->used - r->at;

	if (rest && r->at)
		memmove(r->text, r->text + r->at, rest);
	memset(&r->parsed, 0, offsetof(struct gp_http_request, fields) - offsetof(struct gp_http_request, parsed));
	memset(&r->minor, 0, offsetof(struct gp_http_request, extra) - offsetof(struct gp_http_request, minor));
	r->used = rest;
	r->line = r->text + o->max_head + GP__BODY_ROOM;
	r->line[0] = 0;
	r->path = r->line + o->max_target + GP__LINE_ROOM;
	http_parser_init(&r->parser, HTTP_REQUEST);
	r->parser.data = r;
}

int gp__http_parse(struct gp_http_request *r)
{
	size_t n = r->used - r->parsed;

	if (!n)
		return 0;
	n = http_parser_execute(&r->parser, &settings, r->text + r->parsed, n);
	r->parsed += n;
	if (r->complete) {
		r->body_at = r->at = r->parsed + 1; /* it stopped at the last line feed */
		n = r->body_at > r->c->server->options.max_head ? 431 : (size_t)look_through(r);
		return n ? (int)n : 1;
	}
	if (HTTP_PARSER_ERRNO(&r->parser) != HPE_OK)
		return status_of(r);
	if (r->used >= r->c->server->options.max_head)
		return r->fields_n ? 431 : 414;
	return 0;
}
