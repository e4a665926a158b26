/*
 * close, dup2, dup3 and close_range of a descriptor that another thread is blocked on. What such a read returns differs
 * between kernels and emulations; that the thread ends, at the latest when the other end closes, must not. The number
 * is used again for something else at once, which must not be disturbed.
 */
#include "guest.h"

#include <semaphore.h>
#include <sys/socket.h>

static sem_t entered;

static void *reads(void *arg)
{
	char byte;
	ssize_t n;

	sem_post(&entered);
	n = read(*(int *)arg, &byte, 1);
	CHECK(n <= 0 || byte == 'o');
	return NULL;
}

int main(void)
{
	sem_init(&entered, 0, 0);
	for (int how = 0; how < 4; how++)
		for (int kind = 0; kind < 2; kind++) {
			int fd[2], other[2], number;
			char byte = 0;
			pthread_t thread;

			if ((kind ? pipe(fd) : socketpair(AF_UNIX, SOCK_STREAM, 0, fd)) == -1 || pipe(other) == -1)
				guest_die("pipe");
			number = fd[0];
			thread = thread_start(reads, &number);
			sem_wait(&entered);
			sleep_ms(10);
			switch (how) {
			case 0: CHECK_INT(close(fd[0]), 0); break;
			case 1: CHECK_INT(dup2(other[0], fd[0]), fd[0]); break;
			case 2: CHECK_INT(dup3(other[0], fd[0], O_CLOEXEC), fd[0]); break;
			case 3: CHECK_INT(close_range((unsigned)fd[0], (unsigned)fd[0], 0), 0); break;
			}
			if (how == 0 || how == 3)
				CHECK_INT(dup2(other[0], number), number); /* the number is in use again */
			signal(SIGPIPE, SIG_IGN);
			if (write(fd[1], "o", 1) == -1) /* reaches the old descriptor's reader if that still reads */
				CHECK_INT(errno, EPIPE);
			close(fd[1]);
			thread_join(thread);

			/* The new one works for a read that blocks. */
			write_all(other[1], "n", 1);
			read_all(number, &byte, 1);
			CHECK_INT(byte, 'n');
			close(number);
			close(other[0]);
			close(other[1]);
		}
	return guest_done();
}
