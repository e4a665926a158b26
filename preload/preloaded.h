/* preloaded.h - whether this library was preloaded, or is part of the program. */
#ifndef GP_PRELOAD_PRELOADED_H
#define GP_PRELOAD_PRELOADED_H

#include "core/base.h"

bool gp__preloaded(char **envp);

#endif
