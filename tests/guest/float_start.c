/* A new thread and a signal handler begin with an empty x87 stack, whatever the one computes that they took the
 * processor from; a handler with the default rounding too. What was interrupted finds its own state again. */
#include "guest.h"

#include <immintrin.h>

enum { THREADS = 12 };

struct environment {
	unsigned short control, r0, status, r1, tags, r2;
	unsigned rest[4];
};

static int started, stop, in_handler;
static int pipe_fd[2];

static struct environment environment(void)
{
	struct environment e;

	__asm__ volatile("fnstenv %0\n\tfldenv %0" : "=m"(e));
	return e;
}

/* Computes with three values on the x87 stack until it is told to stop. */
static void *computes(void *arg)
{
	long double sum;
	int flag;

	CHECK_INT(environment().tags, 0xffff);
	_mm_setcsr(_mm_getcsr() | 0x6000); /* towards zero */
	__atomic_add_fetch(&started, 1, __ATOMIC_SEQ_CST);
	__asm__ volatile("fldpi\n\tfld1\n\tfldl2e\n"
	                 "1:\tfxch %%st(2)\n\tfxch %%st(1)\n\tfxch %%st(1)\n\tfxch %%st(2)\n\t"
	                 "movl %2, %1\n\ttestl %1, %1\n\tje 1b\n\t"
	                 "faddp\n\tfaddp\n\t"
	                 : "=&t"(sum), "=&r"(flag)
	                 : "m"(stop)
	                 : "memory");
	CHECK(sum > 5.584287L && sum < 5.584288L);
	CHECK_INT(_mm_getcsr() & 0x6000, 0x6000);
	return arg;
}

static void handler(int signo)
{
	struct environment e = environment();

	CHECK_INT(signo, SIGUSR1);
	CHECK_INT(e.tags, 0xffff);
	CHECK_INT(e.control & 0xfff, 0x37f);
	CHECK_INT(_mm_getcsr(), 0x1f80);
	__atomic_add_fetch(&in_handler, 1, __ATOMIC_SEQ_CST);
}

static void until(const int *counter, int value)
{
	while (__atomic_load_n(counter, __ATOMIC_SEQ_CST) < value)
		sleep_ms(1);
}

static void *blocks(void *arg)
{
	char byte;

	_mm_setcsr(_mm_getcsr() | 0x4000);
	read_all(pipe_fd[0], &byte, 1);
	CHECK_INT(_mm_getcsr() & 0x6000, 0x4000);
	return arg;
}

int main(void)
{
	pthread_t thread[THREADS], blocked;

	if (pipe(pipe_fd) == -1)
		guest_die("pipe");
	on_signal(SIGUSR1, handler, SA_RESTART);
	for (long i = 0; i < THREADS; i++)
		thread[i] = thread_start(computes, (void *)i);
	until(&started, THREADS);
	printf("all have begun\n");
	for (int i = 0; i < THREADS; i++) {
		CHECK_OK(pthread_kill(thread[i], SIGUSR1));
		until(&in_handler, i + 1);
	}
	printf("all were signalled\n");
	__atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < THREADS; i++)
		thread_join(thread[i]);

	blocked = thread_start(blocks, NULL);
	sleep_ms(10); /* it is blocked by now, or finds the signal before it is */
	CHECK_OK(pthread_kill(blocked, SIGUSR1));
	until(&in_handler, THREADS + 1);
	write_all(pipe_fd[1], "x", 1);
	thread_join(blocked);
	return guest_done();
}
