/* greenpatch.h - all of greenpatch's public headers. */
#ifndef GREENPATCH_H
#define GREENPATCH_H

#include "greenpatch/async_result.h"
#include "greenpatch/barrier.h"
#include "greenpatch/condition.h"
#include "greenpatch/event.h"
#include "greenpatch/greenlet.h"
#include "greenpatch/lock.h"
#include "greenpatch/patch.h"
#include "greenpatch/rwlock.h"
#include "greenpatch/semaphore.h"
#include "greenpatch/timeout.h"

#endif
