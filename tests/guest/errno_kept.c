/* errno belongs to the thread and survives what other threads do meanwhile. */
#include "guest.h"

static pthread_barrier_t barrier;

static void *fails(void *arg)
{
	char byte;
	int odd = (long)arg % 2;

	for (int i = 0; i < 50; i++) {
		if (odd)
			CHECK_FAILS(open("/nonexistent", O_RDONLY), ENOENT);
		else
			CHECK_FAILS(read(-1, &byte, 1), EBADF);
		pthread_barrier_wait(&barrier);
		CHECK_INT(errno, odd ? ENOENT : EBADF);
		sched_yield();
		CHECK_INT(errno, odd ? ENOENT : EBADF);
		errno = 0;
		usleep(100);
		CHECK_INT(errno, 0);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[8];

	pthread_barrier_init(&barrier, NULL, 8);
	for (long i = 0; i < 8; i++)
		threads[i] = thread_start(fails, (void *)i);
	for (int i = 0; i < 8; i++)
		thread_join(threads[i]);
	return guest_done();
}
