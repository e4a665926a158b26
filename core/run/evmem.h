/* evmem.h - memory that libev never waits for: see evmem.c. */
#ifndef GP_CORE_RUN_EVMEM_H
#define GP_CORE_RUN_EVMEM_H

/* Room in libev's tables for all numbers up to fd: 0 or -ENOMEM. */
int gp__evmem_room(int fd);
/* How many numbers there is room for. */
int gp__evmem_numbers(void);
/* For ev_set_allocator(). */
void *gp__evmem_allocate(void *p, long size);
/* There is no loop any more. */
void gp__evmem_drop(void);

#endif
