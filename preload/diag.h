/* diag.h - what a person is told, and what it takes to find it out. */
#ifndef GP_PRELOAD_DIAG_H
#define GP_PRELOAD_DIAG_H

#include "preload/shim.h"

/* ---- diag.c: statistics, lists, hints ---------------------------------------- */

/* The clocks of --stats start, and --trace, if they are for this process. In
 * the child of a fork the counts start anew. */
void gp__diag_start(struct gp_hub *h);
/* All greenlets, on stderr or to fd. */
void gp__list_print(struct gp_hub *h, int fd);
/* SIGQUIT asks for the list. True: it asked a second time within a second. */
bool gp__list_asked(struct gp_hub *h);
/* A call failed because no more files may be open: says once what helps. */
void gp__limit_reached(const struct gp_frame *f);
/* Something that cannot be had, by a word of its own that stays where it is: told
 * with the reason the first time, counted by --stats. */
void gp__refused(const char *what, const char *why);
/* A fault that ends the process: if the stack of who runs is at its end, says whose. */
void gp__overflow_told(struct gp_hub *h, const siginfo_t *info, uint64_t rsp);
/* Everybody is parked and core knows of nothing that could wake anybody. True:
 * something else can. May abort. */
bool gp__deadlock_denied(struct gp_hub *h);

/* ---- trace.c: a line for a call -------------------------------------------------- */

struct gp_trace {
	int64_t start;        /* of the call */
	uint32_t parks;       /* the greenlet's then */
	unsigned long blocks; /* the process's then */
};

void gp__trace_enter(struct gp_trace *t, const struct gp_guest *me);
/* f->rax is the result. passed: the kernel did it, and it may have blocked. */
void gp__trace_leave(const struct gp_trace *t, const struct gp_guest *me, const struct gp_frame *f, bool passed);
/* Those that are still waiting when the process ends. */
void gp__trace_unfinished(struct gp_hub *h);
/* "read(0x3, 0x7ffe10, 0x400)" */
size_t gp__call_format(char *buf, size_t size, const struct gp_frame *f);

/* ---- backtrace.c: hooks of core's lists ------------------------------------------- */

void gp__list_explain(struct gp_greenlet *g, char *buf, size_t size);
void gp__list_detail(struct gp_greenlet *g, int fd);
void gp__list_next(struct gp_hub *h, unsigned long before);
void gp__frames_print(void *const *at, int n, int fd);

/* ---- ps.c: the list for another process -------------------------------------------- */

#define GP__PS_ASKED (-0x6770) /* si_code of its SIGSYS */

/* In the asking process, before anything else runs: its exit status. */
int gp__ps_ask(int pid);
/* In the patched one. From the signal handler, wherever it interrupted; */
void gp__ps_asked(const siginfo_t *info);
/* later, with the runtime at rest. */
void gp__ps_answer(struct gp_hub *h);

#endif
