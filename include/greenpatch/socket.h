/* greenpatch/socket.h - sockets whose calls park the greenlet, not the process.
 *
 * The socket is the caller's own (socket(), socketpair()); close it by
 * gp_close(). Deadlines, errors and O_NONBLOCK are as in greenpatch/io.h.
 * flags are those of the system call of the same name. With MSG_DONTWAIT a call
 * never waits: -EAGAIN. None raises SIGPIPE: -EPIPE.
 */
#ifndef GREENPATCH_SOCKET_H
#define GREENPATCH_SOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An address of any family: (struct sockaddr *)&a.storage has a.length bytes. */
struct gp_address {
	socklen_t length;
	struct sockaddr_storage storage;
};

/* Receives what is there, up to n bytes: the count, 0 at the end. Parks while
 * there is nothing. */
ssize_t gp_recv(int fd, void *buf, size_t n, int flags, int64_t deadline);
/* The same, and who sent it in *from, unless NULL. */
ssize_t gp_recvfrom(int fd, void *buf, size_t n, int flags, struct gp_address *from, int64_t deadline);
/* Receives until there are n bytes: n; less only if the stream ended before
 * (then 0 to n-1). After an error what came so far lies in buf, uncounted.
 * For pipes and the like, too. */
ssize_t gp_recv_exactly(int fd, void *buf, size_t n, int64_t deadline);

/* Sends what the socket takes, at least one byte: the count. Parks while it takes
 * none. */
ssize_t gp_send(int fd, const void *buf, size_t n, int flags, int64_t deadline);
/* The same to an address. A datagram goes as a whole. */
ssize_t gp_sendto(int fd, const void *buf, size_t n, int flags, const struct gp_address *to, int64_t deadline);
/* Sends all: n, or an error, and then a part may have gone. Parks as above. */
ssize_t gp_send_all(int fd, const void *buf, size_t n, int flags, int64_t deadline);

/* Waits for a connection: its descriptor, the caller's. flags: SOCK_CLOEXEC,
 * SOCK_NONBLOCK. The peer's address goes to *from, unless NULL. The listener is
 * asked first: one that other processes accept from as well should be
 * O_NONBLOCK, or a connection that another one was quicker to take holds up all
 * greenlets. -EMFILE when no descriptor is left: the connection waits. */
int gp_accept(int fd, struct gp_address *from, int flags, int64_t deadline);

/* Connects a socket: 0 or an error. After a deadline or a kill the attempt goes
 * on in the kernel: close the socket. O_NONBLOCK is set for the length of a
 * system call. Parks until there is an answer. */
int gp_connect(int fd, const struct sockaddr *addr, socklen_t length, int64_t deadline);

/* A new stream socket (close-on-exec) that is connected to a service of a host,
 * as gp_getaddrinfo() knows them; its addresses are tried in order. The
 * descriptor, the caller's, or the error of the last one, or of gp_getaddrinfo().
 * Parks. */
int gp_connect_name(const char *host, const char *service, int64_t deadline);

#ifdef __cplusplus
}
#endif
#endif
