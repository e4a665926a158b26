/* A process whose table of descriptors is full makes a child, which goes on with threads and sleeps. */
#include "guest.h"

#include <sys/resource.h>
#include <sys/wait.h>

static void *sleeper(void *arg)
{
	usleep(1000);
	return arg;
}

static void threads(void)
{
	pthread_t t[3];

	for (int i = 0; i < 3; i++)
		CHECK_OK(pthread_create(&t[i], NULL, sleeper, NULL));
	for (int i = 0; i < 3; i++)
		CHECK_OK(pthread_join(t[i], NULL));
	usleep(1000);
}

int main(void)
{
	struct rlimit limit;
	int status;
	pid_t child;

	threads(); /* whatever that opens is open now */
	CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max < 2048 ? limit.rlim_max : 2048;
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while (dup(STDOUT_FILENO) >= 0)
		;
	CHECK_INT(errno, EMFILE);
	child = fork();
	if (!child) {
		threads();
		puts("the child goes on");
		_exit(guest_failures != 0);
	}
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);
	return guest_done();
}
