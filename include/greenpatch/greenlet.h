/* greenpatch/greenlet.h - greenlets: cooperative threads of one kernel thread.
 *
 * Times are nanoseconds. A deadline is absolute, of CLOCK_MONOTONIC (gp_now()
 * + how long); GP_NEVER waits for ever. Functions that fail give a negative
 * errno. Everything here is called from greenlets of one kernel thread, the
 * one that made the first call; its main program counts as a greenlet.
 *
 * Greenlets share the TLS of their kernel thread. errno is kept for each of
 * them, but a lock of libc that knows its owner (stdio's, a recursive mutex)
 * does not keep two of them apart: do not park while you hold one.
 */
#ifndef GREENPATCH_GREENLET_H
#define GREENPATCH_GREENLET_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gp_greenlet;

#define GP_NEVER INT64_MAX

/* Makes a greenlet that will run fn(arg) when its turn comes, never inside
 * this call. NULL: no memory, or fn is NULL. The caller owns one reference
 * and gives it back with gp_unref(), before or after it has ended.
 * Does not park. */
struct gp_greenlet *gp_spawn(void (*fn)(void *arg), void *arg);

/* Waits until g has returned: 0; -ETIMEDOUT at the deadline; -EDEADLK for the
 * caller itself; -EINVAL for NULL or from a thread that has no greenlets.
 * Parks, unless g has ended. The reference stays the caller's. */
int gp_join(struct gp_greenlet *g, int64_t deadline);

/* Parks for ns nanoseconds: 0, or -ENOMEM. With 0 or less it lets everybody
 * else have a turn, like gp_yield(). */
int gp_sleep(int64_t ns);

/* The caller goes to the end of the run queue. */
void gp_yield(void);

/* The greenlet that calls; borrowed. NULL: no memory for a first hub. */
struct gp_greenlet *gp_self(void);

/* One reference more, one less. The record is freed with the last one; a
 * running greenlet holds one itself. NULL is allowed. */
void gp_ref(struct gp_greenlet *g);
void gp_unref(struct gp_greenlet *g);

/* A number of its own, from 1, never reused; 0 for NULL. */
unsigned long gp_id(const struct gp_greenlet *g);

/* Whether it has returned. */
bool gp_ready(const struct gp_greenlet *g);

/* Now, for deadlines: nanoseconds of CLOCK_MONOTONIC. */
int64_t gp_now(void);

#ifdef __cplusplus
}
#endif
#endif
