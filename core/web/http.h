/* http.h - what the files of the HTTP server share.
 *
 * A connection is a greenlet. While it waits for a request it has a record of
 * some 200 bytes and no more; a request has a struct gp_http_request with the
 * buffers for one head and one answer, taken from the server's store and given
 * back after it.
 */
#ifndef GP_CORE_WEB_HTTP_H
#define GP_CORE_WEB_HTTP_H

#include <errno.h>
#include <stddef.h>
#include <http_parser.h>
#include <greenpatch/greenlet.h>
#include <greenpatch/web/http.h>
#include <greenpatch/io.h>
#include "core/web/stream.h"

#define GP__FIELDS_MAX 128
#define GP__EXTRA_MAX  2048 /* bytes of added header fields */
#define GP__OUT_MAX    (GP__EXTRA_MAX + 1024 + 4096) /* an answer's head, and a small body */

struct gp_http_conn {
	struct gp_http_conn *next, *prev; /* in server->conns, a ring */
	struct gp_http_server *server;
	struct gp_stream stream;
	const struct gp_address *peer;
	struct gp_greenlet *g;            /* it runs in; borrowed */
	struct gp_http_request *request;  /* under way; NULL: it waits for one */
	unsigned requests;                /* how many there were */
	int64_t idle_by;                  /* deadline for the first byte of one */
	bool idle;                        /* waits for it */
	bool draining;                    /* the server stops, and idle_by is of drain_time */
};

struct gp_http_server {
	struct gp_server *base;
	struct gp_http_options options;   /* zeros replaced */
	int (*handle)(struct gp_http_request *r, void *arg);
	void *arg;
	struct gp_http_conn conns;        /* head of a ring */
	struct gp_http_request *store;    /* by next */
	unsigned stored;
	bool stopping;
	int64_t date_second;              /* that the date is of */
	char date[32];                    /* "Tue, 24 Nov 2026 17:20:05 GMT" */
	char log_date[32];                /* "24/Nov/2026:17:20:05 +0000" */
};

struct gp__field {
	char *name, *value;               /* in the head, with a 0 behind each */
	unsigned name_n, value_n;
};

enum gp__body { GP__BODY_NONE, GP__BODY_LENGTH, GP__BODY_CHUNKED, GP__BODY_BROKEN };
enum gp__chunk { GP__CHUNK_SIZE, GP__CHUNK_DATA, GP__CHUNK_END, GP__CHUNK_TRAILER };
enum gp__answer { GP__UNANSWERED, GP__STREAMING, GP__ANSWERED };

struct gp_http_request {
	struct gp_http_request *next;     /* in the store */
	struct gp_http_conn *c;

	/* what came (http_parse.c) */
	struct http_parser parser;
	size_t used;                      /* bytes in `text` that came */
	size_t parsed;                    /* of them, given to the parser */
	size_t at;                        /* begin of what was not taken yet: body, or the next request */
	size_t body_at;                   /* begin of the body */
	int64_t head_by;                  /* deadline of the head */
	int refusal;                      /* status, when the parser was stopped by us */
	bool complete;                    /* the head is */
	bool in_value;                    /* the parser's last piece was one of a value */
	char *line;                       /* the request line, for the log; saved before it is cut */
	char *target, *path, *query;
	size_t target_n;
	unsigned fields_n;
	struct gp__field fields[GP__FIELDS_MAX];
	uint8_t minor;                    /* HTTP/1.minor */
	bool keep;                        /* the connection may go on */
	bool expects;                     /* 100-continue that was not sent yet */
	bool upgrades;                    /* to a WebSocket, says the header */

	/* the body (http_body.c) */
	enum gp__body body;
	enum gp__chunk chunk;
	uint64_t left;                    /* bytes of it, or of the chunk */
	uint64_t taken;                   /* bytes in all */
	int body_status;                  /* what an error of it means: 400, 408, 413; 0: none */
	char *whole;                      /* of gp_http_read_all(); owner: this */

	/* the answer (http_answer.c) */
	enum gp__answer answer;
	int status;
	bool handled;                     /* the handler is through */
	bool head_only;                   /* HEAD, or a status without a body */
	bool chunked;
	uint64_t sent;                    /* bytes of its body, for the log */
	size_t out_n;                     /* bytes of an answer's head that were not sent yet */
	size_t extra_n;
	struct gp_websocket *websocket;   /* that it became; NULL: none */
	struct watch *watch;              /* of gp_http_watch(); NULL: none */

	void *value;
	void (*value_end)(void *value);
	char extra[GP__EXTRA_MAX];
	char out[GP__OUT_MAX];
	char text[];                      /* what came, then the line for the log, then the decoded path */
};

/* Bytes of text[]. A body is received behind the head, which must stay. */
#define GP__BODY_ROOM 4096
#define GP__LINE_ROOM 64 /* a method and a version */
static inline size_t gp__http_text_size(const struct gp_http_options *o)
{
	return o->max_head + GP__BODY_ROOM + o->max_target + GP__LINE_ROOM + o->max_target + 1;
}

/* http_parse.c */
/* A record is for the next head; what is in `in` from r->at on is kept. */
void gp__http_reset(struct gp_http_request *r);
/* Parses what has come: 0: more is needed; 1: the head is complete; else the
 * status to refuse it with. */
int gp__http_parse(struct gp_http_request *r);
bool gp__http_is_token(const char *s, size_t n);

/* http_body.c */
/* Whether an error of a wait is that of a deadline of ours. */
static inline bool gp__http_late(int r, int64_t deadline) { return r == -ETIMEDOUT && gp_now() >= deadline; }
/* Takes the rest of the body, if it is not much: whether the connection can go
 * on behind it. */
bool gp__http_body_drain(struct gp_http_request *r);

/* http_answer.c */
/* An answer of the server's own; the connection ends behind it. */
int gp__http_refuse(struct gp_http_request *r, int status);
int gp__http_begin(struct gp_http_request *r, int status, const char *type, int64_t length);
int gp__http_flush(struct gp_http_request *r);
void gp__http_unwatch(struct gp_http_request *r);
/* Sends "100 Continue" if the client waits for it. */
int gp__http_continue(struct gp_http_request *r);

/* http_log.c */
void gp__http_log(struct gp_http_request *r);
/* Brings both dates up to now. */
void gp__http_dates(struct gp_http_server *s);
size_t gp__http_date(char *buf, int64_t seconds);   /* 29 bytes and a 0 */
int64_t gp__http_date_read(const char *text);       /* -1: it is none */

/* form.c: decodes %xx, and + if `plus`, in place or not: the length, -1: malformed or with a 0. */
ssize_t gp__url_decode(char *to, const char *from, size_t n, bool plus);

#endif
