/* The table of descriptors is full, the highest numbers, and counts beyond it: RLIMIT_NOFILE, poll, select, epoll. */
#include "guest.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#define LIMIT 200

static int makes_pipe(void)
{
	int fd[2];

	return pipe(fd);
}

static int makes_pair(void)
{
	int fd[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
}

static int makes_open(void)
{
	return open("/dev/null", O_RDONLY);
}
static int makes_dup(void)
{
	return dup(0);
}
static int makes_dupfd(void)
{
	return fcntl(0, F_DUPFD_CLOEXEC, 5);
}
static int makes_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}
static int makes_epoll(void)
{
	return epoll_create1(0);
}
static int makes_eventfd(void)
{
	return eventfd(0, 0);
}
static int makes_timerfd(void)
{
	return timerfd_create(CLOCK_MONOTONIC, 0);
}
static int makes_inotify(void)
{
	return inotify_init();
}

static int makes_signalfd(void)
{
	sigset_t set;

	sigemptyset(&set);
	return signalfd(-1, &set, 0);
}

static int makes_file(void)
{
	FILE *file = tmpfile();

	if (file)
		fclose(file);
	return file ? 0 : -1;
}

static const struct maker {
	const char *name;
	int (*make)(void);
} makers[] = {
	{ "open", makes_open },       { "dup", makes_dup },           { "F_DUPFD", makes_dupfd },
	{ "pipe", makes_pipe },       { "socket", makes_socket },     { "socketpair", makes_pair },
	{ "epoll", makes_epoll },     { "eventfd", makes_eventfd },   { "timerfd", makes_timerfd },
	{ "inotify", makes_inotify }, { "signalfd", makes_signalfd }, { "tmpfile", makes_file },
};

static int pipe_fd[2];

static void *reads(void *arg)
{
	char byte = 0;

	read_all(*(int *)arg, &byte, 1);
	return (void *)(long)byte;
}

/* Nothing more can be opened; what is open goes on. */
static void full(void)
{
	struct rlimit limit = { LIMIT, LIMIT }, all;
	int fd, number = -1;
	pthread_t thread;

	getrlimit(RLIMIT_NOFILE, &all);
	limit.rlim_max = all.rlim_max;
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
	if (pipe(pipe_fd) == -1)
		guest_die("pipe");
	while ((fd = dup(0)) != -1)
		number = fd;
	CHECK_INT(errno, EMFILE);
	printf("the last was %d\n", number);
	for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
		errno = 0;
		fd = makers[i].make();
		printf("%s: %d, %s\n", makers[i].name, fd, strerrorname_np(errno));
	}
	CHECK_FAILS(dup2(0, LIMIT), EBADF);
	CHECK_FAILS(fcntl(0, F_DUPFD, LIMIT), EINVAL);
	CHECK_INT(dup2(0, LIMIT - 1), LIMIT - 1);
	thread = thread_start(reads, &pipe_fd[0]);
	sleep_ms(10);
	write_all(pipe_fd[1], "y", 1);
	CHECK_INT((long)thread_join(thread), 'y');
	for (fd = pipe_fd[1] + 1; fd < LIMIT; fd++)
		CHECK_INT(close(fd), 0);
	CHECK_INT(makes_open(), pipe_fd[1] + 1);
	close(pipe_fd[1] + 1);
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &all), 0);
}

/* As high as the system allows: a blocked thread on such a number. */
static void highest(void)
{
	struct rlimit all;
	int high[2];

	getrlimit(RLIMIT_NOFILE, &all);
	all.rlim_cur = all.rlim_max;
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &all), 0);
	for (int back = 2; back < 200; back += 66) {
		int fd[2];
		struct pollfd waits;
		pthread_t thread;

		if (pipe(fd) == -1)
			guest_die("pipe");
		for (int i = 0; i < 2; i++) {
			high[i] = (int)all.rlim_max - back + i;
			CHECK_INT(dup2(fd[i], high[i]), high[i]);
			close(fd[i]);
		}
		thread = thread_start(reads, &high[0]);
		sleep_ms(5);
		write_all(high[1], "h", 1);
		CHECK_INT((long)thread_join(thread), 'h');
		waits = (struct pollfd){ high[0], POLLIN, 0 };
		CHECK_INT(poll(&waits, 1, 5), 0);
		write_all(high[1], "h", 1);
		CHECK_INT(poll(&waits, 1, -1), 1);
		close(high[1]);
		close(high[0]);
	}
	CHECK_FAILS(dup2(0, (int)all.rlim_max), EBADF);
}

/* More than there can be. */
static void counts(void)
{
	struct rlimit all, low;
	static struct pollfd many[LIMIT + 1];
	static char sets[3][1 << 17]; /* a million numbers */
	struct timeval none = { 0, 0 };
	struct timespec nothing = { 0, 0 };
	fd_set *at_edge;
	char *edge;

	getrlimit(RLIMIT_NOFILE, &all);
	low = all;
	low.rlim_cur = LIMIT;
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &low), 0);
	for (int i = 0; i <= LIMIT; i++)
		many[i] = (struct pollfd){ -1, POLLIN, 0 };
	CHECK_INT(poll(many, LIMIT, 0), 0);
	CHECK_INT(poll(many, LIMIT, 5), 0);
	CHECK_FAILS(poll(many, LIMIT + 1, 0), EINVAL);
	CHECK_FAILS(poll(many, LIMIT + 1, 5), EINVAL);
	CHECK_FAILS(ppoll(many, LIMIT + 1, &nothing, NULL), EINVAL);
	CHECK_FAILS(syscall(SYS_poll, many, UINT32_MAX, -1), EINVAL);
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &all), 0);

	FD_SET(pipe_fd[1], (fd_set *)(void *)sets[1]);
	CHECK_INT(syscall(SYS_select, 1 << 20, sets[0], sets[1], sets[2], &none), 1);
	CHECK(FD_ISSET(pipe_fd[1], (fd_set *)(void *)sets[1]));
	/* Only as much of a set is looked at as the table has numbers. */
	CHECK_INT(syscall(SYS_select, INT32_MAX, sets[0], sets[1], NULL, &none), 1);
	CHECK_INT(syscall(SYS_pselect6, INT32_MAX, NULL, sets[1], NULL, &nothing, NULL), 1);
	memset(sets[0], 0, sizeof sets[0]);
	FD_SET(pipe_fd[0], (fd_set *)(void *)sets[0]);
	none.tv_usec = 5000;
	CHECK_INT(syscall(SYS_select, 1 << 20, sets[0], NULL, NULL, &none), 0);
	CHECK_FAILS(syscall(SYS_select, -1, sets[0], NULL, NULL, &none), EINVAL);
	CHECK_FAILS(syscall(SYS_select, 5, guest_nowhere, NULL, NULL, &none), EFAULT);
	/* A set that ends where nothing is mapped: the rest of it is beyond the table. */
	edge = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(edge + 4096, 4096);
	at_edge = (fd_set *)(void *)(edge + 4096 - sizeof *at_edge);
	FD_SET(pipe_fd[1], at_edge);
	CHECK_INT(syscall(SYS_select, INT32_MAX, NULL, at_edge, NULL, &none), 1);
	CHECK_INT(syscall(SYS_select, 20000, NULL, at_edge, NULL, &none), 1);
	munmap(edge, 4096);
	/* A number that is not open, far beyond all that are: not looked at. */
	memset(sets[0], 0, sizeof sets[0]);
	sets[0][900000 / 8] = 1;
	CHECK_INT(syscall(SYS_select, 1 << 20, sets[0], NULL, NULL, &none), 0);
	memset(sets[0], 0, sizeof sets[0]);
	FD_SET(pipe_fd[1] + 1, (fd_set *)(void *)sets[0]); /* within the table: looked at */
	CHECK_FAILS(syscall(SYS_select, 1 << 20, sets[0], NULL, NULL, &none), EBADF);
}

int main(void)
{
	full();
	counts();
	highest();
	return guest_done();
}
