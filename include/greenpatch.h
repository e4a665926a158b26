/* greenpatch.h - all of greenpatch's public headers. */
#ifndef GREENPATCH_H
#define GREENPATCH_H

#include "greenpatch/async_result.h"
#include "greenpatch/barrier.h"
#include "greenpatch/channel.h"
#include "greenpatch/condition.h"
#include "greenpatch/debug.h"
#include "greenpatch/dns.h"
#include "greenpatch/event.h"
#include "greenpatch/file.h"
#include "greenpatch/greenlet.h"
#include "greenpatch/group.h"
#include "greenpatch/io.h"
#include "greenpatch/local.h"
#include "greenpatch/lock.h"
#include "greenpatch/map.h"
#include "greenpatch/offload.h"
#include "greenpatch/patch.h"
#include "greenpatch/poll.h"
#include "greenpatch/pool.h"
#include "greenpatch/process.h"
#include "greenpatch/queue.h"
#include "greenpatch/rwlock.h"
#include "greenpatch/select.h"
#include "greenpatch/semaphore.h"
#include "greenpatch/server.h"
#include "greenpatch/signal.h"
#include "greenpatch/socket.h"
#include "greenpatch/timeout.h"

#endif
