/* UDP between threads: recvfrom blocks until a datagram comes and tells who sent it; connected sockets, truncation,
 * refusals. */
#include "guest.h"

#include "net.h"

enum { CLIENTS = 20 };

static struct sockaddr_in address;

static void *serves(void *arg)
{
	int fd = *(int *)arg;

	for (int i = 0; i < CLIENTS * 5; i++) {
		struct sockaddr_in from;
		socklen_t length = sizeof from;
		char text[64];
		ssize_t n = recvfrom(fd, text, sizeof text, 0, (struct sockaddr *)&from, &length);

		CHECK(n > 0);
		CHECK_INT(sendto(fd, text, (size_t)n, 0, (struct sockaddr *)&from, length), n);
	}
	return NULL;
}

static void *asks(void *arg)
{
	struct sockaddr_in own;
	int fd = net_datagram(&own);
	char out[32], in[32];

	CHECK_INT(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	for (int i = 0; i < 5; i++) {
		snprintf(out, sizeof out, "question %ld.%d", (long)arg, i);
		memset(in, 0, sizeof in);
		CHECK_INT(send(fd, out, strlen(out), 0), strlen(out));
		CHECK_INT(recv(fd, in, sizeof in, 0), strlen(out));
		CHECK_STR(in, out);
	}
	close(fd);
	return NULL;
}

int main(void)
{
	pthread_t server, clients[CLIENTS];
	struct sockaddr_in own;
	int fd = net_datagram(&address), other;
	char text[4] = "";

	server = thread_start(serves, &fd);
	for (long i = 0; i < CLIENTS; i++)
		clients[i] = thread_start(asks, (void *)i);
	for (int i = 0; i < CLIENTS; i++)
		thread_join(clients[i]);
	thread_join(server);

	other = net_datagram(&own);
	CHECK_INT(sendto(other, "abcdef", 6, 0, (struct sockaddr *)&address, sizeof address), 6);
	CHECK_INT(recv(fd, text, 3, MSG_TRUNC), 6);
	CHECK_INT(sendto(other, "", 0, 0, (struct sockaddr *)&address, sizeof address), 0);
	CHECK_INT(recv(fd, text, 3, 0), 0);
	close(fd);
	CHECK_INT(connect(other, (struct sockaddr *)&address, sizeof address), 0);
	CHECK_INT(send(other, "x", 1, 0), 1);
	CHECK_FAILS(recv(other, text, 1, 0), ECONNREFUSED);
	return guest_done();
}
