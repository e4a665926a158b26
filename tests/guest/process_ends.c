/* How a process ends, as its parent and /proc see it: exit in any thread runs the handlers once, statuses, core dumps,
 * abort with a handler, an uncaught fault in a thread; daemon(), double fork. */
#include "guest.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char dir[] = "/tmp/guest-ends-XXXXXX";
static sigjmp_buf back;

static void last(void)
{
	printf("handler of atexit\n");
}

static void *exits(void *arg)
{
	exit((int)(long)arg);
}

static void *sleeps(void *arg)
{
	sleep_ms(100000);
	return arg;
}

static void *aborts(void *arg)
{
	abort();
	return arg;
}

static void *faults(void *arg)
{
	*(volatile int *)guest_nowhere = 1;
	return arg;
}

static void *traps(void *arg)
{
	__builtin_trap();
	return arg;
}

static void *divides(void *arg)
{
	volatile int zero = 0;

	return (void *)(100 / zero + (long)arg);
}

static void *beyond_a_file(void *arg)
{
	char path[] = "/tmp/guest-map-XXXXXX";
	int fd = mkstemp(path);
	volatile char *p;

	unlink(path);
	p = (volatile char *)mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	return (void *)(long)(*p + (long)arg);
}

static void *killed(void *arg)
{
	kill(getpid(), (int)(long)arg);
	sleep_ms(100000);
	return NULL;
}

static void *leaves_for_good(void *arg)
{
	pthread_exit(arg);
}

static void no_return(int signo)
{
	siglongjmp(back, signo);
}

/* abort() is not to be prevented by a handler that returns, or by blocking it. */
static void returns(int signo)
{
	(void)signo;
	printf("handler of SIGABRT\n");
}

static void *aborts_with_handler(void *arg)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGABRT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	on_signal(SIGABRT, no_return, 0);
	if (!sigsetjmp(back, 1))
		abort();
	printf("left abort by a jump\n");
	on_signal(SIGABRT, returns, 0);
	abort();
	return arg;
}

static void one(const char *what, void *(*run)(void *), long arg)
{
	struct rlimit none = { 0, RLIM_INFINITY }, any = { RLIM_INFINITY, RLIM_INFINITY };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (chdir(dir) == -1)
			_exit(99);
		(void)setrlimit(RLIMIT_CORE, &none);
		(void)setrlimit(RLIMIT_CORE, &any); /* a core file, where that is allowed */
		atexit(last);
		for (int i = 0; i < 3; i++)
			thread_start(sleeps, NULL);
		thread_join(thread_start(run, (void *)arg));
		sleep_ms(100000);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	printf("%s: status %x%s\n", what, (unsigned)(status & ~0x80), WCOREDUMP(status) ? ", core" : "");
}

static void double_fork(void)
{
	int fd[2], status;
	pid_t pid, told[3];

	if (pipe(fd) == -1)
		guest_die("pipe");
	pid = fork();
	if (pid == 0) {
		CHECK(setsid() == getpid());
		if (fork() > 0)
			_exit(0);
		told[0] = getpid();
		told[1] = getsid(0);
		told[2] = getpgrp();
		thread_join(thread_start(leaves_for_good, NULL));
		write_all(fd[1], told, sizeof told);
		_exit(0);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	read_all(fd[0], told, sizeof told);
	CHECK(told[0] != pid);
	CHECK_INT(told[1], pid);
	CHECK_INT(told[2], pid);
}

static void daemons(void)
{
	int fd[2];
	char line[64] = "", path[64];
	pid_t pid;

	if (pipe(fd) == -1)
		guest_die("pipe");
	pid = fork();
	if (pid == 0) {
		if (daemon(0, 0) == -1)
			_exit(1);
		thread_join(thread_start(leaves_for_good, NULL));
		if (getcwd(path, sizeof path) && readlink("/proc/self/fd/1", line, sizeof line - 1) > 0)
			dprintf(fd[1], "%s %s %d\n", path, line, getsid(0) != getpid());
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	close(fd[1]);
	memset(line, 0, sizeof line);
	CHECK(read(fd[0], line, sizeof line - 1) > 0);
	printf("daemon: %s", line);
}

int main(void)
{
	if (!mkdtemp(dir))
		guest_die("mkdtemp");
	one("exit", exits, 7);
	one("exit 256 + 3", exits, 259);
	one("abort", aborts, 0);
	one("abort with handlers", aborts_with_handler, 0);
	one("SIGSEGV", faults, 0);
	one("SIGILL", traps, 0);
	one("SIGFPE", divides, 0);
	one("SIGBUS", beyond_a_file, 0);
	one("SIGTERM", killed, SIGTERM);
	one("SIGKILL", killed, SIGKILL);
	one("SIGQUIT", killed, SIGQUIT);
	one("SIGRTMIN", killed, SIGRTMIN);
	one("SIGPIPE", killed, SIGPIPE);
	double_fork();
	daemons();
	CHECK_INT(chdir(dir), 0);
	unlink("core");
	CHECK_INT(chdir("/"), 0);
	if (rmdir(dir) == -1 && errno == ENOTEMPTY) { /* core.PID */
		char command[64];

		snprintf(command, sizeof command, "rm -rf %s", dir);
		CHECK_INT(system(command), 0);
	}
	return guest_done();
}
