/* greenpatch/web/zmq.h - ZeroMQ sockets whose calls park the greenlet and not
 * the process, as zmq.green does for gevent.
 *
 * The socket is one of libzmq, made by zmq_socket(), bound, connected and set up
 * by libzmq's own calls; send and receive through here only. Any number of
 * greenlets may wait for one socket. Errors: negative errnos, libzmq's own (EFSM,
 * ETERM ...) too, and those of greenpatch/greenlet.h.
 */
#ifndef GREENPATCH_WEB_ZMQ_H
#define GREENPATCH_WEB_ZMQ_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gp_zmq;

/* Takes over a socket of libzmq. NULL: no memory, or it is none; it stays the
 * caller's then. Does not park. */
struct gp_zmq *gp_zmq_new(void *socket);
/* The socket of libzmq; stays the object's. */
void *gp_zmq_socket(const struct gp_zmq *z);
/* Closes the socket and frees the object. Whoever waits for it is woken with
 * -ESHUTDOWN. NULL is allowed. Does not park. */
void gp_zmq_close(struct gp_zmq *z);

/* Sends one part; flags: ZMQ_SNDMORE. 0; -ETIMEDOUT; -EFSM: not its turn (REQ,
 * REP); -EINVAL. The data are copied. Parks while no peer takes it. */
int gp_zmq_send(struct gp_zmq *z, const void *data, size_t n, int flags, int64_t deadline);

/* Receives one part: its size, of which up to n bytes are in buf, as zmq_recv()
 * has it; -ETIMEDOUT; -EFSM. *more, unless NULL: another part of the same message
 * follows. Parks while there is none. */
ssize_t gp_zmq_recv(struct gp_zmq *z, void *buf, size_t n, int *more, int64_t deadline);

#ifdef __cplusplus
}
#endif
#endif
