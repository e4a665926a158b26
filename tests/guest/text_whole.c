/* The text of libc is one mapping at the end as at the beginning, whatever calls were made from it. */
#include "guest.h"

#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <time.h>

static int texts(void)
{
	char line[512], flags[8], path[256];
	FILE *f = fopen("/proc/self/maps", "r");
	int found = 0;

	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "%*s %7s %*s %*s %*s %255s", flags, path) == 2 && flags[2] == 'x' &&
		    strstr(path, "/libc"))
			found++;
	if (f)
		fclose(f);
	return found;
}

static sem_t over;

static void *works(void *arg)
{
	struct timespec little = { 0, 1000 };
	int fd[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	CHECK(send(fd[0], "x", 1, 0) == 1);
	CHECK(poll(&(struct pollfd){ fd[1], POLLIN, 0 }, 1, 1000) == 1);
	CHECK(recv(fd[1], &(char){ 0 }, 1, 0) == 1);
	nanosleep(&little, NULL);
	close(fd[0]);
	close(fd[1]);
	sem_post(&over);
	return arg;
}

int main(void)
{
	sem_init(&over, 0, 0);
	for (int i = 0; i < 5; i++) {
		pthread_t t = thread_start(works, NULL);
		int fd = open("/dev/null", O_RDWR);

		CHECK(write(fd, "x", 1) == 1);
		CHECK(read(fd, &(char){ 0 }, 1) == 0);
		close(fd);
		sem_wait(&over);
		thread_join(t);
	}
	printf("libc's text: %d mapping\n", texts());
	return guest_done();
}
