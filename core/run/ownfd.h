/* ownfd.h - the hub's own descriptors, out of the program's way: see ownfd.c. */
#ifndef GP_CORE_RUN_OWNFD_H
#define GP_CORE_RUN_OWNFD_H

#include "core/run/hub.h"

/* A descriptor of ours, moved to the top of the table, close-on-exec. */
int gp__fd_hide(int fd);
void gp__fd_unhide(int fd); /* it is the program's now */
/* Closes one of ours: 0 or an error. */
int gp__fd_drop(int fd);
/* In a process that shares the table of descriptors with its parent, before anything
 * else, and at its end: the parent's stay open, its own do not. False: it does not
 * share, and they are still there. */
void gp__fds_lend(void);
bool gp__fds_end(void);
/* In the child of a fork: closes them, of whatever hub they are. */
void gp__fds_drop_own(void);
/* There was no descriptor for it: sleeps, all of it; false: that was often enough. */
bool gp__fd_pause(int *tries);
bool gp__fd_is_ours(int fd);
extern int gp__fd_own_low; /* no number below it is ours */
/* The file of a number that the program closes, at a number of ours, for those whose
 * calls go on with it; negative: there is none. unkeep: before that is closed, or
 * the program's. drop: in the child of a fork, closes all. */
int gp__fd_keep(struct gp_hub *h, int fd);
void gp__fd_unkeep(struct gp_hub *h, int fd);
void gp__fds_drop_kept(struct gp_hub *h);
bool gp__fd_is_kept(int fd);
/* The last number from `from` on, up to `last`, before the next one of ours. */
unsigned gp__fd_next_own(unsigned from, unsigned last);
/* The program wants this number of ours: when it returns it is free; false: there
 * is no other for it. Lets the hub and others have a turn. Who waits for it finds
 * the new one in its gp_fdwait. */
bool gp__fd_move(struct gp_hub *h, int fd);

#endif
