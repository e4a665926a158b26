/* backtrace.c - where a greenlet stands, and who is in its way: for people.
 *
 * Memory of the program is read by gp__peek(), because a list may be made inside
 * the signal handler, where a fault would be the end. Only the first greenlets of
 * a list are looked at like this.
 */
#include <linux/futex.h>
#include "preload/calls/thread.h"
#include "preload/diag.h"
#include "preload/modules.h"
#include "preload/unwind.h"

#define DETAILED 100 /* greenlets of a list that are looked at */
#define FRAMES   12  /* that are shown of one in a list */
#define TID_MASK 0x3fffffffU

static unsigned long place;       /* of the greenlet in the list */
static struct gp_modules modules; /* for what is printed; used by one at a time (format_address) */
static volatile bool printing;

void gp__list_next(struct gp_hub *h, unsigned long before)
{
	place = before;
}

/* Where the files are not known because a list is just being printed that a tick
 * has interrupted, the addresses have to do. */
static size_t format_address(char *buf, size_t size, uint64_t addr)
{
	size_t n;

	if (printing)
		return gp__format(buf, size, " 0x%lx", addr);
	printing = true;
	n = gp__module_format(&modules, buf, size, addr);
	printing = false;
	return n;
}

/* A line for each, as core's: "    at libc.so.6+0x1234". */
void gp__frames_print(void *const *at, int n, int fd)
{
	char text[80];

	for (int i = 0; i < n; i++) {
		format_address(text, sizeof text, (uint64_t)at[i]);
		gp__print(fd, "    at%s", text);
	}
}

static bool in_call(const struct gp_guest *t)
{
	char *here = __builtin_frame_address(0);

	if (!t->frame)
		return false;
	if (t->g.state == GP__PARKED)
		return true;
	/* Who runs is in a call unless our signal handler interrupted its code. */
	return t->g.state == GP__RUNNING && (size_t)(here - (char *)gp__shim.altstack) >= ALTSTACK_SIZE;
}

void gp__list_detail(struct gp_greenlet *g, int fd)
{
	const struct gp_guest *t = gp__guest(g);
	void *frames[FRAMES];
	char text[640];
	int n, first = 0;
	size_t at;

	if (place >= DETAILED)
		return;
	n = gp__unwind(g, frames, FRAMES);
	if (in_call(t)) {
		at = gp__format(text, sizeof text, "      in ");
		at += gp__call_format(text + at, sizeof text - at, t->frame);
		at += gp__format(text + at, sizeof text - at, " at");
		format_address(text + at, sizeof text - at, t->frame->ret);
		gp__print(fd, "%s", text);
		first = n && (uint64_t)frames[0] == t->frame->ret;
	}
	at = gp__format(text, sizeof text, first ? "      called from" : "      at");
	for (int i = first; i < n && at < sizeof text - 80; i++)
		at += format_address(text + at, sizeof text - at, (uint64_t)frames[i]);
	if (first < n)
		gp__print(fd, "%s", text);
}

/* ---- owners ------------------------------------------------------------------ */

/* glibc's mutex: the word is 2 while somebody waits, and 8 bytes on stands the
 * owner's id. In a robust or priority-inheriting one the word is the id. */
static struct gp_guest *holder(const struct gp_guest *t)
{
	int op = (int)t->frame->rsi & FUTEX_CMD_MASK;
	struct { uint32_t lock, count, owner, users, kind; } m;
	struct gp_guest *owner = NULL;

	if (gp__peek(t->g.wait_object, &m, sizeof m) != sizeof m)
		return NULL;
	if (op == FUTEX_LOCK_PI || op == FUTEX_LOCK_PI2 || m.lock & FUTEX_WAITERS)
		owner = gp__thread_by_tid(gp__shim.hub, (int)(m.lock & TID_MASK));
	else if (m.lock == 2 && t->frame->rdx == 2 && m.users && !(m.kind & ~0x3ffU))
		owner = gp__thread_by_tid(gp__shim.hub, (int)m.owner);
	return owner;
}

/* A pthread_join waits for the id of a thread to become 0. */
static struct gp_guest *joined(const struct gp_guest *t)
{
	struct gp_guest *g = NULL;

	if (t->frame->rdx)
		g = gp__thread_by_tid(gp__shim.hub, (int)t->frame->rdx);
	return g && (unsigned long)g->clear_tid == t->g.wait_object ? g : NULL;
}

void gp__list_explain(struct gp_greenlet *g, char *buf, size_t size)
{
	const struct gp_guest *t = gp__guest(g);
	struct gp_guest *other;
	char name[24];

	if (place >= DETAILED || !in_call(t))
		return;
	if (g->state != GP__PARKED) {
		gp__format(buf, size, ", in %s", gp__call_name(t->frame->nr));
		return;
	}
	if (memcmp(g->wait_what, "futex", 6) || t->frame->nr != SYS_futex)
		return;
	other = holder(t);
	if (other) {
		g->hub->hooks->describe(&other->g, name, sizeof name);
		gp__format(buf, size, " (a mutex that #%lu %s holds)", other->g.id, name);
		return;
	}
	other = joined(t);
	if (other) {
		g->hub->hooks->describe(&other->g, name, sizeof name);
		gp__format(buf, size, " (the end of #%lu %s)", other->g.id, name);
	}
}
