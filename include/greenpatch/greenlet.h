/* greenpatch/greenlet.h - greenlets: cooperative threads of one kernel thread.
 *
 * Times are nanoseconds. A deadline is absolute, of CLOCK_MONOTONIC (gp_after()
 * makes one); GP_NEVER waits for ever. Functions that fail give a negative
 * errno. Everything here is called from greenlets of one kernel thread, the
 * one that made the first call; its main program counts as a greenlet.
 *
 * What a call that parks may return besides what it says there:
 *  -ECANCELED   the greenlet was killed (gp_kill); or the killer's own error
 *  -ETIMEDOUT   a gp_timeout hit; or that timeout's own error
 *  -EDEADLK     in the main greenlet only: everybody waits, and nothing can
 *               ever wake anybody (gevent's LoopExit)
 *  -ENOMEM      no memory for a deadline
 * A kill and a timeout are told once; after that the greenlet goes on as before.
 *
 * Greenlets share the TLS of their kernel thread. errno is kept for each of
 * them, but a lock of libc that knows its owner (stdio's, a recursive mutex)
 * does not keep two of them apart: do not park while you hold one.
 *
 * Who owns what: a handle that a function returns is one reference, the
 * caller's, given back by gp_unref() at any time; the greenlet runs on without
 * it. Who wants no handle calls gp_go(). Nothing else has to be freed.
 */
#ifndef GREENPATCH_GREENLET_H
#define GREENPATCH_GREENLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gp_greenlet;

#define GP_NEVER INT64_MAX
#define GP_USEC  INT64_C(1000)
#define GP_MSEC  INT64_C(1000000)
#define GP_SEC   INT64_C(1000000000)

/* The value of a greenlet that was killed and gave none itself. */
#define GP_EXITED ((void *)-1)

/* How a greenlet is to be made; what is zero is as usual. */
struct gp_attr {
	const char *name;  /* for listings; the first 15 bytes are copied */
	size_t stack_size; /* bytes, at least 8 KiB; 0: 64 KiB. An overflow is a SIGSEGV */
	bool own_tls;      /* under libgreenpatch.so, with GP_PATCH_THREAD: a TLS of its own, for code
	                    * that parks while it holds locks of libc, and to be preempted when it
	                    * computes for long; has no effect where the core is linked alone */
};

/* ---- making one ------------------------------------------------------------- */

/* Makes a greenlet that will run fn(arg) when its turn comes, never inside
 * this call; what fn returns is its value. NULL: no memory, or fn is NULL. The
 * caller owns one reference. Does not park. */
struct gp_greenlet *gp_spawn(void *(*fn)(void *arg), void *arg);
/* The same with attributes; NULL also for a stack below 8 KiB. */
struct gp_greenlet *gp_spawn_with(const struct gp_attr *attr, void *(*fn)(void *arg), void *arg);
/* The same without attributes, started after ns nanoseconds (0 or less: at the
 * next look at the loop). A kill before that takes it back. */
struct gp_greenlet *gp_spawn_later(int64_t ns, void *(*fn)(void *arg), void *arg);
/* The same for whoever wants no handle: 0, -ENOMEM, -EINVAL. */
int gp_go(void *(*fn)(void *arg), void *arg);

/* Makes one that is not started; attr may be NULL. NULL and ownership as for
 * gp_spawn_with(). Does not park. */
struct gp_greenlet *gp_new(const struct gp_attr *attr, void *(*fn)(void *arg), void *arg);
/* Starts it, now or after ns: 0; -EINVAL for NULL, from another kernel thread, or
 * if it was started before; -ENOMEM (later only, or with own_tls); -ENOTSUP with
 * own_tls if threads are not patched, or for later. The caller's reference stays
 * its own. Do not park. */
int gp_start(struct gp_greenlet *g);
int gp_start_later(struct gp_greenlet *g, int64_t ns);

/* A greenlet with fields of its own: the first member of the caller's struct,
 * which run() gets back (gevent's subclass).
 *
 *	struct countdown { struct gp_task task; int left; };
 *	static void *run(struct gp_task *self)
 *	{ struct countdown *c = (struct countdown *)self; ... }
 *
 *	gp_task_init(&c.task, run, NULL); gp_task_start(&c.task);
 *	gp_join(c.task.greenlet, GP_NEVER); gp_task_destroy(&c.task);
 *
 * The struct lives until the greenlet has ended. */
struct gp_task {
	struct gp_greenlet *greenlet;       /* for all other calls; owned by the task */
	void *(*run)(struct gp_task *self);
};
/* Makes its greenlet, not started; attr may be NULL. 0; -EINVAL, -ENOMEM: nothing
 * to destroy. Does not park. */
int gp_task_init(struct gp_task *t, void *(*run)(struct gp_task *self), const struct gp_attr *attr);
/* As gp_start(). */
int gp_task_start(struct gp_task *t);
/* Gives the task's reference back; the greenlet runs on, if it runs, and the
 * struct must live until it has ended. NULL is allowed. Does not park. */
void gp_task_destroy(struct gp_task *t);

/* ---- its end, seen from outside ------------------------------------------------ */

/* Waits until g has ended: 0; -ETIMEDOUT at the deadline; -EDEADLK for the
 * caller itself; -EINVAL for NULL or from a thread that has no greenlets.
 * Parks, unless g has ended. The reference stays the caller's. Any number of
 * greenlets may join one, any number of times. */
int gp_join(struct gp_greenlet *g, int64_t deadline);

/* Joins, then 0 and its value in *value (unless NULL), or the error that it
 * ended with. Parks, unless g has ended. */
int gp_get(struct gp_greenlet *g, void **value, int64_t deadline);

/* Waits until all have ended or the deadline has come: how many have ended, or
 * an error. NULLs among them are left out. Parks, unless all have. O(n). */
int gp_join_all(struct gp_greenlet *const *gs, size_t n, int64_t deadline);

/* Waits until `count` of them have ended (0: all), as gp_join_all(); also
 * -ENOMEM. O(n), and memory for n. */
int gp_wait_count(struct gp_greenlet *const *gs, size_t n, size_t count, int64_t deadline);

/* Iterates over them as they end:
 *
 *	struct gp_iwait it;
 *
 *	gp_iwait_begin(&it, gs, n, GP_NEVER);
 *	while ((g = gp_iwait_next(&it)))
 *		...
 *	gp_iwait_end(&it);
 *
 * begin gives 0, -EINVAL or -ENOMEM. next gives a handle that is borrowed until
 * end; NULL when all were given, at the deadline, or when a kill or a timeout
 * ended the wait: it.error says which (0, -ETIMEDOUT ...), and one may ask
 * again. Those that had ended before come first. Parks. end is needed after
 * each begin that gave 0, also after a break. */
struct gp_iwait {
	int error;
	void *opaque;
};
int gp_iwait_begin(struct gp_iwait *it, struct gp_greenlet *const *gs, size_t n, int64_t deadline);
struct gp_greenlet *gp_iwait_next(struct gp_iwait *it);
void gp_iwait_end(struct gp_iwait *it);

/* When g has ended, fn(g, arg) is called in a greenlet of its own, which may
 * park: always, or only if it ended with a value, or with an error. That
 * greenlet begins before everybody else who can run; links begin in the order
 * of their registration, each when the one before parks or ends, and joiners
 * take their turn among them. g is borrowed. If g has ended already it is
 * called soon; if g is given up without having been started, never. 0, -EINVAL,
 * -ENOMEM. Does not park. */
int gp_link(struct gp_greenlet *g, void (*fn)(struct gp_greenlet *g, void *arg), void *arg);
int gp_link_value(struct gp_greenlet *g, void (*fn)(struct gp_greenlet *g, void *arg), void *arg);
int gp_link_error(struct gp_greenlet *g, void (*fn)(struct gp_greenlet *g, void *arg), void *arg);
/* Takes the oldest such link back: 0, or -ENOENT when there is none that has
 * not begun; -EINVAL. O(links). */
int gp_unlink(struct gp_greenlet *g, void (*fn)(struct gp_greenlet *g, void *arg), void *arg);

/* ---- its end, from within --------------------------------------------------------- */

/* Ends the calling greenlet with this value, from however deep. Does not
 * return; -EPERM in a greenlet that gp_spawn and its like have not made. */
int gp_exit(void *value);

/* Ends the calling greenlet with an error: a negative errno, or a number of
 * the caller's own that is not 0; message may be NULL and is copied. It stays
 * in the greenlet until somebody asks (gp_get, gp_error), and is said once on
 * stderr with a backtrace. Nobody else is disturbed. Does not return; -EPERM
 * as gp_exit, -EINVAL for 0. */
int gp_fail(int error, const char *message);

/* fn(arg) is called when the calling greenlet ends, however it ends (return,
 * gp_exit, gp_fail, also after a kill), the latest first, on its own stack. It
 * may park. 0, -EINVAL, -ENOMEM, -EPERM as gp_exit. */
int gp_defer(void (*fn)(void *arg), void *arg);
/* Takes the latest such one back; whether there was one. */
bool gp_undefer(void (*fn)(void *arg), void *arg);

/* What happens to errors instead of the report on stderr: fn is called on the
 * stack of the greenlet that ends, and may ask for gp_error() and
 * gp_message(). NULL: the report again. Of all greenlets of the kernel thread
 * that calls. 0, -ENOMEM. Does not park. */
int gp_set_error_handler(void (*fn)(struct gp_greenlet *g));

/* ---- killing ------------------------------------------------------------------------- */

/* g is to end: the call in which it waits returns -ECANCELED, once, and it
 * runs at once to its next wait or its end; the caller waits until it has
 * ended. One that has not run yet never will. 0; -ETIMEDOUT at the deadline;
 * -EINVAL, -EPERM for the main greenlet, -ENOMEM for a deadline: then g is not
 * told. The caller itself is told by its next call that waits. A greenlet that
 * ignores it goes on, and the killer waits. Parks, unless g has ended, has not
 * run yet, or is the caller. */
int gp_kill(struct gp_greenlet *g, int64_t deadline);
/* The same with an error of the killer's own; -EINVAL if it is not negative. */
int gp_kill_error(struct gp_greenlet *g, int error, int64_t deadline);
/* The same without waiting, gevent's function kill: 0, -EINVAL, -EPERM. Does not
 * park. */
int gp_kill_soon(struct gp_greenlet *g, int error);
/* All of them, in order, then waits for their ends, but not for the caller's,
 * which this very wait tells (if there is none, its next one). NULLs among them
 * are left out. 0, or an error as gp_kill_error(): if one of them cannot be killed
 * (-EINVAL, -EPERM), nobody is told. Parks. O(n). */
int gp_kill_all(struct gp_greenlet *const *gs, size_t n, int error, int64_t deadline);
/* Kills all greenlets that these functions have made, but the caller, in the
 * order of their start (those that wait for a time to be started come last),
 * each once, also those that are started meanwhile, and waits until all have
 * ended: the end of a program. 0; -ETIMEDOUT at the deadline; -ENOMEM for one, and
 * nobody is told. Parks if there are any. O(greenlets) for each that ends by
 * itself. */
int gp_shutdown(int64_t deadline);
/* Whether it was told to end, or is to be told: gp_killed(gp_self()). */
bool gp_killed(const struct gp_greenlet *g);

/* ---- giving way -------------------------------------------------------------------------- */

/* Parks for ns nanoseconds: 0, or what ended it earlier, or -ENOMEM. With 0 or
 * less it lets everybody else have a turn, like gp_yield(). */
int gp_sleep(int64_t ns);

/* The caller goes to the end of the run queue: 0, or what a kill or a timeout
 * brings. Where there are no greenlets yet it does nothing: 0. */
int gp_yield(void);

/* The caller waits until nobody else can run, and nothing that has happened
 * outside lets somebody: gevent's idle. Of several the latest comes first. 0;
 * -ETIMEDOUT if others can still run at the deadline (or it has passed already), or
 * what a kill or a timeout brings. Parks. */
int gp_idle(int64_t deadline);

/* ---- asking ------------------------------------------------------------------------------- */

/* The greenlet that calls; borrowed. NULL: no memory for a first hub. */
struct gp_greenlet *gp_self(void);

/* One reference more, one less. The record is freed with the last one; a
 * greenlet that was started holds one itself until it ends. NULL is allowed. */
void gp_ref(struct gp_greenlet *g);
void gp_unref(struct gp_greenlet *g);

/* A number of its own, from 1, never reused; 0 for NULL. */
unsigned long gp_id(const struct gp_greenlet *g);
/* The number of the greenlet that made it; 0: none did. */
unsigned long gp_parent(const struct gp_greenlet *g);
/* Its name, "" if it has none; lives as long as the record, and changes with
 * gp_set_name(), which copies what it is given, cut to 15 bytes; NULL: no name. */
const char *gp_name(const struct gp_greenlet *g);
void gp_set_name(struct gp_greenlet *g, const char *name);

/* Whether it was started and has not ended. */
bool gp_started(const struct gp_greenlet *g);
/* Whether it has ended; whether it has, with a value. */
bool gp_ready(const struct gp_greenlet *g);
bool gp_successful(const struct gp_greenlet *g);
/* What it ended with. Its value, NULL while it has none; its error, 0 if it has
 * none; the error's message, "" if there is none (lives as long as the
 * greenlet). A greenlet that was killed counts as successful, with the value
 * GP_EXITED. */
void *gp_value(const struct gp_greenlet *g);
int gp_error(const struct gp_greenlet *g);
const char *gp_message(const struct gp_greenlet *g);

/* Now, and ns nanoseconds from now, for deadlines: nanoseconds of
 * CLOCK_MONOTONIC. */
int64_t gp_now(void);
int64_t gp_after(int64_t ns);

#ifdef __cplusplus
}
#endif
#endif
