/* evmem.h - memory that libev never waits for: see evmem.c. */
#ifndef GP_CORE_RUN_EVMEM_H
#define GP_CORE_RUN_EVMEM_H

#include <stddef.h>

#define GP__EVMEM_TABLES 8 /* the loop; events; numbers; changes; numbers that epoll refuses; checks; pending, of two priorities */

struct gp_evmem { /* of a loop; zero at first */
	int numbers; /* that there is room for */
	size_t size; /* of blocks for so many */
	int count;
	struct gp_evblock *spare[GP__EVMEM_TABLES];
};

/* Whose loop it is that libev works for on this kernel thread from now on. */
void gp__evmem_use(struct gp_evmem *m);
/* Room in libev's tables for all numbers up to fd: 0 or -ENOMEM. */
int gp__evmem_room(int fd);
/* How many numbers there is room for. */
int gp__evmem_numbers(void);
/* For ev_set_allocator(). */
void *gp__evmem_allocate(void *p, long size);
/* There is no loop any more. */
void gp__evmem_drop(void);

#endif
