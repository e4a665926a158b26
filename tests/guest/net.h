/* net.h: sockets on loopback for the guest programs. Include it after guest.h. */
#ifndef NET_H
#define NET_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A TCP socket that listens on a free port of loopback; the address is stored. */
static inline int net_listen(struct sockaddr_in *address)
{
	socklen_t length = sizeof *address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(address, 0, sizeof *address);
	address->sin_family = AF_INET;
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || bind(fd, (struct sockaddr *)address, length) == -1 || listen(fd, 128) == -1 ||
	    getsockname(fd, (struct sockaddr *)address, &length) == -1)
		guest_die("listen");
	return fd;
}

static inline int net_connect(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd == -1 || connect(fd, (const struct sockaddr *)address, sizeof *address) == -1)
		guest_die("connect");
	return fd;
}

/* Two ends of one TCP connection. */
static inline void net_pair(int fd[2])
{
	struct sockaddr_in address;
	int listener = net_listen(&address);

	fd[0] = net_connect(&address);
	fd[1] = accept(listener, NULL, NULL);
	if (fd[1] == -1)
		guest_die("accept");
	close(listener);
}

/* A UDP socket on a free port of loopback; the address is stored. */
static inline int net_datagram(struct sockaddr_in *address)
{
	socklen_t length = sizeof *address;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	memset(address, 0, sizeof *address);
	address->sin_family = AF_INET;
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || bind(fd, (struct sockaddr *)address, length) == -1 ||
	    getsockname(fd, (struct sockaddr *)address, &length) == -1)
		guest_die("bind");
	return fd;
}

#endif
