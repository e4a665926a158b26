/*
 * A descriptor's number is closed, or made to mean something else, while a thread is blocked in a call on it: for every
 * kind of descriptor and call the thread goes on waiting for what it began to wait for, and has it when it comes; what
 * the number means meanwhile is not disturbed.
 */
#include "guest.h"

#include <linux/io_uring.h>
#include <mqueue.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

/* fd[0] is what the call is about, fd[1] what makes it end; aux what else there is. */
struct set {
	int fd[2], aux;
	sem_t entered;
	const struct kind *kind;
	long result;
	int error;
	char text[160];
	pid_t tid;
};

static char big[1 << 20];

/* ---- making them ------------------------------------------------------------------ */

static void make_pipe(struct set *s)
{
	if (pipe(s->fd) == -1)
		guest_die("pipe");
}

static void fill(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	while (write(fd, big, sizeof big) > 0)
		;
	while (write(fd, big, 1) > 0)
		;
	fcntl(fd, F_SETFL, flags);
}

/* The writing end is the one that is closed. */
static void make_full_pipe(struct set *s)
{
	int fd[2];

	if (pipe(fd) == -1)
		guest_die("pipe");
	s->fd[0] = fd[1];
	s->fd[1] = fd[0];
	fill(s->fd[0]);
}

static void make_fifo(struct set *s)
{
	char name[] = "/tmp/close-blocked.XXXXXX";

	close(mkstemp(name));
	unlink(name);
	if (mkfifo(name, 0600) == -1)
		guest_die("mkfifo");
	s->aux = open(name, O_RDWR);
	s->fd[0] = open(name, O_RDONLY);
	s->fd[1] = open(name, O_WRONLY);
	unlink(name);
}

static void make_stream(struct set *s)
{
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, s->fd), 0);
}
static void make_dgram(struct set *s)
{
	CHECK_INT(socketpair(AF_UNIX, SOCK_DGRAM, 0, s->fd), 0);
}

static void make_full_stream(struct set *s)
{
	make_stream(s);
	fill(s->fd[0]);
}

static void address(struct sockaddr_un *a, socklen_t *len)
{
	static int n;

	memset(a, 0, sizeof *a);
	a->sun_family = AF_UNIX;
	*len = (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1 +
	       (socklen_t)snprintf(a->sun_path + 1, 100, "close-blocked-%d-%d", getpid(), n);
}

static struct sockaddr_un at;
static socklen_t at_len;

static void make_listener(struct set *s)
{
	s->fd[0] = socket(AF_UNIX, SOCK_STREAM, 0);
	s->fd[1] = socket(AF_UNIX, SOCK_STREAM, 0);
	address(&at, &at_len);
	CHECK_INT(bind(s->fd[0], (struct sockaddr *)&at, at_len), 0);
	CHECK_INT(listen(s->fd[0], 0), 0);
}

/* Its listener has no room for one more. */
static void make_connecting(struct set *s)
{
	make_listener(s);
	s->aux = s->fd[1];
	CHECK_INT(connect(s->aux, (struct sockaddr *)&at, at_len), 0);
	s->fd[1] = s->fd[0];
	s->fd[0] = socket(AF_UNIX, SOCK_STREAM, 0);
}

static void make_tty(struct set *s)
{
	s->fd[1] = posix_openpt(O_RDWR | O_NOCTTY);
	CHECK_INT(grantpt(s->fd[1]), 0);
	CHECK_INT(unlockpt(s->fd[1]), 0);
	s->fd[0] = open(ptsname(s->fd[1]), O_RDWR | O_NOCTTY);
}

/* The other end of these is a duplicate of themselves. */
static void make_eventfd(struct set *s)
{
	s->fd[0] = eventfd(0, 0);
	s->fd[1] = dup(s->fd[0]);
}

static void make_full_eventfd(struct set *s)
{
	uint64_t most = UINT64_MAX - 1;

	make_eventfd(s);
	write_all(s->fd[0], &most, sizeof most);
}

static void make_timerfd(struct set *s)
{
	s->fd[0] = timerfd_create(CLOCK_MONOTONIC, 0);
	s->fd[1] = dup(s->fd[0]);
}

static void make_signalfd(struct set *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	s->fd[0] = signalfd(-1, &set, 0);
	s->fd[1] = -1;
}

static void make_inotify(struct set *s)
{
	char name[] = "/tmp/close-blocked.XXXXXX";

	s->fd[0] = inotify_init();
	s->fd[1] = mkstemp(name);
	CHECK(inotify_add_watch(s->fd[0], name, IN_MODIFY) > 0);
	unlink(name);
}

static void make_epoll(struct set *s)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = 77 };
	int fd[2];

	if (pipe(fd) == -1)
		guest_die("pipe");
	s->fd[0] = epoll_create1(0);
	s->fd[1] = fd[1];
	s->aux = fd[0];
	CHECK_INT(epoll_ctl(s->fd[0], EPOLL_CTL_ADD, fd[0], &event), 0);
}

static void make_queue(struct set *s)
{
	struct mq_attr attributes = { .mq_maxmsg = 2, .mq_msgsize = 32 };
	char name[40];

	snprintf(name, sizeof name, "/close-blocked-%d", getpid());
	s->fd[0] = (int)mq_open(name, O_CREAT | O_RDWR, 0600, &attributes);
	s->fd[1] = (int)mq_open(name, O_WRONLY);
	mq_unlink(name);
}

static void make_pidfd(struct set *s)
{
	int fd[2];
	char byte;

	if (pipe(fd) == -1)
		guest_die("pipe");
	s->aux = fork();
	if (s->aux == 0) {
		close(fd[1]);
		_exit(read(fd[0], &byte, 1) == 1 ? 9 : 1);
	}
	close(fd[0]);
	s->fd[0] = (int)syscall(SYS_pidfd_open, s->aux, 0);
	s->fd[1] = fd[1];
}

static void make_locked(struct set *s)
{
	char name[] = "/tmp/close-blocked.XXXXXX";

	s->fd[1] = mkstemp(name);
	s->fd[0] = open(name, O_RDWR);
	unlink(name);
	CHECK_INT(flock(s->fd[1], LOCK_EX), 0);
}

/* A ring that has been asked to tell when a pipe is ready; its number of completions is in the mapping. */
static unsigned *ring_head, *ring_tail;

static void make_ring(struct set *s)
{
	struct io_uring_params p;
	struct io_uring_sqe *sqe;
	char *ring;
	int fd[2];

	memset(&p, 0, sizeof p);
	if (pipe(fd) == -1)
		guest_die("pipe");
	s->aux = fd[0];
	s->fd[1] = fd[1];
	s->fd[0] = (int)syscall(SYS_io_uring_setup, 2, &p);
	if (s->fd[0] == -1)
		guest_die("io_uring_setup");
	ring = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd[0], IORING_OFF_SQ_RING);
	sqe = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd[0], IORING_OFF_SQES);
	memset(sqe, 0, sizeof *sqe);
	sqe->opcode = IORING_OP_POLL_ADD;
	sqe->fd = fd[0];
	sqe->poll32_events = POLLIN;
	*(unsigned *)(void *)(ring + p.sq_off.array) = 0;
	__atomic_store_n((unsigned *)(void *)(ring + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	ring_head = (unsigned *)(void *)(ring + p.cq_off.head);
	ring_tail = (unsigned *)(void *)(ring + p.cq_off.tail);
	CHECK_INT(syscall(SYS_io_uring_enter, s->fd[0], 1, 0, 0, NULL, 0), 1);
}

/* ---- the calls ---------------------------------------------------------------------- */

static long call_read(struct set *s)
{
	return read(s->fd[0], s->text, sizeof s->text);
}
static long call_write(struct set *s)
{
	return write(s->fd[0], "w", 1);
}
static long call_big_write(struct set *s)
{
	return write(s->fd[0], big, sizeof big);
}
static long call_recv(struct set *s)
{
	return recv(s->fd[0], s->text, sizeof s->text, 0);
}
static long call_recv_all(struct set *s)
{
	return recv(s->fd[0], s->text, 1, MSG_WAITALL);
}
static long call_peek_all(struct set *s)
{
	return recv(s->fd[0], s->text, 1, MSG_WAITALL | MSG_PEEK);
}
static long call_send(struct set *s)
{
	return send(s->fd[0], "s", 1, 0);
}

static long call_readv(struct set *s)
{
	struct iovec iov[2] = { { s->text, 1 }, { s->text + 1, 8 } };

	return readv(s->fd[0], iov, 2);
}

static long call_recvmsg(struct set *s)
{
	struct iovec iov = { s->text, sizeof s->text };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	return recvmsg(s->fd[0], &m, 0);
}

static long call_recvmmsg(struct set *s)
{
	struct iovec iov = { s->text, sizeof s->text };
	struct mmsghdr m = { .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } };

	return recvmmsg(s->fd[0], &m, 1, 0, NULL);
}

static long call_sendmsg(struct set *s)
{
	struct iovec iov = { "m", 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	return sendmsg(s->fd[0], &m, 0);
}

static long call_accept(struct set *s)
{
	int fd = accept(s->fd[0], NULL, NULL);

	if (fd != -1)
		close(fd);
	return fd == -1 ? -1 : 1;
}

static long call_connect(struct set *s)
{
	return connect(s->fd[0], (struct sockaddr *)&at, at_len);
}

static long call_eventfd(struct set *s)
{
	uint64_t one = 1;

	return write(s->fd[0], &one, sizeof one);
	(void)s;
}

static long call_poll(struct set *s)
{
	struct pollfd waits[2] = { { s->fd[0], POLLIN, 0 }, { -1, POLLIN, 0 } };
	long r = poll(waits, 2, -1);

	return r == 1 && waits[0].fd == s->fd[0] ? waits[0].revents : -1;
}

static long call_select(struct set *s)
{
	struct timeval limit = { 5, 0 };
	fd_set in;
	long r;

	FD_ZERO(&in);
	FD_SET(s->fd[0], &in);
	r = select(s->fd[0] + 1, &in, NULL, NULL, &limit);
	return r == 1 && FD_ISSET(s->fd[0], &in);
}

static long call_epoll(struct set *s)
{
	struct epoll_event event;

	return epoll_wait(s->fd[0], &event, 1, -1) == 1 ? (long)event.data.u32 : -1;
}

static long call_ring(struct set *s)
{
	long r = syscall(SYS_io_uring_enter, s->fd[0], 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);

	return r == 0 ? (long)(*ring_tail - *ring_head) : -1;
}

static long call_queue(struct set *s)
{
	return mq_receive((mqd_t)s->fd[0], s->text, sizeof s->text, NULL);
}

static long call_waitid(struct set *s)
{
	siginfo_t info;

	return waitid(P_PIDFD, (id_t)s->fd[0], &info, WEXITED) == 0 ? info.si_status : -1;
}

static long call_flock(struct set *s)
{
	return flock(s->fd[0], LOCK_SH);
}

static long call_splice(struct set *s)
{
	int out[2];
	long r;

	if (pipe(out) == -1)
		guest_die("pipe");
	sem_post(&s->entered);
	r = splice(s->fd[0], NULL, out[1], NULL, 5, 0);
	close(out[0]);
	close(out[1]);
	return r;
}

/* ---- what ends them ------------------------------------------------------------------- */

static void end_write(struct set *s)
{
	CHECK_INT(write(s->fd[1], "end", 3), 3);
}
static void end_line(struct set *s)
{
	CHECK_INT(write(s->fd[1], "l\n", 2), 2);
}

static void end_drain(struct set *s)
{
	size_t total = 0;

	while (total < 60000) {
		ssize_t n = read(s->fd[1], s->text, sizeof s->text);

		if (n <= 0)
			break;
		total += (size_t)n;
	}
}

static void *drains_all(void *arg)
{
	static char text[1 << 16];

	while (read(*(int *)arg, text, sizeof text) > 0)
		;
	return NULL;
}

static void end_connect(struct set *s)
{
	CHECK_INT(connect(s->fd[1], (struct sockaddr *)&at, at_len), 0);
}
static void end_accept(struct set *s)
{
	close(accept(s->fd[1], NULL, NULL));
}

static void end_eventfd(struct set *s)
{
	uint64_t one = 1;

	write_all(s->fd[1], &one, sizeof one);
}

static void end_eventfd_read(struct set *s)
{
	uint64_t count;

	read_all(s->fd[1], &count, sizeof count);
}

static void end_timer(struct set *s)
{
	struct itimerspec soon = { .it_value = ms_timespec(1) };

	CHECK_INT(timerfd_settime(s->fd[1], 0, &soon, NULL), 0);
}

static void end_signal(struct set *s)
{
	(void)s;
	kill(getpid(), SIGRTMIN);
}

static void end_queue(struct set *s)
{
	CHECK_INT(mq_send((mqd_t)s->fd[1], "queue", 5, 0), 0);
}
static void end_unlock(struct set *s)
{
	CHECK_INT(flock(s->fd[1], LOCK_UN), 0);
}

static const struct kind {
	const char *name;
	void (*make)(struct set *s);
	long (*call)(struct set *s);
	void (*end)(struct set *s);
} kinds[] = {
	{ "pipe, read", make_pipe, call_read, end_write },
	{ "pipe, readv", make_pipe, call_readv, end_write },
	{ "pipe, write", make_full_pipe, call_write, end_drain },
	{ "pipe, large write", make_full_pipe, call_big_write, NULL },
	{ "pipe, splice", make_pipe, call_splice, end_write },
	{ "pipe, poll", make_pipe, call_poll, end_write },
	{ "pipe, select", make_pipe, call_select, end_write },
	{ "FIFO, read", make_fifo, call_read, end_write },
	{ "stream, read", make_stream, call_read, end_write },
	{ "stream, recv", make_stream, call_recv, end_write },
	{ "stream, MSG_WAITALL", make_stream, call_recv_all, end_write },
	{ "stream, MSG_PEEK", make_stream, call_peek_all, end_write },
	{ "stream, recvmsg", make_stream, call_recvmsg, end_write },
	{ "stream, write", make_full_stream, call_write, NULL },
	{ "stream, large write", make_full_stream, call_big_write, NULL },
	{ "stream, send", make_full_stream, call_send, NULL },
	{ "stream, sendmsg", make_full_stream, call_sendmsg, NULL },
	{ "stream, poll", make_stream, call_poll, end_write },
	{ "datagrams, recv", make_dgram, call_recv, end_write },
	{ "datagrams, recvmmsg", make_dgram, call_recvmmsg, end_write },
	{ "listener, accept", make_listener, call_accept, end_connect },
	{ "connecting, connect", make_connecting, call_connect, end_accept },
	{ "terminal, read", make_tty, call_read, end_line },
	{ "terminal, poll", make_tty, call_poll, end_line },
	{ "eventfd, read", make_eventfd, call_read, end_eventfd },
	{ "eventfd, write", make_full_eventfd, call_eventfd, end_eventfd_read },
	{ "timerfd, read", make_timerfd, call_read, end_timer },
	{ "signalfd, read", make_signalfd, call_read, end_signal },
	{ "inotify, read", make_inotify, call_read, end_write },
	{ "epoll, epoll_wait", make_epoll, call_epoll, end_write },
	{ "epoll, poll", make_epoll, call_poll, end_write },
	{ "queue, mq_receive", make_queue, call_queue, end_queue },
	{ "pidfd, waitid", make_pidfd, call_waitid, end_write },
	{ "pidfd, poll", make_pidfd, call_poll, end_write },
	{ "io_uring, io_uring_enter", make_ring, call_ring, end_write },
	{ "file, flock", make_locked, call_flock, end_unlock },
};

static void *calls(void *arg)
{
	struct set *s = arg;

	s->tid = gettid();
	if (s->kind->call != call_splice)
		sem_post(&s->entered);
	s->result = s->kind->call(s);
	s->error = s->result < 0 ? errno : 0;
	return NULL;
}

/* As far as the kernel tells: a thread may be one to it that has another id. */
static void until_blocked(pid_t tid)
{
	char path[64], state = 0;
	int id = tid;

	snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
	for (int i = 0; i < 5000 && id == tid && state != 'S'; i++) {
		FILE *file = fopen(path, "re");

		if (!file || fscanf(file, "%d (%*[^)]) %c", &id, &state) != 2)
			guest_die(path);
		fclose(file);
		usleep(100);
	}
	sleep_ms(1);
}

enum how { CLOSE, DUP2, CLOSE_RANGE, HOWS };
static const char *const hows[HOWS] = { "close", "dup2", "close_range" };

static void close_under(const struct kind *kind, enum how how)
{
	struct set s = { .kind = kind, .aux = -1 };
	pthread_t thread, drain;
	int other[2], number, full;
	char byte;

	kind->make(&s);
	number = s.fd[0];
	if (pipe(other) == -1)
		guest_die("pipe");
	sem_init(&s.entered, 0, 0);
	thread = thread_start(calls, &s);
	sem_wait(&s.entered);
	until_blocked(s.tid);
	if (how == DUP2) {
		if (kind->call == call_read)
			CHECK_INT(dup3(other[0], number, O_CLOEXEC), number);
		else
			CHECK_INT(dup2(other[0], number), number);
	} else if (how == CLOSE) {
		CHECK_INT(close(number), 0);
		CHECK_INT(dup2(other[0], number), number); /* used again at once */
	} else {
		CHECK_INT(close_range((unsigned)number, (unsigned)number, 0), 0);
		CHECK_INT(dup2(other[0], number), number);
	}
	sleep_ms(1);
	full = fcntl(number, F_GETPIPE_SZ);
	CHECK(full > 0);
	write_all(other[1], "o", 1); /* what the number means now is ready: nobody's affair */
	sleep_ms(1);
	if (kind->end)
		kind->end(&s);
	else
		drain = thread_start(drains_all, &s.fd[1]);
	thread_join(thread);
	if (!kind->end)
		thread_join(drain);
	printf("%s under %s: %ld %s", hows[how], kind->name, s.result, strerrorname_np(s.error));
	printf("%s%.1s\n", s.text[0] >= 'a' && s.text[0] <= 'z' ? ", " : "",
	       s.text[0] >= 'a' && s.text[0] <= 'z' ? s.text : "");
	read_all(number, &byte, 1);
	CHECK_INT(byte, 'o');
	close(number);
	close(other[0]);
	close(other[1]);
	close(s.fd[1]);
	if (kind->make == make_pidfd) {
		if (kind->call == call_poll)
			CHECK_INT(waitpid(s.aux, NULL, 0), s.aux);
	} else if (s.aux >= 0) {
		close(s.aux);
	}
}

/* Several threads blocked on one number that is closed. Nobody can see where the file has gone: not among the numbers
 * that are open, not by asking for them, in this process or in a child; and all numbers can be had. */
static int crowd[2];

static void *one_of_them(void *arg)
{
	char byte = 0;

	*(pid_t *)arg = gettid();
	read_all(crowd[0], &byte, 1);
	return (void *)(long)(byte - '0');
}

static int open_now(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

static void *hangs_up(void *arg)
{
	struct pollfd waits = { *(int *)arg, POLLRDHUP, 0 };

	CHECK_INT(poll(&waits, 1, -1), 1);
	return (void *)(long)waits.revents;
}

static void several(void)
{
	pid_t tid[5] = { 0 };
	pthread_t thread[5], polls;
	int pair[2];
	int sum = 0, before, now, status;
	pid_t child;

	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, crowd), 0);
	polls = thread_start(hangs_up, &pair[0]);
	for (int i = 0; i < 5; i++) {
		thread[i] = thread_start(one_of_them, &tid[i]);
		while (!*(volatile pid_t *)&tid[i])
			sched_yield();
		until_blocked(tid[i]);
	}
	before = open_files();
	now = open_now();
	CHECK_INT(close(crowd[0]), 0);
	CHECK_INT(open_files(), before - 1);
	CHECK_INT(open_now(), now - 1);
	child = fork();
	if (child == 0) { /* it has only the other end, then */
		char byte;

		CHECK_INT(open_now(), now - 1);
		CHECK_INT(recv(crowd[1], &byte, 1, MSG_DONTWAIT), -1);
		_exit(errno == EAGAIN ? 4 : 1); /* the parent's threads still hold it */
	}
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(WEXITSTATUS(status), 4);
	for (int fd = crowd[1] + 1; fd < 1024; fd++)
		CHECK_INT(dup2(0, fd), fd);
	CHECK_INT(shutdown(pair[1], SHUT_WR), 0);
	CHECK_INT((long)thread_join(polls), POLLRDHUP);
	for (int i = 0; i < 5; i++)
		write_all(crowd[1], &"12345"[i], 1);
	for (int i = 0; i < 5; i++)
		sum += (int)(long)thread_join(thread[i]);
	CHECK_INT(sum, 15);
	CHECK_INT(write(crowd[1], "x", 1), -1); /* nobody has the other end any more */
	CHECK_INT(errno, EPIPE);
	CHECK_INT(close_range((unsigned)crowd[1], 1024, 0), 0);
	close(pair[0]);
	close(pair[1]);
	printf("5 were blocked on a number that is closed\n");
}

int main(int argc, char **argv)
{
	sigset_t set;
	int before = dup(0), after;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	close(before);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		for (int how = 0; how < HOWS; how++)
			if (argc < 2 || strstr(kinds[i].name, argv[1]))
				close_under(&kinds[i], (enum how)how);
	several();
	after = dup(0);
	CHECK_INT(after, before); /* nothing was left open */
	return guest_done();
}
