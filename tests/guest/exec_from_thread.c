/* exec from a thread replaces the whole process, keeps the pid, the environment and open descriptors, and closes the
 * others. */
#include "guest.h"

static void *blocked(void *arg)
{
	sleep_ms(100000);
	return arg;
}

static void *execs(void *arg)
{
	char pid[32], open_fd[16], closed_fd[16];
	char *args[] = { (char *)arg, (char *)"again", pid, open_fd, closed_fd, NULL };

	snprintf(pid, sizeof pid, "%d", getpid());
	snprintf(open_fd, sizeof open_fd, "%d", open("/dev/null", O_RDONLY));
	snprintf(closed_fd, sizeof closed_fd, "%d", open("/dev/null", O_RDONLY | O_CLOEXEC));
	setenv("GUEST_KEPT", "yes", 1);
	execv("/nonexistent", args);
	CHECK_INT(errno, ENOENT);
	execv("/proc/self/exe", args);
	guest_die("execv");
}

static void *after(void *arg)
{
	sleep_ms(2);
	return arg;
}

int main(int argc, char **argv)
{
	if (argc == 5) {
		CHECK_INT(getpid(), atoi(argv[2]));
		CHECK_INT(gettid(), getpid());
		CHECK_STR(getenv("GUEST_KEPT"), "yes");
		CHECK_INT(fcntl(atoi(argv[3]), F_GETFD), 0);
		CHECK_FAILS(fcntl(atoi(argv[4]), F_GETFD), EBADF);
		CHECK_INT((long)thread_join(thread_start(after, (void *)8)), 8);
		printf("the new image runs\n");
		return guest_done();
	}
	for (int i = 0; i < 5; i++)
		thread_start(blocked, NULL);
	thread_start(execs, argv[0]);
	for (;;)
		sleep_ms(100000);
}
