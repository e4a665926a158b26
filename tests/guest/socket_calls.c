/* sendmsg and recvmsg, sendmmsg and recvmmsg, peeking, shutdown under a reader, refused and failing connects, wrong
 * calls. */
#include "guest.h"

#include <poll.h>
#include <sys/uio.h>

#include "net.h"

static int fd[2];

static void *shuts_down(void *arg)
{
	sleep_ms(20);
	CHECK_INT(shutdown(fd[0], SHUT_RD), 0);
	return arg;
}

static void *accept_once(void *arg)
{
	struct sockaddr_in peer;
	socklen_t length = sizeof peer;
	int accepted = accept(*(int *)arg, (struct sockaddr *)&peer, &length);

	CHECK(accepted >= 0);
	CHECK_INT(length, sizeof peer);
	CHECK_INT(peer.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	write_all(accepted, "hi", 2);
	close(accepted);
	return NULL;
}

/* One byte out of band, which is asked for without waiting, and the mark where it was. */
static void out_of_band(void)
{
	struct pollfd urgent;
	char text[8] = "";
	int pair[2];

	net_pair(pair);
	CHECK_FAILS(recv(pair[0], text, 8, MSG_OOB), EINVAL);
	CHECK_INT(send(pair[1], "abc", 3, 0), 3);
	CHECK_INT(send(pair[1], "d", 1, MSG_OOB), 1);
	urgent = (struct pollfd){ .fd = pair[0], .events = POLLPRI };
	CHECK_INT(poll(&urgent, 1, -1), 1);
	CHECK_INT(recv(pair[0], text, 8, MSG_OOB), 1);
	CHECK_INT(text[0], 'd');
	CHECK_FAILS(recv(pair[0], text, 8, MSG_OOB), EINVAL);
	CHECK_INT(recv(pair[0], text, 8, 0), 3);
	CHECK_INT(sockatmark(pair[0]), 1);
	CHECK_INT(send(pair[1], "ef", 2, 0), 2);
	CHECK_INT(recv(pair[0], text, 8, 0), 2);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	char a[4] = "", b[4] = "", text[8] = "";
	struct iovec out[2] = { { (char *)"abc", 3 }, { (char *)"def", 3 } }, in[2] = { { a, 3 }, { b, 3 } };
	struct msghdr message;
	struct mmsghdr several[2];
	struct sockaddr_in address;
	struct sockaddr_un gone;
	pthread_t thread;
	int listener, one;

	net_pair(fd);
	memset(&message, 0, sizeof message);
	message.msg_iov = out;
	message.msg_iovlen = 2;
	CHECK_INT(sendmsg(fd[1], &message, 0), 6);
	message.msg_iov = in;
	CHECK_INT(recvmsg(fd[0], &message, MSG_WAITALL), 6);
	CHECK_STR(a, "abc");
	CHECK_STR(b, "def");
	CHECK_INT(send(fd[1], "peek", 4, 0), 4);
	CHECK_INT(recv(fd[0], text, 4, MSG_PEEK), 4);
	CHECK_INT(recv(fd[0], text, 8, 0), 4);
	CHECK_STR(text, "peek");
	thread = thread_start(shuts_down, NULL);
	CHECK_INT(recv(fd[0], text, 1, 0), 0); /* a reader that is blocked sees the end */
	thread_join(thread);
	CHECK_INT(shutdown(fd[0], SHUT_RDWR), 0);
	CHECK_FAILS(send(fd[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	close(fd[0]);
	close(fd[1]);

	CHECK_INT(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd), 0);
	memset(several, 0, sizeof several);
	several[0].msg_hdr.msg_iov = &out[0];
	several[1].msg_hdr.msg_iov = &out[1];
	several[0].msg_hdr.msg_iovlen = several[1].msg_hdr.msg_iovlen = 1;
	CHECK_INT(sendmmsg(fd[0], several, 2, 0), 2);
	several[0].msg_hdr.msg_iov = &in[1];
	several[1].msg_hdr.msg_iov = &in[0];
	CHECK_INT(recvmmsg(fd[1], several, 2, 0, NULL), 2);
	CHECK_STR(b, "abc");
	CHECK_STR(a, "def");

	listener = net_listen(&address);
	thread = thread_start(accept_once, &listener);
	one = net_connect(&address);
	read_all(one, text, 2);
	thread_join(thread);
	CHECK_FAILS(connect(one, (struct sockaddr *)&address, sizeof address), EISCONN);
	close(one);
	close(listener);
	one = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_FAILS(connect(one, (struct sockaddr *)&address, sizeof address), ECONNREFUSED);
	CHECK_FAILS(recv(one, text, 1, 0), ENOTCONN);
	CHECK_FAILS(accept(one, NULL, NULL), EINVAL);
	close(one);
	memset(&gone, 0, sizeof gone);
	gone.sun_family = AF_UNIX;
	strcpy(gone.sun_path, "/nonexistent/socket");
	one = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_FAILS(connect(one, (struct sockaddr *)&gone, sizeof gone), ENOENT);
	CHECK_FAILS(send(0x7000, "x", 1, 0), EBADF);
	CHECK_FAILS(send(STDIN_FILENO, "x", 1, 0), ENOTSOCK);
	CHECK_FAILS(accept4(one, NULL, NULL, 0x40000000), EINVAL);
	out_of_band();
	return guest_done();
}
