/* greenpatch/file.h - files on disk, which cannot be waited for like a socket.
 *
 * Each call is made by a helper thread, while other greenlets run. The data go
 * through a buffer of the library's, so the caller's memory is its own again
 * when the call returns, also after a deadline or a kill; a write that was
 * under way then still happens. All of them park. Deadlines, results and errors are
 * as in greenpatch/io.h; -EAGAIN: no helper thread could be started.
 */
#ifndef GREENPATCH_FILE_H
#define GREENPATCH_FILE_H

#include <fcntl.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* open(path, flags, mode): the descriptor, the caller's. Opening a FIFO may
 * wait for its other end. One that comes too late is closed. */
int gp_open(const char *path, int flags, mode_t mode, int64_t deadline);

/* Up to n bytes from offset on: the count, less only at the end of the file.
 * All of n: n or an error, and then a part may have been written. */
ssize_t gp_pread(int fd, void *buf, size_t n, off_t offset, int64_t deadline);
ssize_t gp_pwrite(int fd, const void *buf, size_t n, off_t offset, int64_t deadline);

/* fsync(fd): 0 when the file's data are on the disk, or what that says. */
int gp_fsync(int fd, int64_t deadline);

#ifdef __cplusplus
}
#endif
#endif
