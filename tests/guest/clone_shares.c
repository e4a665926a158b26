/* Children by clone that share what a fork copies: descriptors, the working directory; with threads on both sides, that
 * wait for what the other does. And what a process has shared with nobody, taken for itself. */
#include "guest.h"

#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int ours[2], theirs[2];

static long child_with(unsigned long flags)
{
	return syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
}

static void ends_well(long pid)
{
	int status = -1;

	CHECK_INT(waitpid((pid_t)pid, &status, 0), pid);
	CHECK_INT(status, 0);
}

static void *reads(void *arg)
{
	char byte = 0;

	read_all(*(int *)arg, &byte, 1);
	CHECK_INT(byte, 'x');
	return arg;
}

/* What one opens or closes the other has, whatever the number meant before. */
static void files(void)
{
	int fds[2], before = open_files(), fd = open("/dev/null", O_RDWR);
	pthread_t t = thread_start(reads, &ours[0]);
	struct stat st;
	long pid;

	sched_yield();
	CHECK_INT(write(fd, "x", 1), 1);
	pid = child_with(CLONE_FILES);
	if (pid == 0) {
		guest_failures = 0;
		close(fd);
		CHECK_INT(pipe(fds), 0); /* takes its number */
		CHECK_INT(fds[0], fd);
		t = thread_start(reads, &theirs[0]);
		sched_yield();
		write_all(theirs[1], "x", 1);
		thread_join(t);
		write_all(fds[1], "x", 1);
		_exit(guest_failures ? 1 : 0);
	}
	ends_well(pid);
	CHECK_INT(fstat(fd, &st), 0);
	CHECK(S_ISFIFO(st.st_mode));
	thread_join(thread_start(reads, &fd));
	CHECK_INT(fcntl(fd, F_SETFD, FD_CLOEXEC), 0);
	write_all(ours[1], "x", 1); /* a thread waits since before the child was */
	thread_join(t);
	close(fd);
	close(fd + 1);
	CHECK_INT(open_files(), before);
}

/* A child that goes on sharing while its parent waits, and that execs. */
static void files_and_exec(void)
{
	int before = open_files();
	long pid = child_with(CLONE_FILES);

	if (pid == 0) {
		CHECK_INT(execl("/nowhere", "true", (char *)NULL), -1);
		thread_join(thread_start(reads, (write_all(theirs[1], "x", 1), &theirs[0])));
		execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	ends_well(pid);
	thread_join(thread_start(reads, (write_all(ours[1], "x", 1), &ours[0])));
	CHECK_INT(open_files(), before);
}

static void directory(void)
{
	char at[64];
	long pid = child_with(CLONE_FS);

	if (pid == 0)
		_exit(chdir("/usr") || umask(027) != 022);
	ends_well(pid);
	CHECK_STR(getcwd(at, sizeof at), "/usr");
	CHECK_INT(umask(022), 027);
	pid = child_with(0);
	if (pid == 0)
		_exit(chdir("/") != 0);
	ends_well(pid);
	CHECK_STR(getcwd(at, sizeof at), "/usr");
}

/* A process with one thread shares nothing to begin with: nothing changes. */
static void alone(void)
{
	long pid = fork();

	if (pid == 0) {
		guest_failures = 0;
		CHECK_INT(unshare(CLONE_FILES), 0);
		CHECK_INT(unshare(CLONE_FS), 0);
		CHECK_INT(unshare(CLONE_SYSVSEM), 0);
		CHECK_FAILS(unshare(1), EINVAL);
		thread_join(thread_start(reads, (write_all(ours[1], "x", 1), &ours[0])));
		_exit(guest_failures ? 1 : 0);
	}
	ends_well(pid);
}

int main(void)
{
	umask(022);
	if (pipe(ours) == -1 || pipe(theirs) == -1)
		guest_die("pipe");
	files();
	files_and_exec();
	directory();
	alone();
	files();
	return guest_done();
}
