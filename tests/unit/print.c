/* print.c - messages without stdio: compared with what printf makes of the same. */
#include "unit.h"
#include "core/print.h"

/* The compiler must not judge the formats: some are chosen on purpose. */
#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-truncation"

#define SAME(...)                                                                                                  \
	do {                                                                                                       \
		char want_[512], came_[512];                                                                       \
		int n_ = snprintf(want_, sizeof want_, __VA_ARGS__);                                               \
		size_t m_ = gp__format(came_, sizeof came_, __VA_ARGS__);                                          \
		if (strcmp(want_, came_) || (size_t)n_ != m_)                                                      \
			unit_fail(__FILE__, __LINE__, "%s: expected \"%s\" (%d), came \"%s\" (%zu)", #__VA_ARGS__, \
			          want_, n_, came_, m_);                                                           \
	} while (0)

CASE("numbers come out as printf prints them")
{
	SAME("%d %d %d", 0, 1, -1);
	SAME("%d %d", INT_MAX, INT_MIN);
	SAME("%ld %ld", LONG_MAX, LONG_MIN);
	SAME("%u %u", 0U, UINT_MAX);
	SAME("%lu", ULONG_MAX);
	SAME("%x %x %lx", 0U, 0xdeadbeefU, 0x123456789abcdefUL);
	SAME("%p", (void *)0x7fff12345678);
	SAME("%lld", (long long)INT64_MIN);
}

CASE("text and signs come out as printf prints them")
{
	SAME("%s", "");
	SAME("[%s] %% [%s]", "one", "two");
	SAME("no directive");
	SAME("%s%s%s", "a", "", "b");
}

CASE("widths come out as printf prints them")
{
	SAME("[%5s][%-5s][%2s]", "ab", "ab", "abc");
	SAME("[%5d][%-5d][%05d][%1d]", 42, 42, 42, 42);
	SAME("[%5d][%-5d][%1d]", -42, -42, -42);
	SAME("[%08x][%8x][%-8x]", 0xabcU, 0xabcU, 0xabcU);
	SAME("[%20lu][%-20lu][%020lu]", ULONG_MAX, ULONG_MAX, ULONG_MAX);
	SAME("[%-9s]", "GREENPATCH");
	SAME("[%03d]", 1234);
}

CASE("zeroes stand behind the sign and count for the width")
{
	SAME("[%05d]", -42);
	SAME("[%03ld]", -4L);
}

CASE("random numbers and widths come out as printf prints them")
{
	unit_seed();
	for (int i = 0; i < 5000; i++) {
		static const char *const kinds[] = { "ld", "lu", "lx" };
		static const char *const flags[] = { "", "-" };
		long v = (long)((uint64_t)unit_random(UINT_MAX) << unit_random(33)) * (unit_random(2) ? 1 : -1);
		char format[32], want[128], came[128];

		snprintf(format, sizeof format, "[%%%s%u%s]", flags[unit_random(2)], 1 + unit_random(24),
		         kinds[unit_random(3)]);
		snprintf(want, sizeof want, format, v);
		gp__format(came, sizeof came, format, v);
		if (strcmp(want, came))
			unit_fail(__FILE__, __LINE__, "%s of %ld: expected %s, came %s", format, v, want, came);
	}
}

CASE("what does not fit is cut, and the end is marked")
{
	char room[8];

	for (size_t size = 1; size <= sizeof room; size++) {
		memset(room, '#', sizeof room);
		EXPECT_INT(gp__format(room, size, "%s%d", "abc", 123456), size - 1);
		EXPECT_INT(strlen(room), size - 1);
		EXPECT(!strncmp(room, "abc1234", size - 1));
		for (size_t i = size; i < sizeof room; i++)
			EXPECT_INT(room[i], '#');
	}
}

CASE("a percent sign at the end does no harm")
{
	char room[16];

	EXPECT_INT(gp__format(room, sizeof room, "100%"), 3);
	EXPECT_STR(room, "100");
}

CASE("gp__say writes one line with its prefix to stderr, gp__out one without to stdout")
{
	capture(2);
	gp__say("%d greenlets in %s", 3, "here");
	EXPECT_STR(captured(2), "greenpatch: 3 greenlets in here\n");
	capture(1);
	gp__out("  %-6s|", "ab");
	EXPECT_STR(captured(1), "  ab    |\n");
}

CASE("a line that is too long is cut and still ends")
{
	char much[2000];
	const char *came;

	memset(much, 'x', sizeof much);
	much[sizeof much - 1] = 0;
	capture(2);
	gp__say("%s", much);
	came = captured(2);
	EXPECT_INT(strlen(came) <= 512, 1);
	EXPECT_INT(came[strlen(came) - 1], '\n');
	EXPECT_INT(strchr(came, '\n') - came, strlen(came) - 1);
}

static void ignored(int signo) {}

CASE("gp__panic says where, and ends by SIGABRT even if that is caught and blocked")
{
	int out[2];
	char text[512] = "";
	ssize_t n;
	int status;
	pid_t pid;

	NEED(!pipe(out));
	pid = unit_fork();
	if (!pid) {
		struct rlimit none = { 0, 0 };
		sigset_t all;

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, ignored);
		sigfillset(&all);
		sigprocmask(SIG_BLOCK, &all, NULL);
		dup2(out[1], 2);
		gp__panic("file.c", 17, "up == down");
	}
	close(out[1]);
	status = unit_wait(pid);
	n = read(out[0], text, sizeof text - 1);
	NEED(n >= 0);
	EXPECT_HAS(text, "greenpatch: file.c:17: ");
	EXPECT_HAS(text, "up == down\n");
	EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

CASE("gp__assert lets pass what holds")
{
	gp__assert(1 + 1 == 2);
}
