/* Signals that come faster than they are taken: of a timer one waits, and counts what it missed; of those that are
 * queued as many wait as the limit allows; a handler that blocks them ends all the same. */
#include "guest.h"

#include <sched.h>
#include <sys/resource.h>

enum { PERIODS = 30, PERIOD_MS = 10, LIMIT = 40, HANDLED = 2000, THREADS = 2000 };

static volatile sig_atomic_t handled;
static timer_t timer;

static void arm(long ns)
{
	struct itimerspec spec = { { 0, ns }, { 0, ns } };

	CHECK_INT(timer_settime(timer, 0, &spec, NULL), 0);
}

/* Of many periods that pass while it is blocked comes one signal, perhaps one more. */
static void one_waits(const sigset_t *set)
{
	struct timespec now = { 0, 0 };
	siginfo_t info;
	long missed = 0;
	int came = 0;

	arm(PERIOD_MS * 1000000);
	while (missed < PERIODS) {
		sleep_ms(PERIODS * PERIOD_MS);
		came = 0;
		while (came < PERIODS && sigtimedwait(set, &info, &now) == SIGRTMIN) {
			CHECK_INT(info.si_code, SI_TIMER);
			if (!came++)
				CHECK_INT(timer_getoverrun(timer), info.si_overrun);
			missed += 1 + info.si_overrun;
		}
		CHECK(came >= 1 && came <= 5);
	}
	arm(0);
	while (sigtimedwait(set, &info, &now) == SIGRTMIN)
		;
	CHECK_INT(errno, EAGAIN);
}

static void in_order(const sigset_t *set, int sent)
{
	struct timespec now = { 0, 0 };
	siginfo_t info;
	int got = 0;

	while (sigtimedwait(set, &info, &now) == SIGRTMIN)
		CHECK_INT(info.si_value.sival_int, got++);
	CHECK_INT(got, sent);
}

/* To the process, and to the thread. */
static void limited(const sigset_t *set)
{
	struct rlimit limit;

	CHECK_INT(getrlimit(RLIMIT_SIGPENDING, &limit), 0);
	limit.rlim_cur = LIMIT;
	CHECK_INT(setrlimit(RLIMIT_SIGPENDING, &limit), 0);
	for (int way = 0; way < 2; way++) {
		int sent = 0, r = 0;

		while (!r && sent < 10 * LIMIT) {
			union sigval value = { .sival_int = sent };

			r = way                                   ? pthread_sigqueue(pthread_self(), SIGRTMIN, value)
			    : sigqueue(getpid(), SIGRTMIN, value) ? errno
			                                          : 0;
			sent += !r;
		}
		CHECK_INT(r, EAGAIN);
		CHECK(sent <= LIMIT + 1);
		in_order(set, sent);
	}
	limit.rlim_cur = limit.rlim_max;
	CHECK_INT(setrlimit(RLIMIT_SIGPENDING, &limit), 0);
}

static void handle(int sig)
{
	struct itimerspec off = { 0 };

	if (++handled == HANDLED)
		timer_settime(timer, 0, &off, NULL);
	(void)sig;
}

static void *idle(void *arg)
{
	while (handled < HANDLED)
		sleep_ms(1);
	return arg;
}

/* Alone, and beside another thread that may take them as well. */
static void flooded(const sigset_t *set)
{
	pthread_t t;

	signal(SIGRTMIN, handle);
	for (int threads = 0; threads < 2; threads++) {
		handled = 0;
		CHECK_OK(pthread_sigmask(SIG_UNBLOCK, set, NULL));
		if (threads)
			CHECK_OK(pthread_create(&t, NULL, idle, NULL));
		arm(1);
		while (handled < HANDLED)
			sched_yield();
		if (threads)
			CHECK_OK(pthread_join(t, NULL));
		CHECK_OK(pthread_sigmask(SIG_BLOCK, set, NULL));
	}
}

static void *waits(void *arg)
{
	pthread_mutex_lock(arg);
	pthread_mutex_unlock(arg);
	return arg;
}

/* One that all of many threads block is theirs when the first of them takes it. */
static void crowd(void)
{
	static pthread_t t[THREADS];
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	pthread_attr_t attr;
	sigset_t set;
	int sig = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
	CHECK_INT(kill(getpid(), SIGUSR1), 0);
	CHECK_OK(pthread_attr_init(&attr));
	CHECK_OK(pthread_attr_setstacksize(&attr, 65536));
	CHECK_OK(pthread_mutex_lock(&gate));
	for (int i = 0; i < THREADS; i++)
		CHECK_OK(pthread_create(&t[i], &attr, waits, &gate));
	CHECK_OK(pthread_mutex_unlock(&gate));
	for (int i = 0; i < THREADS; i++)
		CHECK_OK(pthread_join(t[i], NULL));
	CHECK_OK(sigwait(&set, &sig));
	CHECK_INT(sig, SIGUSR1);
}

int main(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
	CHECK_INT(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	one_waits(&set);
	limited(&set);
	flooded(&set);
	crowd();
	CHECK_INT(timer_delete(timer), 0);
	puts("none is lost, none is too many");
	return guest_done();
}
