/* greenpatch-web.h - all public headers of the web library (-lgreenpatch-web). */
#ifndef GREENPATCH_WEB_H
#define GREENPATCH_WEB_H

#include "greenpatch/web/http.h"
#include "greenpatch/web/stream.h"

#endif
