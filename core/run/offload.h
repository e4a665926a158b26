/* offload.h - calls that cannot be polled, on helper threads: see offload.c. */
#ifndef GP_CORE_RUN_OFFLOAD_H
#define GP_CORE_RUN_OFFLOAD_H

#include "core/run/hub.h"

/* Runs fn(arg) on a helper thread and parks meanwhile; its value, or -EAGAIN
 * when there is no helper for it. fn makes raw calls only (under the shim). */
long gp__offload(struct gp_hub *h, long (*fn)(void *arg), void *arg);
/* The same, and a signal may end it: stop(arg, tid) tells the job, which helper
 * tid is in the middle of, to come to its end with -EINTR; one that has not begun
 * is never told, it is -EINTR. stop(arg, 0): it is to begin anew. stop makes no
 * call that may block. Such a job may last for ever, so it never waits for a
 * helper that is busy with another one. */
long gp__offload_stoppable(struct gp_hub *h, long (*fn)(void *arg), void *arg, void (*stop)(void *arg, int tid));
/* A job on the heap, which its greenlet may leave to itself. fn gets arg, and
 * both it and what it uses live until end() is called: by the greenlet's call,
 * or on the hub's stack when the helper is through (`ran`: fn was called). */
struct gp_job {
	struct gp_list link;   /* in the pool's todo, running or done */
	long (*fn)(void *arg);
	void *arg;
	long result;           /* of fn */
	struct gp_greenlet *g; /* who waits; NULL: nobody any more */
	int helper;            /* under the pool's lock: the thread that is in the middle of it; 0: none */
	void (*stop)(void *arg, int tid); /* of gp__offload_stoppable(); NULL: nothing ends it early */
	bool given_back;       /* under the lock: to be begun anew by another helper */
	bool stopped;          /* under the lock: told to end for a signal */
	bool refused;          /* after a drain: there is no helper for it */
	bool done;             /* collected by the hub */
	void (*end)(struct gp_job *j, bool ran); /* NULL: the greenlet stays until it is done */
};
/* 0: fn has run, its value is j->result, and the caller ends j. An error: what
 * a deadline, a kill or a timeout brings, or -EAGAIN when there is no helper;
 * then j is no longer the caller's. */
int gp__offload_job(struct gp_hub *h, struct gp_job *j, int64_t deadline);
/* Wakes those whose work is done; called by the loop. */
void gp__offload_collect(struct gp_hub *h);
/* Drops the pool in the child of a fork: its threads do not exist there. */
void gp__offload_forked(struct gp_hub *h);
/* Ends the helper threads and waits until they have gone; one in the middle of a
 * call gives it back, to be made anew, or, where nothing ends it early, finishes
 * it. For a change of credentials, which are each thread's own. A function of
 * the program's (a job with `end`) is not waited for. True: there were some. */
bool gp__offload_drain(struct gp_hub *h);
/* After it: the jobs that wait get helpers, or -EAGAIN; until then nobody takes them. */
void gp__offload_resume(struct gp_hub *h);
unsigned gp__offload_threads(const struct gp_hub *h, bool peak);

#endif
