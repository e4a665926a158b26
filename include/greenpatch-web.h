/* greenpatch-web.h - all public headers of the web library (-lgreenpatch-web). */
#ifndef GREENPATCH_WEB_H
#define GREENPATCH_WEB_H

#include "greenpatch/web/chat.h"
#include "greenpatch/web/http.h"
#include "greenpatch/web/stream.h"
#include "greenpatch/web/websocket.h"
#include "greenpatch/web/zmq.h"

#endif
