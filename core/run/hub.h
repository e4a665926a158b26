/* hub.h - the records that the runtime is made of.
 *
 * Everything that a scheduler remembers hangs off one struct gp_hub, one for
 * each kernel thread that runs greenlets. gp__hub() is the only way to reach
 * it. Under the shim the GS base of the kernel thread points to it, because FS
 * changes with every greenlet; linked alone it is a thread-local pointer.
 *
 * All functions here are called on the hub's kernel thread, from a greenlet or
 * from the hub itself, never from a signal handler.
 */
#ifndef GP_CORE_RUN_HUB_H
#define GP_CORE_RUN_HUB_H

#include "core/base.h"
#include "core/list.h"

struct gp_hub;
struct gp_greenlet;

/* ---- one entry of the run queue ---------------------------------------- */

/* A turn is a greenlet to be resumed (run == NULL, embedded in it), or a
 * function. First in, first out. A function is called on the hub's stack or on
 * that of a greenlet that is about to leave the processor: it is shallow, and
 * switches nowhere. */
struct gp_turn {
	struct gp_list link;                             /* in hub->runq, or alone */
	void (*run)(struct gp_hub *h, struct gp_turn *t); /* NULL: resume the greenlet */
};

/* ---- one point in time --------------------------------------------------- */

/* In hub->deadlines while slot >= 0; then fire is called once. */
struct gp_timer {
	int slot;                                          /* index in the heap, -1 when none */
	void (*fire)(struct gp_hub *h, struct gp_timer *t); /* out of the heap already; switches nowhere */
};

/* ---- who waits for an object, and who tells them --------------------------- */

/* One wait for one object, on the stack of whoever waits; or, with `call`, a
 * function to be called where a waiter would be woken. */
struct gp_waiter {
	struct gp_list link;   /* in the list of the object */
	struct gp_greenlet *g; /* who waits */
	void (*call)(struct gp_hub *h, struct gp_waiter *w); /* like a turn's function; out of the list already */
	void *item;            /* of the object: what is handed over */
	uint64_t place;        /* in the order of all arrivals; 0: it has none yet (gp__waiter_join) */
	bool notified;         /* it was this wait that was ended */
};

/* gevent's callback that wakes the waiters of an object: one turn, however
 * often it is asked for. When its turn comes, next() says who is to be woken;
 * that one runs at once, before everybody else in the run queue, then next()
 * is asked again, until it says NULL (sync/notifier.c). */
struct gp_notifier {
	struct gp_turn turn; /* linked: asked for, or under way */
	struct gp_waiter *(*next)(struct gp_hub *h, struct gp_notifier *n);
};

/* ---- one greenlet -------------------------------------------------------- */

enum gp_state {
	GP__NEW,      /* in the run queue, has never run */
	GP__RUNNABLE, /* in the run queue */
	GP__RUNNING,  /* hub->current */
	GP__PARKED,   /* waits for gp__wake() */
	GP__DEAD,     /* has returned; the record lives while it is referenced */
	GP__UNBORN,   /* made and not started, or to be started by a timer */
};

enum {
	GP__KEEP_VECTOR = 1 << 0, /* parks in the middle of the program's code: vector registers survive */
	GP__OWN_TLS     = 1 << 1, /* shares its TLS with nobody, so it may be preempted */
	GP__CARRIED     = 1 << 2, /* of gp_spawn, on the stack and TLS of a thread that libc makes for it */
	GP__SHUT        = 1 << 3, /* was killed by gp_shutdown() */
};

/* flags of gp__park() */
enum {
	GP__EXTERNAL      = 1 << 0, /* something outside this hub's greenlets can wake it */
	GP__INTERRUPTIBLE = 1 << 1, /* a signal may end the wait: -EINTR */
	GP__CANCELABLE    = 1 << 2, /* a kill or a gp_timeout may: the error that it brings */
};

struct gp_stack {
	void *base;  /* lowest usable byte, above the guard page */
	size_t size; /* usable bytes; 0: not ours to free */
};

struct gp_greenlet {
	struct gp_turn turn;       /* its place in the run queue */
	void *sp;                  /* saved stack pointer while it does not run */
	volatile bool attention;   /* the shim's: has a signal to take on its way out (api.S) */
	unsigned long fs;          /* FS base; 0: the hub's own */
	struct gp_hub *hub;        /* the hub it belongs to, for life */
	struct gp_list all;        /* in hub->all from spawn to death */
	struct gp_list wait_link;  /* in the list of what it waits for; gp__wake takes it out */
	const char *wait_what;     /* what it waits for: "futex", "descriptor", ... */
	unsigned long wait_object; /* address or number of it */
	int64_t wait_since;        /* loop time at which it parked */
	struct gp_timer deadline;  /* of its park */
	int wake_result;           /* what gp__park() will return */
	uint8_t state;             /* enum gp_state */
	uint8_t flags;             /* GP__KEEP_VECTOR, GP__OWN_TLS */
	uint8_t park_flags;        /* flags of the park under way */
	bool sse_only;             /* KEEP_VECTOR, and it is in a call of libc's: xmm0 to xmm15 are all that must survive */
	bool yields;               /* RUNNABLE by gp_yield(), which a kill or a timeout may end */
	uint32_t refs;             /* references to this record */
	uint32_t parks;            /* how often it has parked, modulo 2^32 */
	unsigned long id;          /* 1 for main, counts up */
	unsigned long parent;      /* the id of who made it; 0: nobody */
	struct gp_stack stack;     /* of gp_spawn; size 0 for others */
	size_t carried_stack;      /* bytes that the thread of one that is GP__CARRIED is to have */
	void *(*run)(void *arg);   /* of gp_spawn */
	void *arg;                 /* of gp_spawn */
	const char *name;          /* for listings: `label`, or a constant; NULL: none */
	char label[16];            /* what gp_set_name() gave it */

	/* how it ended; see cancel.c for what can end it from outside */
	void *value;               /* of a run that succeeded */
	int error;                 /* 0: it has not failed */
	char *message;             /* of the error; NULL: none; owner: this record */
	struct gp_list links;      /* struct gp_waiter: joiners and links, in order */
	struct gp_notifier ended;  /* tells them */
	bool cancel;               /* a kill or a timeout has not been told to it yet */
	bool kill_due;             /* ... a kill */
	bool killed;               /* was told that it is to end, or will be */
	bool kill_told;            /* was told: ends by it if it gives no value */
	uint8_t kill_stage;        /* of kill_turn */
	int kill_error;            /* what its call returns then: -ECANCELED, or the killer's own */
	struct gp_turn kill_turn;  /* throws, then wakes the killers */
	struct gp_list killers;    /* struct gp_waiter */
	struct gp_timer start;     /* of gp_spawn_later */
	struct gp_list timeouts;   /* struct gp__timeout that it has started, latest first */
	struct gp__timeout *hit;   /* the one that ended its last call; NULL: none did */
	struct gp_defer *defers;   /* of gp_defer(), latest first (greenlet.c) */
	struct gp_local_value *locals; /* of gp_local_set(), latest first (local.c) */
	struct gp_member *groups;  /* the groups that it is a member of, latest first (group.c) */
};

/* ---- deadlines ------------------------------------------------------------ */

struct gp_deadline {
	int64_t at;         /* absolute ns */
	uint64_t seq;       /* equal times fire in the order they were set */
	struct gp_timer *t; /* knows its slot */
};

struct gp_deadlines {
	struct gp_deadline *heap; /* a binary heap; owner: the hub */
	int count, room;
	uint64_t seq;
};

/* ---- descriptors ----------------------------------------------------------- */

/* One wait for one descriptor, on the stack of whoever waits. */
struct gp_fdwait {
	struct gp_list link;   /* in gp_fd.waits */
	struct gp_greenlet *g; /* who waits */
	int fd;
	uint16_t events;       /* GP__READ, GP__WRITE */
	uint16_t ready;        /* what came; GP__CLOSED, GP__UNSURE too */
};

/* UNSURE: the kernel would not watch it just now, so nobody knows; look. */
enum { GP__READ = 1, GP__WRITE = 2, GP__CLOSED = 4, GP__UNSURE = 8 };

/* What the hub knows of one descriptor number. */
struct gp_fd {
	struct gp_list waits;   /* struct gp_fdwait; next == NULL: never used */
	struct gp_list changed; /* in hub->fd_changes */
	void *watcher;          /* the loop's, made at first use, kept for the number */
	uint32_t generation;    /* goes up when the number is closed */
	uint32_t watched;       /* the generation that the watcher was set to */
	uint8_t kind;           /* the shim's knowledge of it (calls/fd.h); 0: not known */
	uint8_t traits;         /* the shim's */
	uint8_t active;         /* events that the watcher listens for now */
	bool kept;              /* holds a file whose number the program has closed (ownfd.c) */
	uint32_t epoch;         /* the shim's */
	uint32_t shares;        /* the shim's */
};

/* ---- the hub ---------------------------------------------------------------- */

struct gp_loop;
struct gp_offload;
struct gp_stacks;

struct gp_stats {
	unsigned long greenlets, live, peak, switches, parks;
};

struct gp_hooks {
	/* Called by the hub on its own stack before it looks at the loop. */
	void (*before_poll)(struct gp_hub *h);
	/* The hub is about to sleep; true: something that core does not know
	 * of can wake a greenlet (a signal handler, say), so no deadlock. */
	bool (*may_wake)(struct gp_hub *h);
	/* The greenlet that just began to run, before it goes on. */
	void (*switched)(struct gp_hub *h, struct gp_greenlet *g);
	/* For listings: the name of a greenlet; what follows on its line about
	 * what it does or waits for; lines of its own below that, to fd; and
	 * before each, how many came before it. */
	void (*describe)(struct gp_greenlet *g, char *buf, size_t size);
	void (*explain)(struct gp_greenlet *g, char *buf, size_t size);
	void (*detail)(struct gp_greenlet *g, int fd);
	void (*listing)(struct gp_hub *h, unsigned long before);
	/* Under the shim, which has no unwinder of libc's: gp__backtrace() and
	 * gp__backtrace_print() (core/backtrace.h). */
	int (*backtrace)(const struct gp_greenlet *g, void **at, int room);
	void (*frames_print)(void *const *at, int n, int fd);
	/* Also there: gp__watch_look() is to be called each so many ns while
	 * somebody runs and others exist; 0: no more. */
	void (*ticks)(struct gp_hub *h, int64_t ns);
	/* A greenlet of gp_spawn: the size of its record (0: struct gp_greenlet),
	 * which begins with it and is zero; it has been made; it has returned. */
	size_t record_size;
	void (*spawned)(struct gp_hub *h, struct gp_greenlet *g);
	void (*returned)(struct gp_hub *h, struct gp_greenlet *g);
	/* Starts one that is GP__CARRIED; its thread calls gp__greenlet_carry().
	 * 0 or an error. NULL: there are none here, all greenlets share a TLS.
	 * And: the current one, which is carried, ends at once; does not return. */
	int (*carry)(struct gp_hub *h, struct gp_greenlet *g, size_t stack_size);
	void (*uncarry)(void);
	/* An interruptible park ended with -EINTR: the caller, which waits in no
	 * list, lets the current greenlet take its signals and parks again. May
	 * switch; may never return (a handler that jumps). */
	void (*interrupted)(struct gp_hub *h);
};

/* bits of hub->attention */
enum {
	GP__ARRIVED = 1, /* signals came and were not looked at */
	GP__TICK    = 2, /* the slice is over */
};

struct gp_hub {
	volatile uint32_t attention;  /* at offset 0: the entry stub reads %gs:0 */
	struct gp_greenlet *current;  /* who runs; &main_greenlet at first; NULL: the hub */
	struct gp_hub *self;          /* this hub: what %gs:16 reads (context.S, entry.S) */
	void *sp;                     /* of the hub's own context */
	unsigned long fs;             /* FS base of the kernel thread itself */
	unsigned long fs_now;         /* the FS base that is loaded */
	struct gp_list runq;          /* struct gp_turn */
	unsigned turns;               /* since the loop was looked at */
	unsigned turns_max;           /* look at it after so many ... */
	int64_t poll_after;           /* ... or after so many ns; 0: count only (deterministic) */
	int64_t polled;               /* when it was looked at, loop time */
	int64_t poll_cost;            /* ns that the last look took while others were runnable */
	bool poll_now;                /* the hub looks at the loop before the next turn */
	bool refused;                 /* in this look the kernel would not watch something: it does not sleep */
	int poll_tries;               /* how often the loop could not even wait, one after the other */
	volatile uint32_t idle;       /* sleeps in the kernel right now */
	unsigned external;            /* greenlets parked with GP__EXTERNAL or a deadline */
	struct gp_deadlines deadlines;
	struct gp_fd *fds;            /* by number; reserved, not resident */
	bool forked;                  /* the loop is the parent's: to be made anew */
	int wanted_fd;                /* of ours, that the program is about to use; -1 */
	int fds_max;                  /* numbers that the table has room for */
	int fds_most;                 /* that it may grow to */
	int fds_used;                 /* one above the highest number ever waited for */
	struct gp_list fd_changes;    /* struct gp_fd whose watcher must be looked at */
	struct gp_loop *loop;         /* libev's side (evloop.c) */
	struct gp_offload *offload;   /* made at first use */
	struct gp_list all;           /* all greenlets */
	unsigned long next_id;
	uint64_t arrivals;            /* waits that were begun: gp_waiter.place */
	struct gp_stats stats;
	const struct gp_hooks *hooks;
	struct gp_stack stack;        /* the hub's own */
	struct gp_stacks *stacks;     /* kept for the next spawn, by size (stack.c) */
	unsigned spare_count;         /* stacks that are warm */
	struct gp_greenlet *records;  /* kept for the next spawn, by `arg` (greenlet.c) */
	unsigned records_kept;
	struct gp_list idlers;        /* greenlets in gp_idle(), by wait_link */
	struct gp_list dead;          /* greenlets whose stack is to be freed, by wait_link */
	struct gp_greenlet *main;     /* whose waits end with -EDEADLK when nothing can wake anybody */
	void (*trace)(struct gp_greenlet *g); /* gp_set_trace(): who begins to run; NULL: none */
	void (*on_error)(struct gp_greenlet *g); /* gp_set_error_handler(); NULL: the report on stderr */
	unsigned handlers;            /* signals whose handlers run in its greenlets (core/signal.c) */
	bool deadlock_told;           /* said once until something moves */
	int *shared_errno;            /* that of the TLS which is not GP__OWN_TLS; NULL: there is none */
	int pid, tid;                 /* of the kernel thread; renewed by fork */
	struct gp_greenlet main_greenlet; /* where the kernel thread came in (core alone) */
};

/* The hub of this kernel thread, or NULL. */
#ifdef GP_SHIM
/* How the FS and GS base are reached. A kernel that does not enable the
 * instructions for them (Linux before 5.9, nofsgsbase, some hypervisors)
 * forgets at the next context switch what they wrote. There the bases are set
 * by system calls, and the GS base of a kernel thread of ours that has no hub
 * leads to gp__nobody. Of the process; written once at start. */
enum { GP__GS_UNUSED, GP__GS_INSN, GP__GS_CALL };
extern uint8_t gp__gs;
extern const struct gp_hub gp__nobody; /* all zero */

static inline struct gp_hub *gp__hub(void)
{
	struct gp_hub *h = NULL;

	if (gp__likely(gp__gs == GP__GS_INSN))
		__asm__ volatile("rdgsbase %0" : "=r"(h));
	else if (gp__gs == GP__GS_CALL)
		__asm__ volatile("mov %%gs:16, %0" : "=r"(h));
	return h;
}
#else
struct gp_hub *gp__hub(void);
#endif
void gp__hub_set(struct gp_hub *h);
/* Under the shim; linked alone, all greenlets share the thread's TLS. The FS
 * base while the current greenlet runs; 0: the hub's own. */
void gp__fs_set(struct gp_hub *h, unsigned long fs);

/* hub.c */
/* Makes the hub of this kernel thread with `main` as the greenlet that runs
 * now (NULL: the hub's own record). 0 or -ENOMEM, -EMFILE ... */
int gp__hub_make(struct gp_hub **out, struct gp_greenlet *main, const struct gp_hooks *hooks);
/* The hub of this kernel thread, made if there is none; NULL: no memory. */
struct gp_hub *gp__hub_need(void);
/* If set, it makes the hub for gp__hub_need(), and hands it to gp__hub_set(). */
extern int (*gp__hub_maker)(void);
/* In the child of a fork: forget every greenlet but the caller. The next look
 * at the loop makes its descriptors anew. */
void gp__hub_forked(struct gp_hub *h);
/* Linked alone: from now on each fork() calls that in its child. 0 or -ENOMEM. */
int gp__fork_watch(void);
/* Nothing outside can wake anybody: no descriptor, no helper, no timer. */
static inline bool gp__hub_alone(const struct gp_hub *h)
{
	return h->external == 0 && h->deadlines.count == 0;
}
/* Nothing to run and nothing to wait for: whoever blocks may block in the
 * kernel, because no greenlet of this hub could use the time. */
static inline bool gp__hub_quiet(const struct gp_hub *h)
{
	return gp__list_empty(&h->runq) && gp__hub_alone(h) && !h->current->cancel;
}
/* Never returns; the hub's own context (sched.c switches to it). */
void gp__hub_main(void) GP_NORETURN;
/* Adds a function to the run queue; `t` must not be in it. */
static inline void gp__hub_call(struct gp_hub *h, struct gp_turn *t) { gp__list_append(&h->runq, &t->link); }

/* sched.c: the only park and the only wake */
int gp__park(struct gp_hub *h, const char *what, unsigned long object, int64_t deadline, unsigned flags);
/* True if it was parked; what gp__park() returns there is `result`. */
bool gp__wake(struct gp_greenlet *g, int result);
/* The same, and it runs before everybody else: for turns, where gevent's hub
 * would switch to it. */
bool gp__wake_first(struct gp_greenlet *g, int result);
/* The caller goes to the end of the run queue. */
void gp__yield(struct gp_hub *h);
/* The same as a public call: 0, or what a kill or a timeout brings. */
int gp__yield_cancelable(struct gp_hub *h);
/* The caller goes to the end of the queue and the loop is looked at first. */
void gp__yield_poll(struct gp_hub *h);
/* Ends the current greenlet: another one runs, the caller never again. */
void gp__leave(struct gp_hub *h) GP_NORETURN;
/* The same for one that is at the lowest frame of its stack: the saved stack
 * pointer that gp__greenlet_entry() is to switch to at once. */
void *gp__leave_to(struct gp_hub *h);
/* Resumes a greenlet from the hub's context. */
void gp__resume(struct gp_hub *h, struct gp_greenlet *g);

/* greenlet.c */
void gp__greenlet_init(struct gp_hub *h, struct gp_greenlet *g);
/* A record, zeroed, of the size that the hooks want; NULL: no memory. */
struct gp_greenlet *gp__greenlet_record(struct gp_hub *h);
/* Into the run queue and the list of all. */
void gp__greenlet_start(struct gp_hub *h, struct gp_greenlet *g);
/* Takes it out of every list; its links will be told. Before gp__leave(). */
void gp__greenlet_end(struct gp_hub *h, struct gp_greenlet *g);
/* Runs the current greenlet, which is carried, to its end, and returns. */
void gp__greenlet_carry(void);
/* Frees record and stack once another context runs. Before gp__leave(). */
void gp__greenlet_bury(struct gp_hub *h, struct gp_greenlet *g);
/* Frees what is buried. On no stack of theirs. */
void gp__greenlet_reap(struct gp_hub *h);
/* The greenlet that this timer will start; NULL: it does something else. */
struct gp_greenlet *gp__greenlet_of_start(struct gp_timer *t);
/* `w` is told when g ends, or in a turn soon if it has ended. */
void gp__greenlet_link(struct gp_greenlet *g, struct gp_waiter *w);
/* The same, in its place among them (gp__waiter_join). */
void gp__greenlet_join(struct gp_greenlet *g, struct gp_waiter *w);
/* After a wait that ended with -EINTR: the current greenlet, which is in no
 * list, takes its signals. May switch; may never return. */
static inline void gp__take_signals(struct gp_hub *h)
{
	if (h->hooks->interrupted)
		h->hooks->interrupted(h);
}

/* sync/notifier.c */
void gp__notifier_init(struct gp_notifier *n, struct gp_waiter *(*next)(struct gp_hub *h, struct gp_notifier *n));
/* Whether its turn was asked for, or is under way. */
static inline bool gp__notifier_pending(const struct gp_notifier *n)
{
	return !gp__list_empty(&n->turn.link);
}
/* Asks for its turn, unless that was done already. */
static inline void gp__notify(struct gp_hub *h, struct gp_notifier *n)
{
	if (!gp__notifier_pending(n))
		gp__hub_call(h, &n->turn);
}
/* For a waiter's `call` that wants a greenlet to run at once, as a waiter that
 * is woken does: n goes on behind whoever is put first in the queue next. */
static inline void gp__notifier_behind(struct gp_hub *h, struct gp_notifier *n)
{
	gp__list_prepend(&h->runq, &n->turn.link);
}
/* The first waiter of a list, out of it; NULL: there is none. */
static inline struct gp_waiter *gp__waiter_take(struct gp_list *waiters)
{
	struct gp_waiter *w;

	if (gp__list_empty(waiters))
		return NULL;
	w = gp__list_first(waiters, struct gp_waiter, link);
	gp__list_del(&w->link);
	return w;
}
/* w to its place in a list of waiters: at the end with place 0; where it was, if it
 * has one. A waiter that takes a signal leaves the list, since the handler may
 * never come back, and so that nobody hands it what it cannot take; then it
 * stands where it stood, before those who came later. O(those before it). */
static inline void gp__waiter_join(struct gp_hub *h, struct gp_list *waiters, struct gp_waiter *w)
{
	struct gp_list *behind = waiters;

	if (!w->place)
		w->place = ++h->arrivals;
	else if (!gp__list_empty(waiters) && gp__list_entry(waiters->prev, struct gp_waiter, link)->place > w->place)
		do {
			behind = behind->next;
		} while (gp__list_entry(behind, struct gp_waiter, link)->place < w->place);
	gp__list_append(behind, &w->link);
}
/* Parks the caller with w in its place among `waiters`, until a notifier wakes it:
 * 0, and then the caller looks again at what it waits for (it may also be a
 * signal that was taken: w->notified tells, and w keeps its place for the next
 * wait). -ETIMEDOUT at the deadline, or what a kill or a timeout brings, -ENOMEM:
 * w is out of the list then, too. The caller sets w->place to 0 before the first. */
int gp__wait_in(struct gp_hub *h, struct gp_list *waiters, struct gp_waiter *w, const char *what,
                unsigned long object, int64_t deadline);
/* The same with flags of gp__park(): without GP__CANCELABLE a kill or a timeout
 * does not end it, and is told by the next wait that it can end. */
int gp__wait_with(struct gp_hub *h, struct gp_list *waiters, struct gp_waiter *w, const char *what,
                  unsigned long object, int64_t deadline, unsigned flags);

/* link.c */
/* g goes away without having ended: so do its links. */
void gp__links_drop(struct gp_greenlet *g);

/* idle.c */
/* Nobody can run, and the loop has just said that nothing has happened. */
void gp__idlers_wake(struct gp_hub *h);

/* cancel.c */
/* Something is to be told to g: ends its wait, or what it waits for next. */
void gp__cancel(struct gp_greenlet *g);
/* Whether a park of the caller that began while its `hit` was `before`, and
 * ended with r, came to its own deadline. Otherwise -ETIMEDOUT is a gp_timeout's. */
static inline bool gp__own_deadline(const struct gp_hub *h, const struct gp__timeout *before, int r)
{
	return r == -ETIMEDOUT && h->current->hit == before;
}
/* What is due for g, told now: an error, or 0 for nothing. */
int gp__cancel_take(struct gp_greenlet *g);
/* What was told last did not get through to the program: it is due again. */
void gp__cancel_again(struct gp_greenlet *g);
/* Its run is over: its timeouts end. */
void gp__timeouts_end(struct gp_hub *h, struct gp_greenlet *g);
/* The error of one that has hit and was never stopped; 0: there is none. */
int gp__timeout_unhandled(const struct gp_greenlet *g);
/* In the child of a fork: the heap is empty, these still run. */
void gp__timeouts_forked(struct gp_hub *h, struct gp_greenlet *g);

/* timeout.c */
int64_t gp__now(void);
/* 0 or -ENOMEM; t is not in the heap. */
int gp__timer_add(struct gp_hub *h, struct gp_timer *t, int64_t at);
/* Takes it out, if it is in the heap. */
void gp__timer_del(struct gp_hub *h, struct gp_timer *t);
/* The ends of parks. */
int gp__deadline_add(struct gp_hub *h, struct gp_greenlet *g, int64_t at);
/* Makes room for one of `at`, for a call that does something which it cannot
 * take back, and then parks: 0, and its park gets the room; or -ENOMEM. */
int gp__deadline_room(struct gp_hub *h, int64_t at);
static inline void gp__deadline_del(struct gp_hub *h, struct gp_greenlet *g) { gp__timer_del(h, &g->deadline); }
static inline int64_t gp__deadline_next(const struct gp_hub *h)
{
	return h->deadlines.count ? h->deadlines.heap[0].at : GP__NEVER;
}
/* Fires all that are due at `now`. */
void gp__deadlines_fire(struct gp_hub *h, int64_t now);
static inline int64_t gp__deadline_after(int64_t ns)
{
	int64_t at;

	return __builtin_add_overflow(gp__now(), ns < 0 ? 0 : ns, &at) ? GP__NEVER : at;
}

/* Whether it has come; without a look at the clock for one that never does. */
static inline bool gp__passed(int64_t deadline) { return deadline != GP__NEVER && deadline <= gp__now(); }

/* wait.c */
/* Parks until fd is ready for one of events. The events, or -ETIMEDOUT, -EINTR,
 * -EBADF when it was closed meanwhile, -ENOMEM. */
int gp__wait_fd(struct gp_hub *h, int fd, unsigned events, int64_t deadline);
/* The same for n descriptors; each w has fd and events. Greater than 0, or an error. */
int gp__wait_fds(struct gp_hub *h, struct gp_fdwait *w, int n, int64_t deadline);
/* The parts of that, for waits that are not for descriptors alone. The caller
 * joins with w (fd and events set), parks, and parts: w->ready says what came.
 * Join: 0, or -EBADF and there is nothing to part. */
int gp__fdwait_join(struct gp_hub *h, struct gp_fdwait *w);
void gp__fdwait_part(struct gp_hub *h, struct gp_fdwait *w);
/* The number is closed or comes to mean something else: wakes its waiters with
 * GP__CLOSED and forgets what was known. Before the call that does it. */
void gp__fd_closing(struct gp_hub *h, int fd);
/* The waiter goes on waiting at another number, which is the same file. It learns
 * of that by w->fd. */
void gp__fdwait_move(struct gp_hub *h, struct gp_fdwait *w, int to);
/* Its waiters look again, as if it were ready: how many. */
int gp__fd_wake(struct gp_hub *h, int fd);
struct gp_fd *gp__fd(struct gp_hub *h, int fd); /* NULL: out of the table */
int gp__fds_make(struct gp_hub *h);
/* The process may not have as many addresses as it likes (RLIMIT_AS). */
bool gp__space_is_limited(void);
/* Address space is dear from now on: gives back what no number of today needs. */
void gp__fds_trim(struct gp_hub *h);
/* The table has room for this number, perhaps from now on. */
bool gp__fds_have(struct gp_hub *h, int fd);
/* In the child of a fork: nobody waits for any descriptor. O(highest number). */
void gp__fds_forked(struct gp_hub *h);

/* evloop.c: the only file that knows libev */
int gp__loop_make(struct gp_hub *h);
/* Looks at descriptors and deadlines, wakes who is due; may_block: sleeps until
 * there is something, or hub->attention. On the hub's stack only. */
void gp__loop_poll(struct gp_hub *h, bool may_block);
/* Whether enough time has passed since. With thousands of descriptors that are
 * ready and whose greenlets have not had their turn a look costs milliseconds:
 * it may take a tenth of the time, no more. */
static inline bool gp__loop_due(const struct gp_hub *h)
{
	return gp__now() - h->polled >= gp__max(h->poll_after, 9 * h->poll_cost);
}
/* From any kernel thread: makes a sleeping hub look again. */
void gp__loop_kick(struct gp_hub *h);

/* core/signal.c */
/* Makes the greenlets of the signals that have come; called by the loop. */
void gp__handlers_collect(struct gp_hub *h);

/* local.c */
/* Its run is over: destroys what it has, on its own stack. */
void gp__locals_end(struct gp_greenlet *g);

/* stack.c */
int gp__stacks_make(struct gp_hub *h);
int gp__stack_make(struct gp_hub *h, struct gp_stack *s, size_t size);
/* May keep it for the next one. */
void gp__stack_free(struct gp_hub *h, struct gp_stack *s);
/* A mapping of its own, for the hub. */
int gp__stack_map(struct gp_stack *s, size_t size);
void gp__stack_unmap(struct gp_stack *s);

/* dump.c */
/* One line a greenlet on stderr. */
void gp__dump(struct gp_hub *h);
void gp__dump_to(struct gp_hub *h, int fd);
/* The line of one: 0, or what write() says. */
int gp__dump_one(struct gp_greenlet *g, int fd, int64_t now);
/* The same under a headline that says that nothing can go on. */
void gp__dump_deadlock(struct gp_hub *h);

/* context.S, vector.c */
void gp__context_switch(void **save, void *load);
void *gp__context_prepare(void *top, void (*entry)(void));
void gp__vector_init(void);
/* Like gp__context_switch, vector registers of the caller included. */
void gp__context_switch_vector(void **save, void *load);
/* Of them xmm0 to xmm15, and the state of the x87 unit. */
void gp__context_switch_sse(void **save, void *load);

#endif
