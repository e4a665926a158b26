/* A timer whose signal is blocked has one signal pending, which says how many more there would have been, as
 * timer_getoverrun does from then on: a standard signal, a real-time one, one for a thread, taken by a handler or by
 * sigwaitinfo. */
#include "guest.h"

#define INTERVAL 10
#define BLOCKED  200 /* ms: some 19 overruns */
#define ENOUGH   10

static timer_t timer;
static volatile sig_atomic_t count, overrun, asked;

static void handler(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	if (count++ == 0) {
		overrun = info->si_overrun;
		asked = timer_getoverrun(timer);
	}
}

static void blocks(int how, int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	CHECK_OK(pthread_sigmask(how, &set, NULL));
}

static void start(int sig, int notify)
{
	struct itimerspec spec = { .it_interval = ms_timespec(INTERVAL), .it_value = ms_timespec(INTERVAL) };
	struct sigevent event;

	memset(&event, 0, sizeof event);
	event.sigev_notify = notify;
	event.sigev_signo = sig;
	event._sigev_un._tid = gettid();
	CHECK_INT(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	CHECK_INT(timer_getoverrun(timer), 0);
	CHECK_INT(timer_settime(timer, 0, &spec, NULL), 0);
	sleep_ms(BLOCKED);
}

static void check(const char *how, int sig)
{
	CHECK(overrun >= ENOUGH);
	CHECK_INT(asked, overrun);
	printf("%s, %s: one signal\n", how, sig == SIGUSR1 ? "standard" : "real-time");
	CHECK_INT(timer_delete(timer), 0);
	CHECK_FAILS(timer_getoverrun(timer), EINVAL);
}

static void by_handler(int sig, int notify)
{
	struct sigaction act = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };

	CHECK_INT(sigaction(sig, &act, NULL), 0);
	count = 0;
	blocks(SIG_BLOCK, sig);
	start(sig, notify);
	blocks(SIG_UNBLOCK, sig);
	blocks(SIG_BLOCK, sig);
	CHECK(count > 0 && count < ENOUGH);
	check(notify == SIGEV_SIGNAL ? "handler" : "handler of a thread", sig);
	blocks(SIG_UNBLOCK, sig);
}

static void by_wait(int sig)
{
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	blocks(SIG_BLOCK, sig);
	start(sig, SIGEV_SIGNAL);
	CHECK_INT(sigwaitinfo(&set, &info), sig);
	CHECK_INT(info.si_code, SI_TIMER);
	overrun = info.si_overrun;
	asked = timer_getoverrun(timer);
	check("sigwaitinfo", sig);
	blocks(SIG_UNBLOCK, sig);
}

static void *all(void *arg)
{
	by_handler(SIGUSR1, SIGEV_SIGNAL);
	by_handler(SIGRTMIN, SIGEV_SIGNAL);
	by_handler(SIGUSR1, SIGEV_THREAD_ID);
	by_handler(SIGRTMIN, SIGEV_THREAD_ID);
	by_wait(SIGUSR1);
	by_wait(SIGRTMIN);
	return arg;
}

int main(void)
{
	all(NULL);
	blocks(SIG_BLOCK, SIGUSR1);
	blocks(SIG_BLOCK, SIGRTMIN);
	thread_join(thread_start(all, NULL));
	return guest_done();
}
