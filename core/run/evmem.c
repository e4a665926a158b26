/* evmem.c - memory for libev, which ends the process when it gets none.
 *
 * So it is never refused: before a number is watched for the first time,
 * gp__evmem_room() lays by a block for each table that libev may have to make
 * larger because of it. That can fail, and does so while somebody who can be
 * told still waits for the answer. A table that libev asks for takes one of
 * these blocks, once for each size of them.
 *
 * How large a table can become follows from the highest number: an entry is 16
 * bytes at most, of each kind there is at most one for each number, and libev
 * makes a table twice as large as it must, rounded. Events of epoll could be
 * more (a file that lives on elsewhere keeps its registration), so that
 * gp__lib_epoll_wait() takes no more at a time than there is room for.
 *
 * The blocks are twice as large whenever the numbers are. What is not used is
 * not touched, so it costs addresses only.
 *
 * Called by the kernel thread of a hub, on the hub's stack or while the hub is
 * made.
 */
#include <string.h>
#include "core/alloc.h"
#include "core/run/evmem.h"

#define ENTRY 16UL /* the largest */
#define ROUND 4160UL
#define FIRST 1024 /* our own descriptors lie below */

struct gp_evblock {
	size_t size; /* bytes behind it */
	size_t pad;
};

/* Of the loop of the kernel thread: libev says nothing of whom it asks for. */
static GP__PER_THREAD struct gp_evmem *mem;

void gp__evmem_use(struct gp_evmem *m) { mem = m; }

static struct gp_evblock *block_make(size_t size)
{
	struct gp_evblock *b = gp__realloc(NULL, sizeof *b + size);

	if (b)
		b->size = size;
	return b;
}

static void drop_spares(void)
{
	while (mem->count)
		gp__free(mem->spare[--mem->count]);
}

int gp__evmem_room(int fd)
{
	int numbers = gp__max(mem->numbers, FIRST), n;
	struct gp_evblock *more[GP__EVMEM_TABLES];
	size_t size;

	if (fd < mem->numbers)
		return 0;
	while (numbers <= fd)
		numbers *= 2;
	size = 2 * ENTRY * (size_t)numbers + ROUND;
	for (n = 0; n < GP__EVMEM_TABLES; n++) {
		more[n] = block_make(size);
		if (!more[n])
			goto fail;
	}
	drop_spares();
	memcpy(mem->spare, more, sizeof more);
	mem->count = GP__EVMEM_TABLES;
	mem->numbers = numbers;
	mem->size = size;
	return 0;
fail:
	while (n)
		gp__free(more[--n]);
	return -ENOMEM;
}

int gp__evmem_numbers(void) { return mem->numbers; }

/* A block that is no longer used. */
static void put(struct gp_evblock *b)
{
	if (b->size == mem->size && mem->count < GP__EVMEM_TABLES)
		mem->spare[mem->count++] = b;
	else
		gp__free(b);
}

static struct gp_evblock *take(size_t size)
{
	if (mem->count && size <= mem->size)
		return mem->spare[--mem->count];
	return block_make(size); /* a number that epoll refuses and that is waited for is listed again after each fork */
}

void *gp__evmem_allocate(void *p, long size)
{
	struct gp_evblock *b = p ? (struct gp_evblock *)p - 1 : NULL, *to = NULL;

	if (b && size && b->size >= (size_t)size)
		return p;
	if (size) {
		to = take((size_t)size);
		if (!to)
			return NULL;
		if (b)
			memcpy(to + 1, p, b->size);
	}
	if (b)
		put(b);
	return to ? to + 1 : NULL;
}

void gp__evmem_drop(void)
{
	drop_spares();
	mem = NULL;
}
