/* base.h - words that every file of the project uses.
 *
 * Nothing here has state. Everything below core and preload may include it;
 * it includes nothing of the project.
 */
#ifndef GP_CORE_BASE_H
#define GP_CORE_BASE_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <limits.h>
#include <errno.h>

#define gp__likely(x)   __builtin_expect(!!(x), 1)
#define gp__unlikely(x) __builtin_expect(!!(x), 0)
#define GP_NOINLINE     __attribute__((noinline))
#define GP_NORETURN     __attribute__((noreturn))
#define GP_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define GP_API          __attribute__((visibility("default")))

/* Of the kernel thread. Under the shim only one runs greenlets. */
#ifdef GP_SHIM
#define GP__PER_THREAD
#else
#define GP__PER_THREAD __thread __attribute__((tls_model("initial-exec"))) /* no call where the library is a shared one */
#endif

#define gp__container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))
#define gp__count(a)    (sizeof(a) / sizeof((a)[0]))
/* Each argument is evaluated once: one of them may read the clock. */
#define gp__min(a, b) ({ __typeof__((a) + (b)) a_ = (a), b_ = (b); a_ < b_ ? a_ : b_; })
#define gp__max(a, b) ({ __typeof__((a) + (b)) a_ = (a), b_ = (b); a_ > b_ ? a_ : b_; })
#define gp__align_up(x, n)   (((x) + (n) - 1) & ~((__typeof__(x))(n) - 1))
#define gp__align_down(x, n) ((x) & ~((__typeof__(x))(n) - 1))

#define GP__PAGE 4096UL

/* A deadline that never comes. All times are absolute, in nanoseconds of
 * CLOCK_MONOTONIC. */
#define GP__NEVER INT64_MAX
#define GP__SEC   1000000000LL
#define GP__MSEC  1000000LL

/* Does not return: says what was wrong on stderr and aborts. Assertions stay
 * on in every build; they are cheap and a wrong scheduler is not. */
void gp__panic(const char *file, int line, const char *what) GP_NORETURN;
#define gp__assert(x) \
	(gp__likely(x) ? (void)0 : gp__panic(__FILE__, __LINE__, #x))

#endif
