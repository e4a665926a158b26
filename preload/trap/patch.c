/* patch.c - a site that trapped once becomes a jump.
 *
 * A stub lies within 2 GiB of its site, in a region of its own:
 *
 *	+0	mov $nr,%eax, or the head of a loop
 *		what stood between the mov and the syscall
 *		movabs $site,%r11
 *		jmp *(region)		to gp__entry
 *	+40	pointer to the struct site
 *	+48	what stood behind the syscall, jmp back		GP__FORM_TAIL
 *	+72	syscall, the same again, jmp back: for foreign kernel threads
 *
 * Laws:
 *  - A jmp, never a call: a return address would be pushed into the red zone.
 *  - GP__FORM_MOV may be patched at any time: the syscall stays where it is.
 *  - GP__FORM_TAIL overwrites what a saved frame could return into. Therefore
 *    a trap from such a site already leaves through the stub's copy (offset
 *    24), before the site is patched; nothing may jump into the tail (the
 *    direct jumps of the mapping are looked through once, for a site that
 *    trapped often), and no foreign kernel thread may exist.
 *  - Text is writable only while it is patched, and for a moment when its first
 *    site is met (make_alike()). Only private mappings of files are: what a JIT
 *    compiler writes stays on the trap. So does a file in memory (memfd_create),
 *    which it may write to by another mapping: a page of ours would hide that.
 *
 * Called by the SIGSYS handler, with all signals blocked, the program's code
 * being what was interrupted.
 */
#include <sys/mman.h>
#include "preload/modules.h"
#include "preload/trap/insn.h"
#include "preload/trap/maps.h"
#include "preload/trap/patch.h"

#define BUCKETS     1024
#define REGION      (64 * 1024UL)
#define STUB        96UL
#define REGIONS_MAX 64
#define PLACES      180
#define TEXTS_MAX   128
#define HOT         3 /* traps after which a GP__FORM_TAIL site is looked into */
#define AT_TAIL     48
#define AT_NATIVE   72
#define AT_SITE     40 /* pointer to the struct site, for whoever finds itself in the stub */

struct site {
	struct gp_site s; /* must be first: stubs and entry.S know it */
	struct site *next; /* in the bucket */
	uint8_t *insn;     /* the syscall instruction */
	uint8_t *stub;     /* NULL: none */
	struct gp_insn in; /* its form */
	unsigned hits;     /* traps */
	bool patched;
	uint8_t was[5];    /* what the jump replaced, if patched */
};

struct region {
	uint8_t *base;
	size_t used;
};

/* Executable mappings of files, as far as sites were seen in them. */
struct text {
	uint64_t low, high;
	uint8_t *targets; /* a bit for each byte: a direct jump leads there; NULL: not looked */
};

/* Sites belong to the process: they are in its text. */
static struct {
	struct site *bucket[BUCKETS];
	struct region region[REGIONS_MAX];
	unsigned regions;
	struct text text[TEXTS_MAX];
	unsigned texts;
	struct gp_site plain; /* of a trap that has no record of its own */
	struct site *spare;   /* of code that is gone; their stubs are used again */
	uint64_t loose_low, loose_high; /* around the sites that lie in no text */
} book;

static struct site **bucket_of(uint64_t ret)
{
	return &book.bucket[(ret ^ ret >> 10) % BUCKETS];
}

static struct site *find(uint64_t ret)
{
	struct site *s = *bucket_of(ret);

	while (s && s->s.ret != ret)
		s = s->next;
	return s;
}

/* ---- texts --------------------------------------------------------------------- */

/* The kernel counts a private mapping that was writable once against the limit
 * of memory (VM_ACCOUNT), for good, and keeps apart what differs in that: each
 * page with a patched site would stay a mapping of its own and cut its text in
 * three. So all of a text becomes writable once, for nothing, before any of it
 * is written to. Costs two passes over its page table. */
static void make_alike(const struct gp_map *m)
{
	gp__raw(SYS_mprotect, m->low, m->high - m->low, PROT_READ | PROT_WRITE | PROT_EXEC);
	gp__raw(SYS_mprotect, m->low, m->high - m->low, PROT_READ | PROT_EXEC);
}

static struct text *text_of(uint64_t addr)
{
	struct gp_map m;

	for (unsigned i = 0; i < book.texts; i++)
		if (addr >= book.text[i].low && addr < book.text[i].high)
			return &book.text[i];
	if (book.texts == TEXTS_MAX || !gp__map_of(addr, &m) || !m.read || !m.exec || m.write || m.shared || !m.file || m.memory)
		return NULL;
	if (gp__shim.config.rewrite)
		make_alike(&m);
	book.text[book.texts] = (struct text){ m.low, m.high, NULL };
	return &book.text[book.texts++];
}

static void mark(struct text *t, uint64_t target)
{
	if (target >= t->low && target < t->high)
		t->targets[(target - t->low) / 8] |= (uint8_t)(1U << ((target - t->low) & 7));
}

/* Marks where every direct jump of the mapping leads, taking each byte for the
 * start of an instruction: too many rather than too few. About 2 ns a byte. */
static bool look_through(struct text *t)
{
	const uint8_t *end = (const uint8_t *)t->high - 6;

	t->targets = gp__alloc((t->high - t->low) / 8 + 1);
	if (!t->targets)
		return false;
	for (const uint8_t *p = (const uint8_t *)t->low; p < end; p++) {
		int32_t far;

		if ((*p & 0xf0) == 0x70 || *p == 0xeb || (*p & 0xfc) == 0xe0) {
			mark(t, (uint64_t)(p + 2 + (int8_t)p[1]));
		} else if (*p == 0xe9 || *p == 0xe8) {
			memcpy(&far, p + 1, 4);
			mark(t, (uint64_t)(p + 5 + far));
		} else if (*p == 0x0f && (p[1] & 0xf0) == 0x80) {
			memcpy(&far, p + 2, 4);
			mark(t, (uint64_t)(p + 6 + far));
		}
	}
	return true;
}

/* The first byte that becomes the jump. */
static uint8_t *start_of(const struct site *s)
{
	switch (s->in.form) {
	case GP__FORM_MOV: return s->insn - s->in.head - 5;
	case GP__FORM_LOOP: return s->insn - s->in.head;
	default: return s->insn;
	}
}

/* Whether a direct jump leads to an instruction that the five bytes at `at`
 * cover, other than the first. */
static bool jumped_into(struct text *t, const struct site *s)
{
	uint64_t at = (uint64_t)start_of(s) - t->low;

	if (!t->targets && !look_through(t))
		return true;
	for (uint64_t i = at + 2; i < at + 5; i++)
		if (t->targets[i / 8] >> (i & 7) & 1 && gp__insn_starts(start_of(s), i - at, t->high - t->low - at))
			return true;
	return false;
}

/* ---- stubs ---------------------------------------------------------------------- */

static bool near(const uint8_t *a, const uint8_t *b)
{
	int64_t d = a - b;

	return d < 0x7ff00000L && d > -0x7ff00000L;
}

/* Where to look for room, in this order: far below, as other mappings grow downward
 * as well; directly below, where a text of low addresses has nothing; above, where
 * the heap of such a text grows. */
static int64_t place(int64_t insn, int i)
{
	if (i < 60)
		return insn - (i + 1) * 0x1000000L;
	if (i < 120)
		return insn - (i - 59) * (int64_t)REGION;
	return insn + (i - 119) * 0x1000000L;
}

static struct region *region_near(const uint8_t *insn)
{
	struct region *r;

	for (unsigned i = 0; i < book.regions; i++)
		if (near(book.region[i].base, insn) && book.region[i].used + STUB <= REGION)
			return &book.region[i];
	if (book.regions == REGIONS_MAX)
		return NULL;
	for (int i = 0; i < PLACES; i++) {
		int64_t at = place((int64_t)((uint64_t)insn & ~0xffffUL), i);
		long p;

		if (at < 0x10000)
			continue;
		p = gp__raw(SYS_mmap, at, REGION, PROT_READ | PROT_WRITE,
		            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		if (gp__is_err(p))
			continue;
		r = &book.region[book.regions++];
		r->base = (uint8_t *)p;
		r->used = STUB;
		*(const void **)(void *)r->base = gp__gs == GP__GS_INSN ? gp__entry : gp__entry_slow;
		gp__raw(SYS_mprotect, r->base, REGION, PROT_READ | PROT_EXEC);
		return r;
	}
	return NULL;
}

static struct region *region_of(const uint8_t *stub)
{
	for (unsigned i = 0; i < book.regions; i++)
		if (stub >= book.region[i].base && stub < book.region[i].base + REGION)
			return &book.region[i];
	return NULL;
}

static uint8_t *put32(uint8_t *p, int64_t v)
{
	int32_t w = (int32_t)v;

	memcpy(p, &w, 4);
	return p + 4;
}

static bool put_tail(uint8_t *p, const struct site *s)
{
	if (!gp__insn_move(p, s->insn + 2, s->in.tail))
		return false;
	p += s->in.tail;
	*p++ = 0xe9;
	put32(p, s->insn + 2 + s->in.tail - (p + 4));
	return true;
}

static bool make_stub(struct site *s, long nr)
{
	struct region *r = s->stub ? region_of(s->stub) : region_near(s->insn);
	uint8_t *p;

	if (!r || gp__is_err(gp__raw(SYS_mprotect, r->base, REGION, PROT_READ | PROT_WRITE | PROT_EXEC)))
		return false;
	if (!s->stub) {
		s->stub = r->base + r->used;
		r->used += STUB;
	}
	p = s->stub;
	if (s->in.form == GP__FORM_MOV) {
		*p++ = 0xb8;
		p = put32(p, nr);
	}
	if (!gp__insn_move(p, s->insn - s->in.head, s->in.head))
		s->in.form = GP__FORM_NONE;
	p += s->in.head;
	*p++ = 0x49;
	*p++ = 0xbb;
	memcpy(p, &s, 8);
	p += 8;
	*p++ = 0xff;
	*p++ = 0x25;
	put32(p, r->base - (p + 4));
	memcpy(s->stub + AT_SITE, &s, 8);
	if (s->in.form == GP__FORM_TAIL) {
		s->stub[AT_NATIVE] = 0x0f;
		s->stub[AT_NATIVE + 1] = 0x05;
		if (!put_tail(s->stub + AT_TAIL, s) || !put_tail(s->stub + AT_NATIVE + 2, s))
			s->in.form = GP__FORM_NONE;
	}
	gp__raw(SYS_mprotect, r->base, REGION, PROT_READ | PROT_EXEC);
	return true;
}

/* Five other bytes where the site starts: all at once if they do not cross a line. */
static bool replace(struct site *s, const uint8_t *bytes, bool patched)
{
	uint8_t *at = start_of(s);
	uint64_t page = gp__align_down((uint64_t)at, GP__PAGE), word;
	size_t len = gp__align_up((uint64_t)at + 5, GP__PAGE) - page;

	if (gp__is_err(gp__raw(SYS_mprotect, page, len, PROT_READ | PROT_WRITE | PROT_EXEC)))
		return false;
	if (((uint64_t)at & 63) <= 56) {
		memcpy(&word, at, 8);
		memcpy(&word, bytes, 5);
		__atomic_store_n((uint64_t *)(void *)at, word, __ATOMIC_SEQ_CST);
	} else {
		memcpy(at, bytes, 5);
	}
	gp__raw(SYS_mprotect, page, len, PROT_READ | PROT_EXEC);
	s->patched = patched;
	gp__shim.patched += patched ? 1 : -1;
	gp__shim.trapping += patched ? -1 : 1;
	return true;
}

static bool write_jump(struct site *s)
{
	uint8_t *at = start_of(s), jump[5] = { 0xe9 };

	put32(jump + 1, s->stub - (at + 5));
	memcpy(s->was, at, sizeof s->was);
	return replace(s, jump, true);
}

/* ---- a trap ------------------------------------------------------------------------ */

/* A record: one whose code is gone, with a stub that can be reached, or a new one. */
static struct site *record_for(const uint8_t *insn)
{
	int tries = 0;

	for (struct site **p = &book.spare; *p && tries++ < 8; p = &(*p)->next) {
		struct site *s = *p;

		if (s->stub && !near(s->stub, insn))
			continue;
		*p = s->next;
		*s = (struct site){ .stub = s->stub };
		return s;
	}
	return gp__alloc(sizeof(struct site));
}

static struct site *meet(uint64_t ret, long nr)
{
	struct text *t = text_of(ret - 2);
	struct site *s = record_for((uint8_t *)ret - 2);
	struct site **b = bucket_of(ret);

	if (!s)
		return NULL;
	if (!t) {
		book.loose_low = book.loose_low ? gp__min(book.loose_low, ret) : ret;
		book.loose_high = gp__max(book.loose_high, ret);
	}
	s->insn = (uint8_t *)ret - 2;
	s->s = (struct gp_site){ ret, ret, ret - 2, ret - 2 };
	if (t && gp__shim.config.rewrite)
		s->in = gp__insn_form(s->insn, (uint64_t)s->insn - t->low, t->high - (uint64_t)s->insn, nr);
	if (s->in.form != GP__FORM_NONE && !make_stub(s, nr))
		s->in.form = GP__FORM_NONE;
	s->s.restart = s->in.form == GP__FORM_NONE ? ret - 2 : (uint64_t)start_of(s);
	if (s->in.form == GP__FORM_TAIL) {
		s->s.target = (uint64_t)s->stub + AT_TAIL;
		s->s.native = (uint64_t)s->stub + AT_NATIVE;
	}
	gp__shim.trapping++;
	s->next = *b;
	*b = s;
	return s;
}

static void try_patch(struct site *s)
{
	struct text *t;

	if (s->in.form == GP__FORM_MOV && s->hits == 1)
		write_jump(s);
	if ((s->in.form != GP__FORM_TAIL && s->in.form != GP__FORM_LOOP) || s->hits != HOT || gp__shim.foreign)
		return;
	t = text_of((uint64_t)s->insn);
	if (t && !jumped_into(t, s))
		write_jump(s);
}

struct gp_site *gp__site_of_trap(uint64_t ret, long nr)
{
	struct site *s = find(ret);

	if (!s)
		s = meet(ret, nr);
	if (s && !s->patched) {
		s->hits++;
		try_patch(s);
		return &s->s;
	}
	/* No memory, or a jump to the syscall behind a patched mov. */
	book.plain = (struct gp_site){ ret, ret, ret - 2, ret - 2 };
	return &book.plain;
}

uint64_t gp__site_target(uint64_t rip)
{
	struct site *s = find(rip);

	return s ? s->s.target : rip;
}

bool gp__in_stub(uint64_t rip, const struct gp_site **site, bool *before)
{
	for (unsigned i = 0; i < book.regions; i++) {
		uint64_t off = rip - (uint64_t)book.region[i].base;

		if (off >= book.region[i].used || off < STUB)
			continue;
		*before = off % STUB < AT_TAIL;
		*site = &(*(struct site **)(void *)(rip - off % STUB + AT_SITE))->s;
		return true;
	}
	return false;
}

/* Takes those between low and high out. Of code that is gone the records and
 * stubs are used again; that which stays gets its own bytes back, and somebody
 * may still be on the way back to it through a stub. */
static void drop(uint64_t low, uint64_t high, bool gone)
{
	bool any = low <= book.loose_high && high >= book.loose_low && book.loose_low;

	gp__modules_changed();
	for (unsigned i = 0; i < book.texts; i++) {
		if (book.text[i].high <= low || book.text[i].low >= high)
			continue;
		gp__free(book.text[i].targets);
		book.text[i--] = book.text[--book.texts];
		any = true;
	}
	for (unsigned b = 0; any && b < BUCKETS; b++)
		for (struct site **p = &book.bucket[b]; *p;) {
			struct site *s = *p;

			if (s->s.ret <= low || s->s.ret > high) {
				p = &s->next;
				continue;
			}
			*p = s->next;
			if (!gone && s->patched)
				replace(s, s->was, false); /* the program's own, before it moves or changes them */
			if (!gone)
				continue;
			s->next = book.spare;
			book.spare = s;
		}
}

void gp__sites_forget(uint64_t low, uint64_t high) { drop(low, high, true); }
void gp__sites_restore(uint64_t low, uint64_t high) { drop(low, high, false); }

/* ---- somebody wants a region's place -------------------------------------------------- */

static bool in_region(const struct region *r, uint64_t at)
{
	return at >= (uint64_t)r->base && at < (uint64_t)r->base + REGION;
}

/* No site leads into the region any more. */
static void leave(const struct region *r)
{
	for (unsigned b = 0; b < BUCKETS; b++)
		for (struct site **p = &book.bucket[b]; *p;) {
			struct site *s = *p;

			if (!s->stub || !in_region(r, (uint64_t)s->stub)) {
				p = &s->next;
				continue;
			}
			if (s->patched)
				replace(s, s->was, false);
			gp__shim.trapping--;
			*p = s->next;
			s->stub = NULL;
			s->next = book.spare;
			book.spare = s;
		}
	for (struct site *s = book.spare; s; s = s->next)
		if (s->stub && in_region(r, (uint64_t)s->stub))
			s->stub = NULL;
}

/* Those that are in a call that they were to leave through a stub. */
static void go_home(const struct region *r)
{
	gp__list_each(n, &gp__shim.hub->all) {
		struct gp_frame *f = gp__guest(gp__list_entry(n, struct gp_greenlet, all))->frame;

		if (f && in_region(r, f->target))
			f->target = f->ret;
	}
}

void gp__stubs_vacate(uint64_t low, uint64_t high)
{
	for (unsigned i = book.regions; i-- > 0;) {
		struct region *r = &book.region[i];

		if ((uint64_t)r->base >= high || (uint64_t)r->base + REGION <= low)
			continue;
		leave(r);
		go_home(r);
		gp__raw(SYS_munmap, r->base, REGION);
		*r = book.region[--book.regions];
	}
}
