/* Alternate stacks: nested handlers, SS_AUTODISARM, what a new thread and a child inherit, the smallest; a handler that
 * changes the context that it returns to; one that forks; one that leaves by longjmp from a nested one. */
#include "guest.h"

#include <setjmp.h>
#include <sys/wait.h>
#include <ucontext.h>

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31) /* linux/signal.h */
#endif

static char stack[65536], second[65536];
static volatile sig_atomic_t inside, nested, forked;
static sigjmp_buf back;

static int on(const char *base, const void *p)
{
	return (const char *)p >= base && (const char *)p < base + 65536;
}

static void handler(int signo)
{
	stack_t now;
	char here;

	CHECK_INT(sigaltstack(NULL, &now), 0);
	CHECK_INT(now.ss_flags, SS_ONSTACK);
	CHECK(on(stack, &here));
	CHECK_FAILS(sigaltstack(&now, NULL), EPERM);
	if (signo == SIGUSR1) {
		inside++;
		raise(SIGUSR2);
	} else {
		nested++;
	}
}

static void disarmed(int signo)
{
	stack_t now, other = { .ss_sp = second, .ss_flags = (int)SS_AUTODISARM, .ss_size = sizeof second };
	char here;

	(void)signo;
	CHECK_INT(sigaltstack(NULL, &now), 0);
	CHECK_INT(now.ss_flags, SS_DISABLE);
	CHECK_INT(inside ? on(second, &here) : on(stack, &here), 1);
	if (inside++ == 0) {
		CHECK_INT(sigaltstack(&other, NULL), 0); /* free to be changed; and back when we return */
		raise(SIGUSR2);
	}
}

static void plain(int signo)
{
	(void)signo;
	nested++;
}

static void *inherits(void *arg)
{
	stack_t now;

	CHECK_INT(sigaltstack(NULL, &now), 0);
	CHECK_INT(now.ss_flags, SS_DISABLE);
	return arg;
}

static void changes(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = (ucontext_t *)context;

	(void)signo;
	(void)info;
	CHECK_INT(sigismember(&uc->uc_sigmask, SIGUSR2), 0);
	sigaddset(&uc->uc_sigmask, SIGUSR2);
	uc->uc_mcontext.gregs[REG_R12] = 4711;
}

static void forks(int signo)
{
	int status;
	pid_t pid = fork();

	(void)signo;
	if (pid == 0) {
		sigset_t now;

		sigprocmask(SIG_SETMASK, NULL, &now);
		if (sigismember(&now, SIGUSR1) != 1)
			_exit(1);
		forked = 1;
		return; /* the child goes on where it was interrupted */
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(WEXITSTATUS(status), 21);
	errno = ENOENT;
}

static void jumps(int signo)
{
	if (signo == SIGUSR1)
		raise(SIGUSR2);
	siglongjmp(back, signo);
}

static void *context_of(void *arg)
{
	struct sigaction action;
	sigset_t now;
	long r12;

	memset(&action, 0, sizeof action);
	action.sa_sigaction = changes;
	action.sa_flags = SA_SIGINFO;
	CHECK_INT(sigaction(SIGUSR1, &action, NULL), 0);
	__asm__ volatile("mov $1, %%r12\n\tsyscall\n\tmov %%r12, %0"
	                 : "=r"(r12)
	                 : "a"(SYS_tkill), "D"((long)gettid()), "S"((long)SIGUSR1)
	                 : "rcx", "r11", "r12", "memory");
	CHECK_INT(r12, 4711);
	CHECK_INT(pthread_sigmask(SIG_SETMASK, NULL, &now), 0);
	CHECK_INT(sigismember(&now, SIGUSR2), 1);
	return arg;
}

int main(void)
{
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack }, now;
	sigset_t before, after;
	int signo;

	CHECK_INT(sigaltstack(&alternate, NULL), 0);
	on_signal(SIGUSR1, handler, SA_ONSTACK);
	on_signal(SIGUSR2, handler, SA_ONSTACK);
	raise(SIGUSR1);
	CHECK_INT(inside, 1);
	CHECK_INT(nested, 1);
	thread_join(thread_start(inherits, NULL));
	if (fork() == 0) {
		raise(SIGUSR1);
		_exit(guest_failures || inside != 2);
	}
	wait(&signo);
	CHECK_INT(signo, 0);

	alternate.ss_flags = (int)SS_AUTODISARM;
	CHECK_INT(sigaltstack(&alternate, NULL), 0);
	CHECK_INT(sigaltstack(NULL, &now), 0);
	CHECK_INT(now.ss_flags, (int)SS_AUTODISARM);
	inside = 0;
	on_signal(SIGUSR1, disarmed, SA_ONSTACK);
	on_signal(SIGUSR2, disarmed, SA_ONSTACK);
	raise(SIGUSR1);
	CHECK_INT(inside, 2);
	CHECK_INT(sigaltstack(NULL, &now), 0);
	CHECK_INT(now.ss_flags, (int)SS_AUTODISARM);
	CHECK(now.ss_sp == stack);

	alternate.ss_flags = 0;
	alternate.ss_size = 2047;
	CHECK_FAILS(sigaltstack(&alternate, NULL), ENOMEM);
	alternate.ss_flags = SS_DISABLE | SS_ONSTACK;
	CHECK_FAILS(sigaltstack(&alternate, NULL), EINVAL);
	alternate.ss_flags = 0x10;
	CHECK_FAILS(sigaltstack(&alternate, NULL), EINVAL);
	alternate.ss_flags = SS_DISABLE;
	CHECK_INT(sigaltstack(&alternate, NULL), 0);
	nested = 0;
	on_signal(SIGUSR2, plain, SA_ONSTACK);
	raise(SIGUSR2);
	CHECK_INT(nested, 1);

	thread_join(thread_start(context_of, NULL));

	on_signal(SIGUSR1, forks, 0);
	errno = EBUSY;
	raise(SIGUSR1);
	if (forked)
		_exit(21);
	CHECK_INT(errno, ENOENT); /* its own affair */

	sigprocmask(SIG_SETMASK, NULL, &before);
	on_signal(SIGUSR1, jumps, 0);
	on_signal(SIGUSR2, jumps, 0);
	for (volatile int i = 0; i < 1000; i++) {
		signo = sigsetjmp(back, 1);
		if (signo == 0)
			raise(SIGUSR1);
		if (signo != SIGUSR2)
			guest_fail(__FILE__, __LINE__, "jump %d: came from signal %d", i, signo);
	}
	sigprocmask(SIG_SETMASK, NULL, &after);
	CHECK_INT(memcmp(&before, &after, sizeof before), 0);
	return guest_done();
}
