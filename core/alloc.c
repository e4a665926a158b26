/* alloc.c - a small allocator over mmap (see alloc.h).
 *
 * Powers of two from 32 bytes to 16 KiB are cut from 256 KiB blocks and kept
 * in one free list each; larger ones are mappings of their own. Every block
 * has a header of 16 bytes with its capacity. A block is never given back to
 * the kernel, a mapping is. O(1) each.
 *
 * Called by the hub's kernel thread only; the lock is for the helper threads
 * of the offload pool, which free nothing and allocate nothing today.
 */
#include "core/alloc.h"
#include "core/raw.h"

#ifndef GP_SHIM
#include <stdlib.h>

void *gp__alloc(size_t size) { return calloc(1, size ? size : 1); }
void gp__free(void *p) { free(p); }
void *gp__realloc(void *p, size_t size) { return realloc(p, size); }

#else
#include <sys/mman.h>
#include <string.h>

#define BLOCK     (256 * 1024UL)
#define MIN_SHIFT 5
#define MAX_SHIFT 14
#define HEADER    16UL

struct header {
	uint64_t capacity; /* usable bytes behind the header */
	uint64_t pad;
};

struct chunk {
	struct chunk *next;
};

/* The allocator serves the process, not one hub; it outlives every hub. */
static struct {
	struct chunk *free[MAX_SHIFT + 1]; /* by power of two, header included */
	char *cut;                         /* rest of the block being cut */
	size_t left;                       /* bytes of it */
} pool;

static void *map(size_t size)
{
	long p = gp__raw(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return gp__is_err(p) ? NULL : (void *)p;
}

static void *large(size_t size)
{
	size_t whole = gp__align_up(size + HEADER, GP__PAGE);
	struct header *h = map(whole);

	if (!h)
		return NULL;
	h->capacity = whole - HEADER;
	return (char *)h + HEADER;
}

static void *carve(unsigned shift)
{
	size_t size = 1UL << shift;
	struct header *h;

	if (pool.left < size) {
		char *block = map(BLOCK);

		if (!block)
			return NULL;
		pool.cut = block;
		pool.left = BLOCK;
	}
	h = (struct header *)(void *)pool.cut;
	pool.cut += size;
	pool.left -= size;
	h->capacity = size - HEADER;
	return (char *)h + HEADER;
}

void *gp__alloc(size_t size)
{
	unsigned shift = MIN_SHIFT;
	struct chunk *c;

	if (size > (1UL << MAX_SHIFT) - HEADER)
		return large(size);
	while ((1UL << shift) - HEADER < size)
		shift++;
	c = pool.free[shift];
	if (!c)
		return carve(shift);
	pool.free[shift] = c->next;
	memset(c, 0, size);
	return c;
}

void gp__free(void *p)
{
	struct header *h;
	struct chunk *c = p;
	size_t whole;

	if (!p)
		return;
	h = (struct header *)(void *)((char *)p - HEADER);
	whole = h->capacity + HEADER;
	if (whole > 1UL << MAX_SHIFT) {
		gp__raw(SYS_munmap, h, whole);
		return;
	}
	c->next = pool.free[__builtin_ctzl(whole)];
	pool.free[__builtin_ctzl(whole)] = c;
}

void *gp__realloc(void *p, size_t size)
{
	struct header *h;
	void *q;

	if (!p)
		return gp__alloc(size);
	h = (struct header *)(void *)((char *)p - HEADER);
	if (size <= h->capacity)
		return p;
	q = gp__alloc(size);
	if (!q)
		return NULL;
	memcpy(q, p, h->capacity);
	gp__free(p);
	return q;
}
#endif
