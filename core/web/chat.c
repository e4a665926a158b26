/* chat.c - rooms, users, inboxes. A line is made once and counted; inboxes and
 * the backlog share it. Names are looked up one after the other: O(rooms),
 * O(users), which is what saying something costs anyway. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <greenpatch/queue.h>
#include <greenpatch/web/chat.h>

#define GP_API __attribute__((visibility("default")))

struct line {
	unsigned refs;
	char text[];
};

struct user {
	struct user *next;
	struct gp_queue *inbox; /* struct line, a reference each */
	unsigned polls;         /* under way; the last one frees what has left */
	bool gone;
	char name[];
};

struct room {
	struct room *next;
	struct user **users;    /* in order of arrival */
	size_t count, place;
	struct line **said;     /* a ring of chat->backlog; the oldest first */
	size_t first, lines;
	char name[];
};

struct gp_chat {
	size_t backlog, inbox;
	struct room *rooms;
	struct user *users;
};

static void line_unref(struct line *l)
{
	if (!--l->refs)
		free(l);
}

static struct room *room_of(const struct gp_chat *c, const char *name)
{
	struct room *r = c && name ? c->rooms : NULL;

	while (r && strcmp(r->name, name))
		r = r->next;
	return r;
}

static struct user *user_of(const struct gp_chat *c, const char *name)
{
	struct user *u = c && name ? c->users : NULL;

	while (u && strcmp(u->name, name))
		u = u->next;
	return u;
}

GP_API struct gp_chat *gp_chat_new(size_t backlog, size_t inbox)
{
	struct gp_chat *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->backlog = backlog ? backlog : 25;
	c->inbox = inbox ? inbox : 1000;
	return c;
}

static void user_free(struct user *u)
{
	void *l;

	while (!gp_queue_try_get(u->inbox, &l))
		line_unref(l);
	gp_queue_free(u->inbox);
	free(u);
}

/* Out of the list of all; freed when nobody polls for it any more. */
static void forget(struct gp_chat *c, struct user *u)
{
	struct user **at = &c->users;

	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
	u->gone = true;
	if (u->polls)
		gp_queue_close(u->inbox);
	else
		user_free(u);
}

GP_API void gp_chat_free(struct gp_chat *c)
{
	if (!c)
		return;
	while (c->rooms) {
		struct room *r = c->rooms;

		c->rooms = r->next;
		for (size_t i = 0; i < r->lines; i++)
			line_unref(r->said[(r->first + i) % c->backlog]);
		free(r->said);
		free(r->users);
		free(r);
	}
	while (c->users)
		forget(c, c->users);
	free(c);
}

/* ---- rooms and users ----------------------------------------------------------------------------- */

GP_API int gp_chat_add_room(struct gp_chat *c, const char *name)
{
	struct room *r, **at;

	if (!c || !name || !*name)
		return -EINVAL;
	if (room_of(c, name))
		return -EEXIST;
	r = calloc(1, sizeof *r + strlen(name) + 1);
	if (!r)
		return -ENOMEM;
	r->said = calloc(c->backlog, sizeof *r->said);
	if (!r->said) {
		free(r);
		return -ENOMEM;
	}
	strcpy(r->name, name);
	for (at = &c->rooms; *at; at = &(*at)->next)
		;
	*at = r;
	return 0;
}

GP_API const char *gp_chat_room(const struct gp_chat *c, size_t i)
{
	struct room *r = c ? c->rooms : NULL;

	while (r && i--)
		r = r->next;
	return r ? r->name : NULL;
}

GP_API bool gp_chat_has_room(const struct gp_chat *c, const char *room) { return room_of(c, room); }
GP_API bool gp_chat_has_user(const struct gp_chat *c, const char *user) { return user_of(c, user); }

static struct user *user_new(const char *name)
{
	struct user *u = calloc(1, sizeof *u + strlen(name) + 1);

	if (!u)
		return NULL;
	u->inbox = gp_queue_new(0);
	if (!u->inbox) {
		free(u);
		return NULL;
	}
	strcpy(u->name, name);
	return u;
}

static int add_user(struct room *r, struct user *u)
{
	if (r->count == r->place) {
		size_t place = r->place ? 2 * r->place : 8;
		struct user **more = realloc(r->users, place * sizeof *more);

		if (!more)
			return -ENOMEM;
		r->users = more;
		r->place = place;
	}
	r->users[r->count++] = u;
	return 0;
}

GP_API int gp_chat_enter(struct gp_chat *c, const char *room, const char *name)
{
	struct room *r = room_of(c, room);
	struct user *u = user_of(c, name), *fresh = NULL;
	int e;

	if (!c || !name || !*name)
		return -EINVAL;
	if (!r)
		return -ENOENT;
	for (size_t i = 0; i < r->count; i++)
		if (r->users[i] == u)
			return 0;
	if (!u)
		u = fresh = user_new(name);
	if (!u)
		return -ENOMEM;
	e = add_user(r, u);
	if (e && fresh)
		user_free(fresh);
	if (e || !fresh)
		return e;
	u->next = c->users;
	c->users = u;
	return 0;
}

static void leave(struct room *r, const struct user *u)
{
	for (size_t i = 0; i < r->count; i++) {
		if (r->users[i] != u)
			continue;
		memmove(r->users + i, r->users + i + 1, (--r->count - i) * sizeof *r->users);
		return;
	}
}

GP_API int gp_chat_leave(struct gp_chat *c, const char *room, const char *name)
{
	struct user *u = user_of(c, name);
	struct room *r = room_of(c, room);

	if (!u || (room && !r))
		return -ENOENT;
	if (room) {
		leave(r, u);
		return 0;
	}
	for (r = c->rooms; r; r = r->next)
		leave(r, u);
	forget(c, u);
	return 0;
}

GP_API const char *gp_chat_user(const struct gp_chat *c, const char *room, size_t i)
{
	const struct room *r = room_of(c, room);

	return r && i < r->count ? r->users[i]->name : NULL;
}

/* ---- what is said ------------------------------------------------------------------------------- */

static void keep(const struct gp_chat *c, struct room *r, struct line *l)
{
	if (r->lines == c->backlog) {
		line_unref(r->said[r->first]);
		r->said[r->first] = l;
		r->first = (r->first + 1) % c->backlog;
	} else {
		r->said[(r->first + r->lines++) % c->backlog] = l;
	}
	l->refs++;
}

static void deliver(const struct gp_chat *c, struct user *u, struct line *l)
{
	void *oldest;

	if (gp_queue_length(u->inbox) >= c->inbox && !gp_queue_try_get(u->inbox, &oldest))
		line_unref(oldest);
	if (!gp_queue_try_put(u->inbox, l))
		l->refs++;
}

/* l, which the caller has the one reference to, goes to everybody. */
static void spread(const struct gp_chat *c, struct room *r, struct line *l, bool kept)
{
	if (kept)
		keep(c, r, l);
	for (size_t i = 0; i < r->count; i++)
		deliver(c, r->users[i], l);
	line_unref(l);
}

static struct line *line_new(size_t n)
{
	struct line *l = malloc(sizeof *l + n + 1);

	if (l)
		l->refs = 1;
	return l;
}

GP_API int gp_chat_say(struct gp_chat *c, const char *room, const char *user, const char *text)
{
	struct room *r = room_of(c, room);
	struct line *l;

	if (!c || !text || !user)
		return -EINVAL;
	if (!r)
		return -ENOENT;
	l = line_new(strlen(user) + strlen(text) + 2);
	if (!l)
		return -ENOMEM;
	strcpy(stpcpy(stpcpy(l->text, user), ": "), text);
	spread(c, r, l, true);
	return 0;
}

GP_API int gp_chat_post(struct gp_chat *c, const char *room, const char *line, bool kept)
{
	struct room *r = room_of(c, room);
	struct line *l;

	if (!c || !line)
		return -EINVAL;
	if (!r)
		return -ENOENT;
	l = line_new(strlen(line));
	if (!l)
		return -ENOMEM;
	strcpy(l->text, line);
	spread(c, r, l, kept);
	return 0;
}

GP_API int gp_chat_poll(struct gp_chat *c, const char *name, char **line, int64_t deadline)
{
	struct user *u = user_of(c, name);
	void *got;
	int e;

	if (!c || !line)
		return -EINVAL;
	if (!u)
		return -ENOENT;
	u->polls++;
	e = gp_queue_get(u->inbox, &got, deadline);
	u->polls--;
	if (!e) {
		*line = strdup(((struct line *)got)->text);
		line_unref(got);
		e = *line ? 0 : -ENOMEM;
	}
	if (u->gone && !u->polls)
		user_free(u);
	return e;
}

GP_API const char *gp_chat_said(const struct gp_chat *c, const char *room, size_t i)
{
	const struct room *r = room_of(c, room);

	return r && i < r->lines ? r->said[(r->first + i) % c->backlog]->text : NULL;
}
