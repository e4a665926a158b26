/* A thread that overruns its stack hits the guard and dies of SIGSEGV; it does not run into its neighbour. So does one
 * whose handler would need that same stack; one with an alternate stack is asked there and goes on. stack_overflow
 * WHO: thread (the default), first, same, alternate. */
#include "guest.h"

#include <setjmp.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static sigjmp_buf back;

static __attribute__((noinline)) long endless(long depth)
{
	volatile char frame[1000];

	frame[depth % 1000] = (char)depth;
	if (depth < 0)
		return 0;
	return endless(depth + 1) + frame[depth % 1000];
}

static void *overruns(void *arg)
{
	prctl(PR_SET_NAME, "deep");
	return (void *)endless((long)arg);
}

static void *waits(void *arg)
{
	sleep_ms(100000);
	return arg;
}

static void on_fault(int signo, siginfo_t *info, void *context)
{
	char here;

	(void)context;
	CHECK_INT(signo, SIGSEGV);
	CHECK_INT(info->si_code, SEGV_ACCERR); /* the guard is there, and not to be used */
	CHECK(labs((char *)info->si_addr - &here) > 4096);
	siglongjmp(back, 1);
}

/* Several times: what is done about the first must not spoil the next. */
static void *survives(void *arg)
{
	char place[32768];
	stack_t stack = { .ss_sp = place, .ss_size = sizeof place };
	volatile int times = 0;

	CHECK_INT(sigaltstack(&stack, NULL), 0);
	if (sigsetjmp(back, 1))
		times++;
	if (times < 3)
		endless(1);
	stack.ss_flags = SS_DISABLE;
	CHECK_INT(sigaltstack(&stack, NULL), 0);
	printf("went on %d times\n", times);
	return arg;
}

static void handle(int flags)
{
	struct sigaction action;

	memset(&action, 0, sizeof action);
	action.sa_sigaction = on_fault;
	action.sa_flags = SA_SIGINFO | flags;
	CHECK_INT(sigaction(SIGSEGV, &action, NULL), 0);
}

int main(int argc, char **argv)
{
	const char *who = argc > 1 ? argv[1] : "thread";
	struct rlimit few = { 1 << 20, 1 << 20 };

	printf("overrunning\n");
	for (int i = 0; i < 5; i++)
		thread_start(waits, NULL);
	if (!strcmp(who, "first")) {
		CHECK_INT(setrlimit(RLIMIT_STACK, &few), 0);
		return (int)endless(1);
	}
	if (!strcmp(who, "alternate")) {
		handle(SA_ONSTACK);
		thread_join(thread_start(survives, NULL));
		return guest_done();
	}
	if (!strcmp(who, "same"))
		handle(0);
	thread_join(thread_start(overruns, NULL));
	printf("not reached\n");
	return 0;
}
