/* stacks.c - the stacks that libc maps for threads.
 *
 * glibc maps each stack and protects its lower end: two mappings a thread, and
 * vm.max_map_count allows 65,530. Its request (MAP_STACK, no access, no
 * address) is served from chunks of reserved memory instead, in slots of the
 * size asked for; the guard is a mark in the page table (MADV_GUARD_INSTALL,
 * Linux 6.13) and not a mapping. The mprotect that follows makes the mark, the
 * munmap gives the slot back.
 *
 * A chunk is PROT_NONE; what was ever a slot is readable and writable. So it is
 * two mappings, only slots count against limits of data, go into a core file or
 * are locked by mlockall(). It is never huge pages: 300 stacks took 615 MB with
 * them. Where address space is limited (RLIMIT_AS), or all of it is to be locked,
 * chunks are retired: what is not in use is unmapped, and what is when it is
 * given back.
 *
 * Without that, or without guard marks, the request goes to the kernel, for 30,000
 * threads at a time, then ENOMEM, which pthread_create turns into EAGAIN as it would
 * natively.
 */
#include <sys/mman.h>
#include "preload/calls/stacks.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#define CHUNK      (64UL << 30) /* reserved at a time */
#define CHUNK_MIN  (256UL << 20)
#define CHUNKS_MAX 256
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
	uint32_t used;       /* slots in use */
	bool retired;        /* only they are still mapped */
	struct slot *slot;
};

/* The program's memory, so of the process. */
static struct {
	struct chunk chunk[CHUNKS_MAX];
	unsigned chunks;
	int guards;  /* 0 not asked yet, 1 the kernel has them, -1 it has not */
	bool locked; /* mlockall(MCL_FUTURE) is in force */
} mem;

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

/* ---- chunks ---------------------------------------------------------------------------- */

static struct chunk *chunk_make(unsigned long stack)
{
	struct chunk *c = &mem.chunk[mem.chunks];
	unsigned long most = CHUNK, size = 0;
	long p = -ENOMEM;

	if (mem.chunks == CHUNKS_MAX || mem.locked || gp__space_is_limited())
		return NULL;
	for (; most >= CHUNK_MIN && most >= stack; most /= 2) {
		size = most / stack * stack;
		p = gp__raw(SYS_mmap, 0, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (!gp__is_err(p))
			break;
	}
	if (gp__is_err(p))
		return NULL;
	gp__raw(SYS_madvise, p, size, MADV_NOHUGEPAGE);
	*c = (struct chunk){ .base = (unsigned long)p, .size = size, .stack = stack, .count = (uint32_t)(size / stack) };
	c->slot = gp__alloc(c->count * sizeof *c->slot);
	if (!c->slot) {
		gp__raw(SYS_munmap, p, size);
		return NULL;
	}
	mem.chunks++;
	return c;
}

static uint32_t index_of(const struct chunk *c, unsigned long addr) { return (uint32_t)((addr - c->base) / c->stack); }
static struct slot *slot_of(const struct chunk *c, unsigned long addr) { return &c->slot[index_of(c, addr)]; }
static unsigned long base_of(const struct chunk *c, uint32_t i) { return c->base + i * c->stack; }

/* Of a retired one only slots in use are ours. */
static struct chunk *chunk_of(unsigned long addr)
{
	for (unsigned i = 0; i < mem.chunks; i++) {
		struct chunk *c = &mem.chunk[i];

		if (addr >= c->base && addr < c->base + c->size && (!c->retired || slot_of(c, addr)->used))
			return c;
	}
	return NULL;
}

static void chunk_drop(struct chunk *c)
{
	gp__free(c->slot);
	*c = mem.chunk[--mem.chunks];
}

/* ---- slots ----------------------------------------------------------------------------- */

long gp__stack_take(unsigned long size)
{
	struct chunk *c = NULL;
	uint32_t i;

	if (!have_guards() || size < GP__PAGE || size & (GP__PAGE - 1))
		return -ENOMEM;
	for (unsigned k = 0; k < mem.chunks && !c; k++)
		if (mem.chunk[k].stack == size && !mem.chunk[k].retired && (mem.chunk[k].free || mem.chunk[k].fresh < mem.chunk[k].count))
			c = &mem.chunk[k];
	if (!c)
		c = chunk_make(size);
	if (!c)
		return -ENOMEM;
	if (c->free) {
		i = c->free - 1;
		c->free = c->slot[i].next;
	} else {
		i = c->fresh;
		if (gp__raw(SYS_mprotect, base_of(c, i), size, PROT_READ | PROT_WRITE))
			return -ENOMEM;
		c->fresh++;
	}
	c->slot[i].used = true;
	c->used++;
	return (long)base_of(c, i);
}

/* The program protects part of a slot. */
static long protect(struct chunk *c, const struct gp_frame *f)
{
	struct slot *s = slot_of(c, f->rdi);
	unsigned long base = base_of(c, index_of(c, f->rdi));
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
		return r == -EINVAL ? gp__native(f) : r; /* locked memory takes no marks */
	}
	return gp__native(f);
}

/* Native when it is not what glibc does, except that ours stays mapped. */
bool gp__stack_protect(const struct gp_frame *f, long *r)
{
	struct chunk *c = f->nr == SYS_mprotect ? chunk_of(f->rdi) : NULL;

	if (c)
		*r = protect(c, f);
	return c != NULL;
}

bool gp__stack_unmap_call(const struct gp_frame *f, long *r)
{
	struct chunk *c = chunk_of(f->rdi);
	unsigned long base, size = gp__align_up(f->rsi, GP__PAGE);
	struct slot *s;
	uint32_t i;

	if (!c)
		return false;
	i = index_of(c, f->rdi);
	s = &c->slot[i];
	base = base_of(c, i);
	if (f->rdi != base || size != c->stack || !s->used) {
		*r = gp__raw(SYS_madvise, f->rdi, size, MADV_DONTNEED);
		return true;
	}
	s->used = false;
	c->used--;
	if (c->retired) {
		*r = gp__native(f);
		if (!c->used)
			chunk_drop(c);
		return true;
	}
	gp__raw(SYS_madvise, base + s->guard * GP__PAGE, c->stack - s->guard * GP__PAGE, MADV_DONTNEED);
	s->next = c->free;
	c->free = i + 1;
	*r = 0;
	return true;
}

/* A thread that ends gives its stack's pages back (glibc's advise_stack_range),
 * and the next one on the same stack would fault them in again. What is below
 * a thread's own stack pointer has no content that counts, so they stay. glibc
 * keeps 40 MiB of such stacks at most and unmaps the others, which frees them. */
GP_CALL(madvise)
{
	struct chunk *c = f->rdx == MADV_DONTNEED ? chunk_of(f->rdi) : NULL;
	unsigned long end = f->rdi + f->rsi;

	if (!c || f->rsp - c->base >= c->size || index_of(c, f->rsp) != index_of(c, f->rdi) || end > f->rsp)
		return gp__native(f);
	return 0;
}

/* ---- for mmap and others ------------------------------------------------------------------ */

bool gp__stack_wanted(const struct gp_frame *f)
{
	return f->r10 == (MAP_STACK | MAP_PRIVATE | MAP_ANONYMOUS) && !f->rdi && f->rdx == PROT_NONE &&
	       gp__shim.config.groups & GP__GROUP_THREAD;
}

/* Counted by the threads that live, as nothing says that a mapping was a stack when
 * it goes. libc keeps some of those that have ended, 40 MiB at most. O(chunks). */
bool gp__stack_may_map(const struct gp_hub *h)
{
	unsigned long in_chunks = 0;

	for (unsigned i = 0; i < mem.chunks; i++)
		in_chunks += mem.chunk[i].used;
	return h->stats.live < OTHERS_MAX + in_chunks;
}

/* The records of a whole chunk can be many. */
static void shorten(struct chunk *c)
{
	struct slot *few = gp__alloc((c->fresh + 1UL) * sizeof *few);

	if (!few)
		return;
	memcpy(few, c->slot, c->fresh * sizeof *few);
	gp__free(c->slot);
	c->slot = few;
}

/* Another chunk may have its place afterwards, one that was looked at already if
 * they are gone through from the last on. */
static void retire(struct chunk *c)
{
	unsigned long end = base_of(c, c->fresh);

	if (c->retired)
		return;
	gp__raw(SYS_munmap, end, c->base + c->size - end);
	for (uint32_t i = c->free; i; i = c->slot[i - 1].next)
		gp__raw(SYS_munmap, base_of(c, i - 1), c->stack);
	c->size = c->fresh * c->stack;
	c->count = c->fresh;
	c->free = 0;
	c->retired = true;
	if (c->used)
		shorten(c);
	else
		chunk_drop(c);
}

void gp__stacks_retire(void)
{
	for (unsigned i = mem.chunks; i-- > 0;)
		retire(&mem.chunk[i]);
}

void gp__stacks_vacate(uint64_t low, uint64_t high)
{
	for (unsigned i = mem.chunks; i-- > 0;) {
		struct chunk *c = &mem.chunk[i];

		if (low >= c->base + c->size || high <= c->base)
			continue;
		if (low < c->base || index_of(c, high - 1) != index_of(c, low) || !slot_of(c, low)->used)
			retire(c); /* not in a stack of its own */
	}
}

/* The kernel stops at the first guard of a mapping when it makes all present. */
static void make_present(const struct chunk *c)
{
	for (uint32_t i = 0; i < c->count; i++)
		if (c->slot[i].used)
			gp__raw(SYS_madvise, base_of(c, i) + c->slot[i].guard * GP__PAGE,
			        c->stack - c->slot[i].guard * GP__PAGE, MADV_POPULATE_WRITE);
}

void gp__stacks_locked(int flags)
{
	mem.locked = flags & MCL_FUTURE;
	if (flags & MCL_CURRENT && !(flags & MCL_ONFAULT))
		for (unsigned i = 0; i < mem.chunks; i++)
			make_present(&mem.chunk[i]);
}

void gp__stack_fault(siginfo_t *info)
{
	unsigned long at = (unsigned long)info->si_addr;
	struct chunk *c = info->si_code == SEGV_MAPERR ? chunk_of(at) : NULL;

	if (c && (at - c->base) % c->stack < slot_of(c, at)->guard * GP__PAGE)
		info->si_code = SEGV_ACCERR;
}
