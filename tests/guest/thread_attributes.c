/* Attributes of threads as set and as read back from a running one; clocks of a thread's own in timers; destructors at
 * each way of ending: those of a library opened meanwhile, of keys that are set again, after cancellation and exit. */
#include "guest.h"

#include <dlfcn.h>
#include <limits.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/mman.h>

static pthread_key_t key;
static int destroyed, rounds;
static sem_t go, ready;

static void *waits(void *arg)
{
	sem_post(&ready);
	while (sem_wait(&go) == -1)
		;
	return arg;
}

static void attributes(void)
{
	pthread_attr_t attr, got;
	pthread_t thread;
	struct sched_param param;
	size_t size, guard;
	int value;
	void *base;
	char *own = (char *)mmap(NULL, 1 << 18, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	pthread_attr_init(&attr);
	CHECK_INT(pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN - 1), EINVAL);
	CHECK_OK(pthread_attr_setstacksize(&attr, 1 << 20));
	CHECK_OK(pthread_attr_setguardsize(&attr, 4 * 4096));
	CHECK_OK(pthread_create(&thread, &attr, waits, NULL));
	sem_wait(&ready);
	CHECK_OK(pthread_getattr_np(thread, &got));
	CHECK_OK(pthread_attr_getstack(&got, &base, &size));
	CHECK_OK(pthread_attr_getguardsize(&got, &guard));
	CHECK_INT(size, 1 << 20);
	CHECK_INT(guard, 4 * 4096);
	CHECK((char *)thread > (char *)base && (char *)thread < (char *)base + size);
	CHECK_OK(pthread_attr_getdetachstate(&got, &value));
	CHECK_INT(value, PTHREAD_CREATE_JOINABLE);
	CHECK_OK(pthread_detach(thread));
	pthread_attr_destroy(&got);
	CHECK_OK(pthread_getattr_np(thread, &got));
	CHECK_OK(pthread_attr_getdetachstate(&got, &value));
	CHECK_INT(value, PTHREAD_CREATE_DETACHED);
	CHECK_INT(pthread_join(thread, NULL), EINVAL);
	pthread_attr_destroy(&got);
	sem_post(&go);

	CHECK_OK(pthread_attr_setstack(&attr, own, 1 << 18));
	CHECK_OK(pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED));
	CHECK_OK(pthread_attr_setschedpolicy(&attr, SCHED_OTHER));
	param.sched_priority = 0;
	CHECK_OK(pthread_attr_setschedparam(&attr, &param));
	CHECK_OK(pthread_create(&thread, &attr, waits, NULL));
	sem_wait(&ready);
	CHECK_OK(pthread_getattr_np(thread, &got));
	CHECK_OK(pthread_attr_getstack(&got, &base, &size));
	CHECK(base == own);
	CHECK_INT(size, 1 << 18);
	CHECK_OK(pthread_attr_getguardsize(&got, &guard));
	CHECK_INT(guard, 0);
	pthread_attr_destroy(&got);
	sem_post(&go);
	thread_join(thread);
	memset(own, 7, 1 << 18); /* ours again */
	munmap(own, 1 << 18);
	pthread_attr_destroy(&attr);
}

static volatile sig_atomic_t fired;

static void on_timer(int signo)
{
	(void)signo;
	fired++;
}

/* A timer on the processor time of a thread, its own and another's, and of the process. */
static void *burns(void *arg)
{
	struct itimerspec spec = { .it_value = ms_timespec(5) };
	struct sigevent event;
	struct timespec now;
	clockid_t clock;
	timer_t timer;

	CHECK_OK(pthread_getcpuclockid(pthread_self(), &clock));
	CHECK_INT(clock_getres(clock, &now), 0);
	memset(&event, 0, sizeof event);
	event.sigev_notify = SIGEV_SIGNAL;
	event.sigev_signo = SIGUSR1;
	for (int i = 0; i < 3; i++) {
		static const clockid_t fixed[] = { CLOCK_THREAD_CPUTIME_ID, CLOCK_PROCESS_CPUTIME_ID };

		fired = 0;
		CHECK_INT(timer_create(i < 2 ? fixed[i] : clock, &event, &timer), 0);
		CHECK_INT(timer_settime(timer, 0, &spec, NULL), 0);
		while (!fired)
			;
		CHECK_INT(timer_delete(timer), 0);
	}
	return arg;
}

static void destroy(void *value)
{
	destroyed++;
	if ((long)value > 1)
		pthread_setspecific(key, (void *)((long)value - 1)); /* a round more */
	rounds++;
}

static void *ends(void *arg)
{
	pthread_setspecific(key, (void *)3);
	switch ((long)arg) {
	case 1: pthread_exit(NULL);
	case 2: pthread_cancel(pthread_self()); pthread_testcancel();
	}
	return NULL;
}

/* A C++ library is opened while threads run, and each has exit handlers of it. */
static void *with_library(void *arg)
{
	void *lib = dlopen("libstdc++.so.6", RTLD_NOW);
	int (*at_exit)(void (*)(void *), void *, void *) =
		(int (*)(void (*)(void *), void *, void *))dlsym(RTLD_DEFAULT, "__cxa_thread_atexit_impl");

	CHECK(lib != NULL);
	CHECK(at_exit != NULL);
	if (at_exit)
		CHECK_INT(at_exit(destroy, (void *)1, lib), 0);
	if (lib)
		dlclose(lib);
	sched_yield();
	return arg;
}

int main(void)
{
	pthread_t threads[8];

	sem_init(&go, 0, 0);
	sem_init(&ready, 0, 0);
	attributes();
	on_signal(SIGUSR1, on_timer, SA_RESTART);
	thread_join(thread_start(burns, NULL));
	CHECK_OK(pthread_key_create(&key, destroy));
	for (long i = 0; i < 3; i++)
		thread_join(thread_start(ends, (void *)i));
	printf("%d destructors\n", destroyed);
	destroyed = 0;
	for (int i = 0; i < 8; i++)
		threads[i] = thread_start(with_library, NULL);
	for (int i = 0; i < 8; i++)
		thread_join(threads[i]);
	printf("%d exit handlers\n", destroyed);
	return guest_done();
}
