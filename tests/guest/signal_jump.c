/* Handlers that leave by siglongjmp: out of a blocked read, out of nested handlers; the mask is restored if it was
 * saved. */
#include "guest.h"

#include <setjmp.h>

static __thread sigjmp_buf back;
static int pipe_fd[2], ready;

static void jump(int signo)
{
	siglongjmp(back, signo);
}

static void nested_jump(int signo)
{
	if (signo == SIGUSR2)
		siglongjmp(back, 2);
	raise(SIGUSR2);
}

static void *reads(void *arg)
{
	for (volatile int i = 0; i < 10; i++) {
		char byte;

		if (sigsetjmp(back, 1) == 0) {
			__atomic_store_n(&ready, 1, __ATOMIC_SEQ_CST);
			if (read(pipe_fd[0], &byte, 1) == 1)
				printf("not reached\n");
		} else {
			sigset_t now;

			pthread_sigmask(SIG_SETMASK, NULL, &now);
			CHECK_INT(sigismember(&now, SIGUSR1), 0);
		}
		__atomic_store_n(&ready, 0, __ATOMIC_SEQ_CST);
		__atomic_add_fetch((int *)arg, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

int main(void)
{
	pthread_t thread;
	sigset_t now, set;
	int left = 0;

	if (pipe(pipe_fd) == -1)
		guest_die("pipe");
	on_signal(SIGUSR1, jump, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	thread = thread_start(reads, &left);
	for (int i = 0; i < 10; i++) {
		while (!__atomic_load_n(&ready, __ATOMIC_SEQ_CST))
			sched_yield();
		CHECK_OK(pthread_kill(thread, SIGUSR1));
		while (__atomic_load_n(&left, __ATOMIC_SEQ_CST) <= i)
			sched_yield();
	}
	thread_join(thread);
	printf("left a blocked read %d times\n", left);

	on_signal(SIGUSR1, nested_jump, 0);
	on_signal(SIGUSR2, nested_jump, 0);
	if (sigsetjmp(back, 1) == 0) {
		raise(SIGUSR1);
		printf("not reached\n");
	}
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	CHECK_INT(sigismember(&now, SIGUSR1), 0);
	if (sigsetjmp(back, 0) == 0)
		raise(SIGUSR2);
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	CHECK_INT(sigismember(&now, SIGUSR2), 1); /* not saved: the handler's mask stays */
	return guest_done();
}
