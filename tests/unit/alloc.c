/* alloc.c - the two allocators: malloc's where core is linked into a program, and the shim's own over mmap. The
 * second is compiled in here under other names. */
#include "unit.h"
#include "core/alloc.h"

#define GP_SHIM
#define gp__alloc   shim_alloc
#define gp__free    shim_free
#define gp__realloc shim_realloc
void *shim_alloc(size_t size);
void shim_free(void *p);
void *shim_realloc(void *p, size_t size);
#include "core/alloc.c"
#undef gp__alloc
#undef gp__free
#undef gp__realloc

static const struct {
	const char *name;
	void *(*alloc)(size_t);
	void (*free)(void *);
	void *(*realloc)(void *, size_t);
} both[] = {
	{ "the program's", gp__alloc, gp__free, gp__realloc },
	{ "the shim's", shim_alloc, shim_free, shim_realloc },
};

static bool is_zero(const unsigned char *p, size_t n)
{
	while (n && !p[n - 1])
		n--;
	return !n;
}

CASE("memory is zeroed, aligned to 16, and zeroed again when it is reused")
{
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 100, 4096, 16367, 16368, 16369, 100000 };

	for (unsigned b = 0; b < 2; b++)
		for (unsigned i = 0; i < gp__count(sizes); i++)
			for (int round = 0; round < 3; round++) {
				unsigned char *p = both[b].alloc(sizes[i]);

				NEED(p);
				EXPECT_INT((uintptr_t)p % 16, 0);
				if (!is_zero(p, sizes[i]))
					unit_fail(__FILE__, __LINE__, "%s, %zu bytes, round %d: expected zeroes",
					          both[b].name, sizes[i], round);
				memset(p, 0xaa, sizes[i]);
				both[b].free(p);
			}
}

CASE("NULL can be freed, and grown from")
{
	for (unsigned b = 0; b < 2; b++) {
		void *p = both[b].realloc(NULL, 100);

		both[b].free(NULL);
		NEED(p);
		memset(p, 1, 100);
		both[b].free(p);
	}
}

CASE("realloc keeps what was there")
{
	for (unsigned b = 0; b < 2; b++) {
		unsigned char *p = both[b].alloc(10);
		size_t size = 10;

		for (; size < 300000; size *= 3) {
			NEED(p);
			for (size_t i = 0; i < size; i++)
				p[i] = (unsigned char)(i * 7);
			p = both[b].realloc(p, size * 3);
			NEED(p);
			for (size_t i = 0; i < size; i++)
				if (p[i] != (unsigned char)(i * 7)) {
					unit_fail(__FILE__, __LINE__, "%s: byte %zu of %zu changed", both[b].name, i,
					          size);
					break;
				}
		}
		both[b].free(p);
	}
}

CASE("what cannot be had is NULL, and the old block stays")
{
	char *p = shim_alloc(100);

	NEED(p);
	strcpy(p, "kept");
	EXPECT(!shim_realloc(p, (size_t)1 << 60));
	EXPECT_STR(p, "kept");
	EXPECT(!shim_alloc((size_t)1 << 60));
	shim_free(p);
}

CASE("a large block of the shim's goes back to the kernel")
{
	struct rlimit limit;
	char *p = shim_alloc(1 << 20);
	unsigned char resident;

	NEED(p && !getrlimit(RLIMIT_AS, &limit));
	p[1 << 19] = 1;
	shim_free(p);
	errno = 0;
	EXPECT_INT(mincore((void *)((uintptr_t)p & ~4095UL), 4096, &resident), -1);
	EXPECT_INT(errno, ENOMEM);
}

CASE("random operations: no two blocks overlap")
{
	enum { SLOTS = 200 };
	struct {
		unsigned char *p;
		size_t size;
		unsigned char mark;
	} slot[SLOTS] = { { 0 } };

	unit_seed();
	for (int step = 0; step < 5000; step++) {
		unsigned i = unit_random(SLOTS), what = unit_random(3);
		size_t size = unit_random(10) ? unit_random(600) : unit_random(40000);

		for (size_t at = 0; at < slot[i].size; at++)
			if (slot[i].p[at] != slot[i].mark) {
				unit_fail(__FILE__, __LINE__, "step %d: byte %zu of %zu was written by another", step,
				          at, slot[i].size);
				return;
			}
		if (what == 0 && slot[i].p) {
			size_t kept = gp__min(size, slot[i].size);

			slot[i].p = shim_realloc(slot[i].p, size);
			NEED(slot[i].p);
			for (size_t at = 0; at < kept; at++)
				if (slot[i].p[at] != slot[i].mark) {
					unit_fail(__FILE__, __LINE__, "step %d: realloc lost byte %zu", step, at);
					return;
				}
		} else {
			shim_free(slot[i].p);
			slot[i].p = shim_alloc(size);
			NEED(slot[i].p);
			EXPECT_INT((uintptr_t)slot[i].p % 16, 0);
			EXPECT(is_zero(slot[i].p, size));
		}
		slot[i].size = size;
		slot[i].mark = (unsigned char)(1 + unit_random(255));
		memset(slot[i].p, slot[i].mark, size);
	}
}
