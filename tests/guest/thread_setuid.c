/* setuid and its relatives change every thread: libc signals each of them, blocked or not, and waits for all. */
#include "guest.h"

#include <semaphore.h>
#include <sys/resource.h>

static sem_t end;
static int pipe_fd[2];

static void *blocked(void *arg)
{
	char byte;

	if (arg)
		read_all(pipe_fd[0], &byte, 1);
	else
		while (sem_wait(&end) == -1)
			;
	CHECK_INT(geteuid(), getuid());
	return arg;
}

static void *changes(void *arg)
{
	CHECK_INT(setreuid(getuid(), geteuid()), 0);
	return arg;
}

int main(void)
{
	pthread_t threads[6];

	sem_init(&end, 0, 0);
	if (pipe(pipe_fd) == -1)
		guest_die("pipe");
	for (long i = 0; i < 6; i++)
		threads[i] = thread_start(blocked, (void *)(i % 2));
	CHECK_INT(setresuid(getuid(), geteuid(), getuid()), 0);
	CHECK_INT(setegid(getgid()), 0);
	CHECK_INT(seteuid(getuid()), 0);
	thread_join(thread_start(changes, NULL));
	for (int i = 0; i < 3; i++) {
		sem_post(&end);
		write_all(pipe_fd[1], "x", 1);
	}
	for (int i = 0; i < 6; i++)
		thread_join(threads[i]);
	return guest_done();
}
