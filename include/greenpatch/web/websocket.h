/* greenpatch/web/websocket.h - WebSockets: the server's side out of an HTTP
 * request, and a client.
 *
 *	static int talk(struct gp_http_request *r, void *arg)
 *	{
 *		struct gp_websocket_message m;
 *		struct gp_websocket *ws;
 *		int e = gp_websocket_accept(&ws, r, NULL);
 *
 *		while (!e && !(e = gp_websocket_receive(ws, &m, GP_NEVER)))
 *			e = gp_websocket_send(ws, m.type, m.data, m.n);
 *		return e == -ESHUTDOWN ? 0 : e;
 *	}
 *
 * Pings are answered, fragments put together, and what breaks the protocol is
 * answered with its close code (1002; 1007 for text that is no UTF-8; 1009 for a
 * message that is too large), by receive. One greenlet may receive while others
 * send. Errors are those of greenpatch/greenlet.h, and:
 *  -ESHUTDOWN    one of the two has closed it (gp_websocket_code() says why)
 *  -ECONNRESET, -EPIPE   the peer has gone without closing
 *  -ETIMEDOUT    also: it takes nothing (write_time), or says nothing (ping_time)
 */
#ifndef GREENPATCH_WEB_WEBSOCKET_H
#define GREENPATCH_WEB_WEBSOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <greenpatch/web/http.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gp_websocket;

enum { GP_WEBSOCKET_TEXT = 1, GP_WEBSOCKET_BINARY = 2 };

/* What is zero is as usual, and so is NULL for all of it. Times are ns. */
struct gp_websocket_options {
	size_t max_message;   /* bytes of one that is received; 0: 1 MiB */
	size_t max_queued;    /* bytes that gp_websocket_try_send() leaves unsent; 0: 256 KiB */
	int64_t write_time;   /* for the peer to take something; 0: 30 s */
	int64_t ping_time;    /* silence before a ping; twice as long ends it; 0: no pings */
	const char *protocol; /* Sec-WebSocket-Protocol: answered, or asked for */
	struct gp_tls *tls;   /* of a client, for wss: */
};

struct gp_websocket_message {
	int type;         /* GP_WEBSOCKET_TEXT or GP_WEBSOCKET_BINARY */
	const char *data; /* n bytes and a 0; until the next receive */
	size_t n;
};

/* Answers a request with a WebSocket, which lives as long as the request, at
 * most, and is freed with it. 0; -EPROTO: it asks for none, and has been answered
 * with 400 or 426; -EALREADY: an answer has begun; -ENOMEM. Parks. */
int gp_websocket_accept(struct gp_websocket **ws, struct gp_http_request *r, const struct gp_websocket_options *options);

/* Connects to "ws://host:port/path" or, with options->tls, to "wss://...": 0;
 * -EINVAL: no such URL; -EPROTO: the other side speaks otherwise; or what
 * gp_create_connection() says. The caller frees it. Parks. */
int gp_websocket_connect(struct gp_websocket **ws, const char *url, const struct gp_websocket_options *options,
                         int64_t deadline);

/* The next message: 0 and *m, whose data are the WebSocket's until the next call.
 * -ETIMEDOUT at the deadline. Parks until it is whole. */
int gp_websocket_receive(struct gp_websocket *ws, struct gp_websocket_message *m, int64_t deadline);

/* Sends one, which is copied: 0 when it is on its way; -EINVAL for another type;
 * -ENOMEM. Parks while the peer is behind. Text is the caller's to be UTF-8. */
int gp_websocket_send(struct gp_websocket *ws, int type, const void *data, size_t n);
/* Never parks: -EAGAIN while max_queued bytes wait for the peer. What it could
 * not send goes with the next send or receive. */
int gp_websocket_try_send(struct gp_websocket *ws, int type, const void *data, size_t n);
/* Sends a ping with up to 125 bytes, else -EINVAL: 0 when it is on its way. The
 * answer is not told. Parks while the peer is behind. */
int gp_websocket_ping(struct gp_websocket *ws, const void *data, size_t n);

/* Closes it: says so, and waits for the peer's answer until the deadline. 0;
 * -ETIMEDOUT. code: 1000 and so on; reason may be NULL, up to 123 bytes, else
 * -EINVAL. Messages that still come are dropped. Parks. */
int gp_websocket_close(struct gp_websocket *ws, int code, const char *reason, int64_t deadline);

/* The peer's close code; 1005: it gave none; 1006: it has not closed. */
int gp_websocket_code(const struct gp_websocket *ws);

/* Gives it back, and closes a client's connection; no close code is sent. Needed
 * for a client's; a server's may be left to its request. NULL is allowed. Does not
 * park. */
void gp_websocket_free(struct gp_websocket *ws);

#ifdef __cplusplus
}
#endif
#endif
