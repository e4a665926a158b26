/* fault.c - the web library while the n-th allocation fails, for each n: its own, core's, libwslay's, libcjson's. Client
 * and server are greenlets of this program, so either of them may be hit. Whatever comes of it: the answer is whole or
 * an error, no greenlet, descriptor or memory is left, and the next try works. */
#include "unit.h"
#include <fcntl.h>
#include <stdlib.h>
#include <openssl/err.h>
#include "core/alloc.h"
#include "core/run/hub.h"
#include "greenpatch-web.h"
#include "greenpatch.h"

#define MOST 400

/* ---- an allocator that fails when told to, and counts ------------------------------------------ */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

static volatile int fault_at = -1; /* the n-th allocation from now fails; counts down. The compiler takes realloc for one that does not look */
static volatile long blocks;       /* that are not freed */

static bool fault_now(void) { return fault_at >= 0 && !fault_at--; }

static void *counted(void *p)
{
	blocks += p != NULL;
	return p;
}

void *malloc(size_t size) { return fault_now() ? NULL : counted(__libc_malloc(size)); }
void *calloc(size_t n, size_t size) { return fault_now() ? NULL : counted(__libc_calloc(n, size)); }
void *realloc(void *p, size_t size)
{
	if (fault_now())
		return NULL;
	return p ? __libc_realloc(p, size) : counted(__libc_malloc(size));
}
void free(void *p)
{
	blocks -= p != NULL;
	__libc_free(p);
}

/* Core's; libev, which grows its tables by the last one, ends the process without memory. */
void *gp__alloc(size_t size) { return calloc(1, size ? size : 1); }
void gp__free(void *p) { free(p); }
void *gp__realloc(void *p, size_t size)
{
	int at = fault_at;
	void *q;

	fault_at = -1;
	q = realloc(p, size);
	fault_at = at;
	return q;
}

/* ---- the server, and what is asked of it --------------------------------------------------------- */

static char address[64];

static int echo(struct gp_http_request *r)
{
	struct gp_websocket_message m;
	struct gp_websocket *ws;
	int e = gp_websocket_accept(&ws, r, NULL);

	while (!e && !(e = gp_websocket_receive(ws, &m, GP_NEVER)))
		e = gp_websocket_send(ws, m.type, m.data, m.n);
	return e == -ESHUTDOWN ? 0 : e;
}

static int stream(struct gp_http_request *r)
{
	int e = gp_http_begin(r, 200, "text/plain");

	for (int i = 0; i < 3 && !e; i++)
		e = gp_http_write(r, "piece", 5);
	return e;
}

static int handle(struct gp_http_request *r, void *arg)
{
	const char *path = gp_http_path(r);
	char *body;
	size_t n;
	int e;

	if (!strcmp(path, "/ws"))
		return echo(r);
	if (!strcmp(path, "/stream"))
		return stream(r);
	e = gp_http_read_all(r, &body, &n);
	return e ? e : gp_http_answer(r, 200, "text/plain", body, n);
}

/* A whole answer, or an error: 0 for a 200, else what is wrong with it. */
static int ask(const char *request, const char *wanted)
{
	static char answer[20000];
	struct gp_stream *s;
	size_t used = 0;
	ssize_t n;
	int e = gp_stream_connect(&s, address, gp_after(5 * GP_SEC));

	if (e)
		return e;
	n = gp_stream_send(s, request, strlen(request), gp_after(5 * GP_SEC));
	e = n < 0 ? (int)n : 0;
	while (!e && (n = gp_stream_recv(s, answer + used, sizeof answer - 1 - used, gp_after(5 * GP_SEC))))
		if (n < 0)
			e = (int)n;
		else
			used += (size_t)n;
	gp_stream_free(s);
	answer[used] = 0;
	if (e || !used)
		return e ? e : -ENODATA;
	if (!strncmp(answer, "HTTP/1.1 500 ", 13) || !strncmp(answer, "HTTP/1.1 503 ", 13))
		return -EREMOTEIO;
	EXPECT(!strncmp(answer, "HTTP/1.1 200 ", 13));
	EXPECT(strstr(answer, wanted));
	return 0;
}

#define END "Host: x\r\nConnection: close\r\n"

static int do_get(void) { return ask("GET / HTTP/1.1\r\n" END "\r\n", "\r\n\r\n"); }
static int do_post(void) { return ask("POST / HTTP/1.1\r\n" END "Content-Length: 4\r\n\r\nword", "\r\n\r\nword"); }
static int do_chunks(void)
{
	return ask("POST / HTTP/1.1\r\n" END "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "\r\n\r\nabcde");
}
static int do_stream(void) { return ask("GET /stream HTTP/1.1\r\n" END "\r\n", "piece\r\n0\r\n\r\n"); }

static int do_websocket(void)
{
	struct gp_websocket_message m;
	struct gp_websocket *ws;
	char url[96];
	int e;

	snprintf(url, sizeof url, "ws://%s/ws", address);
	e = gp_websocket_connect(&ws, url, NULL, gp_after(5 * GP_SEC));
	if (e)
		return e;
	e = gp_websocket_send(ws, GP_WEBSOCKET_TEXT, "word", 4);
	if (!e)
		e = gp_websocket_receive(ws, &m, gp_after(5 * GP_SEC));
	if (!e)
		EXPECT_STR(m.data, "word");
	if (!e)
		e = gp_websocket_close(ws, 1000, "done", gp_after(5 * GP_SEC));
	gp_websocket_free(ws);
	return e;
}

static int talk(struct gp_chat *c)
{
	char *line;
	int e = gp_chat_add_room(c, "room");

	if (!e)
		e = gp_chat_enter(c, "room", "ina");
	if (!e)
		e = gp_chat_say(c, "room", "ina", "hello");
	if (!e)
		e = gp_chat_post(c, "room", "as it is", true);
	if (!e)
		e = gp_chat_poll(c, "ina", &line, gp_after(GP_SEC));
	if (!e) {
		EXPECT_STR(line, "ina: hello");
		free(line);
		e = gp_chat_leave(c, NULL, "ina");
	}
	return e;
}

static int do_chat(void)
{
	struct gp_chat *c = gp_chat_new(1, 0);
	int e = c ? talk(c) : -ENOMEM;

	gp_chat_free(c);
	return e;
}

static int do_server(void)
{
	struct gp_http_server *s = gp_http_server_new("127.0.0.1:0", handle, NULL, NULL);
	int e = s ? gp_http_server_start(s) : -ENOMEM;

	gp_http_server_stop(s, gp_after(GP_SEC));
	gp_http_server_free(s);
	return e;
}

/* ---- each of them with each allocation ------------------------------------------------------------ */

static void no_records(struct gp_hub *h)
{
	while (h->records) {
		struct gp_greenlet *g = h->records;

		h->records = g->arg;
		h->records_kept--;
		gp__free(g);
	}
}

/* Until as many greenlets, descriptors and blocks are there as were: they go when the other side has noticed. libwslay
 * loses the two blocks of a message when there is no memory for its place in the queue: `lost`. Gives the blocks. */
static long settle(const char *name, int n, long live, int fds, long memory, int lost)
{
	struct gp_hub *h = gp_self()->hub;

	for (int i = 0; i < 2000; i++) {
		no_records(h);
		ERR_clear_error(); /* OpenSSL's list of them is a ring that stays */
		if ((long)h->stats.live == live && unit_descriptors() == fds && (blocks == memory || (lost && blocks == memory + lost)))
			return blocks;
		gp_sleep(GP_MSEC);
	}
	unit_fail(__FILE__, __LINE__, "%s, allocation %d: greenlets %ld, were %ld; descriptors %d, were %d; blocks %ld, were %ld", name,
	          n, (long)h->stats.live, live, unit_descriptors(), fds, blocks, memory);
	return memory;
}

static int quiet(void) /* for what makes what stays */
{
	struct gp_hub *h = gp_self()->hub;
	long live;

	do {
		live = (long)h->stats.live;
		gp_sleep(30 * GP_MSEC);
	} while (live != (long)h->stats.live);
	no_records(h);
	return unit_descriptors();
}

static void each(const char *name, int (*call)(void), int lost)
{
	struct gp_hub *h = gp_self()->hub;
	int failed = 0, n, fds, r = 0;
	long live, memory;

	/* Once without looking, for what is made once: what core keeps for each descriptor, OpenSSL's tables. */
	EXPECT_INT(call(), 0);
	for (n = 0; n < MOST && fault_at < 0; n++) {
		fault_at = n;
		call();
	}
	fault_at = -1;
	EXPECT_INT(call(), 0);
	fds = quiet();
	ERR_clear_error();
	live = (long)h->stats.live;
	memory = blocks;
	for (n = 0; n < MOST; n++) {
		fault_at = n;
		r = call();
		if (fault_at >= 0)
			break;
		failed += r < 0;
		memory = settle(name, n + 1, live, fds, memory, lost);
		r = call();
		if (r)
			unit_fail(__FILE__, __LINE__, "%s after allocation %d: expected 0, came %d", name, n + 1, r);
		settle(name, n + 1, live, fds, memory, 0);
	}
	fault_at = -1;
	settle(name, n + 1, live, fds, memory, 0);
	if (r || !n || n == MOST || !failed)
		unit_fail(__FILE__, __LINE__, "%s: expected 0 after some failures, came %d after %d of %d", name, r, failed, n);
	printf("# %s: %d allocations, %d of them an error when they failed\n", name, n, failed);
}

static void quiet_errors(struct gp_greenlet *g) { (void)g; }

/* What core keeps for each number of a descriptor, once somebody has waited for it. */
static void wait_for_each_number(void)
{
	int pipes[20][2];

	for (int i = 0; i < 20; i++) {
		NEED(!pipe(pipes[i]));
		gp_wait_read(pipes[i][0], gp_after(1));
		gp_wait_write(pipes[i][1], gp_after(1));
	}
	for (int i = 0; i < 20; i++)
		close(pipes[i][0]), close(pipes[i][1]);
}

static struct gp_http_server *begin(void)
{
	struct gp_http_server *s = gp_http_server_new("127.0.0.1:0", handle, NULL, NULL);

	gp_set_error_handler(quiet_errors);
	wait_for_each_number();
	NEED(s && !gp_http_server_start(s));
	snprintf(address, sizeof address, "%s", gp_server_address(gp_http_server_base(s)));
	return s;
}

CASE("requests without memory have a whole answer or an error, and leave nothing")
{
	struct gp_http_server *s = begin();

	each("get", do_get, 0);
	each("post", do_post, 0);
	each("chunks", do_chunks, 0);
	each("stream", do_stream, 0);
	gp_http_server_free(s);
}

CASE("WebSockets without memory")
{
	struct gp_http_server *s = begin();

	each("websocket", do_websocket, 2);
	gp_http_server_free(s);
}

CASE("servers and chats without memory")
{
	each("server", do_server, 0);
	each("chat", do_chat, 0);
}
