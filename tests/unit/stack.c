/* stack.c - stacks: their size, the guard page below them, and that they are used again. */
#include "unit.h"
#include "core/run/hub.h"
#include "greenpatch.h"

static void join_one(struct gp_greenlet *g)
{
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
}

CASE("a stack has the size that was asked for, in whole pages, and all of it can be written")
{
	static const size_t sizes[] = { 1, 4096, 4097, 65536, 1 << 20 };
	struct gp_hub *h = gp_self()->hub;

	for (unsigned i = 0; i < gp__count(sizes); i++) {
		struct gp_stack s;

		EXPECT_INT(gp__stack_make(h, &s, sizes[i]), 0);
		EXPECT_INT(s.size, gp__align_up(sizes[i], 4096UL));
		EXPECT_INT((uintptr_t)s.base % 4096, 0);
		memset(s.base, 0x55, s.size);
		gp__stack_free(h, &s);
		EXPECT_INT(s.size, 0);
		gp__stack_free(h, &s); /* nothing left to free */
	}
}

CASE("a freed stack is used again, for the same size only")
{
	struct gp_hub *h = gp_self()->hub;
	struct gp_stack a, b, c;
	void *was;

	EXPECT_INT(gp__stack_make(h, &a, 8192), 0);
	was = a.base;
	gp__stack_free(h, &a);
	EXPECT_INT(gp__stack_make(h, &b, 16384), 0);
	EXPECT(b.base != was);
	EXPECT_INT(gp__stack_make(h, &c, 8192), 0);
	EXPECT(c.base == was);
	gp__stack_free(h, &b);
	gp__stack_free(h, &c);
}

CASE("stacks in use do not overlap; of more than 4 MiB of spare ones the memory goes back to the kernel")
{
	enum { SIZE = 65536, KEPT = (4 << 20) / SIZE };
	static struct gp_stack s[100];
	struct gp_hub *h = gp_self()->hub;
	int resident = 0;
	void *base[100];

	for (int i = 0; i < 100; i++) {
		EXPECT_INT(gp__stack_make(h, &s[i], SIZE), 0);
		memset(s[i].base, i, s[i].size);
		base[i] = s[i].base;
	}
	for (int i = 0; i < 100; i++) {
		const unsigned char *p = s[i].base;

		for (size_t at = 0; at < s[i].size; at++)
			if (p[at] != i) {
				unit_fail(__FILE__, __LINE__, "stack %d: byte %zu was written by another", i, at);
				break;
			}
	}
	for (int i = 0; i < 100; i++)
		gp__stack_free(h, &s[i]);
	EXPECT_INT(h->spare_count, KEPT);
	for (int i = 0; i < 100; i++) {
		unsigned char in_core;

		resident += !mincore(base[i], 4096, &in_core) && in_core & 1;
	}
	EXPECT_INT(resident, KEPT);
	for (int i = 0; i < 100; i++) /* all of them again, whether they were warm or not */
		EXPECT_INT(gp__stack_make(h, &s[i], SIZE), 0);
	for (int i = 0; i < 100; i++)
		memset(s[i].base, i, s[i].size);
	for (int i = 0; i < 100; i++)
		EXPECT_INT(((unsigned char *)s[i].base)[SIZE - 1], i);
	for (int i = 0; i < 100; i++)
		gp__stack_free(h, &s[i]);
	EXPECT_INT(h->spare_count, KEPT);
}

CASE("stacks of one size lie close together, each with a guard page, and their memory costs no more than what is touched")
{
	enum { N = 1000 };
	static struct gp_stack s[N];
	struct gp_hub *h = gp_self()->hub;
	uintptr_t low = UINTPTR_MAX, high = 0;

	for (int i = 0; i < N; i++) {
		EXPECT_INT(gp__stack_make(h, &s[i], 8192), 0);
		((char *)s[i].base)[8191] = 1;
		if ((uintptr_t)s[i].base < low)
			low = (uintptr_t)s[i].base;
		if ((uintptr_t)s[i].base > high)
			high = (uintptr_t)s[i].base;
	}
	if (!unit_under("valgrind") && !unit_under("asan"))
		EXPECT(high - low < (N / 170 + 2) * (2UL << 20));
	for (int i = N - 1; i >= 0; i--)
		gp__stack_free(h, &s[i]);
	EXPECT_INT(h->spare_count, (4 << 20) / 8192);
}

CASE("a stack above 256 KiB is a mapping of its own, and is not kept")
{
	struct gp_hub *h = gp_self()->hub;
	struct gp_stack s;
	unsigned char in_core;
	void *base;

	EXPECT_INT(gp__stack_make(h, &s, 260 << 10), 0);
	base = s.base;
	memset(base, 1, s.size);
	gp__stack_free(h, &s);
	EXPECT_INT(h->spare_count, 0);
	EXPECT(mincore(base, 4096, &in_core));
}

/* ---- overflow ------------------------------------------------------------------------- */

static struct gp_stack under; /* the stack that will overflow */

/* Goes down by 1 KiB a call, so that no page is passed over. */
static int __attribute__((noinline)) deeper(int depth)
{
	volatile char block[1024];

	block[0] = (char)depth;
	return depth ? deeper(depth - 1) + block[0] : 0;
}

static void *too_deep(void *arg)
{
	under = gp_self()->stack;
	trace("%d", deeper(*(int *)arg));
	return NULL;
}

CASE("a greenlet may use 40 KiB of its stack")
{
	int depth = 30;

	join_one(gp_spawn(too_deep, &depth));
	EXPECT(unit_trace[0]);
}

static void say_where(int signo, siginfo_t *info, void *context)
{
	char *guard = (char *)under.base - 4096, *at = info->si_addr;

	_exit(at >= guard && at < guard + 4096 ? 42 : 43);
}

CASE("an overflow hits the guard page")
{
	int depth = 1000;
	pid_t pid = unit_fork();

	if (!pid) {
		static char alternate[16384];
		stack_t ss = { .ss_sp = alternate, .ss_size = sizeof alternate };
		struct sigaction sa = { .sa_sigaction = say_where, .sa_flags = SA_SIGINFO | SA_ONSTACK };

		NEED(!sigaltstack(&ss, NULL) && !sigaction(SIGSEGV, &sa, NULL));
		join_one(gp_spawn(too_deep, &depth));
		unit_leave();
	}
	EXPECT_INT(WEXITSTATUS(unit_wait(pid)), 42);
}

CASE("without a handler, an overflow ends the program by SIGSEGV")
{
	int depth = 1000, status;
	pid_t pid;

	if (unit_under("valgrind"))
		unit_skip("valgrind reports the fault as an error of the program");
	pid = unit_fork();
	if (!pid) {
		struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGSEGV, SIG_DFL);
		join_one(gp_spawn(too_deep, &depth));
		unit_leave();
	}
	status = unit_wait(pid);
	EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

CASE("a recycled stack has its guard page still")
{
	int depth = 1000;
	pid_t pid;

	for (int i = 0; i < 5; i++) {
		int shallow = 10;

		join_one(gp_spawn(too_deep, &shallow));
		gp_yield();
	}
	pid = unit_fork();
	if (!pid) {
		static char alternate[16384];
		stack_t ss = { .ss_sp = alternate, .ss_size = sizeof alternate };
		struct sigaction sa = { .sa_sigaction = say_where, .sa_flags = SA_SIGINFO | SA_ONSTACK };

		NEED(!sigaltstack(&ss, NULL) && !sigaction(SIGSEGV, &sa, NULL));
		join_one(gp_spawn(too_deep, &depth));
		unit_leave();
	}
	EXPECT_INT(WEXITSTATUS(unit_wait(pid)), 42);
}
