/* Where address space is limited: more threads one after the other, each with a stack that is mapped for it alone, than
 * could be at once. */
#include "guest.h"

#include <sys/resource.h>

#define THREADS 32000
#define STACK   ((size_t)64 << 20) /* libc keeps none of this size */

static void *nothing(void *arg)
{
	return arg;
}

int main(void)
{
	struct rlimit limit = { (rlim_t)1 << 30, RLIM_INFINITY };
	pthread_attr_t attr;

	CHECK_INT(setrlimit(RLIMIT_AS, &limit), 0);
	pthread_attr_init(&attr);
	CHECK_OK(pthread_attr_setstacksize(&attr, STACK));
	for (int i = 0; i < THREADS && !guest_failures; i++) {
		pthread_t thread;
		int error = pthread_create(&thread, &attr, nothing, NULL);

		CHECK_OK(error);
		if (!error)
			thread_join(thread);
	}
	return guest_done();
}
