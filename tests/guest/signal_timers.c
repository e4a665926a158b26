/* alarm, setitimer and timer_create interrupt the program while its threads wait; SIGINT from kill; SIGCHLD at a
 * child's end. */
#include "guest.h"

#include <sys/time.h>
#include <sys/wait.h>

static volatile sig_atomic_t alarms, ints, children, timers;

static void handler(int signo)
{
	if (signo == SIGALRM)
		alarms++;
	else if (signo == SIGINT)
		ints++;
	else if (signo == SIGCHLD)
		children++;
	else
		timers++;
}

int main(void)
{
	struct itimerval beat = { { 0, 5000 }, { 0, 5000 } }, none = { { 0, 0 }, { 0, 0 } };
	struct itimerspec spec = { .it_interval = ms_timespec(5), .it_value = ms_timespec(5) };
	struct sigevent event;
	pthread_t threads[5];
	sigset_t all, old;
	timer_t timer;
	int64_t start = now_ms();
	pid_t child;
	int fd[2];

	if (pipe(fd) == -1)
		guest_die("pipe");
	on_signal(SIGALRM, handler, SA_RESTART);
	on_signal(SIGINT, handler, SA_RESTART);
	on_signal(SIGCHLD, handler, SA_RESTART);
	on_signal(SIGUSR1, handler, SA_RESTART);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (int i = 0; i < 5; i++)
		threads[i] = thread_start(byte_awaited, &fd[0]);
	pthread_sigmask(SIG_SETMASK, &old, NULL); /* signals come to the first thread only */

	CHECK_INT(alarm(1), 0);
	CHECK_INT(pause(), -1);
	CHECK_INT(errno, EINTR);
	CHECK_INT(alarms, 1);
	CHECK(now_ms() - start >= 999);
	CHECK_INT(setitimer(ITIMER_REAL, &beat, NULL), 0);
	while (alarms < 10)
		; /* computing, not waiting */
	CHECK_INT(setitimer(ITIMER_REAL, &none, NULL), 0);

	memset(&event, 0, sizeof event);
	event.sigev_notify = SIGEV_SIGNAL;
	event.sigev_signo = SIGUSR1;
	CHECK_INT(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	CHECK_INT(timer_settime(timer, 0, &spec, NULL), 0);
	while (timers < 5)
		pause();
	CHECK_INT(timer_delete(timer), 0);

	CHECK_INT(kill(getpid(), SIGINT), 0);
	CHECK_INT(ints, 1); /* to a process with one thread that takes it: before kill returns */
	child = fork();
	if (child == 0)
		_exit(0);
	while (!children)
		sleep_ms(1);
	CHECK_INT(waitpid(child, NULL, WNOHANG), child);
	CHECK_INT(children, 1);
	for (int i = 0; i < 5; i++)
		write_all(fd[1], "x", 1);
	for (int i = 0; i < 5; i++)
		thread_join(threads[i]);
	return guest_done();
}
