/* greenpatch/poll.h - poll() and select() that park the greenlet alone.
 *
 * The meaning of every flag is the kernel's. The deadline is absolute; one that
 * has passed makes them look once, after everybody else had a turn. As the
 * system calls they give 0 when the deadline comes first, -ETIMEDOUT only when
 * a gp_timeout hits. Other errors: greenpatch/io.h.
 */
#ifndef GREENPATCH_POLL_H
#define GREENPATCH_POLL_H

#include <poll.h>
#include <stdint.h>
#include <sys/select.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How many of the n have something in revents. Parks while none has. O(n), and
 * memory for n. */
int gp_poll(struct pollfd *fds, nfds_t n, int64_t deadline);

/* How many descriptors below n are ready, in sets that hold those then. Sets
 * may be NULL; n is at most FD_SETSIZE, else -EINVAL. -EBADF: one of them is not
 * open. After an error the sets are as they were. With no set at all it waits for
 * the deadline. Parks while none is ready. */
int gp_select_fds(int n, fd_set *reads, fd_set *writes, fd_set *excepts, int64_t deadline);

#ifdef __cplusplus
}
#endif
#endif
