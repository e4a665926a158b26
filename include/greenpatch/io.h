/* greenpatch/io.h - waiting for descriptors, reading, writing, closing.
 *
 * Calls that park the greenlet and let others run, for programs that are not
 * patched; in one that is they do the same. They work on any descriptor, and
 * never set O_NONBLOCK on one that the caller left blocking. If the caller has
 * set it, they park nevertheless.
 *
 * The deadline is absolute (gp_after(), GP_NEVER). Results are a count, or a
 * negative errno:
 *  -ETIMEDOUT, -ECANCELED ...  see greenpatch/greenlet.h
 *  -EBADF     not open; closed by gp_close() while the call waited
 *  -ENOMEM    no memory
 *  -EPERM     called from where there is no greenlet
 * and what the system call says.
 *
 * Close by gp_close() what a greenlet may be waiting for, or has waited for
 * through this library: nobody else tells the hub that the number means
 * something else now.
 *
 * Terminals and devices are asked first whether they are ready; if another
 * process is quicker, such a read holds up all greenlets.
 */
#ifndef GREENPATCH_IO_H
#define GREENPATCH_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Waits until fd can be read (data, the end, an error; a listener: a
 * connection), or written: 0 or an error. Always parks. */
int gp_wait_read(int fd, int64_t deadline);
int gp_wait_write(int fd, int64_t deadline);

/* Reads what is there, up to n bytes, and waits while there is nothing: the
 * count, 0 at the end. From a regular file whose data is not in memory it reads
 * on a helper thread. */
ssize_t gp_read(int fd, void *buf, size_t n, int64_t deadline);

/* Writes all of it: n, or an error, and then a part may have gone. A socket
 * whose peer has gone gives -EPIPE without a SIGPIPE, a pipe with it. Parks while
 * there is no room. A regular file is written directly: a slow disk holds up all
 * greenlets (gp_pwrite() does not). */
ssize_t gp_write(int fd, const void *buf, size_t n, int64_t deadline);

/* Closes fd; calls that wait for it return -EBADF. 0, or what close() says. Does
 * not park. From any kernel thread. */
int gp_close(int fd);

#ifdef __cplusplus
}
#endif
#endif
