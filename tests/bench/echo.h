// echo.h: the listening socket of the echo servers. They speak one protocol: whatever comes in on a connection goes
// back out. The server binds to a free port on loopback, prints "port NUMBER" and serves until it is killed.
#ifndef ECHO_H
#define ECHO_H

#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

// A listening socket made with the extra socket FLAGS.
static inline int listen_on_loopback(int flags)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	must(fd < 0 ? errno : 0, "socket");
	must(bind(fd, (struct sockaddr *)&address, length) < 0 ? errno : 0, "bind");
	must(listen(fd, 4096) < 0 ? errno : 0, "listen");
	must(getsockname(fd, (struct sockaddr *)&address, &length) < 0 ? errno : 0, "getsockname");
	printf("port %d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

static inline void no_delay(int fd)
{
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
}

#endif
