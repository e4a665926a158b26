/* greenpatch/pipe.h - whole messages between processes.
 *
 *	struct gp_pipe *here, *there;
 *
 *	gp_pipe_pair(&here, &there);
 *	if (!gp_fork()) {
 *		gp_pipe_free(here);
 *		... gp_pipe_recv(there, ...), gp_pipe_send(there, ...)
 *	}
 *	gp_pipe_free(there);
 *
 * Both ends send and receive. A full pipe parks its sender, an empty one its
 * receiver, and nobody else. Any number of greenlets may use one end: messages
 * stay whole and in order. A call that a deadline, a kill or a timeout ends
 * breaks nothing: what it had received of a message waits for the next
 * receiver, and a message that it had begun to send is sent on, before the
 * next.
 *
 * An end belongs to the hub that made it, and to the one that gp_fork() makes of
 * it in the child: in another kernel thread, as with NULL, a call is -EINVAL. On
 * the wire a message is its size, four bytes, the highest first, and its bytes.
 */
#ifndef GREENPATCH_PIPE_H
#define GREENPATCH_PIPE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gp_pipe;

#define GP_PIPE_MAX 0x7fffffff /* bytes in a message */

/* Two ends that are connected, the caller's (close-on-exec). 0; -EINVAL, -ENOMEM,
 * -EMFILE: nothing was made. Does not park. */
int gp_pipe_pair(struct gp_pipe **a, struct gp_pipe **b);
/* An end over a stream socket that is there, which it owns from then on. NULL: no
 * memory, or not a stream socket; it stays the caller's. Does not park. */
struct gp_pipe *gp_pipe_over(int fd);

/* Closes an end: the other one finds out (-EPIPE). Calls that wait for this one
 * give -ESHUTDOWN. NULL is allowed. Does not park. */
void gp_pipe_free(struct gp_pipe *p);

/* Its descriptor, owned by the end, for gp_wait_read() and gp_wait_write(). */
int gp_pipe_fd(const struct gp_pipe *p);

/* Sends one message of n bytes: 0. -EPIPE: the other end is closed; -EMSGSIZE:
 * more than GP_PIPE_MAX; -ETIMEDOUT at the deadline; -ESHUTDOWN ... Parks while
 * the pipe is full, or another greenlet sends. */
int gp_pipe_send(struct gp_pipe *p, const void *message, size_t n, int64_t deadline);

/* Receives one message: its size. -EPIPE: the other end is closed; -EMSGSIZE: it
 * has more than `size` bytes, and stays; -EBADMSG: the stream is not one of
 * messages; -ENOMEM; -ETIMEDOUT at the deadline; -ESHUTDOWN ... Parks until a
 * whole message is there. */
ssize_t gp_pipe_recv(struct gp_pipe *p, void *buf, size_t size, int64_t deadline);

/* The same into memory of its own in *message, the caller's (gp_free()), with a 0
 * byte behind it. */
ssize_t gp_pipe_recv_new(struct gp_pipe *p, void **message, int64_t deadline);

#ifdef __cplusplus
}
#endif
#endif
