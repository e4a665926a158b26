/* websocket.c - messages over a WebSocket; framing by libwslay.
 *
 * libwslay receives and sends by callbacks that never park; what would have
 * blocked is waited for out here. A receiver that has got a message stops
 * reading, so that a peer is slowed down by TCP and not by memory; in one turn
 * it reads a limited number of bytes, and then sends what libwslay has queued
 * (pongs, a close), waiting for the peer to take it: one that floods with pings
 * and reads nothing is stopped there.
 *
 * Several greenlets may push the same queue out: each attempt goes on where the
 * last one stopped.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "core/web/websocket.h"

#define TURN (64 * 1024)

/* ---- what libwslay asks for ----------------------------------------------------------------- */

static ssize_t on_recv(wslay_event_context_ptr ctx, uint8_t *buf, size_t n, int flags, void *arg)
{
	struct gp_websocket *ws = arg;
	ssize_t r;

	if (ws->early_at < ws->early_n) {
		n = n < ws->early_n - ws->early_at ? n : ws->early_n - ws->early_at;
		memcpy(buf, ws->early + ws->early_at, n);
		ws->early_at += n;
		return (ssize_t)n;
	}
	if (ws->first || !ws->budget) {
		wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	r = gp__stream_try_recv(ws->stream, buf, n < ws->budget ? n : ws->budget, &ws->what);
	if (r > 0) {
		ws->budget -= (size_t)r;
		ws->pinged = false;
		ws->heard = 0;
		return r;
	}
	ws->blocked = r == -EAGAIN;
	if (r != -EAGAIN)
		ws->error = r ? (int)r : -ECONNRESET;
	wslay_event_set_error(ctx, r == -EAGAIN ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

/* libwslay sends the head of a frame by itself and says that there is more: it is kept, and goes with what follows. */
static ssize_t on_send(wslay_event_context_ptr ctx, const uint8_t *data, size_t n, int flags, void *arg)
{
	struct gp_websocket *ws = arg;
	ssize_t r;

	if ((flags & WSLAY_MSG_MORE) && !ws->held_n && n <= sizeof ws->held) {
		memcpy(ws->held, data, n);
		ws->held_n = n;
		return (ssize_t)n;
	}
	do {
		struct iovec v[2] = { { ws->held, ws->held_n }, { (void *)data, n } };
		size_t head;

		r = gp__stream_try_send(ws->stream, ws->held_n ? v : v + 1, ws->held_n ? 2 : 1, &ws->what);
		if (r <= 0)
			break;
		head = (size_t)r < ws->held_n ? (size_t)r : ws->held_n;
		memmove(ws->held, ws->held + head, ws->held_n - head);
		ws->held_n -= head;
		r -= (ssize_t)head;
	} while (!r);
	if (r > 0)
		return r;
	ws->blocked = r == -EAGAIN;
	if (r != -EAGAIN)
		ws->error = r ? (int)r : -EPIPE;
	wslay_event_set_error(ctx, r == -EAGAIN ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

static int on_mask(wslay_event_context_ptr ctx, uint8_t *buf, size_t n, void *arg)
{
	return getrandom(buf, n, 0) == (ssize_t)n ? 0 : -1;
}

static void on_message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *m, void *arg)
{
	struct gp_websocket *ws = arg;
	struct gp__ws_message *copy;

	if (wslay_is_ctrl_frame(m->opcode))
		return;
	copy = malloc(sizeof *copy + m->msg_length + 1);
	if (!copy) {
		ws->error = -ENOMEM;
		return;
	}
	*copy = (struct gp__ws_message){ .type = m->opcode, .n = m->msg_length };
	if (copy->n)
		memcpy(copy->data, m->msg, copy->n);
	copy->data[m->msg_length] = 0;
	*ws->last = copy;
	ws->last = &copy->next;
}

static const struct wslay_event_callbacks callbacks = {
	.recv_callback = on_recv,
	.send_callback = on_send,
	.genmask_callback = on_mask,
	.on_msg_recv_callback = on_message,
};

/* ---- the record -------------------------------------------------------------------------------- */

int gp__ws_new(struct gp_websocket **out, const struct gp_websocket_options *options, bool server, const char *early,
               size_t early_n)
{
	struct gp_websocket *ws = calloc(1, sizeof *ws + early_n);
	int r;

	if (!ws)
		return -ENOMEM;
	if (options)
		ws->options = *options;
	if (!ws->options.max_message)
		ws->options.max_message = 1 << 20;
	if (!ws->options.max_queued)
		ws->options.max_queued = 256 * 1024;
	if (!ws->options.write_time)
		ws->options.write_time = 30 * GP_SEC;
	ws->last = &ws->first;
	ws->early = (char *)(ws + 1);
	ws->early_n = early_n;
	memcpy(ws->early, early, early_n);
	r = server ? wslay_event_context_server_init(&ws->ctx, &callbacks, ws) :
	             wslay_event_context_client_init(&ws->ctx, &callbacks, ws);
	if (r) {
		free(ws);
		return -ENOMEM;
	}
	wslay_event_config_set_max_recv_msg_length(ws->ctx, ws->options.max_message);
	*out = ws;
	return 0;
}

GP_API void gp_websocket_free(struct gp_websocket *ws)
{
	if (!ws)
		return;
	if (ws->request)
		ws->request->websocket = NULL;
	else
		gp__stream_end(&ws->own);
	wslay_event_context_free(ws->ctx);
	while (ws->first) {
		struct gp__ws_message *m = ws->first;

		ws->first = m->next;
		free(m);
	}
	free(ws->given);
	free(ws);
}

/* ---- sending ------------------------------------------------------------------------------------- */

/* One attempt: 0: all is out; -EAGAIN; or an error. */
static int try_flush(struct gp_websocket *ws)
{
	if (ws->error)
		return ws->error;
	ws->blocked = false;
	/* libwslay also comes back after it has sent a part. */
	while (wslay_event_want_write(ws->ctx) && !ws->blocked && !ws->error)
		if (wslay_event_send(ws->ctx) && !ws->error)
			ws->error = -ENOMEM;
	if (ws->error)
		return ws->error;
	return wslay_event_want_write(ws->ctx) ? -EAGAIN : 0;
}

static int flush(struct gp_websocket *ws)
{
	int r;

	while ((r = try_flush(ws)) == -EAGAIN) {
		int64_t deadline = gp_after(ws->options.write_time);

		r = gp__stream_wait(ws->stream, ws->what, deadline);
		if (!r)
			continue;
		if (gp__http_late(r, deadline))
			ws->error = r;
		break;
	}
	return r;
}

static int queue(struct gp_websocket *ws, int opcode, const void *data, size_t n)
{
	struct wslay_event_msg m = { (uint8_t)opcode, data, n };

	switch (wslay_event_queue_msg(ws->ctx, &m)) {
	case 0: return 0;
	case WSLAY_ERR_NO_MORE_MSG: return -ESHUTDOWN;
	case WSLAY_ERR_NOMEM: return -ENOMEM;
	default: return -EINVAL;
	}
}

/* Says that it is closed, once. */
static int queue_close(struct gp_websocket *ws, int code, const char *reason, size_t n)
{
	if (ws->error || wslay_event_get_close_sent(ws->ctx))
		return ws->error;
	switch (wslay_event_queue_close(ws->ctx, (uint16_t)code, (const uint8_t *)reason, n)) {
	case WSLAY_ERR_NOMEM: return -ENOMEM;
	case WSLAY_ERR_INVALID_ARGUMENT: return -EINVAL;
	default: return 0; /* also if one is on its way */
	}
}

static int check(struct gp_websocket *ws, int type, const void *data, size_t n)
{
	if (!ws || (!data && n) || (type != GP_WEBSOCKET_TEXT && type != GP_WEBSOCKET_BINARY))
		return -EINVAL;
	return ws->error;
}

GP_API int gp_websocket_send(struct gp_websocket *ws, int type, const void *data, size_t n)
{
	int r = check(ws, type, data, n);

	if (!r)
		r = queue(ws, type, data, n);
	return r ? r : flush(ws);
}

GP_API int gp_websocket_try_send(struct gp_websocket *ws, int type, const void *data, size_t n)
{
	int r = check(ws, type, data, n);

	while (!r && wslay_event_get_queued_msg_length(ws->ctx) + n > ws->options.max_queued &&
	       wslay_event_get_queued_msg_count(ws->ctx))
		r = try_flush(ws);
	if (r)
		return r;
	r = queue(ws, type, data, n);
	if (!r)
		r = try_flush(ws);
	return r == -EAGAIN ? 0 : r;
}

GP_API int gp_websocket_ping(struct gp_websocket *ws, const void *data, size_t n)
{
	int r;

	if (!ws || (!data && n) || n > 125)
		return -EINVAL;
	r = ws->error ? ws->error : queue(ws, WSLAY_PING, data, n);
	return r ? r : flush(ws);
}

/* ---- receiving ------------------------------------------------------------------------------------ */

/* Waits for the peer; pings it if it has been silent for long. */
static int wait_for_peer(struct gp_websocket *ws, int64_t deadline)
{
	int64_t silence;
	int r;

	if (!ws->options.ping_time)
		return gp__stream_wait(ws->stream, ws->what, deadline);
	if (!ws->heard)
		ws->heard = gp_now();
	silence = ws->heard + ws->options.ping_time * (ws->pinged ? 2 : 1);
	r = gp__stream_wait(ws->stream, ws->what, silence < deadline ? silence : deadline);
	if (!gp__http_late(r, silence))
		return r;
	if (ws->pinged)
		return ws->error = -ETIMEDOUT;
	ws->pinged = true;
	return gp_websocket_ping(ws, NULL, 0);
}

/* A frame that libwslay cannot read at all. It queues a close without a code
 * then; the code is said here, unless something else is on its way. */
static int say_protocol_error(struct gp_websocket *ws)
{
	static const char server[] = { (char)0x88, 2, 3, (char)0xea }, client[] = { (char)0x88, (char)0x82, 0, 0, 0, 0, 3, (char)0xea };

	if (wslay_event_get_queued_msg_count(ws->ctx) == 1)
		gp__stream_send_all(ws->stream, ws->request ? server : client, ws->request ? sizeof server : sizeof client,
		                    ws->options.write_time);
	return ws->error = -EPROTO;
}

/* One turn: something was received, and answered: 0 or an error. */
static int turn(struct gp_websocket *ws)
{
	int r;

	ws->budget = TURN;
	ws->blocked = false;
	r = wslay_event_recv(ws->ctx);
	if (r && !ws->error && r != WSLAY_ERR_NOMEM)
		return say_protocol_error(ws);
	if (r && !ws->error)
		ws->error = -ENOMEM;
	if (ws->error)
		return ws->first ? 0 : ws->error;
	if (wslay_event_want_write(ws->ctx)) {
		r = flush(ws);
		ws->blocked = false; /* of the flush, not of the receiving */
	}
	return r;
}

GP_API int gp_websocket_receive(struct gp_websocket *ws, struct gp_websocket_message *m, int64_t deadline)
{
	int r;

	if (!ws || !m)
		return -EINVAL;
	free(ws->given);
	ws->given = NULL;
	while (!ws->first) {
		if (ws->error)
			return ws->error;
		r = ws->request && ws->request->c->server->stopping ? queue_close(ws, 1001, NULL, 0) : 0;
		if (r)
			return r;
		if (!wslay_event_want_read(ws->ctx)) {
			r = flush(ws);
			return r ? r : -ESHUTDOWN;
		}
		r = turn(ws);
		if (!r && !ws->first && ws->blocked)
			r = wait_for_peer(ws, deadline);
		else if (!r && !ws->first)
			r = gp_yield();
		if (r)
			return r;
	}
	ws->given = ws->first;
	ws->first = ws->given->next;
	if (!ws->first)
		ws->last = &ws->first;
	*m = (struct gp_websocket_message){ ws->given->type, ws->given->data, ws->given->n };
	return 0;
}

GP_API int gp_websocket_close(struct gp_websocket *ws, int code, const char *reason, int64_t deadline)
{
	struct gp_websocket_message m;
	size_t n = reason ? strlen(reason) : 0;
	int r;

	if (!ws || n > 123)
		return -EINVAL;
	r = queue_close(ws, code, reason, n);
	if (!r)
		r = flush(ws);
	while (!r)
		r = gp_websocket_receive(ws, &m, deadline);
	return wslay_event_get_close_received(ws->ctx) ? 0 : r;
}

GP_API int gp_websocket_code(const struct gp_websocket *ws)
{
	int code;

	if (!ws || !wslay_event_get_close_received(ws->ctx))
		return 1006;
	code = wslay_event_get_status_code_received(ws->ctx);
	return code ? code : 1005;
}
