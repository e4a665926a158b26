/* greenpatch/patch.h - making a program's own blocking calls cooperative.
 *
 * For a program that links libgreenpatch.so (pkg-config greenpatch-patch). From
 * gp_patch() on, what the program, its libraries and libc ask of the kernel
 * comes by the library first: read(), sleep(), connect(), poll(), waitpid() and
 * the like park the greenlet that calls, and others run meanwhile;
 * pthread_create() makes a greenlet. Nothing has to be recompiled.
 *
 *	gp_patch_all();
 *	a = gp_spawn(fetch, "one");     fetch() uses plain sockets
 *	b = gp_spawn(fetch, "two");
 *	gp_join(a, GP_NEVER);
 *	gp_join(b, GP_NEVER);
 *
 * Patch first, at the top of main(). Kernel threads that exist by then stay what
 * they are: their calls block them alone, they have no greenlets, and a line
 * on stderr says how many there are. Patching cannot be undone.
 *
 * With LD_PRELOAD=libgreenpatch.so, or under the launcher, everything that
 * GREENPATCH_PATCH names is patched before main() and these calls add to it.
 * Otherwise GREENPATCH_PATCH has no effect; the other GREENPATCH_ variables are
 * read when the first gp_ call needs greenlets.
 *
 * What a greenlet of gp_spawn() has to know, beside greenpatch/greenlet.h:
 *  - All of them share the TLS of the first thread. pthread_self(), stdio's
 *    locks and recursive mutexes take them for that thread: do not let one of
 *    them park while it holds such a lock (printf to a pipe that is full does).
 *    pthread_exit() in one of them is an error. A thread of pthread_create()
 *    has a TLS of its own.
 *  - So they are never preempted, and while there are any neither is the first
 *    thread. One that computes for long calls gp_yield().
 *  - Their stack has 64 KiB unless they ask for another size (gp_attr).
 *  - All greenlets are of one kernel thread, the one that made the first call.
 *    In others gp_spawn() gives NULL.
 *  - A handler of a signal runs in a greenlet that does not block it, the
 *    first thread if it can. gp_sleep() and gp_join() go on when it returns; who
 *    waits in a queue, a lock or another object keeps its place there, and what
 *    was given meanwhile went to the next, or is still there. A handler may leave
 *    such a wait by siglongjmp(), but for that in a condition or barrier.
 */
#ifndef GREENPATCH_PATCH_H
#define GREENPATCH_PATCH_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Groups of calls, as GREENPATCH_PATCH names them. */
enum {
	GP_PATCH_SOCKET  = 1 << 0, /* connect, accept, send, recv ... */
	GP_PATCH_SELECT  = 1 << 1, /* poll, select, epoll_wait */
	GP_PATCH_TIME    = 1 << 2, /* nanosleep and what is made of it: sleep, usleep */
	GP_PATCH_THREAD  = 1 << 3, /* pthread_create and what threads wait with */
	GP_PATCH_IO      = 1 << 4, /* read, write, open ... of whatever descriptor, sockets too */
	GP_PATCH_PROCESS = 1 << 5, /* waitpid, semop, msgrcv */
	GP_PATCH_SIGNAL  = 1 << 6, /* no call of its own: waiting for signals is always cooperative */
	GP_PATCH_DNS     = 1 << 7, /* no call of its own: getaddrinfo uses sockets and poll */
	GP_PATCH_ALL     = (1 << 8) - 1
};

/* Makes these groups cooperative, beside those that are already. 0, or nothing
 * has changed and it is
 *  -EINVAL  no group, one that does not exist; a GREENPATCH_ variable is wrong
 *           (a line on stderr says which)
 *  -ENOSYS  no Syscall User Dispatch (Linux 5.11); or no FSGSBASE (Linux 5.9)
 *           and other kernel threads are there already
 *  -EBUSY   another kernel thread has the greenlets
 *  -EPERM   called on a signal's alternate stack
 *  -ENOMEM, -EMFILE  no memory, no descriptors for the hub
 * Does not park. Not from a signal handler. */
int gp_patch(unsigned groups);

/* gp_patch(GP_PATCH_ALL) */
int gp_patch_all(void);

/* Whether all of these groups are cooperative; false for none. From anywhere. */
bool gp_patched(unsigned groups);

#ifdef __cplusplus
}
#endif
#endif
