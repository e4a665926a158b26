/* Filters of system calls that the program installs itself: calls that fail, that end the process, that raise a signal;
 * inherited by threads and children. */
#include "guest.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static volatile sig_atomic_t trapped, trapped_nr;

/* The call nr gets this answer, every other one is allowed. */
static int filter(int nr, unsigned answer)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, answer),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof code / sizeof *code, code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

static void *calls(void *arg)
{
	CHECK_FAILS(getsid(0), ENOTTY);
	return arg;
}

static int fails(void)
{
	int status;

	CHECK_INT(filter(SYS_getsid, SECCOMP_RET_ERRNO | ENOTTY), 0);
	CHECK_INT(prctl(PR_GET_SECCOMP), SECCOMP_MODE_FILTER);
	calls(NULL);
	thread_join(thread_start(calls, NULL));
	if (fork() == 0) {
		calls(NULL);
		_exit(guest_failures);
	}
	wait(&status);
	CHECK_INT(status, 0);
	return 0;
}

static int kills(void)
{
	CHECK_INT(filter(SYS_getsid, SECCOMP_RET_KILL_PROCESS), 0);
	getsid(0);
	return 1;
}

static void handler(int signo, siginfo_t *info, void *context)
{
	(void)context;
	CHECK_INT(signo, SIGSYS);
	CHECK_INT(info->si_code, 1); /* SYS_SECCOMP */
	CHECK_INT(info->si_errno, 17);
	trapped_nr = info->si_syscall;
	trapped++;
}

static int traps(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof action);
	action.sa_sigaction = handler;
	action.sa_flags = SA_SIGINFO;
	CHECK_INT(sigaction(SIGSYS, &action, NULL), 0);
	CHECK_INT(filter(SYS_getsid, SECCOMP_RET_TRAP | 17), 0);
	for (int i = 0; i < 5; i++)
		syscall(SYS_getsid, 0);
	CHECK_INT(trapped, 5);
	CHECK_INT(trapped_nr, SYS_getsid);
	return 0;
}

static int one(const char *what, int (*body)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		guest_failures = 0;
		_exit(body() || guest_failures ? 1 : 0);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	printf("%s: status %x\n", what, (unsigned)(status & ~0x80));
	return status;
}

int main(void)
{
	one("a call fails", fails);
	one("a call ends the process", kills);
	one("a call raises a signal", traps);
	return guest_done();
}
