/* Many threads blocked on one descriptor: each byte wakes one of them, and end of file all the rest. */
#include "guest.h"

static int pipe_fd[2], bytes, ends;

static void *reads(void *arg)
{
	char byte;
	ssize_t n = read(pipe_fd[0], &byte, 1);

	__atomic_add_fetch(n == 1 ? &bytes : &ends, 1, __ATOMIC_SEQ_CST);
	return arg;
}

int main(void)
{
	pthread_t threads[50];

	if (pipe(pipe_fd) == -1)
		guest_die("pipe");
	for (int i = 0; i < 50; i++)
		threads[i] = thread_start(reads, NULL);
	for (int i = 0; i < 30; i++) {
		write_all(pipe_fd[1], "x", 1);
		while (__atomic_load_n(&bytes, __ATOMIC_SEQ_CST) <= i)
			sched_yield();
	}
	CHECK_INT(ends, 0);
	close(pipe_fd[1]);
	for (int i = 0; i < 50; i++)
		thread_join(threads[i]);
	printf("%d bytes, %d ends of file\n", bytes, ends);
	return guest_done();
}
