/* io.h - what the cooperative calls on descriptors share.
 *
 * They make raw system calls that do not block, and park through core. So they
 * are the same linked alone and under the shim, where a raw call never comes
 * back in. Called by greenlets only.
 */
#ifndef GP_CORE_IO_H
#define GP_CORE_IO_H

#include "core/run/hub.h"

struct gp_address;

/* The hub of a call that names fd: 0, -ENOMEM, -EBADF for one of ours, -EPERM
 * when no greenlet calls. */
int gp__desc_enter(struct gp_hub **h, int fd);
/* Parks until fd may be ready: 0, or an error. Takes signals on the way. */
int gp__desc_wait(struct gp_hub *h, int fd, unsigned events, int64_t deadline);
/* Parks until it is, for whoever cannot find out by trying. */
int gp__desc_await(struct gp_hub *h, int fd, unsigned events, int64_t deadline);
/* Whether it is ready now. */
bool gp__desc_ready(int fd, unsigned events);
/* Parks for a while, twice as long each time, or until the deadline: 0 or an
 * error. For what cannot be waited for: a Unix socket's peer or listener that
 * is full. *pause: 0 at first. */
int gp__desc_pause(struct gp_hub *h, const char *what, int64_t *pause, int64_t deadline);
/* Parks until a datagram to this address, which would have blocked, may go: 0
 * or an error. *pause: 0 at first. */
int gp__desc_wait_to(struct gp_hub *h, int fd, const struct gp_address *to, int64_t *pause, int64_t deadline);
/* A new descriptor, or an error: nothing that was known of the number holds. */
int gp__desc_fresh(struct gp_hub *h, long fd);
/* Wakes who waits for it (-EBADF) and closes it. */
int gp__desc_close(struct gp_hub *h, int fd);
/* All of buf, or an error; a pipe without a reader brings no SIGPIPE. */
long gp__desc_write_some(int fd, const void *buf, size_t n);

/* file.c: read, write, pread64, pwrite64 on a helper thread. */
long gp__file_move(struct gp_hub *h, long nr, int fd, void *buf, size_t n, int64_t at, int64_t deadline);

#endif
