/* carry.c - greenlets of gp_spawn with a TLS of their own.
 *
 * Only libc can make a TLS. So it makes a thread, in the usual way: its clone3
 * comes to us, and the thread becomes the greenlet, whose record is there
 * already (`adopts`). It ends by way of libc too, which has destructors to run.
 *
 * The only file of this half that calls libc: on the stack of a greenlet that
 * is at rest, inside a gp_ call of the program.
 */
#include <limits.h>
#include <pthread.h>
#include "preload/calls/thread.h"

/* <sys/single_threaded.h>, glibc 2.32 */
extern char __libc_single_threaded __attribute__((weak, visibility("default")));

static void *carrier(void *arg)
{
	gp__greenlet_carry();
	return NULL;
}

int gp__carry(struct gp_hub *h, struct gp_greenlet *g, size_t stack_size)
{
	struct gp_guest *me = gp__me(h);
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	if (!(gp__shim.config.groups & GP__GROUP_THREAD))
		return -ENOTSUP;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, gp__max(stack_size, (size_t)PTHREAD_STACK_MIN));
	me->adopts = g;
	r = pthread_create(&thread, &attr, carrier, NULL);
	me->adopts = NULL;
	pthread_attr_destroy(&attr);
	return r ? -ENOMEM : 0;
}

/* By way of libc, which has destructors of its own to run. */
void gp__uncarry(void)
{
	pthread_exit(NULL);
}

static void *nothing(void *arg)
{
	return NULL;
}

/* While libc believes that there is one thread, its mutexes are unlocked without
 * a look at who waits (glibc 2.34: LLL_MUTEX_UNLOCK_OPTIMIZED). The greenlets of
 * gp_spawn are none that it knows of, so it is shown one thread that ends at
 * once. Again in the child of a fork. */
void gp__tell_libc(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	if (!&__libc_single_threaded || !__libc_single_threaded || !(gp__shim.config.groups & GP__GROUP_THREAD))
		return;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_create(&thread, &attr, nothing, NULL);
	pthread_attr_destroy(&attr);
}
