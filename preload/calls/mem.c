/* mem.c - mmap and its relatives: shared mappings, and thread stacks.
 *
 * Stacks. glibc maps each stack and protects its lower end: two mappings a
 * thread, and vm.max_map_count allows 65,530. Its request (MAP_STACK, no
 * access, no address) is served from chunks of reserved memory instead, one
 * mapping each, in slots of the size asked for; the guard is a mark in the page
 * table (MADV_GUARD_INSTALL, Linux 6.13) and not a mapping. The mprotect that
 * follows makes the mark, the munmap gives the slot back. Without that feature
 * the request goes to the kernel, 30,000 at most, then ENOMEM, which
 * pthread_create turns into EAGAIN as it would natively.
 *
 * Chunks are never huge pages: 300 stacks took 615 MB with them. Of a chunk, only
 * a beginning that holds the slots in use goes into a core file: the kernel looks
 * through all that may go there, page by page.
 *
 * Shared mappings are remembered, because a futex in one of them can be woken
 * by another process.
 */
#include <sys/mman.h>
#include "preload/calls/mem.h"
#include "preload/trap/patch.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif
#define CHUNK      (64UL << 30) /* reserved at a time */
#define CHUNK_MIN  (256UL << 20)
#define CHUNKS_MAX 256
#define DUMP_SLOTS 8UL
#define OTHERS_MAX 30000 /* stacks that are mappings of their own */

struct slot {
	uint32_t next;  /* free list: index + 1; 0 ends it */
	uint32_t guard; /* pages marked at its lower end */
	bool used;
};

struct chunk {
	unsigned long base, size;
	unsigned long stack; /* size of a slot */
	uint32_t count;      /* slots */
	uint32_t fresh;      /* slots that were never used begin here */
	uint32_t free;       /* index + 1 of the first that was given back */
	unsigned long dumped; /* bytes from base on that go into a core file */
	struct slot *slot;
};

struct range {
	unsigned long low, high;
};

/* The program's memory, so of the process. */
static struct {
	struct chunk chunk[CHUNKS_MAX];
	unsigned chunks;
	int guards;      /* 0 not asked yet, 1 the kernel has them, -1 it has not */
	unsigned others; /* stacks that are mappings of their own */
	struct range *shared;
	unsigned shared_count, shared_room;
} mem;

/* ---- shared mappings -------------------------------------------------------------- */

bool gp__mem_shared(unsigned long addr)
{
	for (unsigned i = 0; i < mem.shared_count; i++)
		if (addr >= mem.shared[i].low && addr < mem.shared[i].high)
			return true;
	return false;
}

static void forget_shared(unsigned long low, unsigned long high)
{
	for (unsigned i = 0; i < mem.shared_count; i++) {
		struct range *r = &mem.shared[i];

		if (low <= r->low && high >= r->high)
			*r = mem.shared[--mem.shared_count], i--;
		else if (low <= r->low && high > r->low)
			r->low = high;
		else if (low < r->high && high >= r->high)
			r->high = low;
		/* a hole in the middle stays: at worst a wait looks again too often */
	}
}

static void remember_shared(unsigned long low, unsigned long high)
{
	if (mem.shared_count == mem.shared_room) {
		unsigned room = mem.shared_room ? 2 * mem.shared_room : 16;
		void *p = gp__realloc(mem.shared, room * sizeof *mem.shared);

		if (!p)
			return;
		mem.shared = p;
		mem.shared_room = room;
	}
	mem.shared[mem.shared_count++] = (struct range){ low, high };
}

/* ---- stacks -------------------------------------------------------------------------- */

static bool have_guards(void)
{
	if (mem.guards == 0) {
		long p = gp__raw(SYS_mmap, 0, GP__PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		mem.guards = -1;
		if (!gp__is_err(p) && gp__shim.config.features & GP__FEATURE_GUARD &&
		    !gp__raw(SYS_madvise, p, GP__PAGE, MADV_GUARD_INSTALL))
			mem.guards = 1;
		if (!gp__is_err(p))
			gp__raw(SYS_munmap, p, GP__PAGE);
	}
	return mem.guards > 0;
}

static struct chunk *new_chunk(unsigned long stack)
{
	struct chunk *c = &mem.chunk[mem.chunks];
	unsigned long size = CHUNK;
	long p = -ENOMEM;

	if (mem.chunks == CHUNKS_MAX)
		return NULL;
	for (; size >= CHUNK_MIN && size >= stack && gp__is_err(p); size /= 2) {
		p = gp__raw(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (!gp__is_err(p))
			break;
	}
	if (gp__is_err(p))
		return NULL;
	gp__raw(SYS_madvise, p, size, MADV_NOHUGEPAGE);
	gp__raw(SYS_madvise, p, size, MADV_DONTDUMP);
	*c = (struct chunk){ .base = (unsigned long)p, .size = size, .stack = stack, .count = (uint32_t)(size / stack) };
	c->slot = gp__alloc(c->count * sizeof *c->slot);
	if (!c->slot) {
		gp__raw(SYS_munmap, p, size);
		return NULL;
	}
	mem.chunks++;
	return c;
}

/* A fresh slot is in use: O(log slots) calls in the life of a chunk. */
static void dump_slots(struct chunk *c)
{
	if (c->fresh * c->stack <= c->dumped)
		return;
	c->dumped = gp__max(2 * c->dumped, DUMP_SLOTS * c->stack);
	c->dumped = gp__min(c->dumped, c->size);
	gp__raw(SYS_madvise, c->base, c->dumped, MADV_DODUMP);
}

static struct chunk *chunk_of(unsigned long addr)
{
	for (unsigned i = 0; i < mem.chunks; i++)
		if (addr >= mem.chunk[i].base && addr < mem.chunk[i].base + mem.chunk[i].size)
			return &mem.chunk[i];
	return NULL;
}

static long stack_take(unsigned long size)
{
	struct chunk *c = NULL;
	uint32_t i;

	if (!have_guards() || size < GP__PAGE || size & (GP__PAGE - 1))
		return -ENOMEM;
	for (unsigned k = 0; k < mem.chunks && !c; k++)
		if (mem.chunk[k].stack == size && (mem.chunk[k].free || mem.chunk[k].fresh < mem.chunk[k].count))
			c = &mem.chunk[k];
	if (!c)
		c = new_chunk(size);
	if (!c)
		return -ENOMEM;
	if (c->free) {
		i = c->free - 1;
		c->free = c->slot[i].next;
	} else {
		i = c->fresh++;
		dump_slots(c);
	}
	c->slot[i].used = true;
	return (long)(c->base + i * c->stack);
}

/* The program protects part of a slot. Native when it is not what glibc does. */
static long stack_protect(struct chunk *c, struct gp_frame *f)
{
	struct slot *s = &c->slot[(f->rdi - c->base) / c->stack];
	unsigned long base = gp__align_down(f->rdi - c->base, 1UL) / c->stack * c->stack + c->base;
	unsigned long guard = f->rdi - base, had = s->guard * GP__PAGE;
	long r = 0;

	if (f->rdi + f->rsi > base + c->stack || f->rdi & (GP__PAGE - 1))
		return gp__native(f);
	if (f->rdx == (PROT_READ | PROT_WRITE)) {
		if (had > guard) /* the guard is smaller from now on */
			r = gp__raw(SYS_madvise, base + guard, had - guard, MADV_GUARD_REMOVE);
		else if (guard > had && guard < c->stack && !had)
			r = gp__raw(SYS_madvise, base, guard, MADV_GUARD_INSTALL);
		if (!r)
			s->guard = (uint32_t)(guard / GP__PAGE);
		return r;
	}
	if (f->rdx == PROT_NONE && f->rdi == base + had) {
		r = gp__raw(SYS_madvise, f->rdi, f->rsi, MADV_GUARD_INSTALL);
		if (!r)
			s->guard += (uint32_t)(gp__align_up(f->rsi, GP__PAGE) / GP__PAGE);
		return r;
	}
	return gp__native(f);
}

static long stack_give_back(struct chunk *c, struct gp_frame *f)
{
	uint32_t i = (uint32_t)((f->rdi - c->base) / c->stack);
	struct slot *s = &c->slot[i];
	unsigned long base = c->base + i * c->stack;

	if (f->rdi != base || gp__align_up(f->rsi, GP__PAGE) != c->stack || !s->used)
		return gp__raw(SYS_madvise, f->rdi, gp__align_up(f->rsi, GP__PAGE), MADV_DONTNEED);
	gp__raw(SYS_madvise, base + s->guard * GP__PAGE, c->stack - s->guard * GP__PAGE, MADV_DONTNEED);
	s->used = false;
	s->next = c->free;
	c->free = i + 1;
	return 0;
}

/* ---- the calls -------------------------------------------------------------------------- */

GP_CALL(mmap)
{
	bool stack = (f->r10 & (MAP_STACK | MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)) == (MAP_STACK | MAP_PRIVATE | MAP_ANONYMOUS) &&
	             !f->rdi && f->rdx == PROT_NONE;
	long r;

	if (stack && gp__shim.config.groups & GP__GROUP_THREAD) {
		r = stack_take(f->rsi);
		if (r != -ENOMEM)
			return r;
		if (mem.others >= OTHERS_MAX)
			return -ENOMEM;
	}
	if (f->r10 & MAP_FIXED) {
		gp__sites_forget(f->rdi, f->rdi + f->rsi);
		forget_shared(f->rdi, f->rdi + f->rsi);
	}
	r = gp__native(f);
	if (gp__is_err(r))
		return r;
	mem.others += stack;
	if (f->r10 & MAP_SHARED)
		remember_shared((unsigned long)r, (unsigned long)r + gp__align_up(f->rsi, GP__PAGE));
	return r;
}

GP_CALL(munmap)
{
	struct chunk *c = chunk_of(f->rdi);

	if (c)
		return stack_give_back(c, f);
	gp__sites_forget(f->rdi, f->rdi + f->rsi);
	forget_shared(f->rdi, f->rdi + f->rsi);
	return gp__native(f);
}

GP_CALL(mprotect)
{
	struct chunk *c = chunk_of(f->rdi);

	if (f->rdx & PROT_WRITE && !c)
		gp__sites_restore(f->rdi, f->rdi + f->rsi);
	return c && f->nr == SYS_mprotect ? stack_protect(c, f) : gp__native(f);
}

/* Code that moves must not take jumps to our stubs with it. */
GP_CALL(mremap)
{
	uint64_t old = f->rdi, end = old + f->rsi;
	bool shared;
	long r;

	gp__sites_restore(old, end);
	r = gp__native(f);
	if (gp__is_err(r))
		return r;
	shared = gp__mem_shared(old);
	if (f->r10 & MREMAP_FIXED) {
		gp__sites_forget(f->r8, f->r8 + f->rdx);
		forget_shared(f->r8, f->r8 + f->rdx);
	}
	forget_shared(old, gp__align_up(end, GP__PAGE));
	if (shared)
		remember_shared((unsigned long)r, (unsigned long)r + gp__align_up(f->rdx, GP__PAGE));
	return r;
}

/* A thread that ends gives its stack's pages back (glibc's advise_stack_range),
 * and the next one on the same stack would fault them in again. What is below
 * a thread's own stack pointer has no content that counts, so they stay. glibc
 * keeps 40 MiB of such stacks at most and unmaps the others, which frees them. */
GP_CALL(madvise)
{
	struct chunk *c = f->rdx == MADV_DONTNEED ? chunk_of(f->rdi) : NULL;
	unsigned long end = f->rdi + f->rsi;

	if (!c || f->rsp - c->base >= c->size || (f->rsp - c->base) / c->stack != (f->rdi - c->base) / c->stack || end > f->rsp)
		return gp__native(f);
	return 0;
}

GP_CALL(shmat)
{
	long r = gp__native(f);
	struct { long id; char rest[104]; } ds;

	if (gp__is_err(r))
		return r;
	memset(&ds, 0, sizeof ds);
	/* IPC_STAT: shm_segsz follows the 48 bytes of ipc_perm. */
	if (!gp__raw(SYS_shmctl, f->rdi, 2, &ds))
		remember_shared((unsigned long)r, (unsigned long)r + *(unsigned long *)(void *)((char *)&ds + 48));
	return r;
}
