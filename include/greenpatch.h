/* greenpatch.h - all of greenpatch's public headers. */
#ifndef GREENPATCH_H
#define GREENPATCH_H

#include "greenpatch/greenlet.h"
#include "greenpatch/patch.h"
#include "greenpatch/timeout.h"

#endif
