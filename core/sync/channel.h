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

/* Puts o->w.item, or gets it, if that is possible at once: true, and o->result
 * says how it went (an error of the wait included). May park for one turn. */
bool gp__channel_try(struct gp_channel *c, struct gp_offer *o, bool put);
/* Into the list of those who put or get; out of it: by then the channel may be
 * freed. */
void gp__channel_join(struct gp_channel *c, struct gp_offer *o, bool put);
void gp__channel_part(struct gp_channel *c, struct gp_offer *o);

#endif
