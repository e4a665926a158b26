/* backtrace.c - where a greenlet stands, and who is in its way.
 *
 * A program has no frame pointers, and reading its unwind tables here would be
 * a debugger inside it. So, beside the place of the call, we show what on the
 * stack looks like a return address: a word that points into executable memory
 * right behind a call instruction. Some may be left over from calls that have
 * returned long ago; the line says that it is a finding, not a proof.
 *
 * Everything is read by process_vm_readv, which cannot fault: a list may be
 * made inside the signal handler, where a fault would be the end. Only the
 * first greenlets of a list are looked at like this.
 */
#include <linux/futex.h>
#include <sys/uio.h>
#include "preload/calls/thread.h"
#include "preload/diag.h"
#include "preload/trap/maps.h"

#define DETAILED   100  /* greenlets of a list that are looked at */
#define FOUND_MAX  8    /* return addresses that are shown of one */
#define STACK_LOOK 4096 /* bytes of a stack that are looked through */
#define TID_MASK   0x3fffffffU

/* Executable mappings, in the order of their addresses; read anew for each list. */
struct text {
	uint64_t low, high;
	uint64_t base; /* what addresses in the file count from */
	char name[48];
};

static struct {
	struct text *text;
	unsigned count, room;
	uint64_t file_base;  /* of the file that was last seen to begin ... */
	char file_name[48];  /* ... and its name */
	unsigned long place; /* of the greenlet in the list */
} table;

/* Bytes read from addr, up to n; fewer where the memory ends. */
static size_t peek(uint64_t addr, void *buf, size_t n)
{
	size_t done = 0;

	while (done < n) { /* a page at a time: all of it or nothing */
		size_t piece = gp__min(n - done, GP__PAGE - (addr + done) % GP__PAGE);
		struct iovec to = { (char *)buf + done, piece }, from = { (void *)(addr + done), piece };

		if (gp__raw(SYS_process_vm_readv, gp__shim.hub->pid, &to, 1, &from, 1, 0) != (long)piece)
			break;
		done += piece;
	}
	return done;
}

/* ---- texts ----------------------------------------------------------------- */

static void copy_name(char to[48], const char *from)
{
	gp__format(to, 48, "%s", from);
}

static bool same_name(const char *a, const char *b)
{
	char cut[48];

	copy_name(cut, b);
	return !memcmp(a, cut, strlen(cut) + 1);
}

static bool note(const struct gp_map *m, void *arg)
{
	struct text *t;

	if (m->file && !m->offset) {
		uint16_t type = 0;

		copy_name(table.file_name, m->name);
		peek(m->low + 16, &type, sizeof type);
		table.file_base = type == 2 ? 0 : m->low; /* ET_EXEC: its addresses are absolute */
	}
	if (!m->exec || (m->low <= gp__shim.text && gp__shim.text < m->high))
		return true;
	if (table.count == table.room) {
		t = gp__realloc(table.text, (table.room + 64) * sizeof *t);
		if (!t)
			return false;
		table.text = t;
		table.room += 64;
	}
	t = &table.text[table.count++];
	t->low = m->low;
	t->high = m->high;
	copy_name(t->name, *m->name ? m->name : "anonymous");
	t->base = m->file && same_name(table.file_name, m->name) ? table.file_base : m->low - m->offset;
	return true;
}

static const struct text *text_of(uint64_t addr)
{
	unsigned low = 0, high = table.count;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (addr < table.text[mid].low)
			high = mid;
		else if (addr >= table.text[mid].high)
			low = mid + 1;
		else
			return &table.text[mid];
	}
	return NULL;
}

void gp__list_next(struct gp_hub *h, unsigned long before)
{
	table.place = before;
	if (before)
		return;
	table.count = 0;
	table.file_name[0] = 0;
	gp__maps_each(note, NULL);
}

/* ---- stacks ----------------------------------------------------------------- */

/* Whether an indirect call (ff /2) of `len` bytes, at p, ends at p + len. */
static bool is_indirect(const uint8_t *p, unsigned len)
{
	unsigned mod = p[1] >> 6, rm = p[1] & 7, want = 2;

	if (p[0] != 0xff || (p[1] >> 3 & 7) != 2)
		return false;
	if (mod != 3 && rm == 4)
		want++;
	if (mod == 1)
		want++;
	else if (mod == 2 || (mod == 0 && (rm == 5 || (rm == 4 && (p[2] & 7) == 5))))
		want += 4;
	return want == len;
}

static bool follows_call(uint64_t addr)
{
	uint8_t code[7];

	if (peek(addr - sizeof code, code, sizeof code) != sizeof code)
		return false;
	if (code[2] == 0xe8)
		return true;
	for (unsigned len = 2; len <= 7; len++)
		if (is_indirect(code + sizeof code - len, len))
			return true;
	return false;
}

static size_t format_address(char *buf, size_t size, uint64_t addr)
{
	const struct text *t = text_of(addr);

	return t ? gp__format(buf, size, " %s+0x%lx", t->name, addr - t->base) : gp__format(buf, size, " 0x%lx", addr);
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
	static uint64_t words[STACK_LOOK / 8];
	const struct gp_guest *t = gp__guest(g);
	char text[448];
	size_t at, n;
	unsigned found = 0;

	if (table.place >= DETAILED || !in_call(t))
		return;
	at = gp__format(text, sizeof text, "      in ");
	at += gp__call_format(text + at, sizeof text - at, t->frame);
	at += gp__format(text + at, sizeof text - at, " at");
	format_address(text + at, sizeof text - at, t->frame->ret);
	gp__print(fd, "%s", text);
	at = gp__format(text, sizeof text, "      on its stack:");
	n = peek(t->frame->rsp, words, sizeof words) / 8;
	for (size_t i = 0; i < n && found < FOUND_MAX && at < sizeof text - 80; i++) {
		if (!text_of(words[i]) || !follows_call(words[i]))
			continue;
		at += format_address(text + at, sizeof text - at, words[i]);
		found++;
	}
	if (found)
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

	if (peek(t->g.wait_object, &m, sizeof m) != sizeof m)
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

	if (table.place >= DETAILED || !in_call(t))
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
