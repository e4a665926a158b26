/* Masks belong to threads: a signal for the process goes to a thread that takes it; sigwait, sigtimedwait, sigsuspend,
 * signalfd. */
#include "guest.h"

#include <semaphore.h>
#include <sys/signalfd.h>

static sem_t ready;
static volatile sig_atomic_t handled_by, handled;
static sigset_t usr1;
static int stop;

static void handler(int signo)
{
	(void)signo;
	handled_by = gettid();
	handled++;
}

static void *takes_it(void *arg)
{
	sigset_t now;

	CHECK_OK(pthread_sigmask(SIG_SETMASK, NULL, &now));
	CHECK_INT(sigismember(&now, SIGUSR1), 1); /* inherited */
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL));
	*(pid_t *)arg = gettid();
	sem_post(&ready);
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	return NULL;
}

static void *sigwaits(void *arg)
{
	sigset_t set;
	int signo, seen = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGTERM);
	sem_post(&ready);
	for (;;) {
		CHECK_OK(sigwait(&set, &signo));
		if (signo == SIGTERM)
			break;
		seen++;
		sem_post(&ready);
	}
	return arg ? (void *)(long)seen : NULL;
}

int main(void)
{
	struct timespec limit = ms_timespec(30);
	struct signalfd_siginfo record;
	sigset_t all, none, two, now;
	siginfo_t info;
	pthread_t thread;
	pid_t taker = 0, parent = getppid();
	int fd;

	sem_init(&ready, 0, 0);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigemptyset(&none);
	sigemptyset(&two);
	sigaddset(&two, SIGUSR2);
	sigaddset(&two, SIGTERM);
	on_signal(SIGUSR1, handler, SA_RESTART);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &usr1, NULL));
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &two, NULL));
	thread = thread_start(takes_it, &taker);
	sem_wait(&ready);
	CHECK_INT(kill(getpid(), SIGUSR1), 0);
	while (!handled)
		sleep_ms(1);
	CHECK_INT(handled_by, taker);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	thread_join(thread);

	/* Everybody blocks it now: pending for the process, taken by the one who waits for it. */
	CHECK_INT(kill(getpid(), SIGUSR1), 0);
	CHECK_INT(sigtimedwait(&usr1, &info, &limit), SIGUSR1);
	CHECK_INT(info.si_pid, getpid());
	CHECK_FAILS(sigtimedwait(&usr1, &info, &limit), EAGAIN);
	thread = thread_start(sigwaits, &ready);
	sem_wait(&ready);
	for (int i = 0; i < 5; i++) {
		CHECK_INT(kill(getpid(), SIGUSR2), 0);
		sem_wait(&ready);
	}
	CHECK_OK(pthread_kill(thread, SIGTERM));
	CHECK_INT((long)thread_join(thread), 5);
	printf("a thread took five signals by sigwait\n");

	handled = 0;
	CHECK_OK(pthread_kill(pthread_self(), SIGUSR1)); /* blocked here: pending for this thread */
	CHECK_INT(handled, 0);
	sigpending(&now);
	CHECK_INT(sigismember(&now, SIGUSR1), 1);
	CHECK_FAILS(sigsuspend(&none), EINTR);
	CHECK_INT(handled, 1);
	CHECK_OK(pthread_sigmask(SIG_SETMASK, NULL, &now));
	CHECK_INT(sigismember(&now, SIGUSR1), 1); /* as it was before */

	fd = signalfd(-1, &two, SFD_CLOEXEC);
	CHECK_INT(kill(getpid(), SIGUSR2), 0);
	CHECK_INT(read(fd, &record, sizeof record), sizeof record);
	CHECK_INT(record.ssi_signo, SIGUSR2);
	close(fd);

	sigfillset(&all); /* blocking all must not disturb anything */
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &all, NULL));
	CHECK_OK(pthread_sigmask(SIG_SETMASK, NULL, &now));
	CHECK_INT(sigismember(&now, SIGSYS), 1);
	CHECK_INT(sigismember(&now, SIGKILL), 0);
	sleep_ms(1);
	CHECK_INT(getppid(), parent);
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &none, NULL));
	return guest_done();
}
