/* local.c - what each greenlet has for itself. */
#include "core/run/hub.h"

void gp__locals_end(struct gp_greenlet *g) {}
