/* Calls that the kernel may allow and a user-space kernel in between need not, twice each: their errors, and that the
 * program goes on. int $0x80 in a child: where the kernel has none it is a SIGSEGV. */
#include "guest.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define X32 0x40000000L

static int pipe_fd[2];

static void *waits(void *arg)
{
	char byte;

	read_all(pipe_fd[0], &byte, 1);
	return arg;
}

static long files_of_its_own(void)
{
	return unshare(CLONE_FILES);
}
static long directory_of_its_own(void)
{
	return unshare(CLONE_FS);
}
static long gs_base(void)
{
	return syscall(SYS_arch_prctl, 0x1001, 0L);
}
static long shadow_stack(void)
{
	return syscall(SYS_arch_prctl, 0x5001, 1L);
}
static long x32(void)
{
	return syscall(X32 | SYS_getppid);
}
static long strict(void)
{
	return prctl(PR_SET_SECCOMP, 1);
}

static const struct {
	const char *what;
	long (*call)(void);
} rows[] = {
	{ "unshare files", files_of_its_own },
	{ "unshare directory", directory_of_its_own },
	{ "gs base", gs_base },
	{ "shadow stack", shadow_stack },
	{ "x32", x32 },
	{ "strict seccomp", strict },
};

static long old_way(long nr)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "0"(nr) : "memory", "r8", "r9", "r10", "r11");
	return (int)r;
}

int main(void)
{
	pthread_t t;
	pid_t pid;
	int status;

	if (pipe(pipe_fd) == -1)
		guest_die("pipe");
	t = thread_start(waits, NULL);
	for (unsigned i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
		long r = rows[i / 2].call();

		printf("%s: %s\n", rows[i / 2].what, r == -1 ? strerrorname_np(errno) : "done");
	}
	pid = fork();
	if (pid == 0)
		_exit(old_way(20) == -ENOSYS ? 0 : 1); /* getpid; 20 is writev elsewhere */
	CHECK_INT(waitpid(pid, &status, 0), pid);
	printf("int80: %s\n", status == 0 || status == SIGSEGV ? "not had" : "had");
	write_all(pipe_fd[1], "x", 1);
	thread_join(t);
	return guest_done();
}
