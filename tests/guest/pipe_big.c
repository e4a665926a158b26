/* 16 MiB through a pipe with several writers: a blocking write writes everything, a reader sees end of file only at the
 * end. */
#include "guest.h"

enum { WRITERS = 4, RECORD = 256 * 1024, RECORDS = 16 };

static int pipe_fd[2];

static void *writes(void *arg)
{
	unsigned char *buffer = (unsigned char *)malloc(RECORD);

	memset(buffer, (int)(long)arg, RECORD);
	for (int i = 0; i < RECORDS; i++)
		CHECK_INT(write(pipe_fd[1], buffer, RECORD), RECORD);
	free(buffer);
	return NULL;
}

/* A reader that closes the other end when the writers are done. */
static void *reads(void *arg)
{
	static unsigned char buffer[100000];
	long *count = (long *)arg;
	ssize_t n;

	while ((n = read(pipe_fd[0], buffer, sizeof buffer)) > 0)
		for (ssize_t i = 0; i < n; i++)
			count[buffer[i]]++;
	CHECK_INT(n, 0);
	return NULL;
}

int main(void)
{
	pthread_t threads[WRITERS], reader;
	long count[256] = { 0 };

	if (pipe(pipe_fd) == -1)
		guest_die("pipe");
	reader = thread_start(reads, count);
	for (long i = 0; i < WRITERS; i++)
		threads[i] = thread_start(writes, (void *)(i + 1));
	for (int i = 0; i < WRITERS; i++)
		thread_join(threads[i]);
	close(pipe_fd[1]);
	thread_join(reader);
	for (int i = 1; i <= WRITERS; i++)
		printf("writer %d: %ld bytes\n", i, count[i]);
	return guest_done();
}
