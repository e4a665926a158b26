/* signal.h - signals as the program sees them. */
#ifndef GP_PRELOAD_CALLS_SIGNAL_H
#define GP_PRELOAD_CALLS_SIGNAL_H

#include "preload/trap/sigframe.h"

#define GP__SIG(n) (1UL << ((n) - 1))
#define GP__UNBLOCKABLE (GP__SIG(SIGKILL) | GP__SIG(SIGSTOP))

/* Default actions (signal(7)). */
#define GP__SIG_IGNORED (GP__SIG(SIGCHLD) | GP__SIG(SIGURG) | GP__SIG(SIGWINCH) | GP__SIG(SIGCONT))
#define GP__SIG_STOPS (GP__SIG(SIGTSTP) | GP__SIG(SIGTTIN) | GP__SIG(SIGTTOU))
/* Faults whose kernel action stays SIG_DFL until the program handles them. */
#define GP__SIG_LEFT_ALONE (GP__SIG(SIGILL) | GP__SIG(SIGFPE) | GP__SIG(SIGTRAP) | GP__SIG(SIGKILL) | GP__SIG(SIGSTOP))

/* The program's action for a signal, and what it comes to. */
static inline struct gp_action *gp__action(int sig) { return &gp__shim.action[sig]; }
bool gp__action_ignores(int sig);
bool gp__action_handles(int sig);
/* Sets the kernel's action to what it has to be now. hook: ours, even where
 * the kernel would ignore the signal or stop the process by itself. */
void gp__action_settle(int sig, bool hook);
/* Ends the process by a SIGSEGV that cannot be handled. */
void gp__signal_no_frame(void);
/* sigqueue.c. Standard signals are kept once, real-time ones each, and of every timer
 * one. False: no memory. */
bool gp__sigqueue_add(struct gp_list *queue, uint64_t *pending, const siginfo_t *info);
/* The first of the lowest number in `set`; its memory is freed. False: none. */
bool gp__sigqueue_take(struct gp_list *queue, uint64_t *pending, uint64_t set, siginfo_t *out);
/* Whether RLIMIT_SIGPENDING lets one more wait: of those that the kernel has it knows. */
bool gp__sigqueue_room(void);
/* In the child of a fork: none is pending. */
void gp__sigqueue_forked(struct gp_guest *me);
/* Takes the next pending signal of the set that `me` may have, its own first, as the
 * kernel does; false: none. */
bool gp__signal_next(struct gp_guest *me, uint64_t set, siginfo_t *out);
/* What the last signal taken of that timer said, or false: none since it was set. */
bool gp__signal_overrun(int timer, int *overrun);
void gp__signal_timer_set(int timer);
/* Takes over the kernel's actions and mask at start. */
void gp__signals_init(struct gp_guest *main);
/* From the kernel's handler while the runtime is busy: noted. What is to be blocked
 * until it is collected. */
uint64_t gp__signal_arrived(struct gp_hub *h, int sig, const siginfo_t *info);
/* Gives one to the greenlet that takes it, or keeps it pending. */
void gp__signal_route(struct gp_hub *h, const siginfo_t *info);
/* Routes what has arrived; lowers GP__ARRIVED. */
void gp__signals_collect(struct gp_hub *h);
/* Whether one more may wait for that greenlet (RLIMIT_SIGPENDING; for the user's
 * other processes the kernel counts, here only what is queued by us). */
bool gp__signal_fits(const struct gp_guest *to, int sig);
/* Sends one to a greenlet (tgkill). */
void gp__signal_direct(struct gp_guest *to, const siginfo_t *info);
/* A synchronous fault of the program. False: its default is to end it. */
bool gp__signal_fault(struct gp_guest *me, struct gp_ucontext *uc, int sig, const siginfo_t *info);
/* Lets a context or a call on its way out take what is to be taken. */
void gp__signal_take_on_uc(struct gp_hub *h, struct gp_guest *me, struct gp_ucontext *uc);
/* True if a handler's frame was made. */
bool gp__signal_take_on_call(struct gp_hub *h, struct gp_guest *me, struct gp_frame *f);
/* Changes a thread's mask, and sees whether something pending is free now. */
void gp__signal_set_mask(struct gp_guest *me, uint64_t mask);
/* The kernel's mask becomes what it has to be now: signalfd's; of what is held,
 * that which nobody takes still; and where kernel threads of the program exist
 * what every greenlet blocks: such a signal is theirs. O(greenlets) in the last
 * two cases. */
void gp__signal_mask_settle(void);
/* The same when it is only this thread that takes others than before; O(1) where
 * nothing held is among them. */
void gp__signal_mask_changed(struct gp_guest *me);
/* Reads a mask argument: what can be blocked of it. 0 or -errno; NULL is not asked for. */
long gp__signal_get_mask(uint64_t *out, const void *from, size_t size);
/* For a call with a mask of its own: it holds until the call's way out. */
void gp__signal_swap_mask(struct gp_guest *me, uint64_t mask);
/* The same with the mask argument of ppoll and its like; none is no change. 0 or -errno. */
long gp__signal_take_mask(struct gp_guest *me, uint64_t from, uint64_t size);
/* Whether a handler of the program's could still run (then nothing is dead). */
bool gp__signal_any_handler(void);
/* To a kernel thread of this process, or, tid 0, to the process: as the information
 * says, or, where that is refused, without it. */
void gp__signal_send(int tid, int sig, const siginfo_t *info);
/* Whether its action now is to end the process. */
bool gp__signal_is_deadly(int sig);
/* Frees what a dead thread had pending. */
void gp__signal_forget(struct gp_guest *g);
/* What is handled gets its default action. */
void gp__signals_clear(void);
/* Before exec: the kernel gets the program's mask and actions; `back`: take them again. */
void gp__signals_before_exec(struct gp_guest *me);
void gp__signals_after_exec(void);
void gp__signals_forked(struct gp_hub *h);

#endif
