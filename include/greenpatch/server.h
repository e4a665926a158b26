/* greenpatch/server.h - servers that run a greenlet for each connection, or for
 * each datagram; and the call of a client.
 *
 * An address is a text:
 *
 *	"127.0.0.1:8080"  "[::1]:8080"    a number and a port; port 0 is any free one
 *	"localhost:8080"                  a name: the first of its addresses that works
 *	":8080"  "*:8080"                 all addresses of the machine, IPv6 and IPv4
 *	"unix:/run/name"  "unix:@name"    a Unix socket; with @ in the abstract name space
 *	"fd:5"                            an open socket that listens already
 *	"systemd:" "systemd:1" "systemd:NAME"   the first, the second (from 0), the named
 *	                                  one of those that systemd handed over
 *
 * An open socket is the server's from its start on: it is made not to block, and is
 * closed when the server stops.
 *
 * Errors are negative errnos. A server belongs to the hub in which it was made:
 * -EINVAL from elsewhere, and for NULL.
 */
#ifndef GREENPATCH_SERVER_H
#define GREENPATCH_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <greenpatch/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gp_server;

/* ---- addresses ---------------------------------------------------------------- */

#define GP_ADDRESS_TEXT 128 /* bytes that hold every text of gp_address_text(), but for the longest Unix paths */

/* Reads a numeric or a Unix address in the form above: 0; -EINVAL if it is
 * neither. Asks nobody for names. Does not park. */
int gp_address_parse(struct gp_address *address, const char *text);

/* The same form, of an address; cut to size. The number of bytes before the 0.
 * The peer of a Unix socket has no name as a rule: "unix:". */
size_t gp_address_text(const struct gp_address *address, char *text, size_t size);

/* ---- servers ------------------------------------------------------------------- */

/* How a server is to be; what is zero is as usual, and so is NULL for all of it. */
struct gp_server_options {
	unsigned max_connections; /* handlers at a time; more wait in the backlog; 0: no limit */
	unsigned max_accept;      /* connections taken before others have a turn; 0: 100 */
	int backlog;              /* of listen(); 0: 1,024 */
	size_t stack_size;        /* bytes, of each handler; 0: 64 KiB */
	const char *name;         /* of the handlers, for listings; not copied */
	bool reuse_port;          /* SO_REUSEPORT: several processes share the port */
	bool v6_only;             /* of ":port": IPv6 alone, as "[::]:port" always is */
};

/* Makes a server that is not started. For each connection handle(fd, peer, arg)
 * runs in a greenlet of its own; fd does not block; when handle has returned,
 * or its greenlet has ended in another way, the server closes fd: handle itself
 * does not, shutdown() is allowed. address and options are copied, but not the
 * name in them. NULL: no memory, or handle or address is NULL. Owner: the caller,
 * see gp_server_free(). Does not park. */
struct gp_server *gp_server_new(const char *address, void (*handle)(int fd, const struct gp_address *peer, void *arg),
                                void *arg, const struct gp_server_options *options);

/* The same for datagrams: handle(server, data, n, peer, arg) runs in a greenlet
 * of its own for each one; data is its to use until it returns. Datagrams that
 * come while max_connections handlers run wait in the socket's buffer. */
struct gp_server *gp_datagram_server_new(const char *address,
                                         void (*handle)(struct gp_server *server, const void *data, size_t n,
                                                        const struct gp_address *peer, void *arg),
                                         void *arg, const struct gp_server_options *options);

/* Sends one datagram: 0; -ETIMEDOUT; -EMSGSIZE; -EBADF: the server is not
 * started; -EINVAL: it is one of streams ... Parks while the socket's buffer is
 * full, or a Unix peer's queue: nothing tells when that has room again, and it
 * is tried every 20 ms. */
int gp_datagram_send(struct gp_server *server, const void *data, size_t n, const struct gp_address *to, int64_t deadline);

/* Binds and listens: 0; -EADDRINUSE, -EACCES, -ENOENT (no such name), -EINVAL
 * (no address, or started) ... Connections are taken from now on, in a greenlet.
 * Parks only to look up a name. A Unix socket that nobody listens to any more is
 * replaced; -EADDRINUSE if somebody does. A stopped one can be started again. */
int gp_server_start(struct gp_server *server);

/* Starts it, unless it is started, and waits until somebody stops it: 0. A kill
 * or a timeout ends the wait; the server goes on then. Parks. */
int gp_server_serve_forever(struct gp_server *server);

/* Takes no new connections, closes the listening socket (and removes the path of
 * a Unix one), and waits until the handlers have ended; those that run at the
 * deadline are killed, and waited for. With a deadline that has passed (0, say)
 * that is at once. 0, also if it was not started; what ended the wait; -EDEADLK
 * from one of its own handlers. Parks. */
int gp_server_stop(struct gp_server *server, int64_t deadline);

/* Stops it as with deadline 0, without waiting for handlers that ignore a kill,
 * and gives it back. NULL is allowed. Not from one of its own handlers. Does not
 * park. */
void gp_server_free(struct gp_server *server);

/* When the server's record goes, which may be after gp_server_free(), when its
 * last handler has ended, fn(arg) is called: for whoever builds a server upon
 * this one. It frees memory and nothing else: it runs on the hub's stack. One
 * for each server. 0, -EINVAL. */
int gp_server_on_free(struct gp_server *server, void (*fn)(void *arg), void *arg);

/* Whoever waits for fd (a handler of this hub, for its next request) has its
 * wait end as if fd were ready, and looks again. How many that were. Does not park. */
int gp_wake_fd(int fd);

/* What it listens to: the port, 0 if it has none; the address, as a text that
 * lives as long as the server, "" before the first start; the descriptor, -1
 * while it is not started. */
int gp_server_port(const struct gp_server *server);
const char *gp_server_address(const struct gp_server *server);
int gp_server_fd(const struct gp_server *server);

/* Handlers that run; connections taken in all; how often it had to wait because
 * there was no descriptor or no memory. 0, -EINVAL. */
struct gp_server_counts {
	unsigned connections;
	unsigned long accepted, backoffs;
};
int gp_server_count(const struct gp_server *server, struct gp_server_counts *counts);

/* ---- clients -------------------------------------------------------------------- */

/* Connects a stream to an address as above ("fd:" and "systemd:" excepted): a
 * descriptor that does not block, the caller's; -ETIMEDOUT, -ECONNREFUSED,
 * -EINVAL (no such form), -ENOENT (no such name) ... The addresses of a name are tried in order, the
 * error is that of the last. Parks. */
int gp_create_connection(const char *address, int64_t deadline);

#ifdef __cplusplus
}
#endif
#endif
