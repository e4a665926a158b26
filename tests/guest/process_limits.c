/* What a process gives up or is told for good: no_new_privs, namespaces, the signal at its parent's death, a child
 * subreaper, dumpability, limits; clone with a new namespace. What needs root prints the same without it. */
#include "guest.h"

#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

static int in_child(int (*body)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		guest_failures = 0;
		_exit(body() || guest_failures ? 1 : 0);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	return status;
}

/* With a thread a user namespace is refused; alone it is not (unless the machine forbids it: then both say EPERM). */
static int namespaces(void)
{
	char host[64];
	pthread_t thread;
	int fd[2], r;

	if (pipe(fd) == -1)
		return 1;
	thread = thread_start(byte_awaited, &fd[0]);
	CHECK_FAILS(unshare(CLONE_NEWUSER), EINVAL);
	CHECK_FAILS(unshare(CLONE_THREAD), EINVAL);
	write_all(fd[1], "x", 1);
	thread_join(thread);
	do /* a thread that was joined is counted a little longer */
		r = unshare(CLONE_NEWUSER | CLONE_NEWUTS);
	while (r == -1 && errno == EINVAL && !sched_yield());
	if (r == -1)
		return errno != EPERM && errno != ENOSPC;
	CHECK_INT(sethostname("inside", 6), 0);
	CHECK_INT(gethostname(host, sizeof host), 0);
	CHECK_STR(host, "inside");
	thread_join(thread_start(byte_awaited, (write_all(fd[1], "x", 1), &fd[0])));
	return 0;
}

static int new_pids(void)
{
	int status;
	long pid;

	if (unshare(CLONE_NEWUSER | CLONE_NEWPID) == -1)
		return errno != EPERM && errno != ENOSPC;
	pid = fork();
	if (pid == 0) {
		CHECK_INT(getpid(), 1);
		CHECK_INT(gettid(), 1);
		CHECK_INT(getppid(), 0);
		CHECK_INT(kill(1, 0), 0);
		_exit(guest_failures ? 1 : 5);
	}
	CHECK_INT(waitpid((pid_t)pid, &status, 0), pid);
	CHECK_INT(WEXITSTATUS(status), 5);
	/* The same by one call. */
	pid = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == -1) /* of a child of ours, which has no right to */
		return 0;
	if (pid == 0)
		_exit(getpid() == 1 ? 6 : 7);
	CHECK_INT(waitpid((pid_t)pid, &status, 0), pid);
	return 0;
}

static int parent_death(void)
{
	int ready[2], gone[2];
	char byte;
	pid_t pid;

	if (pipe(ready) == -1 || pipe(gone) == -1)
		return 1;
	pid = fork();
	if (pid == 0) {
		pid_t parent = getpid();

		if (fork() == 0) {
			CHECK_INT(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);
			if (getppid() != parent)
				_exit(1);
			write_all(ready[1], "x", 1);
			for (;;)
				pause(); /* holds gone[1] until it dies */
		}
		for (;;)
			pause();
	}
	close(gone[1]);
	read_all(ready[0], &byte, 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CHECK_INT(read(gone[0], &byte, 1), 0);
	return 0;
}

static int subreaper(void)
{
	int status, ready[2];
	pid_t orphan = 0;

	CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	if (pipe(ready) == -1)
		return 1;
	if (fork() == 0) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(9);
		write_all(ready[1], &pid, sizeof pid);
		_exit(8);
	}
	CHECK(wait(&status) > 0);
	read_all(ready[0], &orphan, sizeof orphan);
	while (waitpid(-1, &status, 0) > 0)
		;
	CHECK_INT(errno, ECHILD);
	return 0;
}

static int limits(void)
{
	struct rlimit old, now;

	CHECK_INT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	CHECK_INT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
	CHECK_FAILS(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
	CHECK_INT(prctl(PR_SET_DUMPABLE, 0), 0);
	CHECK_INT(prctl(PR_GET_DUMPABLE), 0);
	CHECK_INT(getrlimit(RLIMIT_NOFILE, &old), 0);
	now = old;
	now.rlim_cur = 64;
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &now), 0);
	CHECK_INT(getrlimit(RLIMIT_NOFILE, &now), 0);
	CHECK_INT(now.rlim_cur, 64);
	CHECK_FAILS(dup2(0, 64), EBADF);
	return 0;
}

static int cpu_limit(void)
{
	struct rlimit second = { 1, 2 };
	volatile int on = 1;

	CHECK_INT(setrlimit(RLIMIT_CPU, &second), 0);
	while (on)
		;
	return 0;
}

int main(void)
{
	int status;

	CHECK_INT(in_child(namespaces), 0);
	CHECK_INT(in_child(new_pids), 0);
	CHECK_INT(in_child(parent_death), 0);
	CHECK_INT(in_child(subreaper), 0);
	CHECK_INT(in_child(limits), 0);
	status = in_child(cpu_limit);
	CHECK(WIFSIGNALED(status));
	CHECK_INT(WTERMSIG(status), SIGXCPU);
	return guest_done();
}
