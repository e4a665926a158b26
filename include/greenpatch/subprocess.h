/* greenpatch/subprocess.h - programs that run beside the greenlets.
 *
 *	struct gp_subprocess_options o = { .shell = "sort", .in = GP_PIPE, .out = GP_PIPE };
 *	struct gp_subprocess *p;
 *	struct gp_output out;
 *
 *	r = gp_subprocess_spawn(&p, &o);
 *	r = gp_subprocess_communicate(p, text, strlen(text), &out, NULL, GP_NEVER);
 *	...                                      out.data, out.size
 *	gp_free(out.data);
 *	r = gp_subprocess_wait(p, &code, GP_NEVER);
 *	gp_subprocess_free(p);
 *
 * A return code is the program's exit status, or as in Python the negative
 * number of the signal that ended it. Everything that waits parks the caller
 * alone; it takes a deadline, and a kill or a gp_timeout ends it: the program
 * runs on, and what was read stays for the next call. Errors are negative
 * errnos (greenpatch/greenlet.h); an object belongs to the hub that made it: in
 * another kernel thread a call with it, as with NULL, is -EINVAL.
 */
#ifndef GREENPATCH_SUBPROCESS_H
#define GREENPATCH_SUBPROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gp_subprocess;

/* What a standard stream of the program is to be: 0 the caller's, a number
 * above 0 that descriptor, or */
enum {
	GP_PIPE = -1,    /* a pipe whose other end is ours */
	GP_STDOUT = -2,  /* err only: where its standard output goes */
	GP_DEVNULL = -3
};

/* What is zero is as usual. Give argv or shell. */
struct gp_subprocess_options {
	const char *const *argv; /* ends with NULL; argv[0] is looked for in PATH */
	const char *shell;       /* a command for /bin/sh */
	const char *const *env;  /* "NAME=value", ends with NULL; NULL: the caller's */
	const char *directory;   /* to begin in; NULL: the caller's */
	int in, out, err;        /* its standard streams, see above */
	bool close_fds;          /* it gets no other descriptor of the caller's; those
	                          * of the library's are never handed on */
};

/* Starts a program: 0 and a new object in *p; -EINVAL, -ENOMEM, -EMFILE, -ENOENT
 * and what else exec says: there is no child and *p is not changed. Does not
 * park. */
int gp_subprocess_spawn(struct gp_subprocess **p, const struct gp_subprocess_options *o);

/* Frees it and closes its pipes. The program runs on; if it has not ended by
 * then, it is reaped at a later spawn. Calls that wait for it give -ESHUTDOWN.
 * NULL is allowed. Does not park. */
void gp_subprocess_free(struct gp_subprocess *p);

/* Its process id; 0 for NULL. */
pid_t gp_subprocess_pid(const struct gp_subprocess *p);

/* Our end of a pipe, owned by the object, for gp_read() and gp_write(); -EBADF:
 * there is none, or not any more. A write to a program that has gone raises
 * SIGPIPE, as any pipe's does. */
int gp_subprocess_in(const struct gp_subprocess *p);
int gp_subprocess_out(const struct gp_subprocess *p);
int gp_subprocess_err(const struct gp_subprocess *p);
/* Closes our end of its standard input: it reads the end. 0; -EBADF: there is
 * none, or not any more. Does not park. */
int gp_subprocess_close_in(struct gp_subprocess *p);

/* Waits for its end: 0 and the return code in *code (unless NULL); -ETIMEDOUT at
 * the deadline; -ESHUTDOWN: it was freed. Parks, unless it has ended. Any number
 * of greenlets may wait, any number of times. */
int gp_subprocess_wait(struct gp_subprocess *p, int *code, int64_t deadline);
/* The same without waiting: -EAGAIN while it runs. Does not park. */
int gp_subprocess_poll(struct gp_subprocess *p, int *code);

/* Sends a signal: 0, also when it has ended; -EINVAL: no such signal; what kill()
 * says. terminate: SIGTERM; kill: SIGKILL. Do not park. */
int gp_subprocess_signal(struct gp_subprocess *p, int signo);
int gp_subprocess_terminate(struct gp_subprocess *p);
int gp_subprocess_kill(struct gp_subprocess *p);

/* What a program wrote. data ends with a 0 byte that size does not count, is
 * freed by gp_free(), and is never NULL after a call that gave 0. */
struct gp_output {
	char *data;
	size_t size;
};

/* Writes n bytes to its standard input and closes it, reads its output and its
 * errors to their ends, and waits for its end: 0. Without input give NULL and 0;
 * out and err may be NULL: what comes is dropped. All go on at the same time,
 * so no full pipe stops anybody. After an error it may be called again, with
 * the same input. Not by two greenlets at once: -EBUSY. -ETIMEDOUT at the
 * deadline, -ESHUTDOWN: it was freed; -ENOMEM. The memory in *out and *err is the
 * caller's: gp_free(). Parks. */
int gp_subprocess_communicate(struct gp_subprocess *p, const void *input, size_t n, struct gp_output *out,
                              struct gp_output *err, int64_t deadline);

/* Runs a program to its end: 0 and its return code in *code (unless NULL), or an
 * error of gp_subprocess_spawn() or gp_subprocess_wait(). If the wait ends earlier
 * the program is killed, and reaped. Parks. */
int gp_subprocess_call(const struct gp_subprocess_options *o, int *code, int64_t deadline);

/* The same, and what it wrote (o->out does not matter). -EREMOTEIO: its return
 * code was not 0; *out is what it wrote nevertheless, *code (unless NULL) says
 * what it was. After 0 and -EREMOTEIO the memory in *out is the caller's. */
int gp_subprocess_check_output(const struct gp_subprocess_options *o, struct gp_output *out, int *code,
                               int64_t deadline);

/* Frees memory that a gp_ function has handed over; NULL is allowed. */
void gp_free(void *p);

#ifdef __cplusplus
}
#endif
#endif
