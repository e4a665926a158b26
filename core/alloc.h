/* alloc.h - memory for the runtime's own records.
 *
 * Under the shim it comes from mmap and never from the program's malloc, in
 * whose middle we may have been called. Linked into a program it is malloc,
 * so that valgrind and ASan see it.
 */
#ifndef GP_CORE_ALLOC_H
#define GP_CORE_ALLOC_H

#include <string.h>
#include "core/base.h"

/* Zeroed memory, 16-byte aligned, or NULL. Never parks. Owner: the caller. */
void *gp__alloc(size_t size);
/* NULL is allowed. */
void gp__free(void *p);
/* As realloc; what is new is not zeroed. NULL: the old block stays. */
void *gp__realloc(void *p, size_t size);

/* A copy of a text, or NULL. Owner: the caller. */
static inline char *gp__copy_of(const char *text)
{
	size_t n = strlen(text) + 1;
	char *copy = (char *)gp__alloc(n);

	if (copy)
		memcpy(copy, text, n);
	return copy;
}

#endif
