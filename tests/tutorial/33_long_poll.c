/* An endless answer that is fed by a queue, line by line, as data turns up. */
#include <cjson/cJSON.h>
#include <greenpatch-web.h>
#include "http_client.h"

static struct gp_queue *source;
static bool in_vain;

static void *producer(void *arg)
{
	for (int number = 1; !gp_sleep(200 * GP_MSEC); number++) {
		char *text = malloc(32);

		snprintf(text, 32, "news %d", number);
		gp_queue_put(source, text, GP_NEVER);
	}
	return NULL;
}

static int write_json(struct gp_http_request *r, char *text)
{
	cJSON *json = cJSON_CreateString(text);
	char *line = cJSON_PrintUnformatted(json);
	size_t n = strlen(line);
	int e;

	line[n] = '\n'; /* in the place of the 0 */
	e = gp_http_write(r, line, n + 1);
	cJSON_free(line);
	cJSON_Delete(json);
	free(text);
	return e;
}

/* A client that goes away ends the wait for the queue. */
static int endpoint(struct gp_http_request *r, void *arg)
{
	int e = gp_http_begin(r, 200, "application/json");

	while (!e) {
		void *text;

		e = gp_queue_get(source, &text, gp_after(50 * GP_MSEC));
		if (!e)
			e = write_json(r, text);
		else if (e == -ETIMEDOUT)
			e = 0, in_vain = true;
	}
	return e;
}

int main(void)
{
	struct gp_http_server *server = gp_http_server_new("127.0.0.1:0", endpoint, NULL, NULL);
	struct gp_greenlet *feeding;
	char size[16], data[256];
	struct client c;
	struct reply r;

	source = gp_queue_new(0);
	feeding = gp_spawn(producer, NULL);
	gp_http_server_start(server);

	client_open(&c, gp_server_address(gp_http_server_base(server)));
	client_send(&c, "GET", "/", NULL);
	client_head(&c, &r);
	printf("status: %d, type: %s\n", r.status, r.type);
	printf("transfer encoding: %s\n", r.encoding);
	for (int i = 0; i < 4; i++) {
		client_chunk(&c, size, sizeof size, data);
		data[strcspn(data, "\n")] = 0;
		printf("line: %s\n", data);
	}
	printf("the server also polled in vain: %s\n", in_vain ? "yes" : "no");
	client_close(&c);
	gp_kill(feeding, GP_NEVER);
	gp_unref(feeding);
	gp_http_server_stop(server, gp_after(100 * GP_MSEC));
	gp_http_server_free(server);
	gp_queue_free(source);
	printf("done\n");
	return 0;
}
