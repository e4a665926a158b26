/* A descriptor's number is closed and reused over and over, and each time a thread blocks on it: no wake-up is lost. */
#include "guest.h"

#include <sys/socket.h>

static void *reads(void *arg)
{
	char byte = 0;

	read_all(*(int *)arg, &byte, 1);
	return (void *)(long)byte;
}

int main(void)
{
	int first = -1;

	for (int i = 0; i < 300; i++) {
		int fd[2];
		pthread_t thread;

		if ((i % 2 ? pipe(fd) : socketpair(AF_UNIX, SOCK_STREAM, 0, fd)) == -1)
			guest_die("pipe");
		if (first == -1)
			first = fd[0];
		CHECK_INT(fd[0], first);
		thread = thread_start(reads, &fd[0]);
		if (i % 3)
			usleep(200);
		write_all(fd[1], "abcdefg" + i % 7, 1);
		CHECK_INT((long)thread_join(thread), "abcdefg"[i % 7]);
		if (i % 5 == 0) { /* over a duplicate that stays open a while */
			int copy = dup(fd[0]);

			close(fd[0]);
			dup2(copy, fd[0]);
			close(copy);
			thread = thread_start(reads, &fd[0]);
			usleep(200);
			write_all(fd[1], "z", 1);
			CHECK_INT((long)thread_join(thread), 'z');
		}
		close(fd[0]);
		close(fd[1]);
	}
	return guest_done();
}
