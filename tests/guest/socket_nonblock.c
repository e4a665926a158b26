/* The program's own O_NONBLOCK and MSG_DONTWAIT on sockets: EAGAIN, EINPROGRESS and the flags as the program set them.
 */
#include "guest.h"

#include <poll.h>
#include <sys/ioctl.h>

#include "net.h"

int main(void)
{
	static char big[8 << 20];
	struct sockaddr_in address;
	struct pollfd pfd;
	socklen_t length = sizeof(int);
	char byte;
	int fd[2], listener = net_listen(&address), client, error = -1, on = 1;

	CHECK_INT(fcntl(listener, F_GETFL), O_RDWR);
	CHECK_INT(fcntl(listener, F_SETFL, O_NONBLOCK), 0);
	CHECK_INT(fcntl(listener, F_GETFL), O_RDWR | O_NONBLOCK);
	CHECK_FAILS(accept(listener, NULL, NULL), EAGAIN);
	client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	CHECK_INT(fcntl(client, F_GETFL), O_RDWR | O_NONBLOCK);
	CHECK_FAILS(connect(client, (struct sockaddr *)&address, sizeof address), EINPROGRESS);
	pfd.fd = client;
	pfd.events = POLLOUT;
	CHECK_INT(poll(&pfd, 1, 10000), 1);
	CHECK_INT(getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &length), 0);
	CHECK_INT(error, 0);
	pfd.fd = listener;
	pfd.events = POLLIN;
	CHECK_INT(poll(&pfd, 1, 10000), 1);
	fd[0] = accept(listener, NULL, NULL);
	CHECK_INT(fcntl(fd[0], F_GETFL), O_RDWR); /* not inherited from the listener */
	close(fd[0]);
	close(client);

	net_pair(fd);
	CHECK_FAILS(recv(fd[0], &byte, 1, MSG_DONTWAIT), EAGAIN);
	CHECK(send(fd[0], big, sizeof big, MSG_DONTWAIT) < (ssize_t)sizeof big);
	while (send(fd[0], big, sizeof big, MSG_DONTWAIT) > 0)
		; /* the peer's side may take more a moment later */
	CHECK_INT(errno, EAGAIN);
	CHECK_INT(fcntl(fd[0], F_GETFL), O_RDWR);
	CHECK_INT(ioctl(fd[1], FIONBIO, &on), 0);
	CHECK_INT(fcntl(fd[1], F_GETFL), O_RDWR | O_NONBLOCK);
	while (recv(fd[1], big, sizeof big, 0) > 0)
		;
	CHECK_INT(errno, EAGAIN);
	on = 0;
	CHECK_INT(ioctl(fd[1], FIONBIO, &on), 0);
	CHECK_INT(fcntl(fd[1], F_GETFL), O_RDWR);
	return guest_done();
}
