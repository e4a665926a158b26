/* poll and ppoll: readiness of several kinds, time limits, hang-ups, closed and negative descriptors, none at all. */
#include "guest.h"

#include <poll.h>
#include <sys/socket.h>

static int pipe_fd[2], pair[2];

static void *writes_late(void *arg)
{
	sleep_ms(30);
	write_all(*(int *)arg, "x", 1);
	return NULL;
}

static void *polls(void *arg)
{
	struct pollfd pfd = { .fd = pipe_fd[0], .events = POLLIN };

	CHECK_INT(poll(&pfd, 1, 20000), 1);
	return arg;
}

int main(void)
{
	struct pollfd pfd[5];
	struct timespec limit = ms_timespec(40);
	pthread_t thread, several[10];
	int64_t start = now_ms();
	char byte;

	if (pipe(pipe_fd) == -1 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		guest_die("pipe");
	CHECK_INT(poll(NULL, 0, 40), 0);
	CHECK_INT(ppoll(NULL, 0, &limit, NULL), 0);
	pfd[0] = (struct pollfd){ .fd = pipe_fd[0], .events = POLLIN };
	CHECK_INT(poll(pfd, 1, 40), 0);
	CHECK(now_ms() - start >= 118);
	CHECK_INT(poll(pfd, 1, 0), 0);

	pfd[1] = (struct pollfd){ .fd = pair[0], .events = POLLIN | POLLOUT };
	pfd[2] = (struct pollfd){ .fd = -1, .events = POLLIN, .revents = 77 };
	pfd[3] = (struct pollfd){ .fd = 999, .events = POLLIN };
	pfd[4] = (struct pollfd){ .fd = pipe_fd[1], .events = POLLOUT };
	CHECK_INT(poll(pfd, 5, -1), 3);
	CHECK_INT(pfd[0].revents, 0);
	CHECK_INT(pfd[1].revents, POLLOUT);
	CHECK_INT(pfd[2].revents, 0);
	CHECK_INT(pfd[3].revents, POLLNVAL);
	CHECK_INT(pfd[4].revents, POLLOUT);

	thread = thread_start(writes_late, &pipe_fd[1]);
	pfd[1].events = POLLIN;
	CHECK_INT(poll(pfd, 2, -1), 1);
	CHECK_INT(pfd[0].revents, POLLIN);
	thread_join(thread);
	read_all(pipe_fd[0], &byte, 1);
	thread = thread_start(writes_late, &pair[1]);
	CHECK_INT(ppoll(pfd, 2, NULL, NULL), 1);
	CHECK_INT(pfd[1].revents, POLLIN);
	thread_join(thread);
	read_all(pair[0], &byte, 1);

	for (int i = 0; i < 10; i++)
		several[i] = thread_start(polls, NULL);
	thread = thread_start(writes_late, &pipe_fd[1]);
	for (int i = 0; i < 10; i++) /* all who watch it are told */
		thread_join(several[i]);
	thread_join(thread);
	read_all(pipe_fd[0], &byte, 1);

	close(pipe_fd[1]);
	CHECK_INT(poll(pfd, 1, -1), 1);
	CHECK_INT(pfd[0].revents, POLLHUP);
	close(pair[1]);
	CHECK_INT(poll(&pfd[1], 1, -1), 1);
	CHECK_INT(pfd[1].revents, POLLIN | POLLHUP);
	CHECK_FAILS(poll((struct pollfd *)guest_nowhere, 1, 0), EFAULT);
	limit.tv_nsec = -1;
	CHECK_FAILS(ppoll(pfd, 1, &limit, NULL), EINVAL);
	return guest_done();
}
