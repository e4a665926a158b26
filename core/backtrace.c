/* backtrace.c - where a greenlet stands (backtrace.h).
 *
 * libc's unwinder begins with its caller. gp__unwind() (unwind.S) calls it in
 * such a way that the caller seems to be the parked context, on the hub's
 * stack, because the greenlet's own may be too small for an unwinder.
 *
 * Our own frames say nothing to a user. They are known by the section that all
 * code of the core is put into (Makefile), whose ends the linker names; where
 * that was not done, they are shown.
 *
 * Under the shim, where nothing of libc may be called, the shim's own unwinder
 * does it (preload/unwind.c).
 */
#include "core/backtrace.h"

#ifdef GP_SHIM
int gp__backtrace(const struct gp_greenlet *g, void **at, int room) { return g->hub->hooks->backtrace(g, at, room); }
void gp__backtrace_print(void *const *at, int n, int fd) { gp__hub()->hooks->frames_print(at, n, fd); }

int gp__backtrace_interrupted(void **at, int room)
{
	struct gp_hub *h = gp__hub();

	return gp__backtrace(h->current, at, room);
}

void gp__backtrace_prepare(void) {}
#else
#include <execinfo.h>
#include <string.h>
#include <unistd.h>

#define DEPTH 64

extern const char __start_gp_text[] __attribute__((weak, visibility("hidden")));
extern const char __stop_gp_text[] __attribute__((weak, visibility("hidden")));

/* unwind.S */
void gp__unwind(void *context, void *stack, void (*fn)(void *arg), void *arg);

struct trail {
	void *at[DEPTH];
	int n;
};

static bool is_ours(const void *pc)
{
	return __start_gp_text && (const char *)pc >= __start_gp_text && (const char *)pc <= __stop_gp_text;
}

static int without_ours(const struct trail *t, int from, void **at, int room)
{
	int n = 0;

	for (int i = from; i < t->n && n < room; i++)
		if (t->at[i] && !is_ours(t->at[i]))
			at[n++] = t->at[i];
	return n;
}

static void look(void *arg)
{
	struct trail *t = arg;

	t->n = backtrace(t->at, DEPTH);
}

int gp__backtrace(const struct gp_greenlet *g, void **at, int room)
{
	struct gp_hub *h = g->hub;
	bool self = g == h->current;
	struct trail t = { .n = 0 };

	if (g->state == GP__UNBORN || g->state == GP__NEW || (g->state == GP__DEAD && !self))
		return 0;
	gp__unwind(self ? NULL : g->sp, h->current ? h->sp : NULL, look, &t);
	return without_ours(&t, 0, at, room);
}

/* Two frames of the kernel's making: the handler, and what it returns to. */
int gp__backtrace_interrupted(void **at, int room)
{
	struct trail t;
	int from = 0;

	look(&t);
	while (from < t.n && is_ours(t.at[from]))
		from++;
	return without_ours(&t, from + 1, at, room);
}

/* backtrace_symbols_fd() writes a line each; these get an indent. */
void gp__backtrace_print(void *const *at, int n, int fd)
{
	for (int i = 0; i < n; i++) {
		if (write(fd, "    at ", 7) < 0)
			return;
		backtrace_symbols_fd(&at[i], 1, fd);
	}
}

void gp__backtrace_prepare(void)
{
	struct trail t;

	look(&t);
}
#endif
