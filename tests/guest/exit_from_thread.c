/* exit() in a thread ends the process with its status, runs atexit handlers and flushes stdio, however many threads are
 * blocked. */
#include "guest.h"

static int pipe_fd[2];

static void at_exit(void)
{
	printf("atexit handler\n");
}

static void *blocked(void *arg)
{
	char byte;

	if (read(pipe_fd[0], &byte, 1) == 1)
		printf("not reached\n");
	return arg;
}

static void *ends_all(void *arg)
{
	sleep_ms(20);
	setvbuf(stdout, NULL, _IOFBF, 4096);
	printf("exit from a thread");
	exit((int)(long)arg);
}

int main(void)
{
	if (pipe(pipe_fd) == -1)
		guest_die("pipe");
	atexit(at_exit);
	for (int i = 0; i < 10; i++)
		thread_start(blocked, NULL);
	thread_start(ends_all, (void *)37);
	for (;;)
		sleep_ms(100000);
}
