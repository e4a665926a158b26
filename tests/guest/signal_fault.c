/* Faults: SIGSEGV with its address on an alternate stack, SIGFPE, SIGILL, SIGBUS, in threads; siglongjmp out, or repair
 * and go on. */
#include "guest.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

static __thread sigjmp_buf back;
static __thread void *address;
static __thread char *stack;
static char *page;
static int repaired;

static void fault(int signo, siginfo_t *info, void *context)
{
	char here;

	(void)context;
	address = info->si_addr;
	CHECK(&here >= stack && &here < stack + 65536); /* SA_ONSTACK */
	siglongjmp(back, signo);
}

static void repair(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	if (info->si_addr == page + 100) {
		repaired++;
		mprotect(page, 4096, PROT_READ | PROT_WRITE);
	}
}

static void *faults(void *arg)
{
	stack_t alternate = { .ss_size = 65536 }, old;
	volatile int zero = 0;
	int signo;

	stack = (char *)malloc(65536);
	alternate.ss_sp = stack;
	CHECK_INT(sigaltstack(&alternate, &old), 0);
	CHECK_INT(old.ss_flags, SS_DISABLE);
	CHECK_INT(sigaltstack(NULL, &old), 0);
	CHECK(old.ss_sp == stack && old.ss_size == 65536 && old.ss_flags == 0);
	for (volatile int i = 0; i < 5; i++) {
		signo = sigsetjmp(back, 1);
		if (signo == 0)
			*(volatile char *)((long)arg + 16) = 1;
		CHECK_INT(signo, SIGSEGV);
		CHECK_INT((long)address, (long)arg + 16);
		sched_yield();
	}
	signo = sigsetjmp(back, 1);
	if (signo == 0)
		zero = 100 / zero;
	CHECK_INT(signo, SIGFPE);
	signo = sigsetjmp(back, 1);
	if (signo == 0)
		__asm__ volatile("ud2");
	CHECK_INT(signo, SIGILL);
	alternate.ss_flags = SS_DISABLE;
	CHECK_INT(sigaltstack(&alternate, NULL), 0);
	free(stack);
	return NULL;
}

int main(void)
{
	pthread_t threads[8];
	struct sigaction action;

	memset(&action, 0, sizeof action);
	action.sa_sigaction = fault;
	action.sa_flags = SA_SIGINFO | SA_ONSTACK;
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGFPE, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	faults((void *)32);
	for (long i = 0; i < 8; i++)
		threads[i] = thread_start(faults, (void *)(i * 64));
	for (int i = 0; i < 8; i++)
		thread_join(threads[i]);

	page = (char *)mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	action.sa_sigaction = repair;
	sigaction(SIGSEGV, &action, NULL);
	page[100] = 'r';
	printf("repaired %d time, stored %c\n", repaired, page[100]);
	return guest_done();
}
