/* stack.c - stacks of gp_spawn greenlets and of the hub.
 *
 * Stacks of one size are cut from chunks of 2 MiB of address space, aligned, so
 * that one page of the page table serves a whole chunk: a greenlet that has
 * touched the top page of its stack costs that page, and a few bytes of page
 * table (24 with stacks of 8 KiB, 136 with 64 KiB). Below each stack lies a
 * guard page, so that an overflow faults instead of writing into the
 * neighbour. Where the kernel has MADV_GUARD_INSTALL (Linux 6.13) the guard is
 * a mark in the page table; elsewhere it is a mapping of its own, and the
 * kernel's limit of mappings (vm.max_map_count) allows some 30,000 stacks.
 *
 * A freed stack stays warm for the next of its size, up to WARM bytes a size.
 * One beyond that gives its memory back and its place in the chunk; a chunk
 * without stacks goes back as a whole. O(1) but for the first look for a free
 * place, a bitmap of 512 bits.
 *
 * Stacks above 256 KiB are mappings of their own and are not kept.
 */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif
#include <sys/mman.h>
#include "core/alloc.h"
#include "core/raw.h"
#include "core/run/hub.h"

#define CHUNK     (2UL << 20)
#define CLASS_MAX 64UL               /* pages of the largest stack that is cut from a chunk */
#define WARM      (4UL << 20)
#define WORDS     (CHUNK / GP__PAGE / 64)
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* A warm stack: this record lies at its top. */
struct spare {
	struct spare *next;
	void *base;
};

/* At the start of a chunk. */
struct chunk {
	struct gp_list link;  /* in the class's `roomy` while it has a free place */
	unsigned used;        /* places that are taken: by greenlets, or warm */
	unsigned guarded;     /* places whose guard is there: the first so many */
	uint64_t free[WORDS]; /* by place */
};

/* Stacks of one size. */
struct class {
	struct spare *warm;
	unsigned warm_count, warm_max;
	struct gp_list roomy; /* struct chunk */
};

struct gp_stacks {
	struct class class[CLASS_MAX + 1]; /* by pages */
	unsigned long below;               /* where the next chunk would lie best; 0: anywhere */
	bool mark_fails;                   /* the kernel has no MADV_GUARD_INSTALL */
};

static struct chunk *chunk_of(const struct gp_stack *s)
{
	return (struct chunk *)gp__align_down((uintptr_t)s->base, CHUNK);
}

static struct spare *spare_at(void *base, size_t size)
{
	return (struct spare *)(void *)((char *)base + size - sizeof(struct spare));
}

/* How many places of this stack size a chunk has; the first page is the record's. */
static unsigned places(size_t size)
{
	return (unsigned)((CHUNK - GP__PAGE) / (size + GP__PAGE));
}

static int guard(struct gp_stacks *all, char *page)
{
	if (all && !all->mark_fails) {
		if (!gp__raw(SYS_madvise, page, GP__PAGE, MADV_GUARD_INSTALL))
			return 0;
		all->mark_fails = true;
	}
	return (int)gp__raw(SYS_mprotect, page, GP__PAGE, PROT_NONE);
}

static long map_at(unsigned long hint, size_t size)
{
	return gp__raw(SYS_mmap, hint, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
}

/* ---- mappings of their own -------------------------------------------------------- */

int gp__stack_map(struct gp_stack *s, size_t size)
{
	long p;

	size = gp__align_up(size, GP__PAGE);
	p = map_at(0, size + GP__PAGE);
	if (gp__is_err(p))
		return (int)p;
	if (guard(NULL, (char *)p)) {
		gp__raw(SYS_munmap, p, size + GP__PAGE);
		return -ENOMEM;
	}
	s->base = (char *)p + GP__PAGE;
	s->size = size;
	return 0;
}

void gp__stack_unmap(struct gp_stack *s)
{
	gp__raw(SYS_munmap, (char *)s->base - GP__PAGE, s->size + GP__PAGE);
	s->size = 0;
}

/* ---- chunks ------------------------------------------------------------------------- */

/* 2 MiB, aligned. Below the chunk before it if there is room, so that the
 * kernel sees one mapping; else cut out of twice as much. */
static long map_chunk(struct gp_stacks *all)
{
	long p = all->below ? map_at(all->below, CHUNK) : 0;
	unsigned long at;

	if (p && !gp__is_err(p)) {
		if (!((unsigned long)p & (CHUNK - 1)))
			return p;
		gp__raw(SYS_munmap, p, CHUNK);
	}
	p = map_at(0, 2 * CHUNK);
	if (gp__is_err(p))
		return p;
	at = gp__align_up((unsigned long)p, CHUNK);
	if (at > (unsigned long)p)
		gp__raw(SYS_munmap, p, at - (unsigned long)p);
	gp__raw(SYS_munmap, at + CHUNK, (unsigned long)p + CHUNK - at);
	return (long)at;
}

static struct chunk *chunk_make(struct gp_stacks *all, struct class *c, size_t size)
{
	long p = map_chunk(all);
	struct chunk *chunk = (struct chunk *)p;
	unsigned n = places(size);

	if (gp__is_err(p))
		return NULL;
	all->below = (unsigned long)p - CHUNK;
	gp__raw(SYS_madvise, p, CHUNK, MADV_NOHUGEPAGE); /* else a stack may cost all 2 MiB */
	for (unsigned i = 0; i < n; i++)
		chunk->free[i / 64] |= 1UL << i % 64;
	gp__list_append(&c->roomy, &chunk->link);
	return chunk;
}

static unsigned first_free(const struct chunk *chunk)
{
	unsigned i = 0;

	while (!chunk->free[i])
		i++;
	return i * 64 + (unsigned)__builtin_ctzl(chunk->free[i]);
}

static GP_NOINLINE void *cut(struct gp_stacks *all, struct class *c, size_t size)
{
	struct chunk *chunk = gp__list_empty(&c->roomy) ? chunk_make(all, c, size) : gp__list_first(&c->roomy, struct chunk, link);
	unsigned i;
	char *page;

	if (!chunk)
		return NULL;
	i = first_free(chunk);
	page = (char *)chunk + GP__PAGE + i * (size + GP__PAGE);
	if (i == chunk->guarded) {
		if (guard(all, page)) {
			if (!chunk->used) {
				gp__list_del(&chunk->link);
				gp__raw(SYS_munmap, chunk, CHUNK);
			}
			return NULL;
		}
		chunk->guarded++;
	}
	chunk->free[i / 64] &= ~(1UL << i % 64);
	if (++chunk->used == places(size))
		gp__list_del(&chunk->link);
	return page + GP__PAGE;
}

static GP_NOINLINE void give_back(struct class *c, struct gp_stack *s)
{
	struct chunk *chunk = chunk_of(s);
	size_t at = (size_t)((char *)s->base - (char *)chunk) / (s->size + GP__PAGE);

	if (!--chunk->used) {
		gp__list_del(&chunk->link);
		gp__raw(SYS_munmap, chunk, CHUNK);
		return;
	}
	gp__raw(SYS_madvise, s->base, s->size, MADV_DONTNEED);
	chunk->free[at / 64] |= 1UL << at % 64;
	if (gp__list_empty(&chunk->link))
		gp__list_append(&c->roomy, &chunk->link);
}

/* ---- for everybody -------------------------------------------------------------------- */

int gp__stacks_make(struct gp_hub *h)
{
	struct gp_stacks *all = gp__alloc(sizeof *all);

	if (!all)
		return -ENOMEM;
	for (unsigned i = 1; i <= CLASS_MAX; i++) {
		all->class[i].warm_max = (unsigned)(WARM / (i * GP__PAGE));
		gp__list_init(&all->class[i].roomy);
	}
	h->stacks = all;
	return 0;
}

int gp__stack_make(struct gp_hub *h, struct gp_stack *s, size_t size)
{
	struct class *c;

	size = gp__align_up(size, GP__PAGE);
	if (size > CLASS_MAX * GP__PAGE)
		return gp__stack_map(s, size);
	c = &h->stacks->class[size / GP__PAGE];
	if (gp__likely(c->warm != NULL)) {
		s->base = c->warm->base;
		c->warm = c->warm->next;
		c->warm_count--;
		h->spare_count--;
	} else {
		s->base = cut(h->stacks, c, size);
		if (!s->base)
			return -ENOMEM;
	}
	s->size = size;
	return 0;
}

/* Who has left by gp_exit() or gp_fail() did not return from its calls: what
 * ASan knows of their frames is not to hold for whoever has the stack next. */
static void forget_frames(const struct gp_stack *s)
{
#ifdef __SANITIZE_ADDRESS__
	__asan_unpoison_memory_region(s->base, s->size);
#endif
}

void gp__stack_free(struct gp_hub *h, struct gp_stack *s)
{
	struct class *c;

	if (!s->size)
		return;
	forget_frames(s);
	if (s->size > CLASS_MAX * GP__PAGE) {
		gp__stack_unmap(s);
		return;
	}
	c = &h->stacks->class[s->size / GP__PAGE];
	if (gp__likely(c->warm_count < c->warm_max)) {
		struct spare *spare = spare_at(s->base, s->size);

		spare->next = c->warm;
		spare->base = s->base;
		c->warm = spare;
		c->warm_count++;
		h->spare_count++;
	} else {
		give_back(c, s);
	}
	s->size = 0;
}
