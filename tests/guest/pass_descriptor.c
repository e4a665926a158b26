/* SCM_RIGHTS: a descriptor travels to another thread and to another process and arrives with the flags its owner set.
 */
#include "guest.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

static void give(int channel, int fd)
{
	char byte = 'f', control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec part = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(header), &fd, sizeof fd);
	CHECK_INT(sendmsg(channel, &message, 0), 1);
}

static int take(int channel)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))];
	struct iovec part = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
	};
	int fd = -1;

	CHECK_INT(recvmsg(channel, &message, MSG_CMSG_CLOEXEC), 1);
	CHECK_INT(byte, 'f');
	if (CMSG_FIRSTHDR(&message))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
	CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
	return fd;
}

static void *takes(void *arg)
{
	char byte = 0;
	int fd = take(*(int *)arg);

	CHECK_INT(fcntl(fd, F_GETFL), O_RDONLY);
	read_all(fd, &byte, 1);
	CHECK_INT(byte, 'p');
	close(fd);
	return NULL;
}

int main(void)
{
	int channel[2], pipe_fd[2], pair[2], status;
	pthread_t thread;
	pid_t child;
	char text[6] = "";

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, channel) == -1 || pipe(pipe_fd) == -1 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		guest_die("socketpair");
	thread = thread_start(takes, &channel[1]);
	give(channel[0], pipe_fd[0]);
	write_all(pipe_fd[1], "p", 1);
	thread_join(thread);

	child = fork();
	if (child == 0) {
		int fd = take(channel[1]);

		CHECK_INT(fcntl(fd, F_GETFL), O_RDWR);
		write_all(fd, "child", 5);
		_exit(guest_failures ? 1 : 0);
	}
	give(channel[0], pair[0]);
	read_all(pair[1], text, 5);
	CHECK_STR(text, "child");
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);
	return guest_done();
}
