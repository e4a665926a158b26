/*
 * unit.h: what the unit tests share. Include it first. A unit test is a program of a few cases. It runs each case in a
 *child of its own, so that every case begins without a hub and one that crashes or hangs takes no other with it. For
 *each it prints a TAP line, and before it what was expected and what came. Exit status: 0 when every case held, 1 when
 *one did not, 77 when none could run here.
 *
 *	NAME                all cases
 *	NAME -l             lists them
 *	NAME WORDS          those whose text contains WORDS
 *
 * UNIT_LIMIT=seconds for a case (10); UNIT_SEED=number repeats what a case with random operations did;
 * UNIT_TOOL=valgrind or asan is set where the program runs under one of these.
 */
#ifndef UNIT_H
#define UNIT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The files of the project that a test includes have parameters that they do not use. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#define UNIT_UNUSED __attribute__((unused))

/* ---- cases ------------------------------------------------------------------ */

struct unit_case {
	const char *text;
	void (*run)(void);
};

static struct unit_case unit_cases[64];
static int unit_count;
static int unit_failures; /* of the case that runs */

static void unit_add(const char *text, void (*run)(void))
{
	unit_cases[unit_count++] = (struct unit_case){ text, run };
}

#define UNIT_JOIN_(a, b) a##b
#define UNIT_JOIN(a, b)  UNIT_JOIN_(a, b)
/* CASE("what holds") { ... } */
#define CASE(text)                                                                    \
	static void UNIT_JOIN(unit_case_, __LINE__)(void);                            \
	__attribute__((constructor)) static void UNIT_JOIN(unit_add_, __LINE__)(void) \
	{                                                                             \
		unit_add(text, UNIT_JOIN(unit_case_, __LINE__));                      \
	}                                                                             \
	static void UNIT_JOIN(unit_case_, __LINE__)(void)

/* ---- expectations ------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static void unit_fail(const char *file, int line, const char *format, ...)
{
	char text[1500];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (unit_failures++ < 20)
		printf("# %s:%d: %s\n", strrchr(file, '/') ? strrchr(file, '/') + 1 : file, line, text);
}

#define EXPECT(cond)                                                         \
	do {                                                                 \
		if (!(cond))                                                 \
			unit_fail(__FILE__, __LINE__, "expected %s", #cond); \
	} while (0)

#define EXPECT_INT(expr, want)                                                                                  \
	do {                                                                                                    \
		long long came_ = (long long)(expr), want_ = (long long)(want);                                 \
		if (came_ != want_)                                                                             \
			unit_fail(__FILE__, __LINE__, "%s: expected %lld (%s), came %lld", #expr, want_, #want, \
			          came_);                                                                       \
	} while (0)

#define EXPECT_STR(expr, want)                                                                                  \
	do {                                                                                                    \
		const char *came_ = (expr), *want_ = (want);                                                    \
		if (strcmp(came_, want_))                                                                       \
			unit_fail(__FILE__, __LINE__, "%s: expected \"%s\", came \"%s\"", #expr, want_, came_); \
	} while (0)

/* The text contains the other one. */
#define EXPECT_HAS(expr, part)                                                                                        \
	do {                                                                                                          \
		const char *came_ = (expr), *part_ = (part);                                                          \
		if (!strstr(came_, part_))                                                                            \
			unit_fail(__FILE__, __LINE__, "%s: expected \"%s\" in it, came \"%s\"", #expr, part_, came_); \
	} while (0)

/* Ends the case: without this the rest makes no sense. */
#define NEED(cond)                                                                             \
	do {                                                                                   \
		if (!(cond)) {                                                                 \
			unit_fail(__FILE__, __LINE__, "expected %s (errno %d)", #cond, errno); \
			fflush(stdout);                                                        \
			_exit(1);                                                              \
		}                                                                              \
	} while (0)

/* Ends the case as one that cannot run here. */
UNIT_UNUSED static void unit_skip(const char *why)
{
	printf("SKIP %s\n", why);
	fflush(stdout);
	_exit(77);
}

UNIT_UNUSED static bool unit_under(const char *tool)
{
	const char *is = getenv("UNIT_TOOL");

	return is && !strcmp(is, tool);
}

/* ---- an order of events ---------------------------------------------------------- */

static char unit_trace[4096];

/* Adds a word; EXPECT_STR(unit_trace, "a b c") looks at them. */
__attribute__((format(printf, 1, 2))) UNIT_UNUSED static void trace(const char *format, ...)
{
	size_t n = strlen(unit_trace);
	va_list args;

	if (n && n < sizeof unit_trace - 1)
		unit_trace[n++] = ' ';
	va_start(args, format);
	vsnprintf(unit_trace + n, sizeof unit_trace - n, format, args);
	va_end(args);
}

/* ---- chance ------------------------------------------------------------------------ */

static uint64_t unit_state;

/* Called once by a case that uses unit_random(). */
UNIT_UNUSED static void unit_seed(void)
{
	const char *given = getenv("UNIT_SEED");

	unit_state = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();
	printf("# UNIT_SEED=%llu repeats this\n", (unsigned long long)unit_state);
}

/* From 0 to n - 1; splitmix64. */
UNIT_UNUSED static unsigned unit_random(unsigned n)
{
	uint64_t z = unit_state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (unsigned)((z ^ z >> 31) % n);
}

/* ---- standard error --------------------------------------------------------------- */

static int unit_stderr = -1, unit_captured = -1;

/* What goes to descriptor fd (1 or 2) from here on is kept. */
UNIT_UNUSED static void capture(int fd)
{
	fflush(stdout);
	unit_captured = memfd_create("captured", MFD_CLOEXEC);
	unit_stderr = fcntl(fd, F_DUPFD_CLOEXEC, 100);
	NEED(unit_captured >= 0 && unit_stderr >= 0 && dup2(unit_captured, fd) == fd);
}

/* Ends that; gives what came. */
UNIT_UNUSED static const char *captured(int fd)
{
	static char text[65536];
	ssize_t n;

	fflush(stdout);
	n = pread(unit_captured, text, sizeof text - 1, 0);
	dup2(unit_stderr, fd);
	close(unit_stderr);
	close(unit_captured);
	NEED(n >= 0);
	text[n] = 0;
	return text;
}

/* ---- what a process has ------------------------------------------------------------ */

/* How many are open; it needs none itself. */
UNIT_UNUSED static int unit_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 1200; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

UNIT_UNUSED static long unit_resident_kib(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long pages = 0;

	NEED(f && fscanf(f, "%*d %ld", &pages) == 1);
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Lets other greenlets run until the condition holds. */
#define UNTIL(condition)     \
	while (!(condition)) \
	NEED(!gp_sleep(GP_MSEC))

/* ---- processes and time --------------------------------------------------------------- */

/* A fork whose child dies with the case. */
UNIT_UNUSED static pid_t unit_fork(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	NEED(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(0);
		unit_failures = 0;
	}
	return pid;
}

/* Ends such a child; its status tells whether all that it expected came. */
__attribute__((noreturn)) UNIT_UNUSED static void unit_leave(void)
{
	fflush(stdout);
	_exit(unit_failures ? 1 : 0);
}

/* The wait status of a child. */
UNIT_UNUSED static int unit_wait(pid_t pid)
{
	int status = -1;

	NEED(waitpid(pid, &status, 0) == pid);
	return status;
}

UNIT_UNUSED static int64_t unit_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* Computes until the monotonic clock has passed `at`: the scheduler gets no turn. */
UNIT_UNUSED static void unit_spin_until(int64_t at)
{
	while (unit_now() <= at)
		;
}

/* ---- the runner --------------------------------------------------------------------------- */

/* Runs one case; 0 held, 1 did not, 77 skipped. What it printed went out before its TAP line. */
static int unit_run(const struct unit_case *c, int number)
{
	const char *limit = getenv("UNIT_LIMIT");
	unsigned seconds = limit ? (unsigned)atoi(limit) : 10;
	char why[256] = "", *line;
	int to_us[2], status = 0, verdict;
	FILE *out;
	pid_t pid;

	fflush(stdout);
	if (pipe2(to_us, O_CLOEXEC) || (pid = fork()) < 0) {
		perror("unit");
		exit(1);
	}
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(to_us[1], 1);
		close(to_us[0]);
		close(to_us[1]);
		alarm(seconds);
		c->run();
		fflush(stdout);
		exit(unit_failures ? 1 : 0);
	}
	close(to_us[1]);
	out = fdopen(to_us[0], "r");
	for (size_t room = 0; line = NULL, getline(&line, &room, out) > 0; free(line), room = 0)
		if (!strncmp(line, "SKIP ", 5))
			snprintf(why, sizeof why, " # SKIP %.*s", (int)strcspn(line + 5, "\n"), line + 5);
		else
			fputs(line, stdout);
	free(line);
	fclose(out);
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		printf("# expected an end within %u s, came none\n", seconds);
	else if (WIFSIGNALED(status))
		printf("# expected an end by itself, came signal %d (SIG%s)\n", WTERMSIG(status),
		       sigabbrev_np(WTERMSIG(status)));
	else if (WEXITSTATUS(status) > 1 && WEXITSTATUS(status) != 77)
		printf("# expected exit status 0, came %d\n", WEXITSTATUS(status));
	verdict = WIFEXITED(status) && (!WEXITSTATUS(status) || WEXITSTATUS(status) == 77) ? WEXITSTATUS(status) : 1;
	printf("%s %d - %s: %s%s\n", verdict == 1 ? "not ok" : "ok", number, program_invocation_short_name, c->text,
	       why);
	return verdict;
}

int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : "";
	bool list = !strcmp(only, "-l");
	int ran = 0, failed = 0, skipped = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 0; i < unit_count; i++) {
		int verdict;

		if (list) {
			puts(unit_cases[i].text);
			continue;
		}
		if (!strstr(unit_cases[i].text, only))
			continue;
		verdict = unit_run(&unit_cases[i], ++ran);
		failed += verdict == 1;
		skipped += verdict == 77;
	}
	if (list)
		return 0;
	printf("1..%d\n", ran);
	return !ran || failed ? 1 : skipped == ran ? 77 : 0;
}

#endif
