/* websocket.h - what websocket.c and its two handshakes share. */
#ifndef GP_CORE_WEB_WEBSOCKET_H
#define GP_CORE_WEB_WEBSOCKET_H

#include <wslay/wslay.h>
#include <greenpatch/web/websocket.h>
#include "core/web/http.h"

/* Received and not taken yet. */
struct gp__ws_message {
	struct gp__ws_message *next;
	int type;
	size_t n;
	char data[];
};

struct gp_websocket {
	wslay_event_context_ptr ctx;
	struct gp_stream *stream;          /* the connection's, or own */
	struct gp_stream own;              /* a client's */
	struct gp_http_request *request;   /* a server's; NULL: a client */
	struct gp_websocket_options options;
	struct gp__ws_message *first, **last, *given;
	char *early;                       /* bytes that came with the handshake */
	size_t early_n, early_at;
	size_t budget;                     /* bytes that one turn may still receive */
	int what;                          /* what the last attempt that would block waits for */
	uint8_t held[16];                  /* head of a frame that goes with what follows it */
	size_t held_n;
	bool blocked;                      /* it would have blocked */
	int error;                         /* what has ended it; 0: nothing */
	int64_t heard;                     /* when something came last */
	bool pinged;                       /* since then */
};

/* early: bytes behind the handshake, copied. 0 or -ENOMEM. */
int gp__ws_new(struct gp_websocket **ws, const struct gp_websocket_options *options, bool server, const char *early,
               size_t early_n);
/* base64(sha1(key, magic)): 28 bytes and a 0. */
bool gp__ws_proof(const char *key, char *proof);

#endif
