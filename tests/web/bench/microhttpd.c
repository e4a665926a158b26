/* libmicrohttpd, a thread for each connection, with the 12 bytes of scripts/bench-web: microhttpd PORT */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <unistd.h>

static enum MHD_Result handle(void *cls, struct MHD_Connection *c, const char *url, const char *method,
                              const char *version, const char *data, size_t *n, void **p)
{
	struct MHD_Response *r;
	enum MHD_Result e;

	/* Called for the head first: who answers then, has the connection closed. */
	if (!*p) {
		*p = "seen";
		return MHD_YES;
	}
	r = MHD_create_response_from_buffer(12, "hello world\n", MHD_RESPMEM_PERSISTENT);
	e = MHD_queue_response(c, 200, r);
	MHD_destroy_response(r);
	return e;
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1])),
		                 .sin_addr = { htonl(INADDR_LOOPBACK) } };

	if (!MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, 0, 0,
	                      handle, 0, MHD_OPTION_CONNECTION_LIMIT, 5000u, MHD_OPTION_SOCK_ADDR, &a, MHD_OPTION_END))
		return 1;
	for (;;)
		pause();
}
