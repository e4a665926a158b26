/* The mask argument of ppoll, pselect, epoll_pwait and epoll_pwait2: a blocked signal interrupts exactly these calls.
 */
#include "guest.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

static __thread int handled;
static int pipe_fd[2], epoll;

static void handler(int signo)
{
	(void)signo;
	handled++;
}

static int call(int kind, const sigset_t *mask, const struct timespec *limit)
{
	struct pollfd pfd = { .fd = pipe_fd[0], .events = POLLIN };
	struct epoll_event event;
	fd_set set;

	switch (kind) {
	case 0: return ppoll(&pfd, 1, limit, mask);
	case 1:
		FD_ZERO(&set);
		FD_SET(pipe_fd[0], &set);
		return pselect(pipe_fd[0] + 1, &set, NULL, NULL, limit, mask);
	case 2: return epoll_pwait(epoll, &event, 1, limit ? (int)(limit->tv_nsec / 1000000) : -1, mask);
	default: return epoll_pwait2(epoll, &event, 1, limit, mask);
	}
}

static void *all_kinds(void *arg)
{
	struct timespec limit = ms_timespec(10);
	sigset_t blocked, none, now;

	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &blocked, NULL);
	for (int kind = 0; kind < 4; kind++) {
		handled = 0;
		CHECK_OK(pthread_kill(pthread_self(), SIGUSR1));
		CHECK_INT(call(kind, NULL, &limit), 0); /* stays blocked */
		CHECK_INT(call(kind, &blocked, &limit), 0);
		CHECK_INT(handled, 0);
		CHECK_FAILS(call(kind, &none, NULL), EINTR);
		CHECK_INT(handled, 1);
		CHECK_INT(call(kind, &none, &limit), 0);
		pthread_sigmask(SIG_SETMASK, NULL, &now);
		CHECK_INT(sigismember(&now, SIGUSR1), 1);
	}
	return arg;
}

static void *waits(void *arg)
{
	sigset_t blocked, none;
	int kind = (int)(long)arg;

	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &blocked, NULL);
	CHECK_FAILS(call(kind, &none, NULL), EINTR); /* sent before or while it waits: either ends it */
	CHECK_INT(handled, 1);
	return NULL;
}

int main(void)
{
	struct epoll_event event = { .events = EPOLLIN };

	epoll = epoll_create1(0);
	if (pipe(pipe_fd) == -1)
		guest_die("pipe");
	epoll_ctl(epoll, EPOLL_CTL_ADD, pipe_fd[0], &event);
	on_signal(SIGUSR1, handler, SA_RESTART);
	thread_join(thread_start(all_kinds, NULL));
	all_kinds(NULL);
	for (long kind = 0; kind < 4; kind++) {
		pthread_t thread = thread_start(waits, (void *)kind);

		sleep_ms(kind % 2 ? 20 : 0);
		CHECK_OK(pthread_kill(thread, SIGUSR1));
		thread_join(thread);
	}
	return guest_done();
}
