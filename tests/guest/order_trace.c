/* Prints the order in which its threads run: not the same twice natively, so no test compares it with a native run. */
#include "guest.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int pipe_fd[2], trace[4000], length;

static void *runs(void *arg)
{
	char byte;

	for (int i = 0; i < 40; i++) {
		pthread_mutex_lock(&mutex);
		trace[length++] = (int)(long)arg;
		pthread_mutex_unlock(&mutex);
		if ((i + (long)arg) % 3 == 0)
			sched_yield();
		write_all(pipe_fd[1], "x", 1);
		read_all(pipe_fd[0], &byte, 1);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[20];

	if (pipe(pipe_fd) == -1)
		guest_die("pipe");
	for (long i = 0; i < 20; i++)
		threads[i] = thread_start(runs, (void *)i);
	for (int i = 0; i < 20; i++)
		thread_join(threads[i]);
	for (int i = 0; i < length; i++)
		printf("%d\n", trace[i]);
	return guest_done();
}
