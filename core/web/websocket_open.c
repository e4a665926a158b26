/* websocket_open.c - how a WebSocket begins: the server's answer to an upgrade,
 * and the client's request for one. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include "core/web/websocket.h"

#define MAGIC    "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define HEAD_MAX 4096

bool gp__ws_proof(const char *key, char *proof)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	char text[128];
	unsigned n = 0;
	int len = snprintf(text, sizeof text, "%s%s", key, MAGIC);

	if (!EVP_Digest(text, (size_t)len, hash, &n, EVP_sha1(), NULL))
		return false;
	EVP_EncodeBlock((unsigned char *)proof, hash, 20);
	return true;
}

/* 16 bytes in base64: 22 characters and ==. */
static bool is_key(const char *key)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	return key && strlen(key) == 24 && strspn(key, digits) == 22 && !strcmp(key + 22, "==");
}

/* Whether a list "a, b" in a field has this word, of n bytes, as compare has it. */
static bool names(const char *list, const char *word, size_t n, int (*compare)(const char *a, const char *b, size_t n))
{
	for (; list && *list; list += strcspn(list, ","), list += *list == ',') {
		list += strspn(list, " \t");
		if (!compare(list, word, n) && (!list[n] || strchr(", \t", list[n])))
			return true;
	}
	return false;
}

/* ---- the server's side ------------------------------------------------------------------------- */

static int refuse(struct gp_http_request *r, int status)
{
	int e;

	if (status == 426) {
		gp_http_add_header(r, "Sec-WebSocket-Version", "13");
		gp_http_add_header(r, "Upgrade", "websocket");
	}
	e = gp_http_answer(r, status, "text/plain", "a WebSocket is spoken here\n", 27);
	return e ? e : -EPROTO;
}

static int send_answer(struct gp_http_request *r, const char *key, const char *protocol)
{
	char text[512 + GP__EXTRA_MAX], proof[32];
	int n;

	if (!gp__ws_proof(key, proof))
		return -ENOMEM;
	n = snprintf(text, sizeof text,
	             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	             "Sec-WebSocket-Accept: %s\r\n%s%.100s%s%.*s\r\n",
	             proof, protocol ? "Sec-WebSocket-Protocol: " : "", protocol ? protocol : "", protocol ? "\r\n" : "",
	             (int)r->extra_n, r->extra);
	r->answer = GP__ANSWERED;
	r->status = 101;
	r->keep = false;
	gp__http_unwatch(r);
	return gp__stream_send_all(&r->c->stream, text, (size_t)n, r->c->server->options.write_time);
}

GP_API int gp_websocket_accept(struct gp_websocket **out, struct gp_http_request *r,
                               const struct gp_websocket_options *options)
{
	const char *key, *version, *protocol;
	struct gp_websocket *ws;
	int e;

	if (!out || !r)
		return -EINVAL;
	if (r->answer != GP__UNANSWERED)
		return -EALREADY;
	key = gp_http_header(r, "sec-websocket-key");
	version = gp_http_header(r, "sec-websocket-version");
	if (r->parser.method != HTTP_GET || !r->minor || !r->upgrades || r->body != GP__BODY_NONE ||
	    !names(gp_http_header(r, "connection"), "upgrade", 7, strncasecmp))
		return refuse(r, 426);
	if (!version || strcmp(version, "13"))
		return refuse(r, 426);
	if (!is_key(key))
		return refuse(r, 400);
	e = gp__ws_new(&ws, options, true, r->text + r->at, r->used - r->at);
	if (e)
		return e;
	ws->stream = &r->c->stream;
	ws->request = r;
	r->at = r->used;
	r->websocket = ws;
	protocol = ws->options.protocol;
	if (protocol && !names(gp_http_header(r, "sec-websocket-protocol"), protocol, strlen(protocol), strncmp))
		protocol = NULL;
	e = send_answer(r, key, protocol);
	if (e) {
		gp_websocket_free(ws);
		return e;
	}
	*out = ws;
	return 0;
}

/* ---- the client's side --------------------------------------------------------------------------- */

struct url {
	bool secure;
	char authority[256], address[270], host[256];
	const char *path;
};

static int read_url(struct url *u, const char *url)
{
	size_t n;
	char *colon;

	u->secure = !strncasecmp(url, "wss://", 6);
	if (!u->secure && strncasecmp(url, "ws://", 5))
		return -EINVAL;
	url += u->secure ? 6 : 5;
	n = strcspn(url, "/?#");
	if (!n || n >= sizeof u->authority)
		return -EINVAL;
	memcpy(u->authority, url, n);
	u->authority[n] = 0;
	u->path = url + n;
	for (const char *p = url; *p; p++)
		if (*p <= ' ' || *p >= 127)
			return -EINVAL;
	colon = strrchr(u->authority, ':');
	if (!colon || strchr(colon, ']'))
		snprintf(u->address, sizeof u->address, "%s:%d", u->authority, u->secure ? 443 : 80);
	else
		snprintf(u->address, sizeof u->address, "%s", u->authority);
	n = strlen(u->address);
	while (u->address[n] != ':')
		n--;
	if (u->address[0] == '[' && n > 2)
		snprintf(u->host, sizeof u->host, "%.*s", (int)n - 2, u->address + 1);
	else
		snprintf(u->host, sizeof u->host, "%.*s", (int)n, u->address);
	return 0;
}

/* The head of the answer, up to HEAD_MAX; *n bytes have come, *end of them are it. */
static int receive_head(struct gp_stream *s, char *head, size_t *n, size_t *end, int64_t deadline)
{
	*n = 0;
	for (;;) {
		ssize_t got = *n < HEAD_MAX ? gp_stream_recv(s, head + *n, HEAD_MAX - *n, deadline) : -EPROTO;
		char *stop;

		if (got <= 0)
			return got ? (int)got : -ECONNRESET;
		*n += (size_t)got;
		stop = memmem(head, *n, "\r\n\r\n", 4);
		if (!stop)
			continue;
		*end = (size_t)(stop - head) + 4;
		stop[2] = 0;
		return memchr(head, 0, *end) == stop + 2 ? 0 : -EPROTO;
	}
}

/* The value of a field in the head of the answer, of *n bytes; NULL: it is not there. */
static const char *field(const char *head, const char *name, size_t *n)
{
	size_t len = strlen(name);

	while ((head = strstr(head, "\r\n"))) {
		head += 2;
		if (strncasecmp(head, name, len) || head[len] != ':')
			continue;
		head += len + 1;
		head += strspn(head, " \t");
		*n = strcspn(head, " \t\r");
		return head;
	}
	return NULL;
}

/* The key is proved, and the protocol is one that was asked for. */
static bool is_accepted(const char *head, const char *proof, const char *asked)
{
	size_t n = 0;
	const char *value = field(head, "Sec-WebSocket-Accept", &n);

	if (strncmp(head, "HTTP/1.1 101 ", 13) || !value || n != 28 || strncmp(value, proof, 28))
		return false;
	value = field(head, "Sec-WebSocket-Protocol", &n);
	return !value || (n && names(asked, value, n, strncmp));
}

static int shake_hands(struct gp_stream *s, const struct url *u, const char *protocol, char *head, size_t *n, size_t *end,
                       int64_t deadline)
{
	unsigned char random[16];
	char key[32], proof[32], text[2048];
	int len, e;

	if (getrandom(random, sizeof random, 0) != sizeof random)
		return -EIO;
	EVP_EncodeBlock((unsigned char *)key, random, sizeof random);
	len = snprintf(text, sizeof text,
	               "GET %s%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n%s%s%s\r\n",
	               *u->path == '/' ? "" : "/", u->path, u->authority, key, protocol ? "Sec-WebSocket-Protocol: " : "",
	               protocol ? protocol : "", protocol ? "\r\n" : "");
	if (len >= (int)sizeof text)
		return -EINVAL;
	e = (int)gp_stream_send(s, text, (size_t)len, deadline);
	if (e >= 0)
		e = receive_head(s, head, n, end, deadline);
	if (!e && !gp__ws_proof(key, proof))
		e = -ENOMEM;
	return e ? e : is_accepted(head, proof, protocol) ? 0 : -EPROTO;
}

GP_API int gp_websocket_connect(struct gp_websocket **out, const char *url, const struct gp_websocket_options *options,
                                int64_t deadline)
{
	struct gp_stream s;
	struct url u;
	char *head;
	size_t n = 0, end = 0;
	int e;

	if (!out || !url || read_url(&u, url) || (u.secure && (!options || !options->tls)))
		return -EINVAL;
	e = gp_create_connection(u.address, deadline);
	if (e < 0)
		return e;
	gp__stream_init(&s, e, false);
	head = malloc(HEAD_MAX + 1);
	e = head ? 0 : -ENOMEM;
	if (!e && u.secure)
		e = gp_tls_connect(&s, options->tls, u.host, deadline);
	if (!e)
		e = shake_hands(&s, &u, options ? options->protocol : NULL, head, &n, &end, deadline);
	if (!e)
		e = gp__ws_new(out, options, false, head + end, n - end);
	free(head);
	if (e) {
		gp__stream_end(&s);
		return e;
	}
	(*out)->own = s;
	(*out)->stream = &(*out)->own;
	return 0;
}
