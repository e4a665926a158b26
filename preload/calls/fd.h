/* fd.h - what kind of thing a descriptor is, and waiting for it. */
#ifndef GP_PRELOAD_CALLS_FD_H
#define GP_PRELOAD_CALLS_FD_H

#include "preload/shim.h"

/* gp_fd.kind: how a call on it is kept from blocking. Forgotten when the
 * number is closed. */
enum gp_fd_kind {
	GP__FD_UNKNOWN,
	GP__FD_DIRECT, /* never waits for anybody: regular files, directories */
	GP__FD_DEVICE, /* nor does that, but a signal cuts its reads short: /dev/null, zero, urandom */
	GP__FD_STREAM, /* socket: MSG_DONTWAIT; a short write goes on */
	GP__FD_DGRAM,  /* socket whose messages are whole */
	GP__FD_NOWAIT, /* pipe and the like: RWF_NOWAIT */
	GP__FD_OTHER,  /* poll first, then call under the guard of the tick */
	GP__FD_BAD,    /* not open, or out of our table: the kernel says what it is */
};

/* gp_fd.traits */
enum {
	GP__FD_TIMED           = 1 << 0, /* socket with SO_RCVTIMEO or SO_SNDTIMEO */
	GP__FD_NO_NOWAIT_READ  = 1 << 1, /* the kernel said EOPNOTSUPP */
	GP__FD_NO_NOWAIT_WRITE = 1 << 2,
	GP__FD_DRAINED         = 1 << 3, /* stream: the last read took all there was */
	GP__FD_COMM            = 1 << 4, /* the name of a thread: proc.c */
	GP__FD_TASKS           = 1 << 5, /* the list of threads: proc.c */
	GP__FD_IOPOLL          = 1 << 6, /* io_uring that polls a device: uring.c */
	GP__FD_LOW             = 1 << 7, /* stream with SO_RCVLOWAT */
};

/* One call on one descriptor that may have to wait. */
struct gp_io {
	struct gp_hub *h;
	struct gp_guest *me;
	struct gp_frame *f;
	struct gp_fd *d;       /* never NULL where kind is not BAD */
	int fd;
	unsigned events;       /* GP__READ or GP__WRITE: what to wait for */
	enum gp_fd_kind kind;
	int64_t deadline;      /* of the socket's timeout; 0: not asked yet */
	long (*attempt)(struct gp_io *io); /* the call, without blocking: -EAGAIN when it would */
	void *arg;             /* of attempt */
	bool moved;            /* a part went already: an error is the next call's, and stays in the socket */
	struct gp_io *also;    /* the call's other descriptor, or NULL */
};

/* Fills in fd, d and kind. */
void gp__io_open(struct gp_io *io, struct gp_hub *h, struct gp_guest *me, struct gp_frame *f, int fd, unsigned events);
/* Attempts, and parks while the descriptor is not ready, as the program's own
 * O_NONBLOCK and timeouts say. The call's result, or a GP__RESTART code. */
long gp__io_run(struct gp_io *io);
/* The same for a read of up to `size` bytes. A stream socket that the last read
 * emptied is waited for first: the attempt would be in vain, and a peer that
 * is always quicker would keep the processor. */
long gp__io_receive(struct gp_io *io, size_t size);
/* The same where GP__FD_LOW says that so many as the low mark have to come first. */
long gp__io_receive_low(struct gp_io *io, size_t size);
/* ... or so many as `least`, whatever the mark says (least.c). */
long gp__io_receive_least(struct gp_io *io, size_t least);
/* When the socket's own time limit is over, counted from the first wait. */
int64_t gp__io_deadline(struct gp_io *io);
/* What a signal makes of it once it has waited: with a timeout of the socket's it is not made again (socket(7)). */
long gp__io_restart(struct gp_io *io);
/* Parks once: 0 when it may be ready, else what the call returns. io->fd is another
 * one afterwards if the number was closed meanwhile (keep.c). */
long gp__io_wait(struct gp_io *io);
/* The file goes on at the number that this wait ended with. */
void gp__io_follow(struct gp_io *io, const struct gp_fdwait *w);
/* Whether the descriptor is ready now (poll with no time). */
bool gp__fd_ready(int fd, unsigned events);
/* A call that has no form that does not block, on a descriptor that is ready. */
long gp__guarded(struct gp_io *io, long nr, const long *args);
bool gp__fd_nonblocking(struct gp_hub *h, int fd);
/* Asks anew whether this stream has a low mark. */
void gp__fd_low(struct gp_fd *d, int fd);
/* A descriptor that this process just made, blocking: nobody else has it. */
void gp__fd_fresh(struct gp_hub *h, long fd, bool nonblocking);
/* O_NONBLOCK may have changed on some description, or other processes may
 * change it from now on: ask the kernel again. */
static inline void gp__fd_flags_unsure(void) { gp__shim.flags_epoch++; }
/* Another process may see, and change, what is open now. */
static inline void gp__fd_shared(void) { gp__shim.flags_epoch++, gp__shim.shares++; }
/* keep.c: the number is about to be closed or to mean something else; whose call is
 * blocked on its file goes on with that. */
void gp__fd_ending(struct gp_hub *h, int fd);
/* The program wants a number at which such a file is kept. False: there is no other. */
bool gp__fd_give_up(struct gp_hub *h, int fd);
/* The call ends; in the child of a fork. */
void gp__fds_let_go(struct gp_hub *h, struct gp_guest *me);
void gp__fds_keep_forked(struct gp_hub *h, struct gp_guest *me);
/* Arguments of the call that are the one descriptor become the other. */
void gp__fd_rename(struct gp_frame *f, int from, int to);
/* An epoll descriptor of our own, hidden from the program, that tells of what the
 * hub cannot wait for by itself; negative: there is none. */
int gp__fd_watch_open(void);
void gp__fd_watch_close(struct gp_hub *h, int watch);
/* Something came back empty-handed: a program that polls must let others run. */
void gp__empty_handed(struct gp_hub *h);

/* Those who wait for a terminal or its like attempt their calls again. O(numbers
 * in use). */
void gp__fd_look_again(struct gp_hub *h);

/* owner.c: F_SETOWN_EX and F_GETOWN_EX; the number has another owner now; whether
 * a signal is about a descriptor that is owned by a thread, and by which (NULL:
 * it has ended). */
long gp__owner_set(struct gp_hub *h, struct gp_frame *f);
long gp__owner_get(struct gp_hub *h, struct gp_frame *f);
void gp__owner_forget(struct gp_hub *h, int fd);
bool gp__owner_aimed(struct gp_hub *h, const siginfo_t *info, struct gp_guest **to);

#endif
