/* greenpatch/process.h - waiting for children, and forking.
 *
 * Errors are negative errnos: those of greenpatch/greenlet.h, and those named
 * below. -EPERM: called from where there is no greenlet.
 */
#ifndef GREENPATCH_PROCESS_H
#define GREENPATCH_PROCESS_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/wait.h>

#ifdef __cplusplus
extern "C" {
#endif

/* waitpid(pid, status, options): the child's pid, and how it ended in *status
 * (unless NULL); 0 with WNOHANG while there is none; -ECHILD, -EINVAL (options),
 * -ETIMEDOUT at the deadline, what a kill or a timeout brings. Parks, unless a
 * child has ended or with WNOHANG. A certain child is waited for by a descriptor; for any child (pid -1,
 * 0, a group), with WUNTRACED or WCONTINUED, or when there is no descriptor, it
 * looks again after 1 to 20 ms. */
pid_t gp_waitpid(pid_t pid, int *status, int options, int64_t deadline);

/* fork() for a program with greenlets. In the child, where it gives 0, only the
 * greenlet that called exists; it is the main one there. The other ones, their
 * deadlines and their waits are the parent's; objects (queues, pipes ...) are as
 * they were; what another greenlet holds at that moment (a lock, an end of a
 * gp_pipe in the middle of a message) is held for ever. Flush stdio first, as
 * before each fork. The child's pid, or -EAGAIN, -ENOMEM. Does not park in the
 * parent. A plain fork() does the same; vfork(), _Fork() and clone() do not. */
pid_t gp_fork(void);

/* In the child of each gp_fork() from now on, fn(arg) is called before it
 * returns, in the order of registration; and in that of each plain fork(), but
 * for a program that is patched. Of the process, whoever registers it, and for
 * good. 0, -EINVAL, -ENOMEM. Does not park. */
int gp_after_fork(void (*fn)(void *arg), void *arg);

#ifdef __cplusplus
}
#endif
#endif
