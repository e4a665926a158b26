/* subprocess.h - the object of subprocess.c and communicate.c. */
#ifndef GP_CORE_SUBPROCESS_H
#define GP_CORE_SUBPROCESS_H

#include "core/run/hub.h"

/* What is being read from one pipe. */
struct gp__stream {
	int fd;            /* ours; -1: none */
	char *data;        /* owner: the object, until it is handed over */
	size_t size, room;
};

struct gp_subprocess {
	struct gp_hub *hub;
	struct gp_subprocess *next; /* freed before their ends, to be reaped */
	int pid, pidfd;             /* pidfd: -1 when there is none, or it has ended */
	bool ended;                 /* reaped: code holds */
	bool freed;                 /* by the program; the last user frees the record */
	bool talking;               /* a communicate is under way */
	unsigned users;             /* calls that wait */
	int code;
	int in;                     /* ours; -1: none */
	size_t sent;                /* of the input of communicate */
	struct gp__stream out, err;
};

/* 0 or -EINVAL; then the call is a user until gp__subprocess_leave(). */
int gp__subprocess_use(struct gp_subprocess *p);
void gp__subprocess_leave(struct gp_subprocess *p);
void gp__subprocess_shut(struct gp_subprocess *p, int *fd);

#endif
