/* maps.h - what /proc/self/maps says of an address. */
#ifndef GP_PRELOAD_TRAP_MAPS_H
#define GP_PRELOAD_TRAP_MAPS_H

#include "core/base.h"

struct gp_map {
	uint64_t low, high;
	uint64_t offset;  /* of `low` in the file */
	const char *name; /* the file's, without its folder; "" for none; while each() runs */
	bool read, write, exec, shared, file;
	bool memory;      /* a file of memfd_create */
};

/* Calls each(map, arg) for every mapping until it is false. 0 or -errno.
 * Reads the file anew: some 50 us in a program with many libraries. */
int gp__maps_each(bool (*each)(const struct gp_map *m, void *arg), void *arg);
/* The same of another process. */
int gp__maps_of_process(int pid, bool (*each)(const struct gp_map *m, void *arg), void *arg);
/* The mapping that holds addr. False: none, or /proc cannot be read. */
bool gp__map_of(uint64_t addr, struct gp_map *out);

#endif
