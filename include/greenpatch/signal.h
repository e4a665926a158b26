/* greenpatch/signal.h - signals whose handlers run in greenlets.
 *
 * A handler of these may do all that a greenlet may: wait, print, kill others.
 * The signal itself only notes that it came and wakes the hub. Signals of one
 * number that come before their handler's greenlet was made count as one.
 *
 * While a handler is set, a program in which every greenlet waits is not taken
 * for one that can never go on (-EDEADLK).
 */
#ifndef GREENPATCH_SIGNAL_H
#define GREENPATCH_SIGNAL_H

#ifdef __cplusplus
extern "C" {
#endif

/* When signo comes, fn(signo, arg) is called in a greenlet of its own, of the
 * hub of the caller. It replaces the handler, and what sigaction() had set,
 * which gp_signal_restore() brings back. 0; -EINVAL for a number that is none
 * or cannot be caught, or without fn; -ENOMEM; -EPERM where there is no greenlet.
 * Does not park. */
int gp_signal_handler(int signo, void (*fn)(int signo, void *arg), void *arg);

/* From now on signo is ignored; a handler of gp_signal_handler() is given up. 0,
 * -EINVAL. Does not park. */
int gp_signal_ignore(int signo);

/* signo has the meaning again that it had before the first of these calls. 0,
 * also if there was none; -EINVAL. Does not park. */
int gp_signal_restore(int signo);

#ifdef __cplusplus
}
#endif
#endif
