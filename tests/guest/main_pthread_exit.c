/* The first thread ends by pthread_exit while others run; the last one that ends, ends the process with status 0. */
#include "guest.h"

static pthread_t first;

static void *later(void *arg)
{
	CHECK_OK(pthread_join(first, NULL));
	printf("the first thread has ended\n");
	sleep_ms(20);
	printf("the last thread ends\n");
	return arg;
}

int main(void)
{
	pthread_t thread;

	first = pthread_self();
	thread = thread_start(later, NULL);
	pthread_detach(thread);
	pthread_exit((void *)5);
}
