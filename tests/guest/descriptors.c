/* The numbers of descriptors are the program's own: the lowest free one each time, a daemon's close-everything loop,
 * listings. */
#include "guest.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

static void *nothing(void *arg)
{
	sleep_ms(5);
	return arg;
}

static void list(const char *when)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	printf("%s:", when);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(dir))
			printf(" %s", entry->d_name);
	printf("\n");
	if (dir)
		closedir(dir);
}

/* What is not open is so for every call. */
static void not_open(void)
{
	struct stat st;

	for (int fd = 3; fd < 1100; fd++) {
		if (fcntl(fd, F_GETFD) != -1)
			continue;
		CHECK_FAILS(fstat(fd, &st), EBADF);
		CHECK_FAILS(read(fd, &st, 1), EBADF);
		CHECK_FAILS(write(fd, "x", 1), EBADF);
		CHECK_FAILS(dup(fd), EBADF);
		CHECK_FAILS(dup2(fd, 1000), EBADF);
	}
}

int main(void)
{
	int fds[2], out;
	struct rlimit limit;

	list("at start");
	CHECK_INT(open("/dev/null", O_RDONLY), 3);
	thread_join(thread_start(nothing, NULL));
	CHECK_INT(pipe(fds), 0);
	CHECK_INT(fds[0], 4);
	CHECK_INT(fds[1], 5);
	CHECK_INT(close(4), 0);
	CHECK_INT(dup(3), 4);
	CHECK_INT(dup2(3, 20), 20);
	CHECK_INT(dup3(3, 21, O_CLOEXEC), 21);
	CHECK_FAILS(dup3(3, 3, 0), EINVAL);
	CHECK_INT(dup2(3, 3), 3);
	CHECK_FAILS(dup2(999, 30), EBADF);
	CHECK_INT(fcntl(3, F_DUPFD, 50), 50);
	CHECK_INT(fcntl(3, F_DUPFD_CLOEXEC, 50), 51);
	CHECK_INT(socket(AF_UNIX, SOCK_STREAM, 0), 6);
	list("in the middle");
	not_open();

	/* What a daemon does. The loop goes up to the limit, as they do. */
	getrlimit(RLIMIT_NOFILE, &limit);
	out = dup(1);
	close(1);
	CHECK_INT(dup(out), 1);
	for (int fd = 3; fd < (int)limit.rlim_cur && fd < 70000; fd++)
		close(fd);
	CHECK_INT(open("/dev/null", O_RDONLY), 3);
	thread_join(thread_start(nothing, NULL));
	CHECK_INT(pipe(fds), 0);
	CHECK_INT(fds[0], 4);
	list("after closing all");
	CHECK_INT(close_range(3, ~0u, 0), 0);
	CHECK_FAILS(close_range(5, 3, 0), EINVAL);
	thread_join(thread_start(nothing, NULL));
	CHECK_INT(open("/dev/null", O_RDONLY), 3);
	CHECK_INT(close_range(3, 100, CLOSE_RANGE_CLOEXEC), 0);
	CHECK_INT(fcntl(3, F_GETFD), FD_CLOEXEC);
	closefrom(3);
	CHECK_FAILS(fcntl(3, F_GETFD), EBADF);
	list("at the end");
	return guest_done();
}
