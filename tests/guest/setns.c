/* setns: into a namespace and back, by its file and by a pidfd, alone and beside threads; what is refused. */
#include "guest.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>

static char before[64];

static int namespace_of(const char *which)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/proc/self/ns/%s", which);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		guest_die(path);
	return fd;
}

static void named(const char *expected)
{
	char host[64] = "";

	CHECK_INT(gethostname(host, sizeof host), 0);
	CHECK_STR(host, expected);
}

static void *goes_back(void *home)
{
	CHECK_INT(setns(*(int *)home, CLONE_NEWUTS), 0);
	named(before);
	return NULL;
}

static void refused(int home)
{
	int fd[2];
	pthread_t thread;

	if (pipe(fd) == -1)
		guest_die("pipe");
	CHECK_FAILS(setns(-1, 0), EBADF);
	CHECK_FAILS(setns(fd[0], 0), EINVAL);
	CHECK_FAILS(setns(home, CLONE_NEWNET), EINVAL);
	CHECK_FAILS(setns(namespace_of("user"), CLONE_NEWUSER), EINVAL); /* it is there already */
	thread = thread_start(byte_awaited, &fd[0]);
	/* The threads share a directory; who may not enter at all is told that first. */
	CHECK(setns(namespace_of("mnt"), CLONE_NEWNS) == -1 && (errno == EINVAL || errno == EPERM));
	write_all(fd[1], "x", 1);
	thread_join(thread);
}

static void other_name(int home)
{
	int there, self;

	CHECK_INT(unshare(CLONE_NEWUTS), 0);
	CHECK_INT(sethostname("elsewhere", 9), 0);
	named("elsewhere");
	there = namespace_of("uts");
	CHECK_INT(setns(home, 0), 0);
	named(before);
	CHECK_INT(setns(there, CLONE_NEWUTS), 0);
	named("elsewhere");
	thread_join(thread_start(goes_back, &home));
	CHECK_INT(setns(home, CLONE_NEWUTS), 0);
	named(before);
	self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	CHECK_INT(setns(self, CLONE_NEWUTS), 0);
	named(before);
}

/* A socket belongs to the network where it was made. */
static void other_network(int home)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int outside = socket(AF_INET, SOCK_DGRAM, 0), inside;

	CHECK_INT(unshare(CLONE_NEWNET), 0);
	inside = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK_FAILS(connect(inside, (struct sockaddr *)&to, sizeof to), ENETUNREACH); /* its loopback is down */
	CHECK_INT(connect(outside, (struct sockaddr *)&to, sizeof to), 0);
	CHECK_INT(setns(home, CLONE_NEWNET), 0);
	CHECK_FAILS(connect(inside, (struct sockaddr *)&to, sizeof to), ENETUNREACH);
	outside = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK_INT(connect(outside, (struct sockaddr *)&to, sizeof to), 0);
}

int main(void)
{
	int status, home = namespace_of("uts"), network = namespace_of("net");
	pid_t pid;

	CHECK_INT(gethostname(before, sizeof before), 0);
	refused(home);
	pid = fork(); /* with one thread for sure */
	if (pid == 0) {
		/* Where a user may have namespaces of its own, the old names are another user's. */
		if (unshare(CLONE_NEWUSER) == -1 || unshare(CLONE_NEWUTS) == -1)
			_exit(errno == EPERM || errno == ENOSPC ? 0 : 1);
		CHECK_FAILS(setns(home, CLONE_NEWUTS), EPERM);
		_exit(guest_failures != 0);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWUTS | CLONE_NEWNET) == -1)
			_exit(errno == EPERM || errno == ENOSPC ? 0 : 1);
		CHECK_INT(setns(home, CLONE_NEWUTS), 0);
		CHECK_INT(setns(network, CLONE_NEWNET), 0);
		other_name(home);
		other_network(network);
		_exit(guest_failures != 0);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	return guest_done();
}
