/* kthread.c - see kthread.h. */
#include "core/raw.h"
#include "core/run/kthread.h"

#ifdef GP_SHIM
#include <sched.h>
#include <sys/mman.h>

#define STACK (64 * 1024UL)

/* kthread_clone.S */
long gp__kthread_clone(unsigned long flags, void *top, void (*fn)(void *), void *arg);

static long start(unsigned long flags, long *stack, void (*fn)(void *arg), void *arg)
{
	unsigned long all = ~0UL, before = 0;
	long r;

	*stack = gp__raw(SYS_mmap, 0, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (gp__is_err(*stack))
		return *stack;
	flags |= CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
	gp__raw(SYS_rt_sigprocmask, 2, &all, &before, 8);
	r = gp__may_fail(SYS_clone, gp__kthread_clone(flags, (char *)*stack + STACK, fn, arg));
	gp__raw(SYS_rt_sigprocmask, 2, &before, 0, 8);
	if (gp__is_err(r))
		gp__raw(SYS_munmap, *stack, STACK);
	return r;
}

int gp__kthread_start(void (*fn)(void *arg), void *arg)
{
	long stack, r = start(0, &stack, fn, arg);

	return gp__is_err(r) ? (int)r : 0;
}

int gp__kthread_run(void (*fn)(void *arg), void *arg)
{
	long stack, r = start(CLONE_VFORK, &stack, fn, arg);

	if (gp__is_err(r))
		return (int)r;
	gp__raw(SYS_munmap, stack, STACK);
	return 0;
}

/* The stack stays mapped: a thread cannot unmap what it stands on, and the
 * pool ends its threads only when credentials change. */
void gp__kthread_exit(void)
{
	for (;;)
		gp__raw(SYS_exit, 0);
}
#else
#include <pthread.h>
#include <signal.h>
#include "core/alloc.h"

struct start {
	void (*fn)(void *);
	void *arg;
};

static void *body(void *p)
{
	struct start s = *(struct start *)p;

	gp__free(p);
	s.fn(s.arg);
	return NULL;
}

int gp__kthread_start(void (*fn)(void *arg), void *arg)
{
	struct start *s = gp__alloc(sizeof *s);
	sigset_t all, before;
	pthread_t t;
	int r;

	if (!s)
		return -ENOMEM;
	*s = (struct start){ fn, arg };
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&t, NULL, body, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r) {
		gp__free(s);
		return -r;
	}
	pthread_detach(t);
	return 0;
}

void gp__kthread_exit(void)
{
	pthread_exit(NULL);
}
#endif
