/* channel.h - how gp_select() waits in a channel. The public calls are in
 * greenpatch/channel.h. Called from greenlets of the channel's hub.
 */
#ifndef GP_CORE_SYNC_CHANNEL_H
#define GP_CORE_SYNC_CHANNEL_H

#include "core/sync/queue.h"

struct gp_channel {
	struct gp_lifetime life;   /* first: select.c */
	struct gp_list getters;    /* struct gp_offer.w */
	struct gp_list putters;    /* struct gp_offer.w */
	struct gp_notifier unlock; /* lets them meet */
	struct gp_offer *owed;     /* its item was taken, it is to be woken next; NULL: nobody */
};

/* Puts o->w.item, or gets it, if that is possible at once: 1, and o->result says
 * how it went; 0: it is not; or what a kill or a timeout brings. May park for
 * one turn. */
int gp__channel_try(struct gp_channel *c, struct gp_offer *o, bool put);
/* While it is held it exists, even freed. */
static inline void gp__channel_hold(struct gp_channel *c) { c->life.users++; }
void gp__channel_release(struct gp_channel *c);
/* Into the line of those who put or get, and out of it. */
void gp__channel_join(struct gp_channel *c, struct gp_offer *o, bool put);
void gp__channel_part(struct gp_channel *c, struct gp_offer *o);

#endif
