/* modules.h - which file the code at an address belongs to. */
#ifndef GP_PRELOAD_MODULES_H
#define GP_PRELOAD_MODULES_H

#include "core/base.h"

/* An executable mapping. */
struct gp_module {
	uint64_t low, high;
	uint64_t base;        /* what addresses in the file count from, as addr2line wants them */
	uint64_t unwind;      /* its .eh_frame_hdr; 0: it has none */
	char name[48];        /* the file's, without its folder */
};

/* Those that were asked for, while no code goes away; zero at first. */
struct gp_modules {
	unsigned count, next; /* the next one to be replaced when all are taken */
	unsigned epoch;
	struct gp_module m[16];
};

/* NULL: there is no code. Reads /proc/self/maps for what is not known yet. */
const struct gp_module *gp__module_of(struct gp_modules *known, uint64_t addr);
/* " libc.so.6+0x1234", or the address alone. Its length. */
size_t gp__module_format(struct gp_modules *known, char *buf, size_t size, uint64_t addr);
/* Mappings of code are about to go away or to be others. */
void gp__modules_changed(void);
/* Bytes read from addr, up to n; fewer where the memory ends. Never faults. */
size_t gp__peek(uint64_t addr, void *buf, size_t n);

#endif
