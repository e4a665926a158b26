/* shim.h - what every file of the shim shares: the state of the process as
 * its program sees it, and of a thread of it.
 *
 * The hub (core) owns scheduling. The shim owns what the kernel would: thread
 * ids, signal masks and actions, clear-tid addresses. What belongs to a thread
 * is in struct gp_guest, what belongs to the process in struct gp_shim.
 */
#ifndef GP_PRELOAD_SHIM_H
#define GP_PRELOAD_SHIM_H

#include <signal.h>
#include <string.h>
#include "core/alloc.h"
#include "core/base.h"
#include "core/list.h"
#include "core/print.h"
#include "core/raw.h"
#include "core/run/hub.h"
#include "preload/config.h"
#include "preload/trap/frame.h"

/* What a handler may return beside a result or an errno: the kernel's own
 * codes for "interrupted, make the call again". Never seen by the program. */
enum {
	GP__RESTART_SYS    = -512, /* again if the handler has SA_RESTART, else -EINTR */
	GP__RESTART_ALWAYS = -513, /* again: it had not begun when the signal came */
	GP__RESTART_NEVER  = -514, /* -EINTR if a handler runs, again if none does */
};
static inline bool gp__is_restart(long r) { return r >= GP__RESTART_NEVER && r <= GP__RESTART_SYS; }

/* ---- a thread of the program ------------------------------------------------ */

struct gp_guest {
	struct gp_greenlet g;      /* must be first */
	struct gp_frame *frame;    /* of the system call under way, on its own stack; NULL: none */
	int tid;                   /* the id that the program sees */
	bool is_main;              /* stands on the process's first stack */
	bool restore_mask;         /* saved_mask comes back when a handler ran, or none did */
	bool waited;               /* the call under way has slept: a signal from now on interrupts it */
	uint32_t *clear_tid;       /* stored 0 and woken at exit; NULL: none */
	void *robust;              /* head of its list of robust mutexes; NULL: none */
	uint64_t mask;             /* blocked signals, bit n-1 for n */
	uint64_t saved_mask;       /* of a call with a mask of its own (ppoll, sigsuspend) */
	uint64_t pending;          /* directed signals that wait in sigqueue */
	uint64_t sigwait;          /* set that it waits for in sigtimedwait */
	struct gp_list sigqueue;   /* struct gp_signal, directed */
	stack_t altstack;          /* as the program set it */
	uint64_t rseq;             /* the area that it registered; 0: none */
	uint32_t rseq_size, rseq_mark; /* ... with */
	int64_t slice;             /* ns it may run; 0: the configured one */
	uint32_t parks_seen;       /* g.parks at the last tick that found it running */
	unsigned long exit_status; /* of exit */
	struct gp_schedule *schedule; /* its own affinity, priority ... (schedule.c); NULL: as the first thread */
	int64_t cpu;               /* ns of processor time, while it is counted (cputime.c) */
	int64_t cpu_user, cpu_system; /* as getrusage told it, us */
	int64_t ticked;            /* ns of ticks that found it running */
	struct gp_greenlet *adopts; /* the next thread that it makes is to be this greenlet; NULL: none */
	struct gp_hold *holds;     /* files that its call goes on with although they were closed (keep.c) */
	char comm[16];             /* its name, as prctl set it; "": the process's */
};

static inline struct gp_guest *gp__guest(struct gp_greenlet *g)
{
	return (struct gp_guest *)g;
}
/* Of gp_spawn: it has no TLS of its own, but that of the first thread. */
static inline bool gp__is_light(const struct gp_guest *g) { return g->g.run && !(g->g.flags & GP__CARRIED); }
static inline struct gp_guest *gp__me(struct gp_hub *h) { return gp__guest(h->current); }

/* ---- the process ------------------------------------------------------------- */

struct gp_signal {
	struct gp_list link; /* in a sigqueue */
	siginfo_t info;
};

struct gp_action { /* as rt_sigaction passes it */
	unsigned long handler;
	unsigned long flags;
	unsigned long restorer;
	uint64_t mask;
};

struct gp_shim {
	struct gp_hub *hub;
	struct gp_guest *main;        /* NULL when the first thread has ended */
	unsigned long text, text_end; /* ours, where system calls are allowed */
	unsigned long libc, libc_size; /* the text of a libc that uses SSE only; 0: unknown (libc.c) */
	struct gp_config config;
	unsigned light;               /* greenlets of gp_spawn that live */
	int next_tid;                 /* virtual ids count up from above 2^22 */
	bool foreign;                 /* kernel threads exist that are not ours */
	int threads_at_start;         /* kernel threads before us */
	bool table_shared;            /* another process shares our descriptors (CLONE_FILES) */
	uint32_t shares;              /* goes up when another process may have come to what is open */
	uint32_t flags_epoch;         /* goes up when O_NONBLOCK may have changed somewhere */

	/* signals */
	struct gp_action action[65];  /* by number; the program's */
	uint64_t hooked;              /* those whose kernel action is our handler */
	uint64_t fd_mask;             /* blocked in the kernel too, for signalfd */
	uint64_t kernel_mask;         /* ... all that is: fd_mask, what is held, and see gp__signal_mask_settle() */
	uint64_t pending;             /* of the process */
	struct gp_list sigqueue;      /* struct gp_signal */
	void *altstack;               /* the kernel's alternate stack: ours */
	uint64_t xfeatures;           /* of a kernel signal frame, from its first */
	uint32_t xsize, xextended;

	/* the preemption tick */
	int timer;                    /* POSIX timer; -1: none */
	bool ticking;                 /* it is armed */
	int64_t tick_ns;              /* the interval that it is armed with */
	int64_t watch_ns;             /* how often gp_watch_blocking() is to look; 0: it is off */

	/* for --stats */
	unsigned long traps, patched, trapping, preemptions;
	unsigned long verdicts[8];    /* by enum gp_verdict */
	unsigned long passed[512];    /* MAYBLOCK and unknown, by number */
	unsigned long blocks;         /* calls in which the kernel thread slept */
	unsigned long ticks;          /* that found it running ... */
	unsigned long ticks_crowded;  /* ... while somebody else was ready to */
	int64_t started;              /* when the counts began */
	bool tracing;                 /* --trace, in this process */
};

extern struct gp_shim gp__shim;

enum gp_verdict { GP__PASS, GP__MAYBLOCK, GP__PARK, GP__EMULATE, GP__OFFLOAD, GP__REFUSE };

typedef long gp_handler(struct gp_hub *h, struct gp_guest *me, struct gp_frame *f);
/* All handlers, from the table; gp__sys_none is never defined. */
#define SYS(name, verdict, group, handler) gp_handler gp__sys_##handler;
#include "preload/trap/syscalls.tbl"
#undef SYS
#define GP_CALL(name) \
	long gp__sys_##name(struct gp_hub *h, struct gp_guest *me, struct gp_frame *f)

/* Lowers bits of hub->attention. One instruction: the kernel's handler raises
 * others at any time, and a load and a store would lose them. */
static inline void gp__attention_lower(struct gp_hub *h, uint32_t bits)
{
	__asm__ volatile("andl %1, %0" : "+m"(h->attention) : "r"(~bits) : "cc");
}

/* ---- memory of the program ------------------------------------------------------ */

/* 0 or -EFAULT; never faults. entry.S */
long gp__copy(void *to, const void *from, size_t n);
long gp__load32(uint32_t *to, const uint32_t *from);
long gp__cas32(uint32_t *word, uint32_t old, uint32_t value, uint32_t *was);

/* ---- shared by the families of calls ---------------------------------------------- */

/* dispatch.c */
void gp__dispatch(struct gp_frame *f, struct gp_hub *h);
void gp__exit_work(struct gp_frame *f);
void gp__guest_started(struct gp_frame *f);
const char *gp__call_name(unsigned long nr);
unsigned gp__call_fd_args(unsigned long nr); /* which arguments are descriptors, a bit for each */
/* The call as the program made it. */
static inline long gp__native(const struct gp_frame *f)
{
	return gp__raw6((long)f->nr, (long)f->rdi, (long)f->rsi, (long)f->rdx, (long)f->r10, (long)f->r8, (long)f->r9);
}
/* The same where it may block: the kernel thread sleeps in it. -EINTR when the
 * greenlet has a signal to take or when others could run: ask gp__interrupted(),
 * and gp__signalled() for what the call returns then. */
long gp__native_block(struct gp_hub *h, struct gp_guest *me, long nr, const long *args);
/* Whether `me` has a signal to take now (looks at what arrived first). */
bool gp__interrupted(struct gp_hub *h, struct gp_guest *me);
/* What a signal makes of the call under way: `code` if it has slept, or if its own
 * mask let the signal in; else the handler comes first, and then the whole call. */
static inline long gp__signalled(const struct gp_guest *me, long code)
{
	return me->waited || me->restore_mask ? code : GP__RESTART_ALWAYS;
}
/* A call that waits for nobody, which a signal or the tick of ours may have ended
 * nevertheless, of which the program must not learn. */
long gp__pass(struct gp_hub *h, struct gp_guest *me, const struct gp_frame *f);

/* A park that can be cancelled ended with this error of a kill or a timeout: as
 * an errno that the program may see. Numbers of its own become ECANCELED, or
 * ETIMEDOUT. */
static inline long gp__told(const struct gp_hub *h, int r)
{
	return r >= -133 ? r : h->current->hit ? -ETIMEDOUT : -ECANCELED;
}

/* The result of a call that moved something before it ended with r: the count.
 * A kill or a timeout is then told by the next call. */
static inline long gp__moved(struct gp_guest *me, long done, long r)
{
	if (!done)
		return r;
	if (r == gp__told(me->g.hub, me->g.hit ? -ETIMEDOUT : me->g.kill_error) && (me->g.hit || me->g.killed))
		gp__cancel_again(&me->g);
	return done;
}

/* diag.h has the rest */
void gp__stats_print(void);

#endif
