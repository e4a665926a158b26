/* A TCP server that runs one greenlet per connection. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <greenpatch.h>

static void handle(int fd, const struct gp_address *peer, void *arg)
{
	char line[16];

	gp_send_all(fd, "welcome to the counter\n", 23, 0, GP_NEVER);
	for (int number = 0; number < 5; number++) {
		int n = snprintf(line, sizeof line, "%d\n", number);

		gp_send_all(fd, line, (size_t)n, 0, GP_NEVER);
	}
}

struct visit {
	struct gp_server *server;
	char text[256];
	int error;
};

static void *visit(void *arg)
{
	struct visit *v = arg;
	int fd = gp_create_connection(gp_server_address(v->server), GP_NEVER);

	v->error = fd < 0 ? fd : 0;
	if (fd < 0)
		return NULL;
	v->text[gp_recv_exactly(fd, v->text, sizeof v->text - 1, GP_NEVER)] = 0;
	gp_close(fd);
	return NULL;
}

int main(void)
{
	struct gp_server *server = gp_server_new("127.0.0.1:0", handle, NULL, NULL);
	struct visit one = { .server = server }, three[3], late = { .server = server };
	struct gp_greenlet *visitors[3];

	gp_server_start(server);

	printf("one visitor:\n");
	visit(&one);
	for (char *line = strtok(one.text, "\n"); line; line = strtok(NULL, "\n"))
		printf("  %s\n", line);

	printf("three visitors at once:\n");
	for (int i = 0; i < 3; i++) {
		three[i].server = server;
		visitors[i] = gp_spawn(visit, &three[i]);
	}
	gp_join_all(visitors, 3, GP_NEVER);
	for (int i = 0; i < 3; i++) {
		printf("  visitor %d read", i + 1);
		for (char *line = strtok(three[i].text, "\n"), *comma = ""; line; line = strtok(NULL, "\n"), comma = ",")
			printf("%s %s", comma, line);
		printf("\n");
		gp_unref(visitors[i]);
	}

	gp_server_stop(server, gp_after(GP_SEC));
	visit(&late);
	printf("%s\n", late.error == -ECONNREFUSED ? "closed: the next visitor is refused" : "still open");
	gp_server_free(server);
	return 0;
}
