/* greenpatch/web/chat.h - rooms, users and what is said: the inside of a chat,
 * whatever its outside is (long polling, WebSockets).
 *
 * A user has one inbox for all the rooms that it has entered. Names and lines
 * are copied. A chat belongs to one hub: call from its greenlets only.
 *
 * Only gp_chat_poll() parks. Names are looked up one after the other: O(rooms),
 * O(users). The texts that these functions give (but gp_chat_poll()) are the
 * chat's: a room's name lives as long as the chat, a user's until it is forgotten
 * (gp_chat_leave()), a line of the backlog until as many newer ones are there.
 *
 * Errors of all functions here that return int: -EINVAL for NULL or an empty
 * name; -ENOENT: no such room, or no such user; -ENOMEM: nothing has changed.
 */
#ifndef GREENPATCH_WEB_CHAT_H
#define GREENPATCH_WEB_CHAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gp_chat;

/* backlog: lines that a room keeps for who comes late; inbox: lines that wait for
 * a user, beyond which the oldest are dropped; 0: 25 and 1,000. NULL: no memory.
 * Owner: the caller, see gp_chat_free(). */
struct gp_chat *gp_chat_new(size_t backlog, size_t inbox);
/* Whoever polls is woken with -ESHUTDOWN. NULL is allowed. */
void gp_chat_free(struct gp_chat *c);

/* Makes a room: 0; -EEXIST. Rooms stay as long as the chat. */
int gp_chat_add_room(struct gp_chat *c, const char *room);
/* The i-th room's name, in order of their making; NULL behind the last. */
const char *gp_chat_room(const struct gp_chat *c, size_t i);
bool gp_chat_has_room(const struct gp_chat *c, const char *room);

/* A user comes in: 0; known from then on. Again: nothing, and 0. */
int gp_chat_enter(struct gp_chat *c, const char *room, const char *user);
/* Leaves one room: 0, also if it was not there; with NULL all, and is forgotten,
 * its inbox too; whoever polls for it gets what is left there, then -ESHUTDOWN. */
int gp_chat_leave(struct gp_chat *c, const char *room, const char *user);
bool gp_chat_has_user(const struct gp_chat *c, const char *user);
/* The i-th user of a room in order of arrival, NULL behind the last. */
const char *gp_chat_user(const struct gp_chat *c, const char *room, size_t i);

/* "user: text" goes into the inbox of everybody in the room, and into the
 * backlog: 0. The user need not be in the room, nor known. For whose inbox there
 * is no memory, the line is lost. O(users). */
int gp_chat_say(struct gp_chat *c, const char *room, const char *user, const char *text);
/* The same with a line as it is, of a form of the caller's own; kept: it goes
 * into the backlog, too. */
int gp_chat_post(struct gp_chat *c, const char *room, const char *line, bool kept);

/* The user's next line: 0, and it is in *line; the caller frees it by free().
 * -ETIMEDOUT at the deadline; -ESHUTDOWN: the user or the chat has gone; -ENOMEM:
 * the line is lost; and what any call that parks may return (greenlet.h). Parks
 * while there is none. */
int gp_chat_poll(struct gp_chat *c, const char *user, char **line, int64_t deadline);

/* The i-th line of the backlog from the oldest; NULL behind the last. */
const char *gp_chat_said(const struct gp_chat *c, const char *room, size_t i);

#ifdef __cplusplus
}
#endif
#endif
