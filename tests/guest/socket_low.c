/* SO_RCVLOWAT on streams: what blocks returns when so many have come, or as many as it has room for, the end, a signal,
 * a limit; by each call. */
#include "guest.h"

#include <fcntl.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "net.h"

enum { LOW = 5 };

static int in, out;
static sem_t told;

static void tcp(void)
{
	int pair[2];

	net_pair(pair);
	in = pair[0];
	out = pair[1];
}

static void unix_pair(void)
{
	int pair[2];

	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	in = pair[0];
	out = pair[1];
}

/* As many, in pieces of one. */
static void *writes(void *n)
{
	for (long i = 0; i < (long)n; i++) {
		sleep_ms(3);
		write_all(out, "x", 1);
	}
	sem_wait(&told);
	return NULL;
}

static ssize_t take(int way, size_t size)
{
	char a[64], b[64];
	struct iovec v[2] = { { a, 1 }, { b, size - 1 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

	switch (way) {
	case 0: return recv(in, a, size, 0);
	case 1: return read(in, a, size);
	case 2: return readv(in, v, 2);
	default: return recvmsg(in, &m, 0);
	}
}

static void comes(int way, long n, size_t size, ssize_t want)
{
	pthread_t thread = thread_start(writes, (void *)n);
	ssize_t got = take(way, size);

	if (got != want)
		guest_fail(__FILE__, __LINE__, "way %d, room %zu: expected %zd, came %zd", way, size, want, got);
	sem_post(&told);
	thread_join(thread);
}

static void on_usr1(int signo __attribute__((unused))) {}

static void *interrupts(void *arg)
{
	pthread_t whom = *(pthread_t *)arg;

	while (sem_trywait(&told)) {
		pthread_kill(whom, SIGUSR1);
		sleep_ms(2);
	}
	return NULL;
}

static void all(const char *name)
{
	struct timeval limit = { 0, 30000 }, none = { 0, 0 };
	pthread_t self = pthread_self(), thread;
	int low = LOW;
	char c[8];

	CHECK_OK(setsockopt(in, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low));
	for (int way = 0; way < 4; way++) {
		comes(way, LOW, 64, LOW);
		write_all(out, "abc", 3);
		CHECK_INT(take(way, 3), 3);
	}

	write_all(out, "ab", 2);
	CHECK_INT(recv(in, c, sizeof c, MSG_DONTWAIT), 2);
	CHECK_FAILS(recv(in, c, sizeof c, MSG_DONTWAIT), EAGAIN);

	CHECK_OK(setsockopt(in, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
	write_all(out, "ab", 2);
	CHECK_INT(recv(in, c, sizeof c, 0), 2);
	CHECK_FAILS(recv(in, c, sizeof c, 0), EAGAIN);
	CHECK_OK(setsockopt(in, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none));

	on_signal(SIGUSR1, on_usr1, 0);
	write_all(out, "ab", 2);
	thread = thread_start(interrupts, &self);
	CHECK_INT(recv(in, c, sizeof c, 0), 2);
	CHECK_FAILS(recv(in, c, sizeof c, 0), EINTR);
	sem_post(&told);
	thread_join(thread);

	write_all(out, "ab", 2);
	CHECK_OK(shutdown(out, SHUT_WR));
	CHECK_INT(recv(in, c, sizeof c, 0), 2);
	CHECK_INT(recv(in, c, sizeof c, 0), 0);
	close(in);
	close(out);
	printf("%s\n", name);
}

/* Nothing comes to a socket that listens. */
static void listens(void)
{
	struct sockaddr_in address;
	int fd = net_listen(&address), low = LOW;
	char c[8];

	CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low));
	CHECK_FAILS(recv(fd, c, sizeof c, 0), ENOTCONN);
	CHECK_FAILS(recv(fd, c, sizeof c, MSG_PEEK | MSG_WAITALL), ENOTCONN);
	close(fd);
}

int main(void)
{
	sem_init(&told, 0, 0);
	tcp();
	all("tcp");
	unix_pair();
	all("unix");
	listens();
	return guest_done();
}
