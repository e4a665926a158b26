/* A signal whose handler has no room for its frame, on an alternate stack that is too small or cannot be written to: a
 * SIGSEGV comes instead, which can be handled elsewhere; where it is blocked, has no handler, or no room either, the
 * process dies of it. What lies below a small stack is left alone. */
#include "guest.h"

#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif
#define SMALL 2049

static volatile sig_atomic_t handled, instead, blocked, code;

static void handler(int sig)
{
	handled = sig;
}

static void segv(int sig, siginfo_t *info, void *context)
{
	sigset_t now;

	(void)context;
	sigprocmask(SIG_SETMASK, NULL, &now);
	blocked = sigismember(&now, SIGUSR1) || sigismember(&now, SIGUSR2);
	CHECK(sigismember(&now, SIGSEGV));
	code = info->si_code;
	CHECK(info->si_addr == NULL);
	instead = sig;
}

static void handle_segv(int flags)
{
	struct sigaction act = { .sa_sigaction = segv, .sa_flags = SA_SIGINFO | flags };

	CHECK_INT(sigaction(SIGSEGV, &act, NULL), 0);
}

static void check(const char *how)
{
	CHECK_INT(handled, 0);
	CHECK_INT(instead, SIGSEGV);
	CHECK_INT(code, SI_KERNEL);
	CHECK_INT(blocked, 0);
	instead = 0;
	printf("%s: SIGSEGV\n", how);
}

static void too_small(void)
{
	static char memory[3 * 65536];
	stack_t small = { .ss_sp = memory + 65536, .ss_size = SMALL };

	CHECK_INT(sigaltstack(&small, NULL), 0);
	if (getauxval(AT_MINSIGSTKSZ) > SMALL + 64)
		CHECK_INT(raise(SIGUSR1), 0);
	else
		instead = SIGSEGV, code = SI_KERNEL; /* it would be large enough */
	check("too small");
	for (int i = 0; i < 65536; i++)
		CHECK(!memory[i]);
}

static void nowhere(void)
{
	stack_t stack = { .ss_size = 65536 };
	struct itimerval soon = { .it_value = { 0, 1000 } };

	stack.ss_sp = mmap(NULL, stack.ss_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK_INT(sigaltstack(&stack, NULL), 0);
	CHECK_INT(raise(SIGUSR1), 0);
	check("during a call");
	CHECK_INT(setitimer(ITIMER_REAL, &soon, NULL), 0);
	while (!instead)
		;
	check("between calls");
}

static void *one_thread(void *arg)
{
	too_small();
	nowhere();
	return arg;
}

static void dies(const char *why, int flags, bool blocks)
{
	int status = 0;
	sigset_t set;
	pid_t pid = fork();

	if (pid == 0) {
		sigemptyset(&set);
		sigaddset(&set, SIGSEGV);
		sigprocmask(blocks ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
		if (flags < 0)
			signal(SIGSEGV, SIG_IGN);
		else
			handle_segv(flags);
		raise(SIGUSR1);
		_exit(1);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	printf("%s: dies\n", why);
}

int main(void)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = SA_ONSTACK };

	sigaddset(&act.sa_mask, SIGUSR2);
	CHECK_INT(sigaction(SIGUSR1, &act, NULL), 0);
	CHECK_INT(sigaction(SIGALRM, &act, NULL), 0);
	handle_segv(0);
	one_thread(NULL);
	dies("ignored", -1, false);
	dies("blocked", 0, true);
	dies("no room either", SA_ONSTACK, false);
	return guest_done();
}
