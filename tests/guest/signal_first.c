/* A signal that comes just before a call is taken before it, not by it: what is ready, or never waits, does not fail
 * with EINTR, even without SA_RESTART. Alone, and beside a thread that is blocked. */
#include "guest.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>

enum { ROUNDS = 15000 };

static volatile sig_atomic_t signals;

static void count(int sig)
{
	signals += sig == SIGALRM;
}

static void use(int counter, int pair[2], int set, int empty)
{
	enum { ADD, TAKE, WRITE, READ, POLL, SELECT, EPOLL, EPOLL_EMPTY, CALLS };
	int refused[CALLS] = { 0 };
	struct epoll_event e;
	uint64_t n = 2;
	char c = 'x';

	for (int i = 0; i < ROUNDS; i++) {
		struct pollfd p = { pair[0], POLLOUT, 0 };
		fd_set writable;

		FD_ZERO(&writable);
		FD_SET(pair[0], &writable);
		refused[ADD] += write(counter, &n, sizeof n) != sizeof n;
		refused[TAKE] += read(counter, &n, sizeof n) != sizeof n;
		refused[WRITE] += write(pair[0], &c, 1) != 1;
		refused[READ] += read(pair[1], &c, 1) != 1;
		refused[POLL] += poll(&p, 1, 1000) != 1;
		refused[SELECT] += select(pair[0] + 1, NULL, &writable, NULL, NULL) != 1;
		refused[EPOLL] += epoll_wait(set, &e, 1, 1000) != 1;
		refused[EPOLL_EMPTY] += epoll_wait(empty, &e, 1, 0) != 0;
	}
	CHECK_INT(refused[ADD], 0);
	CHECK_INT(refused[TAKE], 0);
	CHECK_INT(refused[WRITE], 0);
	CHECK_INT(refused[READ], 0);
	CHECK_INT(refused[POLL], 0);
	CHECK_INT(refused[SELECT], 0);
	CHECK_INT(refused[EPOLL], 0);
	CHECK_INT(refused[EPOLL_EMPTY], 0);
	CHECK_INT(signals > 0, 1);
	signals = 0;
}

int main(void)
{
	struct itimerval often = { { 0, 200 }, { 0, 200 } }, off = { { 0, 0 }, { 0, 0 } };
	struct sigaction act = { .sa_handler = count }; /* without SA_RESTART */
	int counter = eventfd(0, EFD_NONBLOCK), blocking = eventfd(0, 0), pair[2], late[2];
	int set = epoll_create1(0), empty = epoll_create1(0);
	struct epoll_event e = { .events = EPOLLOUT };
	pthread_t thread;
	sigset_t alarms;

	if (counter == -1 || blocking == -1 || pipe(late) == -1 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1 ||
	    set == -1 || empty == -1)
		guest_die("descriptors");
	CHECK_INT(epoll_ctl(set, EPOLL_CTL_ADD, pair[0], &e), 0);
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	use(counter, pair, set, empty);
	use(blocking, pair, set, empty);
	setitimer(ITIMER_REAL, &off, NULL);
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarms, NULL);
	thread = thread_start(byte_awaited, late);
	pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	use(counter, pair, set, empty);
	use(blocking, pair, set, empty);
	setitimer(ITIMER_REAL, &off, NULL);
	write_all(late[1], "x", 1);
	thread_join(thread);
	return guest_done();
}
