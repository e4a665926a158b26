/* The id of a thread other than the first, where the kernel wants the id of a process, or of any thread of it. */
#include "guest.h"

#include <linux/capability.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum { SLACK = 70000 };

static volatile sig_atomic_t got;

static void count(int sig)
{
	got += sig == SIGUSR1;
}

static void wait_for_signal(void)
{
	while (!got)
		sched_yield();
	CHECK_INT(got, 1);
	got = 0;
}

static void signals(int tid)
{
	siginfo_t info = { .si_signo = SIGUSR1, .si_code = SI_QUEUE };

	info.si_pid = getpid();
	info.si_uid = getuid();
	CHECK_INT(kill(tid, 0), 0);
	CHECK_INT(kill(tid, SIGUSR1), 0);
	wait_for_signal();
	CHECK_FAILS(kill(-tid, 0), ESRCH);
	CHECK_INT(syscall(SYS_rt_sigqueueinfo, tid, SIGUSR1, &info), 0);
	wait_for_signal();
	CHECK_FAILS(syscall(SYS_tgkill, tid, tid, 0), ESRCH);
	CHECK_FAILS(waitpid(tid, NULL, WNOHANG), ECHILD);
}

static void process(int tid)
{
	char from[6] = "seven", to[6] = "";
	struct iovec here = { to, 6 }, there = { from, 6 };
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, tid };
	struct __user_cap_data_struct data[2], same[2];
	struct rlimit limit;
	int fd;

	CHECK_INT(getpgid(tid), getpgid(0));
	CHECK_INT(getsid(tid), getsid(0));
	CHECK_FAILS(setpgid(tid, 0), EINVAL);
	CHECK_FAILS(setpgid(0, tid), EPERM);
	CHECK_INT(prlimit(tid, RLIMIT_NOFILE, NULL, &limit), 0);
	CHECK_INT(process_vm_readv(tid, &here, 1, &there, 1, 0), 6);
	CHECK(!strcmp(to, from));
	CHECK_INT(process_vm_writev(tid, &here, 1, &there, 1, 0), 6);
	if (syscall(SYS_kcmp, 0, 0, KCMP_VM, 0, 0) == 0 || errno != ENOSYS)
		CHECK_INT(syscall(SYS_kcmp, tid, getpid(), KCMP_VM, 0, 0), 0);
	CHECK_INT(syscall(SYS_capget, &head, data), 0);
	head.pid = 0;
	CHECK_INT(syscall(SYS_capget, &head, same), 0);
	CHECK(!memcmp(data, same, sizeof same));
	head.pid = tid;
	CHECK_INT(syscall(SYS_capset, &head, data), 0);
	head.pid = getpid(); /* another thread */
	CHECK_FAILS(syscall(SYS_capset, &head, data), EPERM);
	fd = (int)syscall(SYS_pidfd_open, tid, 0);
	CHECK(fd == -1 && (errno == EINVAL || errno == ENOENT)); /* which of them, the kernel's version says */
	CHECK_INT(fcntl(STDIN_FILENO, F_SETOWN, tid), 0);
}

static void paths(int tid)
{
	static const char *const folder[] = { "/proc/%d", "/proc/self/task/%d" }, *const file[] = { "status", "stat",
		                                                                                    "comm", "maps" };
	char path[64], link[64] = "", want[64];
	struct stat st;

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof path, folder[i], tid);
		CHECK_INT(stat(path, &st), 0);
		CHECK(S_ISDIR(st.st_mode));
		for (int k = 0; k < 4; k++) {
			size_t n = strlen(path);
			int fd;

			snprintf(path + n, sizeof path - n, "/%s", file[k]);
			fd = open(path, O_RDONLY);
			CHECK(fd >= 0);
			CHECK_INT(read(fd, link, 1), 1);
			close(fd);
			CHECK_INT(access(path, R_OK), 0);
			CHECK_INT(lstat(path, &st), 0);
			path[n] = '\0';
		}
	}
	snprintf(want, sizeof want, "%d/task/%d", getpid(), tid);
	CHECK_INT(readlink("/proc/thread-self", link, sizeof link), strlen(want));
	CHECK(!memcmp(link, want, strlen(want)));
	CHECK_FAILS(stat("/proc/self/task/1", &st), ENOENT);
}

static void own_state(int tid)
{
	unsigned long address = 0;
	int status;
	pid_t child;

	if (!prctl(PR_GET_TID_ADDRESS, &address, 0, 0, 0)) {
		CHECK_INT(*(int *)address, tid);
		CHECK_INT(syscall(SYS_set_tid_address, NULL), tid);
		CHECK_INT(syscall(SYS_set_tid_address, address), tid);
	}
	CHECK_INT(prctl(PR_SET_TIMERSLACK, SLACK, 0, 0, 0), 0);
	CHECK_INT(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), SLACK);
	child = fork();
	if (!child)
		_exit(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0) != SLACK);
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);
}

static void *thread(void *arg)
{
	int tid = gettid();

	CHECK(tid != getpid());
	signals(tid);
	process(tid);
	paths(tid);
	own_state(tid);
	return arg;
}

int main(void)
{
	pthread_t t;
	int slack = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);

	signal(SIGUSR1, count);
	CHECK_OK(pthread_create(&t, NULL, thread, NULL));
	CHECK_OK(pthread_join(t, NULL)); /* the word at its end is its own, though it was set anew */
	CHECK_INT(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), slack);
	puts("named by a thread");
	return guest_done();
}
