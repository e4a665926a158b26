/* greenpatch/offload.h - functions that block in ways of their own.
 *
 * For a library that knows nothing of greenlets, or a computation that takes
 * long. The caller parks, others run meanwhile.
 */
#ifndef GREENPATCH_OFFLOAD_H
#define GREENPATCH_OFFLOAD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Calls fn(arg) elsewhere: 0, and its value in *value (unless NULL).
 *
 * Where the core is linked alone, elsewhere is a kernel thread of the
 * library's, at most ten at a time; more calls wait their turn. fn may use all
 * of libc, but no gp_ function of its caller's greenlets (there it has none),
 * and what it shares with them needs a lock.
 *
 * In a program with libgreenpatch.so it is another greenlet, with a TLS of its
 * own where threads are patched and a stack of 256 KiB: the blocking calls of fn
 * park that greenlet, and it is preempted when it computes for long.
 *
 * -ETIMEDOUT at the deadline, or what a kill or a timeout brings: then fn, if it
 * has begun, goes on to its end nevertheless, and what arg points to must live
 * so long. -EINVAL, -ENOMEM, -EAGAIN (no thread), -EPERM (called from where there
 * is no greenlet): fn was not called. Parks. */
int gp_offload(void *(*fn)(void *arg), void *arg, void **value, int64_t deadline);

#ifdef __cplusplus
}
#endif
#endif
