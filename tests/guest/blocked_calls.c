/* Threads in every kind of blocking call, until a line comes on standard input. Each says how its call ended: a program
 * without handlers never sees EINTR. "alone": no threads; "spin": the first thread computes meanwhile. */
#include "guest.h"
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/wait.h>

static int pipes[4][2], pair[2], go[2];
static sem_t sem;
static pid_t child;

static const char *ended(long r)
{
	static __thread char text[64];

	snprintf(text, sizeof text, r < 0 ? "%ld (%s)" : "%ld", r, strerror(errno));
	return text;
}

static void *in_read(void *arg)
{
	char c;

	printf("read: %s\n", ended(read(pipes[0][0], &c, 1)));
	return arg;
}

static void *in_poll(void *arg)
{
	struct pollfd p = { pipes[1][0], POLLIN, 0 };

	printf("poll: %s\n", ended(poll(&p, 1, -1)));
	return arg;
}

static void *in_select(void *arg)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(pipes[2][0], &set);
	printf("select: %s\n", ended(select(pipes[2][0] + 1, &set, NULL, NULL, NULL)));
	return arg;
}

static void *in_epoll(void *arg)
{
	struct epoll_event e = { .events = EPOLLIN };
	int ep = epoll_create1(0);

	CHECK_INT(epoll_ctl(ep, EPOLL_CTL_ADD, pipes[3][0], &e), 0);
	printf("epoll_wait: %s\n", ended(epoll_wait(ep, &e, 1, -1)));
	return arg;
}

static void *in_recv(void *arg)
{
	char c;

	printf("recv: %s\n", ended(recv(pair[0], &c, 1, 0)));
	return arg;
}

static void *in_sem(void *arg)
{
	printf("sem_wait: %s\n", ended(sem_wait(&sem)));
	return arg;
}

static void *in_wait(void *arg)
{
	int status;

	printf("waitpid: %s\n", waitpid(child, &status, 0) == child ? "the child" : "failed");
	return arg;
}

static void *in_sleep(void *arg)
{
	struct timespec ts = { 0, 700000000 };

	printf("nanosleep: %s\n", ended(nanosleep(&ts, NULL)));
	return arg;
}

static volatile int stop;

static void *reader(void *arg)
{
	char c;

	printf("stdin: %s\n", ended(read(0, &c, 1)));
	stop = 1;
	return arg;
}

int main(int argc, char **argv)
{
	static void *(*const bodies[])(void *) = { in_read, in_poll, in_select, in_epoll,
		                                   in_recv, in_sem,  in_wait,   in_sleep };
	const char *mode = argc > 1 ? argv[1] : "";
	pthread_t t[8];
	char c;

	if (!strcmp(mode, "alone")) {
		fprintf(stderr, "ready\n");
		reader(NULL);
		return 0;
	}
	if (!strcmp(mode, "spin")) {
		t[0] = thread_start(reader, NULL);
		fprintf(stderr, "ready\n");
		while (!stop)
			;
		pthread_join(t[0], NULL);
		return 0;
	}
	for (int i = 0; i < 4; i++)
		CHECK_INT(pipe(pipes[i]), 0);
	CHECK_INT(pipe(go), 0);
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	sem_init(&sem, 0, 0);
	child = fork();
	if (!child) {
		signal(SIGQUIT, SIG_IGN); /* the terminal's key is for all */
		close(go[1]);
		_exit(read(go[0], &c, 1) != 0);
	}
	for (int i = 0; i < 8; i++)
		t[i] = thread_start(bodies[i], NULL);
	fprintf(stderr, "ready\n");
	printf("stdin: %s\n", ended(read(0, &c, 1)));
	pthread_join(t[7], NULL);
	for (int i = 0; i < 4; i++) {
		CHECK_INT(write(pipes[i][1], "x", 1), 1);
		pthread_join(t[i], NULL);
	}
	CHECK_INT(write(pair[1], "x", 1), 1);
	pthread_join(t[4], NULL);
	sem_post(&sem);
	pthread_join(t[5], NULL);
	close(go[1]);
	pthread_join(t[6], NULL);
	return guest_done();
}
