/* mem.h - what we remember of the program's memory. */
#ifndef GP_PRELOAD_CALLS_MEM_H
#define GP_PRELOAD_CALLS_MEM_H

#include "preload/shim.h"

/* Whether another process can see the word at addr. O(shared mappings). */
bool gp__mem_shared(unsigned long addr);

#endif
