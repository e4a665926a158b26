/* __thread variables, initialised and not, keep one value per thread over blocking calls. */
#include "guest.h"

static __thread int initialised = 42;
static __thread char zeroed[3000];
static __thread long mine __attribute__((aligned(64)));
static int pipe_fd[2];

static void *use(void *arg)
{
	char byte;

	CHECK_INT(initialised, 42);
	for (size_t i = 0; i < sizeof zeroed; i++)
		CHECK_INT(zeroed[i], 0);
	CHECK_INT((uintptr_t)&mine % 64, 0);
	initialised = (int)(long)arg;
	mine = (long)arg * 1000;
	memset(zeroed, (int)(long)arg, sizeof zeroed);
	read_all(pipe_fd[0], &byte, 1);
	CHECK_INT(initialised, (long)arg);
	CHECK_INT(mine, (long)arg * 1000);
	CHECK_INT(zeroed[2999], (long)arg);
	return &mine;
}

int main(void)
{
	pthread_t threads[60];

	initialised = 1;
	if (pipe(pipe_fd) == -1)
		guest_die("pipe");
	for (int wave = 0; wave < 3; wave++) { /* the later waves run on stacks that were used before */
		for (long i = 0; i < 60; i++)
			threads[i] = thread_start(use, (void *)(i + 1));
		for (int i = 0; i < 60; i++)
			write_all(pipe_fd[1], "x", 1);
		for (int i = 0; i < 60; i++)
			thread_join(threads[i]);
		CHECK_INT(initialised, 1);
		CHECK_INT(mine, 0);
	}
	return guest_done();
}
