/* MSG_WAITALL from another process that sends in parts, alone and while another thread has just computed; recvmsg over
 * several buffers, a time limit, and several messages by one sendmmsg that do not fit at once. */
#include "guest.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "net.h"

enum { PART = 1000, PARTS = 6, LARGE = 1 << 20, MESSAGES = 5 };

static char got[PART * PARTS];

/* Sends the parts with pauses, from a child. */
static pid_t sender(int fd)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	for (int i = 0; i < PARTS; i++) {
		char part[PART];

		memset(part, 'a' + i, sizeof part);
		write_all(fd, part, sizeof part);
		sleep_ms(15);
	}
	_exit(0);
}

static void *computes(void *arg)
{
	int64_t end = now_ms() + 25;

	while (now_ms() < end)
		;
	return arg;
}

static void checked(const char *name, ssize_t n, pid_t child)
{
	CHECK_INT(n, sizeof got);
	for (int i = 0; i < PARTS; i++)
		CHECK_INT(got[i * PART + PART - 1], 'a' + i);
	CHECK_INT(waitpid(child, NULL, 0), child);
	memset(got, 0, sizeof got);
	printf("%s: all of it\n", name);
}

static void through(int fd[2])
{
	struct iovec iov[3] = { { got, 10 }, { got + 10, 2490 }, { got + 2500, sizeof got - 2500 } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 3 };
	struct timeval limit = { 0, 30000 };
	pid_t child;

	child = sender(fd[0]);
	checked("recv", recv(fd[1], got, sizeof got, MSG_WAITALL), child);

	thread_join(thread_start(computes, NULL));
	child = sender(fd[0]);
	checked("recv after a thread that computed", recv(fd[1], got, sizeof got, MSG_WAITALL), child);

	thread_join(thread_start(computes, NULL));
	child = sender(fd[0]);
	checked("recvmsg", recvmsg(fd[1], &m, MSG_WAITALL), child);

	/* What has come when the time is over. */
	CHECK_INT(setsockopt(fd[1], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
	CHECK_INT(send(fd[0], "abc", 3, 0), 3);
	CHECK_INT(recv(fd[1], got, 10, MSG_WAITALL), 3);
	CHECK_FAILS(recv(fd[1], got, 10, MSG_WAITALL), EAGAIN);
	close(fd[0]);
	close(fd[1]);
}

static void *sends_messages(void *arg)
{
	int fd = *(int *)arg;
	char *data = (char *)calloc(1, LARGE);
	struct iovec iov[MESSAGES];
	struct mmsghdr m[MESSAGES];

	memset(m, 0, sizeof m);
	for (int i = 0; i < MESSAGES; i++) {
		iov[i].iov_base = data;
		iov[i].iov_len = LARGE;
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	CHECK_INT(sendmmsg(fd, m, MESSAGES, MSG_NOSIGNAL), MESSAGES);
	for (int i = 0; i < MESSAGES; i++)
		CHECK_INT(m[i].msg_len, LARGE);
	CHECK_INT(shutdown(fd, SHUT_WR), 0);
	free(data);
	return NULL;
}

int main(void)
{
	char *buffer = (char *)malloc(LARGE);
	pthread_t thread;
	size_t all = 0;
	int fd[2];
	ssize_t n;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == -1)
		guest_die("socketpair");
	through(fd);
	net_pair(fd);
	through(fd);

	net_pair(fd);
	thread = thread_start(sends_messages, &fd[0]);
	while ((n = recv(fd[1], buffer, LARGE, 0)) > 0)
		all += (size_t)n;
	thread_join(thread);
	CHECK_INT(all, (long)MESSAGES * LARGE);
	free(buffer);
	return guest_done();
}
