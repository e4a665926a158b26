/* MSG_PEEK with MSG_WAITALL: a look at all that was asked for, however slowly it comes; at what there is when the
 * sender has ended, when the time of the socket is over, and when a signal comes. More of them at once than there are
 * helper threads. */
#include "guest.h"

#include <sys/socket.h>
#include <sys/time.h>

#include "net.h"

enum { PEERS = 6, SIZE = 3000 };

static int pairs[PEERS][2];
static volatile int started;

static void rest(long ms)
{
	nanosleep(&(struct timespec){ 0, ms * 1000000 }, NULL);
}

static void *peeks(void *arg)
{
	char buf[SIZE];
	int fd = *(int *)arg;

	__atomic_add_fetch(&started, 1, __ATOMIC_RELAXED);
	return (void *)recv(fd, buf, sizeof buf, MSG_PEEK | MSG_WAITALL);
}

static void told(int sig __attribute__((unused))) {}

/* All peers at once, each fed piece by piece; then they can still read it. */
static void slowly(void)
{
	pthread_t t[PEERS];
	char piece[SIZE / 3], all[SIZE];

	memset(piece, 'p', sizeof piece);
	for (int i = 0; i < PEERS; i++) {
		net_pair(pairs[i]);
		t[i] = thread_start(peeks, &pairs[i][0]);
	}
	for (int k = 0; k < 3; k++) {
		rest(20);
		for (int i = PEERS - 1; i >= 0; i--)
			write_all(pairs[i][1], piece, sizeof piece);
	}
	for (int i = 0; i < PEERS; i++) {
		CHECK_INT((intptr_t)thread_join(t[i]), SIZE);
		read_all(pairs[i][0], all, sizeof all);
		close(pairs[i][0]);
		close(pairs[i][1]);
	}
	printf("all of it, %d at once\n", PEERS);
}

static void ends(void)
{
	struct timeval tv = { 0, 100000 };
	struct sigaction sa = { .sa_handler = told };
	pthread_t t;
	int fd[2];

	net_pair(fd);
	t = thread_start(peeks, &fd[0]);
	write_all(fd[1], "abc", 3);
	rest(20);
	shutdown(fd[1], SHUT_WR);
	CHECK_INT((intptr_t)thread_join(t), 3);
	close(fd[0]);
	close(fd[1]);

	net_pair(fd);
	write_all(fd[1], "abcd", 4);
	setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	t = thread_start(peeks, &fd[0]);
	CHECK_INT((intptr_t)thread_join(t), 4);
	close(fd[0]);
	close(fd[1]);

	sigaction(SIGUSR1, &sa, NULL);
	net_pair(fd);
	write_all(fd[1], "abcde", 5);
	started = 0;
	t = thread_start(peeks, &fd[0]);
	while (!started)
		rest(1);
	rest(50);
	pthread_kill(t, SIGUSR1);
	CHECK_INT((intptr_t)thread_join(t), 5);
	close(fd[0]);
	close(fd[1]);
	puts("what there is at the end, after the time, at a signal");
}

int main(void)
{
	slowly();
	ends();
	return guest_done();
}
