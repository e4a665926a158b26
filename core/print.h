/* print.h - messages on stderr without stdio.
 *
 * A line is built on the stack and written by one write(), so that the lines
 * of several processes do not mix. Callable from anywhere, a signal handler
 * included. Understands %s %d %u %x %p and l (long) before d, u, x; %% ; and
 * a width with optional minus or zero.
 */
#ifndef GP_CORE_PRINT_H
#define GP_CORE_PRINT_H

#include <stdarg.h>
#include "core/base.h"

size_t gp__vformat(char *buf, size_t size, const char *fmt, va_list ap);
size_t gp__format(char *buf, size_t size, const char *fmt, ...) GP_PRINTF(3, 4);
/* Where "stderr" leads: 2, or a descriptor of ours that the program cannot close. */
extern int gp__stderr;
/* One line to a descriptor; to 2, which is stderr, it begins with "greenpatch: ".
 * 0, or what write() says. */
int gp__print(int fd, const char *fmt, ...) GP_PRINTF(2, 3);
void gp__say(const char *fmt, ...) GP_PRINTF(1, 2); /* to stderr */
/* One line to fd 1. */
void gp__out(const char *fmt, ...) GP_PRINTF(1, 2);

#endif
