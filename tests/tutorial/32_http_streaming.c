/* A page in chunks: the client has the first one before the server makes the second. */
#include <greenpatch-web.h>
#include "http_client.h"

static struct gp_event *first_has_arrived;

static int page(struct gp_http_request *r, void *arg)
{
	const char *rest;
	int e = gp_http_begin(r, 200, "text/html");

	if (!e)
		e = gp_http_write(r, "<p>Hello", 8);
	if (e)
		return e;
	rest = gp_event_wait(first_has_arrived, gp_after(GP_SEC)) ? " (buffered)</p>" : " World</p>";
	return gp_http_write(r, rest, strlen(rest));
}

int main(void)
{
	struct gp_http_server *server = gp_http_server_new("127.0.0.1:0", page, NULL, NULL);
	char size[16], data[64];
	struct client c;
	struct reply r;
	bool more;

	first_has_arrived = gp_event_new();
	gp_http_server_start(server);

	client_open(&c, gp_server_address(gp_http_server_base(server)));
	client_send(&c, "GET", "/", NULL);
	client_head(&c, &r);
	printf("status line: %s\n", r.line);
	printf("transfer encoding: %s\n", r.encoding);
	printf("content length: %s\n", r.length);
	do {
		more = client_chunk(&c, size, sizeof size, data);
		if (more)
			printf("chunk, size line \"%s\": \"%s\"\n", size, data);
		else
			printf("chunk, size line \"%s\": end\n", size);
		gp_event_set(first_has_arrived);
	} while (more);
	client_close(&c);
	gp_http_server_stop(server, gp_after(GP_SEC));
	gp_http_server_free(server);
	gp_event_free(first_has_arrived);
	return 0;
}
