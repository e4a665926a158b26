/* SO_RCVTIMEO and SO_SNDTIMEO end a blocking call with EAGAIN after their time, and only then. */
#include "guest.h"

#include <sys/time.h>

#include "net.h"

static int fd[2];

static void *answers_late(void *arg)
{
	sleep_ms(40);
	write_all(fd[1], "late", 4);
	return arg;
}

static void on_alarm(int signo __attribute__((unused))) {}

/* socket(7): a call with a time limit is not made again after a handler, SA_RESTART or not. Nothing else runs. */
static void interrupted(void)
{
	static char big[1 << 20];
	struct itimerval often = { { 0, 20000 }, { 0, 20000 } }, never = { { 0, 0 }, { 0, 0 } };
	struct timeval limit = { 20, 0 };
	struct sockaddr_in address;
	int pair[2], listener = net_listen(&address);

	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	on_signal(SIGALRM, on_alarm, SA_RESTART);
	CHECK_OK(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
	CHECK_OK(setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit));
	CHECK_OK(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
	CHECK_OK(setitimer(ITIMER_REAL, &often, NULL));
	CHECK_FAILS(recv(pair[0], big, 1, 0), EINTR);
	CHECK_FAILS(read(pair[0], big, 1), EINTR);
	CHECK_FAILS(accept(listener, NULL, NULL), EINTR);
	while (send(pair[0], big, sizeof big, MSG_DONTWAIT) > 0)
		;
	CHECK_INT(errno, EAGAIN);
	CHECK_FAILS(send(pair[0], big, sizeof big, 0), EINTR);
	CHECK_FAILS(write(pair[0], big, sizeof big), EINTR);
	CHECK_OK(setitimer(ITIMER_REAL, &never, NULL));
	close(pair[0]);
	close(pair[1]);
	close(listener);
}

int main(void)
{
	static char big[8 << 20];
	char text[8];
	struct timeval limit = { 0, 50000 }, long_limit = { 20, 0 }, none = { 0, 0 }, got;
	socklen_t length = sizeof got;
	struct sockaddr_in address;
	pthread_t thread;
	int64_t start;
	int listener;

	net_pair(fd);
	CHECK_INT(setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
	CHECK_INT(getsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &got, &length), 0);
	CHECK(got.tv_usec >= 50000 && got.tv_usec < 60000);
	start = now_ms();
	CHECK_FAILS(recv(fd[0], text, 4, 0), EAGAIN);
	CHECK_FAILS(read(fd[0], text, 4), EAGAIN);
	CHECK(now_ms() - start >= 98);
	CHECK(now_ms() - start < 5000);
	CHECK_INT(setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &long_limit, sizeof limit), 0);
	thread = thread_start(answers_late, NULL);
	CHECK_INT(recv(fd[0], text, 4, MSG_WAITALL), 4);
	thread_join(thread);
	CHECK_INT(setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &none, sizeof limit), 0);
	thread = thread_start(answers_late, NULL);
	CHECK_INT(read(fd[0], text, 4), 4);
	thread_join(thread);

	CHECK_INT(setsockopt(fd[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), 0);
	CHECK(send(fd[0], big, sizeof big, 0) > 0); /* what fitted */
	while (send(fd[0], big, sizeof big, 0) > 0) /* loopback may move a little more to the receiver */
		;
	CHECK_INT(errno, EAGAIN);

	listener = net_listen(&address);
	CHECK_INT(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
	CHECK_FAILS(accept(listener, NULL, NULL), EAGAIN);
	interrupted();
	limit.tv_usec = -1;
	CHECK_FAILS(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), EDOM);
	return guest_done();
}
