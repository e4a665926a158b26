/* Stacks of many kinds: the smallest, a large one used deeply, one that the program brought, and the default used
 * deeply. */
#include "guest.h"

#include <limits.h>
#include <sys/mman.h>
#include <sys/resource.h>

static int pipe_fd[2];

static __attribute__((noinline)) long deep(long depth)
{
	volatile char frame[1000];

	frame[depth % 1000] = 1;
	if (depth == 0)
		return 0;
	return deep(depth - 1) + frame[depth % 1000];
}

static void *go_deep(void *arg)
{
	return (void *)deep((long)arg);
}

/* As little of its own stack as possible, but with blocking calls. */
static void *tiny(void *arg)
{
	char byte;

	read_all(pipe_fd[0], &byte, 1);
	sched_yield();
	sleep_ms(1);
	return arg;
}

/* Computes where a signal's frame has no room any more, for longer than a slice. */
static __attribute__((noinline)) long brink(const char *low, long left)
{
	volatile char frame[200];

	frame[left % 200] = 1;
	if ((const char *)frame - low > 900)
		return brink(low, left + 1) + frame[left % 200];
	for (volatile long i = 0; i < 30000000; i++)
		;
	return 1;
}

static void *on_the_brink(void *arg)
{
	pthread_attr_t attr;
	void *low;
	size_t size;

	CHECK_OK(pthread_getattr_np(pthread_self(), &attr));
	CHECK_OK(pthread_attr_getstack(&attr, &low, &size));
	pthread_attr_destroy(&attr);
	CHECK(brink((const char *)low, 0) > 1);
	return arg;
}

int main(void)
{
	pthread_t thread, many[20];
	pthread_attr_t attr;
	size_t size = 256 * 1024;
	void *own = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *got;

	if (pipe(pipe_fd) == -1)
		guest_die("pipe");
	pthread_attr_init(&attr);
	CHECK_OK(pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN));
	for (long i = 0; i < 20; i++)
		CHECK_OK(pthread_create(&many[i], &attr, tiny, (void *)i));
	for (int i = 0; i < 20; i++)
		write_all(pipe_fd[1], "x", 1);
	for (int i = 0; i < 20; i++)
		CHECK_INT((long)thread_join(many[i]), i);

	CHECK_INT((long)thread_join(thread_start(go_deep, (void *)5000)), 5000); /* 5 of the default 8 MiB */

	for (int i = 0; i < 2; i++)
		many[i] = thread_start(on_the_brink, NULL);
	for (int i = 0; i < 2; i++)
		thread_join(many[i]);

	CHECK_OK(pthread_attr_setstacksize(&attr, 64 << 20));
	CHECK_OK(pthread_create(&thread, &attr, go_deep, (void *)50000));
	CHECK_INT((long)thread_join(thread), 50000);

	CHECK_OK(pthread_attr_setstack(&attr, own, size));
	CHECK_OK(pthread_create(&thread, &attr, go_deep, (void *)200));
	CHECK_INT((long)thread_join(thread), 200);
	pthread_attr_destroy(&attr);

	CHECK_OK(pthread_getattr_np(pthread_self(), &attr));
	CHECK_OK(pthread_attr_getstack(&attr, &got, &size));
	CHECK((char *)&attr > (char *)got && (char *)&attr < (char *)got + size);
	return guest_done();
}
