/* O_ASYNC: which signal tells of which kind of descriptor, and who takes it: a process, a group, one thread, the thread
 * that set it; with F_SETSIG it says which number and what; until it is taken back. */
#include "guest.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <netinet/in.h>

static volatile sig_atomic_t came;
static volatile pid_t taker;
static siginfo_t seen;

static void note(int signo, siginfo_t *info, void *context)
{
	(void)context;
	taker = gettid();
	seen = *info;
	came = signo;
}

/* fd[0] tells when something is done to fd[1]. */
static void make_pipe(int fd[2])
{
	if (pipe(fd) == -1)
		guest_die("pipe");
}

static void make_stream(int fd[2])
{
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
}
static void make_dgram(int fd[2])
{
	CHECK_INT(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd), 0);
}

static void make_tcp(int fd[2], int type)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof at;

	fd[0] = socket(AF_INET, type, 0);
	fd[1] = socket(AF_INET, type, 0);
	CHECK_INT(bind(fd[0], (struct sockaddr *)&at, len), 0);
	CHECK_INT(getsockname(fd[0], (struct sockaddr *)&at, &len), 0);
	if (type == SOCK_STREAM)
		CHECK_INT(listen(fd[0], 5), 0);
	else
		CHECK_INT(connect(fd[1], (struct sockaddr *)&at, len), 0);
}

static void make_listener(int fd[2])
{
	make_tcp(fd, SOCK_STREAM);
}
static void make_udp(int fd[2])
{
	make_tcp(fd, SOCK_DGRAM);
}

static void make_tty(int fd[2])
{
	fd[1] = posix_openpt(O_RDWR | O_NOCTTY);
	CHECK_INT(grantpt(fd[1]), 0);
	CHECK_INT(unlockpt(fd[1]), 0);
	fd[0] = open(ptsname(fd[1]), O_RDWR | O_NOCTTY);
}

static void act_write(int fd[2])
{
	CHECK_INT(write(fd[1], "x\n", 2), 2);
}

static void act_connect(int fd[2])
{
	struct sockaddr_in at;
	socklen_t len = sizeof at;

	CHECK_INT(getsockname(fd[0], (struct sockaddr *)&at, &len), 0);
	CHECK_INT(connect(fd[1], (struct sockaddr *)&at, len), 0);
}

static const struct kind {
	const char *name;
	void (*make)(int fd[2]);
	void (*act)(int fd[2]);
} kinds[] = {
	{ "pipe", make_pipe, act_write },           { "stream", make_stream, act_write },
	{ "datagrams", make_dgram, act_write },     { "UDP", make_udp, act_write },
	{ "listener", make_listener, act_connect }, { "terminal", make_tty, act_write },
};

enum owner { PROCESS, GROUP, OTHER_THREAD, ITSELF, OWNERS };
static const char *const owners[OWNERS] = { "process", "group", "another thread", "itself" };

static volatile int stop;
static volatile pid_t other_tid;

static void *other(void *arg)
{
	other_tid = gettid();
	while (!stop)
		sleep_ms(1);
	return arg;
}

static void own(int fd, enum owner owner)
{
	struct f_owner_ex ex = { F_OWNER_TID, owner == OTHER_THREAD ? other_tid : gettid() }, got;

	if (owner == PROCESS) {
		CHECK_INT(fcntl(fd, F_SETOWN, getpid()), 0);
		CHECK_INT(fcntl(fd, F_GETOWN), getpid());
	} else if (owner == GROUP) {
		CHECK_INT(fcntl(fd, F_SETOWN, -getpgrp()), 0);
		CHECK_INT(fcntl(fd, F_GETOWN), -getpgrp());
	} else {
		CHECK_INT(fcntl(fd, F_SETOWN_EX, &ex), 0);
		CHECK_INT(fcntl(fd, F_GETOWN_EX, &got), 0);
		CHECK_INT(got.type, F_OWNER_TID);
		CHECK_INT(got.pid, ex.pid);
	}
}

static void tell(const struct kind *kind, enum owner owner, int signo)
{
	int fd[2];

	kind->make(fd);
	own(fd[0], owner);
	CHECK_INT(fcntl(fd[0], F_SETSIG, signo), 0);
	CHECK_INT(fcntl(fd[0], F_GETSIG), signo);
	CHECK_INT(fcntl(fd[0], F_SETFL, fcntl(fd[0], F_GETFL) | O_ASYNC), 0);
	came = 0;
	kind->act(fd);
	for (int i = 0; i < 2000 && !came; i++)
		sleep_ms(1);
	CHECK_INT(came, signo ? signo : SIGIO);
	if (owner == OTHER_THREAD)
		CHECK_INT(taker, other_tid);
	else if (owner == ITSELF)
		CHECK_INT(taker, gettid());
	if (signo) {
		CHECK_INT(seen.si_fd, fd[0]);
		CHECK_INT(seen.si_code, POLL_IN);
		CHECK(seen.si_band & POLLIN);
	} else {
		CHECK_INT(seen.si_code, SI_KERNEL);
	}
	CHECK_INT(fcntl(fd[0], F_SETFL, fcntl(fd[0], F_GETFL) & ~O_ASYNC), 0);
	came = 0;
	if (kind->act == act_write) {
		kind->act(fd);
		sleep_ms(1);
		CHECK_INT(came, 0); /* no more */
	}
	printf("%s, %s: %s\n", kind->name, owners[owner], signo ? "its own signal" : "SIGIO");
	close(fd[0]);
	close(fd[1]);
}

/* Of a thread that has ended nobody is told; the number is another one's when it is closed. */
static void *sets_and_ends(void *arg)
{
	own(((int *)arg)[0], ITSELF);
	CHECK_INT(fcntl(((int *)arg)[0], F_SETFL, O_ASYNC), 0);
	return NULL;
}

static void owner_ends(void)
{
	int fd[2], again[2];

	make_stream(fd);
	thread_join(thread_start(sets_and_ends, fd));
	came = 0;
	act_write(fd);
	sleep_ms(5);
	CHECK_INT(came, 0);
	close(fd[0]);
	make_stream(again);
	CHECK_INT(again[0], fd[0]);
	CHECK_INT(fcntl(again[0], F_GETOWN), 0);
	close(again[0]);
	close(again[1]);
	close(fd[1]);
}

int main(void)
{
	struct sigaction action;
	pthread_t thread;
	int fd[2], on = 1;

	memset(&action, 0, sizeof action);
	action.sa_sigaction = note;
	action.sa_flags = SA_SIGINFO | SA_RESTART;
	CHECK_INT(sigaction(SIGIO, &action, NULL), 0);
	CHECK_INT(sigaction(SIGRTMIN + 2, &action, NULL), 0);
	setpgid(0, 0);
	thread = thread_start(other, NULL);
	while (!other_tid)
		sched_yield();
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		for (int owner = 0; owner < OWNERS; owner++)
			for (int how = 0; how < 2; how++)
				tell(&kinds[i], (enum owner)owner, how ? SIGRTMIN + 2 : 0);
	owner_ends();

	make_stream(fd); /* the old way to ask for it */
	own(fd[0], PROCESS);
	CHECK_INT(ioctl(fd[0], FIOASYNC, &on), 0);
	CHECK_INT(fcntl(fd[0], F_GETFL) & O_ASYNC, O_ASYNC);
	came = 0;
	act_write(fd);
	while (!came)
		sleep_ms(1);
	CHECK_FAILS(fcntl(fd[0], F_SETSIG, 65), EINVAL);
	CHECK_FAILS(fcntl(fd[0], F_SETOWN, 4000000), ESRCH);
	stop = 1;
	thread_join(thread);
	return guest_done();
}
