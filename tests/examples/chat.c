/* chat.c - a chat with rooms, for people: the pages of tests/examples/page, and a WebSocket for each of them.
 *
 *	chat [-p DIRECTORY] [-l FILE] [ADDRESS]      usual: -p tests/examples/page, no file, :8080
 *
 * A browser connects to /talk?room=garden&name=ina&since=0 and is sent "welcome" with what was said after `since`, then
 * "said" for each line and "people" when somebody has come or gone. What it sends is what is said. The id of a line is
 * its time in milliseconds, made to grow, so that a browser that comes back, even after a restart of the server, asks
 * for what it has missed. With -l lines are kept in FILE, which grows, and a restart forgets nothing.
 *
 * A user of gp_chat is a connection here: its name is a number and what the person is called.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cjson/cJSON.h>
#include <greenpatch-web.h>
#include <greenpatch.h>

#define NAME_MAX_BYTES 64
#define TEXT_MAX_BYTES 4000
#define BACKLOG        200
#define SHOWN          50                /* names of people at most */
#define GATHER         (150 * GP_MSEC)   /* who comes and goes within it is announced at once */

static struct room {
	const char *name;
	bool announcing; /* a greenlet is about to say who is here */
} rooms[] = { { .name = "garden" }, { .name = "kitchen" }, { .name = "workshop" } };

static struct gp_chat *chat;
static const char *pages = "tests/examples/page";
static int history = -1;

struct visit {
	struct gp_websocket *ws;
	struct gp_greenlet *handler;
	char user[NAME_MAX_BYTES + 24]; /* "17 ina" */
};

/* ---- what is said --------------------------------------------------------------------------- */

static int64_t next_id(void)
{
	static int64_t last;
	struct timespec now;
	int64_t id;

	clock_gettime(CLOCK_REALTIME, &now);
	id = now.tv_sec * 1000 + now.tv_nsec / 1000000;
	return last = id > last ? id : last + 1;
}

/* The id of a line, which is what it begins with. */
static int64_t id_of(const char *line)
{
	long long id = 0;

	sscanf(line, "{\"id\":%lld", &id);
	return id;
}

static void remember(const char *room, const char *line)
{
	char *text;
	int n;

	if (history < 0 || (n = asprintf(&text, "%s %s\n", room, line)) < 0)
		return;
	if (gp_pwrite(history, text, (size_t)n, 0, GP_NEVER) != n) /* it is open for appending */
		fprintf(stderr, "chat: a line was not kept\n");
	free(text);
}

static int say(const char *room, const char *user, const char *text)
{
	cJSON *said = cJSON_CreateObject();
	char *line;
	int e = -ENOMEM;

	cJSON_AddNumberToObject(said, "id", (double)next_id());
	cJSON_AddStringToObject(said, "type", "said");
	cJSON_AddStringToObject(said, "who", strchr(user, ' ') + 1);
	cJSON_AddStringToObject(said, "text", text);
	line = cJSON_PrintUnformatted(said);
	cJSON_Delete(said);
	if (line) {
		e = gp_chat_post(chat, room, line, true);
		remember(room, line);
	}
	free(line);
	return e;
}

static void recall(const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL, *text;
	size_t size = 0;

	while (f && getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = 0;
		text = strchr(line, ' ');
		if (!text)
			continue;
		*text++ = 0;
		gp_chat_post(chat, line, text, true);
	}
	free(line);
	if (f)
		fclose(f);
	history = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (history < 0)
		fprintf(stderr, "chat: %s: %s\n", path, strerror(errno)), exit(1);
}

/* ---- who is here ------------------------------------------------------------------------------ */

static void *announce(void *arg)
{
	struct room *room = arg;
	cJSON *people = cJSON_CreateObject(), *names;
	const char *user;
	char *line;
	size_t n;

	room->announcing = false;
	cJSON_AddStringToObject(people, "type", "people");
	names = cJSON_AddArrayToObject(people, "names");
	for (n = 0; (user = gp_chat_user(chat, room->name, n)); n++)
		if (n < SHOWN)
			cJSON_AddItemToArray(names, cJSON_CreateString(strchr(user, ' ') + 1));
	cJSON_AddNumberToObject(people, "count", (double)n);
	line = cJSON_PrintUnformatted(people);
	if (line)
		gp_chat_post(chat, room->name, line, false);
	free(line);
	cJSON_Delete(people);
	return NULL;
}

/* Not for each of a thousand who come at once. */
static void somebody_came_or_went(struct room *room)
{
	struct gp_greenlet *g = room->announcing ? NULL : gp_spawn_later(GATHER, announce, room);

	if (!g)
		return;
	room->announcing = true;
	gp_unref(g);
}

/* ---- a visit -------------------------------------------------------------------------------- */

/* All at once, before anything is waited for: a line is in here or in the inbox, not in both. */
static char *welcome(const char *room, int64_t since)
{
	cJSON *hello = cJSON_CreateObject(), *names = cJSON_AddArrayToObject(hello, "rooms");
	cJSON *lines = cJSON_AddArrayToObject(hello, "lines");
	const char *line;
	char *text;

	cJSON_AddStringToObject(hello, "type", "welcome");
	cJSON_AddStringToObject(hello, "room", room);
	for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++)
		cJSON_AddItemToArray(names, cJSON_CreateString(rooms[i].name));
	for (size_t i = 0; (line = gp_chat_said(chat, room, i)); i++)
		if (id_of(line) > since)
			cJSON_AddItemToArray(lines, cJSON_CreateRaw(line));
	text = cJSON_PrintUnformatted(hello);
	cJSON_Delete(hello);
	return text;
}

/* The other half of a visit: what was said goes to the browser. */
static void *tell(void *arg)
{
	struct visit *v = arg;
	char *line;
	int e = 0;

	while (!e && !(e = gp_chat_poll(chat, v->user, &line, GP_NEVER))) {
		e = gp_websocket_send(v->ws, GP_WEBSOCKET_TEXT, line, strlen(line));
		free(line);
	}
	if (e != -ESHUTDOWN)
		gp_kill_soon(v->handler, -ECONNRESET);
	return NULL;
}

static bool blank(const char *text) { return !text[strspn(text, " \t\r\n")]; }

static int listen_to(struct visit *v, const char *room)
{
	struct gp_websocket_message m;
	int e;

	while (!(e = gp_websocket_receive(v->ws, &m, GP_NEVER)))
		if (m.type == GP_WEBSOCKET_TEXT && strlen(m.data) == m.n && !blank(m.data))
			say(room, v->user, m.data);
	return e == -ESHUTDOWN ? 0 : e;
}

static int stay(struct visit *v, struct room *room, int64_t since)
{
	char *hello = welcome(room->name, since);
	struct gp_greenlet *teller;
	int e = hello ? gp_chat_enter(chat, room->name, v->user) : -ENOMEM;

	if (!e)
		e = gp_websocket_send(v->ws, GP_WEBSOCKET_TEXT, hello, strlen(hello));
	free(hello);
	teller = e ? NULL : gp_spawn(tell, v);
	if (teller) {
		somebody_came_or_went(room);
		e = listen_to(v, room->name);
	}
	gp_chat_leave(chat, NULL, v->user); /* which ends the teller's wait */
	if (teller) {
		somebody_came_or_went(room);
		gp_join(teller, GP_NEVER);
		gp_unref(teller);
	}
	return e;
}

static int talk(struct gp_http_request *r)
{
	struct gp_websocket_options o = { .max_message = TEXT_MAX_BYTES, .ping_time = 20 * GP_SEC };
	struct visit v = { .handler = gp_self() };
	char name[NAME_MAX_BYTES], where[32], since[24] = "0";
	const char *query = gp_http_query(r);
	static unsigned long visits;
	struct room *room = rooms; /* also for a name that is none */
	int e;

	if (gp_form_value(query, strlen(query), "name", name, sizeof name) <= 0 || blank(name) ||
	    gp_form_value(query, strlen(query), "room", where, sizeof where) < 0)
		return gp_http_answer(r, 400, "text/plain", "a name and a room\n", 18);
	gp_form_value(query, strlen(query), "since", since, sizeof since);
	for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++)
		if (!strcmp(rooms[i].name, where))
			room = &rooms[i];
	snprintf(v.user, sizeof v.user, "%lu %s", ++visits, name);
	e = gp_websocket_accept(&v.ws, r, &o);
	return e ? e : stay(&v, room, atoll(since));
}

static int handle(struct gp_http_request *r, void *arg)
{
	const char *path = gp_http_path(r);

	if (!strcmp(path, "/talk"))
		return talk(r);
	gp_http_add_header(r, "Content-Security-Policy", "default-src 'self'");
	gp_http_add_header(r, "Cache-Control", "no-cache");
	return gp_http_answer_file(r, pages, strcmp(path, "/") ? path + 1 : "chat.html", NULL);
}

/* ---- the program ------------------------------------------------------------------------------- */

static void end(int signo, void *arg)
{
	gp_event_set(arg);
}

int main(int argc, char **argv)
{
	const char *file = NULL;
	struct gp_event *over = gp_event_new();
	struct gp_http_server *s;
	int c, e;

	while ((c = getopt(argc, argv, "p:l:")) != -1) {
		if (c == '?')
			return fprintf(stderr, "usage: chat [-p DIRECTORY] [-l FILE] [ADDRESS]\n"), 2;
		*(c == 'p' ? &pages : &file) = optarg;
	}
	chat = gp_chat_new(BACKLOG, 0);
	for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++)
		gp_chat_add_room(chat, rooms[i].name);
	if (file)
		recall(file);
	s = gp_http_server_new(optind < argc ? argv[optind] : ":8080", handle, NULL, NULL);
	gp_signal_handler(SIGTERM, end, over);
	gp_signal_handler(SIGINT, end, over);
	e = gp_http_server_start(s);
	if (e)
		return fprintf(stderr, "chat: %s\n", strerror(-e)), 1;
	printf("ready %s\n", gp_server_address(gp_http_server_base(s)));
	fflush(stdout);
	gp_event_wait(over, GP_NEVER);
	return gp_http_server_stop(s, gp_after(5 * GP_SEC)) ? 1 : 0;
}
