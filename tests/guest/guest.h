/*
 * guest.h: what the guest programs share. A guest is an ordinary blocking program that shows one behaviour: it prints
 * the same lines on every run, its checks print what was expected and what came, and its exit status is 0 only if all
 * held. It knows nothing of the library that it is tested with. Include this first: it asks for the GNU interfaces of
 * libc.
 */
#ifndef GUEST_H
#define GUEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static int guest_failures;

/* An address at which nothing is, and a count that is wrong; the compiler must not know. */
__attribute__((unused)) static void *volatile guest_nowhere = (void *)8;
__attribute__((unused)) static volatile int guest_minus_one = -1;

/* Lines leave at once, so that a fork never copies a half-full buffer. */
__attribute__((constructor)) static void guest_start(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
}

__attribute__((format(printf, 3, 4))) static inline void guest_fail(const char *file, int line, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	__atomic_add_fetch(&guest_failures, 1, __ATOMIC_RELAXED);
	printf("FAILED %s:%d: %s\n", strrchr(file, '/') ? strrchr(file, '/') + 1 : file, line, text);
}

/* The condition holds. */
#define CHECK(cond)                                                           \
	do {                                                                  \
		if (!(cond))                                                  \
			guest_fail(__FILE__, __LINE__, "expected %s", #cond); \
	} while (0)

/* The integer expression has this value. */
#define CHECK_INT(expr, want)                                                                                        \
	do {                                                                                                         \
		long long got_ = (long long)(expr), want_ = (long long)(want);                                       \
		if (got_ != want_)                                                                                   \
			guest_fail(__FILE__, __LINE__, "%s: expected %lld (%s), came %lld (errno %d)", #expr, want_, \
			           #want, got_, errno);                                                              \
	} while (0)

/* The call succeeds, in the manner of pthread_ functions: returns 0, else an error number. */
#define CHECK_OK(expr) CHECK_INT(expr, 0)

/* The call returns -1 and errno is this. */
#define CHECK_FAILS(expr, error)                                                                                    \
	do {                                                                                                        \
		long long got_;                                                                                     \
		errno = 0;                                                                                          \
		got_ = (long long)(expr);                                                                           \
		if (got_ != -1 || errno != (error))                                                                 \
			guest_fail(__FILE__, __LINE__, "%s: expected -1 with %s, came %lld with %s", #expr, #error, \
			           got_, strerrorname_np(errno) ? strerrorname_np(errno) : "?");                    \
	} while (0)

/* The two strings are equal. */
#define CHECK_STR(expr, want)                                                                            \
	do {                                                                                             \
		const char *got_ = (expr), *want_ = (want);                                              \
		if (!got_ || strcmp(got_, want_))                                                        \
			guest_fail(__FILE__, __LINE__, "%s: expected \"%s\", came \"%s\"", #expr, want_, \
			           got_ ? got_ : "(null)");                                              \
	} while (0)

/* The exit status of a guest: 0 when every check held. */
static inline int guest_done(void)
{
	int failures = __atomic_load_n(&guest_failures, __ATOMIC_RELAXED);

	if (failures)
		printf("%d checks failed\n", failures);
	else
		printf("done\n");
	return failures ? 1 : 0;
}

/* Ends the program when going on makes no sense. */
__attribute__((noreturn)) static inline void guest_die(const char *what)
{
	printf("FAILED %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Monotonic milliseconds. */
static inline int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * (int64_t)1000 + ts.tv_nsec / 1000000;
}

static inline struct timespec ms_timespec(int64_t ms)
{
	struct timespec ts;

	ts.tv_sec = ms / 1000;
	ts.tv_nsec = ms % 1000 * 1000000;
	return ts;
}

/* The moment on this clock that lies so many milliseconds ahead. */
static inline struct timespec clock_in(clockid_t clock, int64_t ms)
{
	struct timespec ts, more = ms_timespec(ms);

	clock_gettime(clock, &ts);
	ts.tv_sec += more.tv_sec;
	ts.tv_nsec += more.tv_nsec;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_nsec -= 1000000000;
		ts.tv_sec++;
	}
	return ts;
}

static inline void sleep_ms(int64_t ms)
{
	struct timespec ts = ms_timespec(ms);

	while (nanosleep(&ts, &ts) == -1 && errno == EINTR)
		;
}

/* The entries of /proc/self/fd: each open descriptor, and three that are there always. */
static inline int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static inline pthread_t thread_start(void *(*run)(void *), void *arg)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, run, arg);

	if (error) {
		errno = error;
		guest_die("pthread_create");
	}
	return thread;
}

static inline void *thread_join(pthread_t thread)
{
	void *value = NULL;

	CHECK_OK(pthread_join(thread, &value));
	return value;
}

/* Installs a handler with these flags and an empty mask. */
static inline void on_signal(int signo, void (*handler)(int), int flags)
{
	struct sigaction action;

	memset(&action, 0, sizeof action);
	action.sa_handler = handler;
	action.sa_flags = flags;
	CHECK_INT(sigaction(signo, &action, NULL), 0);
}

/* Reads or writes exactly so many bytes; fails the program's check otherwise. */
static inline void read_all(int fd, void *buffer, size_t size)
{
	char *p = (char *)buffer;

	while (size > 0) {
		ssize_t n = read(fd, p, size);

		if (n <= 0) {
			guest_fail(__FILE__, __LINE__, "read: %zu bytes are missing, came %zd (%s)", size, n,
			           strerror(errno));
			return;
		}
		p += n;
		size -= (size_t)n;
	}
}

/* The body of a thread that waits for a byte from *(int *)fd. */
static inline void *byte_awaited(void *fd)
{
	char byte;

	read_all(*(int *)fd, &byte, 1);
	return fd;
}

static inline void write_all(int fd, const void *buffer, size_t size)
{
	const char *p = (const char *)buffer;

	while (size > 0) {
		ssize_t n = write(fd, p, size);

		if (n <= 0) {
			guest_fail(__FILE__, __LINE__, "write: %zu bytes are left, came %zd (%s)", size, n,
			           strerror(errno));
			return;
		}
		p += n;
		size -= (size_t)n;
	}
}

#endif
