/* The current request as greenlet-local data: two requests in service at the same
 * time. Both halves of HTTP are as small as can be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <greenpatch.h>
#include "listener.h"

static struct gp_local *here;
static struct gp_event *both_arrived;
static int arrivals;

struct request {
	int fd;
	char path[64], remote[INET_ADDRSTRLEN];
};

/* Whatever is asked of it, it asks the request of the greenlet that asks. */
static const struct request *current(void)
{
	return gp_local_get(here);
}

/* ---- the server ------------------------------------------------------------------- */

static void answer(char *text, size_t size)
{
	if (++arrivals == 2)
		gp_event_set(both_arrived);
	gp_event_wait(both_arrived, GP_NEVER); /* the other request gets its own data meanwhile */
	snprintf(text, size, "hello %s, you asked for %s", current()->remote, current()->path);
}

static void *application(void *arg)
{
	struct request *r = arg;
	char head[512] = "", text[256];
	size_t n = 0;
	ssize_t came;

	while (!strstr(head, "\r\n\r\n") && (came = gp_recv(r->fd, head + n, sizeof head - 1 - n, 0, GP_NEVER)) > 0)
		n += (size_t)came;
	if (sscanf(head, "GET %63s ", r->path) == 1) {
		gp_local_set(here, r); /* until this greenlet ends, or it is deleted */
		answer(text, sizeof text);
		gp_local_delete(here);
		n = (size_t)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
				     "Content-Length: %zu\r\nConnection: close\r\n\r\n%s", strlen(text), text);
		gp_send_all(r->fd, head, n, 0, GP_NEVER);
	}
	gp_close(r->fd);
	free(r);
	return NULL;
}

static void *serve(void *listener)
{
	struct gp_address from;
	int fd;

	while ((fd = gp_accept((int)(intptr_t)listener, &from, SOCK_CLOEXEC, GP_NEVER)) >= 0) {
		struct request *r = calloc(1, sizeof *r);

		r->fd = fd;
		inet_ntop(AF_INET, &((struct sockaddr_in *)&from.storage)->sin_addr, r->remote, sizeof r->remote);
		gp_go(application, r);
	}
	return NULL;
}

/* ---- the client ------------------------------------------------------------------- */

static void *ask(void *path)
{
	int fd = gp_connect_name("127.0.0.1", port, GP_NEVER), status = 0;
	char text[512], reply[512], *body;

	snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", (const char *)path);
	gp_send_all(fd, text, strlen(text), 0, GP_NEVER);
	text[gp_recv_exactly(fd, text, sizeof text - 1, GP_NEVER)] = 0; /* to its end */
	gp_close(fd);
	sscanf(text, "HTTP/1.1 %d", &status);
	body = strstr(text, "\r\n\r\n");
	snprintf(reply, sizeof reply, "%d %s", status, body ? body + 4 : "");
	return strdup(reply);
}

int main(void)
{
	static const char *const paths[] = { "/red", "/blue" };
	struct gp_greenlet *clients[2];
	int listener = listen_somewhere();

	here = gp_local_new(NULL);
	both_arrived = gp_event_new();
	gp_go(serve, (void *)(intptr_t)listener);
	for (int i = 0; i < 2; i++)
		clients[i] = gp_spawn(ask, (void *)paths[i]);
	gp_join_all(clients, 2, GP_NEVER);
	for (int i = 0; i < 2; i++) {
		void *reply;

		if (!gp_get(clients[i], &reply, GP_NEVER))
			printf("%s\n", (char *)reply);
		free(reply);
		gp_unref(clients[i]);
	}
	printf("both were in service together: %s\n", arrivals == 2 ? "yes" : "no");
	printf("outside of a request there is none: %s\n", gp_local_has(here) ? "no" : "yes");
	gp_close(listener); /* ends serve() */
	return 0;
}
