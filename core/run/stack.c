/* stack.c - stacks of gp_spawn greenlets and of the hub.
 *
 * A mapping with one guard page below it, so that an overflow faults instead
 * of writing into the neighbour. Some are kept for the next spawn.
 */
#include <sys/mman.h>
#include "core/alloc.h"
#include "core/raw.h"
#include "core/run/hub.h"

#define SPARE_MAX 64

/* A spare stack: this record lies at its top. */
struct spare {
	struct gp_list link;
	struct gp_stack stack;
};

static struct spare *spare_at(const struct gp_stack *s)
{
	return (struct spare *)(void *)((char *)s->base + s->size - sizeof(struct spare));
}

int gp__stack_make(struct gp_hub *h, struct gp_stack *s, size_t size)
{
	long p;

	size = gp__align_up(size, GP__PAGE);
	gp__list_each(n, &h->spare_stacks) {
		struct spare *spare = gp__list_entry(n, struct spare, link);

		if (spare->stack.size != size)
			continue;
		gp__list_del(n);
		h->spare_count--;
		*s = spare->stack;
		return 0;
	}
	p = gp__raw(SYS_mmap, 0, size + GP__PAGE, PROT_READ | PROT_WRITE,
	            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (gp__is_err(p))
		return (int)p;
	if (gp__is_err(gp__raw(SYS_mprotect, p, GP__PAGE, PROT_NONE))) {
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

void gp__stack_free(struct gp_hub *h, struct gp_stack *s)
{
	if (!s->size)
		return;
	if (h->spare_count < SPARE_MAX) {
		struct spare *spare = spare_at(s);

		spare->stack = *s;
		gp__list_prepend(&h->spare_stacks, &spare->link);
		h->spare_count++;
	} else {
		gp__stack_unmap(s);
	}
	s->size = 0;
}
