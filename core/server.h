/* server.h - what the files of the servers share (address.c, listen.c,
 * server.c, datagram.c, connect.c). */
#ifndef GP_CORE_SERVER_H
#define GP_CORE_SERVER_H

#include "core/run/hub.h"
#include "greenpatch/server.h"

struct gp_server {
	struct gp_hub *hub;               /* the one it belongs to */
	unsigned refs;                    /* the owner, the acceptor, each job */
	int fd;                           /* that it listens to; -1: it does not */
	int type;                         /* SOCK_STREAM or SOCK_DGRAM */
	bool unlink_path;                 /* of a Unix socket that we have bound */
	char *address;                    /* as given; owner: this */
	struct gp_server_options options; /* zeros replaced */
	void (*on_stream)(int fd, const struct gp_address *peer, void *arg);
	void (*on_datagram)(struct gp_server *s, const void *data, size_t n, const struct gp_address *peer, void *arg);
	void *arg;                        /* of the handler */
	void (*on_free)(void *arg);       /* NULL: none */
	void *on_free_arg;
	struct gp_greenlet *acceptor;     /* takes connections; NULL: it is not started */
	struct gp_list jobs;              /* struct gp_server_job, in order of arrival */
	struct gp_server_counts counts;
	struct gp_list waiters;           /* for any change: a job has ended, the server has stopped */
	struct gp_list due;               /* those of them that are to be woken */
	struct gp_notifier changed;
	struct gp_address bound;          /* what it listens to */
	char text[GP_ADDRESS_TEXT];       /* the same as a text */
};

/* One connection or one datagram, and its handler. */
struct gp_server_job {
	struct gp_list link;        /* in server->jobs */
	struct gp_server *server;
	struct gp_greenlet *g;      /* a reference */
	struct gp_waiter ended;     /* a link of g */
	int fd;                     /* -1: closed, or a datagram */
	struct gp_address peer;
	size_t size;                /* of a datagram, which follows */
	char data[];
};

/* listen.c: the socket of a server. 0 and the descriptor in *fd, or an error.
 * May park, to look up a name. */
int gp__listen(struct gp_server *s, int *fd);
/* A stale path of it goes. */
void gp__listen_end(struct gp_server *s);

/* server.c: a job of this many bytes, whose greenlet will call run(job); it is
 * not started. NULL: no memory. */
struct gp_server_job *gp__server_job_new(struct gp_server *s, size_t size, void *(*run)(void *job));
void gp__server_job_start(struct gp_server_job *j);
void gp__server_job_drop(struct gp_server_job *j); /* one that was not started */
/* Whether no more handlers may run now. */
static inline bool gp__server_full(const struct gp_server *s)
{
	return s->options.max_connections && s->counts.connections >= s->options.max_connections;
}
struct gp_server *gp__server_new(const char *address, void *arg, const struct gp_server_options *options, int type);

/* datagram.c: takes one: 0, -EAGAIN, or an error. */
int gp__datagram_take(struct gp_server *s);

/* address.c */
/* Splits "host:port": the length of the host without its brackets, or -EINVAL. */
int gp__address_split(const char *text, const char **host, size_t *n, int *port);

/* resolve.c: the addresses of host:port in the order to be tried: their number,
 * up to max; -ENOENT: no such name; an error. host: n bytes. Parks. */
int gp__resolve(const char *host, size_t n, int port, struct gp_address *out, int max, int64_t deadline);

#endif
