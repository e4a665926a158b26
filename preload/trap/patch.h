/* patch.h - sites: where the program's calls come from, and their rewriting. */
#ifndef GP_PRELOAD_TRAP_PATCH_H
#define GP_PRELOAD_TRAP_PATCH_H

#include "preload/shim.h"

/* The site behind a trap at `ret` (the address after the syscall instruction),
 * made known and, if it can be, patched. `nr`: the trapped number. The
 * result is valid until the next trap. */
struct gp_site *gp__site_of_trap(uint64_t ret, long nr);
/* Where an address that a signal frame holds really leads: a site whose tail
 * was moved is left through its stub. */
uint64_t gp__site_target(uint64_t rip);
/* Whether rip is in a stub; then *site is where it came from or goes to, and
 * *before whether the call has not been made yet. */
bool gp__in_stub(uint64_t rip, const struct gp_site **site, bool *before);
/* The mapping [low, high) goes away or changes: forget the sites in it. */
void gp__sites_restore(uint64_t low, uint64_t high); /* it moves or changes: the sites get their own bytes back */
void gp__sites_forget(uint64_t low, uint64_t high);
/* The program is about to map [low, high), whatever is there: stubs of ours make
 * way, and their sites are met anew. */
void gp__stubs_vacate(uint64_t low, uint64_t high);

#endif
