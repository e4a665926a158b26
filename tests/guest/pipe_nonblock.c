/* The program's own O_NONBLOCK is respected on pipes: EAGAIN, short writes, F_GETFL tells what the program set. */
#include "guest.h"

static int pipe_fd[2];

static void *reads_blocking(void *arg)
{
	char byte = 0;

	(void)arg;
	CHECK_INT(read(pipe_fd[0], &byte, 1), 1);
	return (void *)(long)byte;
}

int main(void)
{
	static char big[1 << 20];
	char byte;
	pthread_t thread;
	ssize_t n;

	if (pipe2(pipe_fd, O_NONBLOCK | O_CLOEXEC) == -1)
		guest_die("pipe2");
	CHECK_INT(fcntl(pipe_fd[0], F_GETFL), O_RDONLY | O_NONBLOCK);
	CHECK_INT(fcntl(pipe_fd[0], F_GETFD), FD_CLOEXEC);
	CHECK_FAILS(read(pipe_fd[0], &byte, 1), EAGAIN);
	n = write(pipe_fd[1], big, sizeof big);
	CHECK(n > 0 && n < (ssize_t)sizeof big);
	CHECK_FAILS(write(pipe_fd[1], big, sizeof big), EAGAIN);
	printf("the pipe held %zd bytes\n", n);
	while (read(pipe_fd[0], big, sizeof big) > 0)
		;
	CHECK_INT(errno, EAGAIN);

	CHECK_INT(fcntl(pipe_fd[0], F_SETFL, 0), 0);
	CHECK_INT(fcntl(pipe_fd[0], F_GETFL), O_RDONLY);
	thread = thread_start(reads_blocking, NULL);
	sched_yield();
	CHECK_INT(write(pipe_fd[1], "q", 1), 1);
	CHECK_INT((long)thread_join(thread), 'q');
	CHECK_INT(fcntl(pipe_fd[0], F_GETFL), O_RDONLY);
	CHECK_INT(fcntl(pipe_fd[1], F_GETFL), O_WRONLY | O_NONBLOCK);
	return guest_done();
}
