/* A page over HTTP: two requests on one connection, then another connection. */
#include <greenpatch-web.h>
#include "http_client.h"

static int page(struct gp_http_request *r, void *arg)
{
	if (strcmp(gp_http_path(r), "/"))
		return gp_http_answer(r, 404, "text/plain", "no such page", 12);
	return gp_http_answer(r, 200, "text/html", "<p>Hello World</p>", 18);
}

static void show(struct client *c, const char *path)
{
	struct reply r;
	char body[256];

	client_send(c, "GET", path, NULL);
	client_head(c, &r);
	client_body(c, &r, body, sizeof body);
	printf("GET %s\n", path);
	printf("  status: %d %s\n", r.status, r.reason);
	printf("  type: %s\n", r.type);
	printf("  length: %s\n", r.length);
	printf("  dated: %s\n", r.dated ? "yes" : "no");
	printf("  body: %s\n", body);
}

int main(void)
{
	struct gp_http_server *server = gp_http_server_new("127.0.0.1:0", page, NULL, NULL);
	struct gp_server_counts counts;
	const char *address;
	struct client c;

	gp_http_server_start(server);
	address = gp_server_address(gp_http_server_base(server));

	client_open(&c, address);
	show(&c, "/");
	show(&c, "/elsewhere");
	gp_server_count(gp_http_server_base(server), &counts);
	printf("one connection for both: %s\n", counts.accepted == 1 ? "yes" : "no");
	client_close(&c);

	client_open(&c, address);
	show(&c, "/");
	client_close(&c);
	gp_http_server_stop(server, gp_after(GP_SEC));
	gp_http_server_free(server);
	return 0;
}
