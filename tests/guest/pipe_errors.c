/* End of file, SIGPIPE and EPIPE, bad descriptors and bad addresses on pipes, zero bytes. */
#include "guest.h"

static volatile sig_atomic_t sigpipes;
static int pipe_fd[2];

static void count(int signo)
{
	(void)signo;
	sigpipes++;
}

static void *closes_reader(void *arg)
{
	sleep_ms(20);
	close(pipe_fd[0]);
	return arg;
}

static void *closes_writer(void *arg)
{
	sleep_ms(20);
	close(pipe_fd[1]);
	return arg;
}

int main(void)
{
	static char big[1 << 20];
	char byte;
	pthread_t thread;

	if (pipe(pipe_fd) == -1)
		guest_die("pipe");
	CHECK_INT(write(pipe_fd[1], "", 0), 0);
	CHECK_INT(read(pipe_fd[0], &byte, 0), 0);
	CHECK_FAILS(write(pipe_fd[0], "x", 1), EBADF);
	CHECK_FAILS(read(pipe_fd[1], &byte, 1), EBADF);
	CHECK_FAILS(read(999, &byte, 1), EBADF);
	CHECK_FAILS(write(pipe_fd[1], guest_nowhere, 1), EFAULT);
	CHECK_FAILS(lseek(pipe_fd[0], 0, SEEK_SET), ESPIPE);

	thread = thread_start(closes_writer, NULL);
	CHECK_INT(read(pipe_fd[0], &byte, 1), 0); /* ends when the last writer closes */
	thread_join(thread);
	close(pipe_fd[0]);

	signal(SIGPIPE, SIG_IGN);
	if (pipe(pipe_fd) == -1)
		guest_die("pipe");
	thread = thread_start(closes_reader, NULL);
	while (write(pipe_fd[1], big, sizeof big) > 0) /* blocks on the full pipe; what was written counts first */
		;
	CHECK_INT(errno, EPIPE);
	thread_join(thread);
	on_signal(SIGPIPE, count, 0);
	CHECK_FAILS(write(pipe_fd[1], "x", 1), EPIPE);
	CHECK_INT(sigpipes, 1);
	signal(SIGPIPE, SIG_DFL);
	printf("the default action ends the process\n");
	if (write(pipe_fd[1], "x", 1) == 1)
		printf("not reached\n");
	return 1;
}
