/* A chat over HTTP: rooms, users with a queue each, put and poll. */
#include <cjson/cJSON.h>
#include <greenpatch-web.h>
#include "http_client.h"

#define POLL_LIMIT (300 * GP_MSEC)

static struct gp_chat *chat;
static const char *address;
static int polls_open;

/* ---- the server ------------------------------------------------------------- */

static int say(struct gp_http_request *r, const char *text)
{
	return gp_http_answer(r, 200, "text/plain", text, strlen(text));
}

static int choose_room(struct gp_http_request *r, const char *name)
{
	char text[256];
	int n = snprintf(text, sizeof text, "%s, choose a room:", name);

	for (size_t i = 0; gp_chat_room(chat, i); i++)
		n += snprintf(text + n, sizeof text - (size_t)n, " %s", gp_chat_room(chat, i));
	return say(r, text);
}

static int join(struct gp_http_request *r, const char *room, const char *name)
{
	char text[2048];
	int n = snprintf(text, sizeof text, "%s is in %s; so far:", name, room);
	const char *line, *bar = "";
	int e = gp_chat_enter(chat, room, name);

	for (size_t i = 0; (line = gp_chat_said(chat, room, i)); i++, bar = " |")
		n += snprintf(text + n, sizeof text - (size_t)n, "%s %s", bar, line);
	if (!gp_chat_said(chat, room, 0))
		snprintf(text + n, sizeof text - (size_t)n, " -");
	return e ? e : say(r, text);
}

static int put(struct gp_http_request *r, const char *room, const char *name)
{
	char *form, message[512];
	size_t n;
	int e = gp_http_read_all(r, &form, &n);

	if (!e && gp_form_value(form, n, "message", message, sizeof message) >= 0)
		e = gp_chat_say(chat, room, name, message);
	return e ? e : say(r, "");
}

static int poll_for(struct gp_http_request *r, const char *name)
{
	char *line = NULL, *text;
	cJSON *news;
	int e = gp_http_watch(r);

	polls_open++;
	if (!e)
		e = gp_chat_poll(chat, name, &line, gp_after(POLL_LIMIT));
	polls_open--;
	if (e && e != -ETIMEDOUT)
		return e;
	news = e ? cJSON_CreateArray() : cJSON_CreateString(line);
	text = cJSON_PrintUnformatted(news);
	e = say(r, text);
	cJSON_free(text);
	cJSON_Delete(news);
	free(line);
	return e;
}

static int route(struct gp_http_request *r, void *arg)
{
	bool get = !strcmp(gp_http_method(r), "GET"), post = !strcmp(gp_http_method(r), "POST");
	char path[256], *part[4], *rest = path;
	int n = 0;

	snprintf(path, sizeof path, "%s", gp_http_path(r));
	while (n < 4 && (part[n] = strtok_r(rest, "/", &rest)))
		n++;
	if (post && n == 3 && !strcmp(part[0], "put") && gp_chat_has_room(chat, part[1]) && gp_chat_has_user(chat, part[2]))
		return put(r, part[1], part[2]);
	if (post && n == 2 && !strcmp(part[0], "poll") && gp_chat_has_user(chat, part[1]))
		return poll_for(r, part[1]);
	if (get && n == 0)
		return say(r, "who are you?");
	if (get && n == 1)
		return choose_room(r, part[0]);
	if (get && n == 2 && gp_chat_has_room(chat, part[0]))
		return join(r, part[0], part[1]);
	return gp_http_answer(r, 404, "text/plain", "nothing here", 12);
}

/* ---- the client --------------------------------------------------------------- */

static void ask_into(char *text, size_t size, const char *method, const char *path, const char *form)
{
	char body[1024];
	struct client c;
	struct reply r;

	client_open(&c, address);
	client_send(&c, method, path, form);
	client_head(&c, &r);
	client_body(&c, &r, body, sizeof body);
	client_close(&c);
	snprintf(text, size, "%s %s -> %d %s", method, path, r.status, body);
}

static void ask(const char *method, const char *path, const char *form)
{
	char text[2048];

	ask_into(text, sizeof text, method, path, form);
	printf("%s\n", text);
}

struct poller {
	const char *path;
	char text[2048];
};

static void *wait_for_news(void *arg)
{
	struct poller *p = arg;

	ask_into(p->text, sizeof p->text, "POST", p->path, NULL);
	return NULL;
}

static void poll_before_the_message(void)
{
	static struct poller pollers[] = { { "/poll/ina", "" }, { "/poll/jan", "" }, { "/poll/karl", "" } };
	struct gp_greenlet *waiting[3];

	for (int i = 0; i < 3; i++)
		waiting[i] = gp_spawn(wait_for_news, &pollers[i]);
	while (polls_open < 3)
		gp_sleep(5 * GP_MSEC);
	ask("POST", "/put/garden/jan", "message=yes%2C+%26+it+is+100%25+sunny");
	gp_join_all(waiting, 3, GP_NEVER);
	for (int i = 0; i < 3; i++) {
		printf("%s\n", pollers[i].text);
		gp_unref(waiting[i]);
	}
}

int main(void)
{
	struct gp_http_server *server = gp_http_server_new("127.0.0.1:0", route, NULL, NULL);

	chat = gp_chat_new(25, 0);
	gp_chat_add_room(chat, "garden");
	gp_chat_add_room(chat, "kitchen");
	gp_http_server_start(server);
	address = gp_server_address(gp_http_server_base(server));

	ask("GET", "/", NULL);
	ask("GET", "/ina", NULL);
	ask("GET", "/garden/ina", NULL);
	ask("GET", "/garden/jan", NULL);
	ask("GET", "/kitchen/karl", NULL);
	ask("GET", "/cellar/ina", NULL);
	ask("POST", "/poll/nobody", NULL);

	printf("-- a message is there before the poll\n");
	ask("POST", "/put/garden/ina", "message=anyone+here%3F");
	ask("POST", "/poll/jan", NULL);
	ask("POST", "/poll/ina", NULL);

	printf("-- the poll is there before the message\n");
	poll_before_the_message();

	printf("-- two messages wait in line\n");
	ask("POST", "/put/kitchen/karl", "message=soup");
	ask("POST", "/put/kitchen/karl", "message=bread");
	ask("POST", "/poll/karl", NULL);
	ask("POST", "/poll/karl", NULL);

	printf("-- who comes late sees what was said\n");
	ask("GET", "/garden/karl", NULL);
	gp_http_server_stop(server, gp_after(GP_SEC));
	gp_http_server_free(server);
	gp_chat_free(chat);
	return 0;
}
