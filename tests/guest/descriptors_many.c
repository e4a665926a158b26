/* A full table of 70,000 descriptors, or as many as the hard limit allows: those with the largest numbers are read,
 * polled and watched like others while threads wait for them, and a connection is accepted there. */
#include "guest.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { MANY = 70000, LOW = 50 };

struct wait {
	int fd, way;
};

static void *waits(void *arg)
{
	struct wait *w = arg;
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	struct epoll_event event = { .events = EPOLLIN };
	char c = 0;

	if (w->way == 1)
		CHECK_INT(poll(&p, 1, -1), 1);
	if (w->way == 2) {
		int epoll = epoll_create1(0);

		CHECK_INT(epoll_ctl(epoll, EPOLL_CTL_ADD, w->fd, &event), 0);
		CHECK_INT(epoll_wait(epoll, &event, 1, -1), 1);
		close(epoll);
	}
	CHECK_INT(read(w->fd, &c, 1), 1);
	CHECK_INT(c, 'a' + w->way);
	return arg;
}

static int at_the_top(int fd)
{
	int to = -1;

	for (int from = MANY; to == -1 && from > 3; from -= 10)
		to = fcntl(fd, F_DUPFD, from);
	close(fd);
	return to;
}

static void wait_there(void)
{
	struct wait w[3];
	pthread_t t[3];
	int fd[3][2];

	for (int i = 0; i < 3; i++) {
		CHECK_INT(pipe(fd[i]), 0);
		w[i] = (struct wait){ at_the_top(fd[i][0]), i };
		fd[i][1] = at_the_top(fd[i][1]);
		CHECK_OK(pthread_create(&t[i], NULL, waits, &w[i]));
	}
	for (int i = 0; i < 3; i++) {
		char c = (char)('a' + i);

		CHECK_INT(write(fd[i][1], &c, 1), 1);
		CHECK_OK(pthread_join(t[i], NULL));
		close(fd[i][1]);
		close(w[i].fd);
	}
}

static void *connects(void *arg)
{
	const struct sockaddr_un *to = arg;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char c;

	CHECK_INT(connect(fd, (const struct sockaddr *)to, sizeof *to), 0);
	CHECK_INT(write(fd, "x", 1), 1);
	CHECK_INT(read(fd, &c, 1), 0);
	close(fd);
	return arg;
}

static void accept_there(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd;
	pthread_t t;
	char c;

	snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "descriptors-many-%d", getpid());
	CHECK_INT(bind(listener, (struct sockaddr *)&name, sizeof name), 0);
	CHECK_INT(listen(listener, 1), 0);
	listener = at_the_top(listener);
	CHECK_OK(pthread_create(&t, NULL, connects, &name));
	fd = accept(listener, NULL, NULL);
	CHECK_INT(read(fd, &c, 1), 1);
	close(fd);
	CHECK_OK(pthread_join(t, NULL));
	close(listener);
}

int main(void)
{
	struct rlimit limit;
	int opened = 0, fd[LOW];

	CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max < MANY + 200 ? limit.rlim_max : MANY + 200;
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int i = 0; i < LOW; i++)
		fd[i] = dup(STDIN_FILENO);
	while (dup(STDIN_FILENO) >= 0)
		opened++;
	CHECK_INT(errno, EMFILE);
	CHECK(opened + LOW + 40 >= (int)limit.rlim_cur);
	for (int i = 0; i < LOW; i++)
		close(fd[i]);
	wait_there();
	accept_there();
	puts("all of them");
	return guest_done();
}
