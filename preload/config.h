/* config.h - what the GREENPATCH_ variables say; config.tbl has them all. */
#ifndef GP_PRELOAD_CONFIG_H
#define GP_PRELOAD_CONFIG_H

#include "core/base.h"

enum {
	GP__GROUP_SOCKET  = 1 << 0,
	GP__GROUP_SELECT  = 1 << 1,
	GP__GROUP_TIME    = 1 << 2,
	GP__GROUP_THREAD  = 1 << 3,
	GP__GROUP_IO      = 1 << 4,
	GP__GROUP_PROCESS = 1 << 5,
	GP__GROUP_SIGNAL  = 1 << 6,
	GP__GROUP_DNS     = 1 << 7,
	GP__GROUP_ALWAYS  = 1 << 8,
	GP__GROUP_ALL     = (1 << 9) - 1,
};

enum {
	GP__FEATURE_GUARD   = 1 << 0, /* MADV_GUARD_INSTALL, Linux 6.13 */
	GP__FEATURE_NOWAIT  = 1 << 1, /* RWF_NOWAIT on pipes, Linux 6.4 */
	GP__FEATURE_IOURING = 1 << 2, /* futex_waitv for shared futexes, Linux 5.16 */
	GP__FEATURE_FSGSBASE = 1 << 3, /* the instructions for the FS and GS base, Linux 5.9 */
	GP__FEATURE_ALL     = 15,
};

struct gp_config {
	unsigned groups;   /* patch groups that are on */
	unsigned features; /* kernel features that may be used */
	bool rewrite;      /* patch trapped sites */
	int64_t slice;     /* ns; 0: off */
	int stats;         /* 0 off, -1 on, else the pid that prints */
	int trace;         /* the same for the lines of --trace */
	int ps;            /* 0, or the process whose greenlets are listed instead */
	bool quiet;        /* no deadlock report, no hints */
	bool quit_list;    /* SIGQUIT lists the greenlets, wherever it comes from */
	bool deadlock_abort;
	int help;          /* 0, 1 options, 2 version */
#ifdef GP_FAULT
	const char *fault; /* core/fault.h */
#endif
};

/* Reads envp. False: a message was printed, the program must not run. */
bool gp__config_read(struct gp_config *c, char **envp);
/* The table as text on standard output. */
void gp__config_help(void);

#endif
