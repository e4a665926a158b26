/* listener.h - the listening socket of the examples whose server is written by hand. */
#ifndef LISTENER_H
#define LISTENER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static char port[8]; /* its number as a text, for gp_connect_name() */

static int listen_somewhere(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, length) || listen(fd, 64) ||
	    getsockname(fd, (struct sockaddr *)&at, &length)) {
		perror("listener");
		exit(1);
	}
	snprintf(port, sizeof port, "%d", ntohs(at.sin_port));
	return fd;
}

#endif
