/* A descriptor's number is closed and reused over and over, each time as another kind of thing, and each time a thread
 * blocks on it: no wake-up is lost, and none is taken for that of what the number was before. */
#include "guest.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#define ROUNDS 400

static void pipe_make(int fd[2])
{
	if (pipe(fd) == -1)
		guest_die("pipe");
}

static void stream_make(int fd[2])
{
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
}
static void dgram_make(int fd[2])
{
	CHECK_INT(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd), 0);
}

static void eventfd_make(int fd[2])
{
	fd[0] = eventfd(0, EFD_CLOEXEC);
	fd[1] = dup(fd[0]);
}

static void timer_make(int fd[2])
{
	fd[0] = timerfd_create(CLOCK_MONOTONIC, 0);
	fd[1] = dup(fd[0]);
}

static void tty_make(int fd[2])
{
	int pty = posix_openpt(O_RDWR | O_NOCTTY);

	CHECK_INT(grantpt(pty), 0);
	CHECK_INT(unlockpt(pty), 0);
	fd[1] = open(ptsname(pty), O_RDWR | O_NOCTTY);
	fd[0] = pty; /* what the line says comes out here */
}

/* The set has the number above it, where the pipe's reading end lies. */
static void epoll_make(int fd[2])
{
	struct epoll_event event = { .events = EPOLLIN };
	int ends[2];

	fd[0] = epoll_create1(0);
	if (pipe(ends) == -1)
		guest_die("pipe");
	CHECK_INT(epoll_ctl(fd[0], EPOLL_CTL_ADD, ends[0], &event), 0);
	fd[1] = ends[1];
}

static void write_byte(int fd)
{
	write_all(fd, "w", 1);
}

static void add_one(int fd)
{
	uint64_t one = 1;

	write_all(fd, &one, sizeof one);
}

static void set_off(int fd)
{
	struct itimerspec now = { .it_value = { 0, 1 } };

	CHECK_INT(timerfd_settime(fd, 0, &now, NULL), 0);
}

static long read_some(int fd)
{
	char text[64];

	return read(fd, text, sizeof text);
}

static long poll_it(int fd)
{
	struct pollfd waits = { fd, POLLIN, 0 };

	return poll(&waits, 1, -1) == 1 ? waits.revents : -1;
}

static long wait_set(int fd)
{
	struct epoll_event event;

	return epoll_wait(fd, &event, 1, -1);
}

static const struct kind {
	void (*make)(int fd[2]);
	long (*wait)(int fd);
	void (*act)(int fd);
	long result;
	bool twice; /* it can be had once more */
} kinds[] = {
	{ pipe_make, read_some, write_byte, 1, true },   { stream_make, read_some, write_byte, 1, true },
	{ eventfd_make, read_some, add_one, 8, true },   { dgram_make, poll_it, write_byte, POLLIN, false },
	{ timer_make, read_some, set_off, 8, true },     { epoll_make, wait_set, write_byte, 1, false },
	{ dgram_make, read_some, write_byte, 1, true },  { pipe_make, poll_it, write_byte, POLLIN, false },
	{ tty_make, read_some, write_byte, 1, true },    { eventfd_make, poll_it, add_one, POLLIN, false },
	{ timer_make, poll_it, set_off, POLLIN, false },
};

struct waiter {
	const struct kind *kind;
	int fd;
};

static void *waits(void *arg)
{
	struct waiter *w = arg;

	return (void *)w->kind->wait(w->fd);
}

int main(void)
{
	int first = -1;

	for (int i = 0; i < ROUNDS; i++) {
		const struct kind *kind = &kinds[(size_t)i * 7 % (sizeof kinds / sizeof *kinds)];
		struct waiter w = { kind, -1 };
		pthread_t thread;
		int fd[2];

		kind->make(fd);
		if (first == -1)
			first = fd[0];
		CHECK_INT(fd[0], first);
		w.fd = fd[0];
		thread = thread_start(waits, &w);
		if (i % 3)
			usleep(200);
		kind->act(fd[1]);
		CHECK_INT((long)thread_join(thread), kind->result);
		if (kind->twice && i % 5 == 0) { /* over a duplicate that stays open a while */
			int copy = dup(fd[0]);

			close(fd[0]);
			CHECK_INT(dup2(copy, fd[0]), fd[0]);
			close(copy);
			thread = thread_start(waits, &w);
			usleep(200);
			kind->act(fd[1]);
			CHECK_INT((long)thread_join(thread), kind->result);
		}
		close_range((unsigned)fd[0], (unsigned)fd[0] + 3, 0);
	}
	printf("%d rounds\n", ROUNDS);
	return guest_done();
}
