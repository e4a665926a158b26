/* Cancellation points: in each blocking call a thread is cancelled while it is blocked, and before it comes there; both
 * with deferred and asynchronous cancellation. Its cleanup handler runs on its own stack. */
#include "guest.h"

#include <mqueue.h>
#include <poll.h>
#include <semaphore.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

static int pipe_fd[2], full[2], pair[2], locked, queue;
static char fifo[] = "/tmp/guest-fifo-XXXXXX";
static mqd_t mq;
static sem_t entered, go, never;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pid_t child;
static int cleaned;

enum {
	READ,
	READV,
	OFD_LOCK,
	WRITE,
	RECV,
	RECVMSG,
	SENDTO,
	POLL,
	PPOLL,
	SELECT,
	PSELECT,
	EPOLL,
	PAUSE,
	SIGSUSPEND,
	SIGWAITINFO,
	SIGTIMEDWAIT,
	NANOSLEEP,
	CLOCK_NANOSLEEP,
	SLEEP,
	SEM_WAIT,
	SEM_TIMEDWAIT,
	COND_TIMEDWAIT,
	WAITPID,
	WAITID,
	LOCKF,
	MSGRCV,
	MQ_RECEIVE,
	OPEN_FIFO,
	KINDS
};

static const char *const name[] = {
	"read",
	"readv",
	"fcntl F_OFD_SETLKW",
	"write",
	"recv",
	"recvmsg",
	"sendto",
	"poll",
	"ppoll",
	"select",
	"pselect",
	"epoll_wait",
	"pause",
	"sigsuspend",
	"sigwaitinfo",
	"sigtimedwait",
	"nanosleep",
	"clock_nanosleep",
	"sleep",
	"sem_wait",
	"sem_timedwait",
	"pthread_cond_timedwait",
	"waitpid",
	"waitid",
	"lockf",
	"msgrcv",
	"mq_receive",
	"open",
};

static void cleanup(void *arg)
{
	char here;

	(void)arg;
	CHECK((char *)pthread_self() > &here && (char *)pthread_self() - &here < (8 << 20));
	cleaned++;
}

static void unlock(void *arg)
{
	(void)arg;
	pthread_mutex_unlock(&mutex);
}

static long one_call(int kind)
{
	static char block[65536];
	struct {
		long type;
		char text[8];
	} message;
	struct iovec iov = { block, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct pollfd pfd = { .fd = pipe_fd[0], .events = POLLIN };
	struct flock range = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct timespec hour = { 3600, 0 }, later = clock_in(CLOCK_REALTIME, 3600000);
	struct epoll_event event;
	siginfo_t info;
	sigset_t set;
	fd_set fds;

	FD_ZERO(&fds);
	FD_SET(pipe_fd[0], &fds);
	sigemptyset(&set);
	switch (kind) {
	case READ: return read(pipe_fd[0], block, 1);
	case READV: return readv(pipe_fd[0], &iov, 1);
	case OFD_LOCK: return fcntl(locked, F_OFD_SETLKW, &range);
	case WRITE:
		while (write(full[1], block, sizeof block) > 0)
			;
		break;
	case RECV: return recv(pair[0], block, 1, 0);
	case RECVMSG: return recvmsg(pair[0], &msg, 0);
	case SENDTO:
		while (sendto(pair[0], block, sizeof block, 0, NULL, 0) > 0)
			;
		break;
	case POLL: return poll(&pfd, 1, -1);
	case PPOLL: return ppoll(&pfd, 1, &hour, &set);
	case SELECT: return select(pipe_fd[0] + 1, &fds, NULL, NULL, NULL);
	case PSELECT: return pselect(pipe_fd[0] + 1, &fds, NULL, NULL, &hour, &set);
	case EPOLL: return epoll_wait(queue, &event, 1, -1);
	case PAUSE: return pause();
	case SIGSUSPEND: return sigsuspend(&set);
	case SIGWAITINFO: sigaddset(&set, SIGUSR1); return sigwaitinfo(&set, &info);
	case SIGTIMEDWAIT: sigaddset(&set, SIGUSR1); return sigtimedwait(&set, &info, &hour);
	case NANOSLEEP: return nanosleep(&hour, NULL);
	case CLOCK_NANOSLEEP: return clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &later, NULL);
	case SLEEP: return sleep(3600);
	case SEM_WAIT: return sem_wait(&never);
	case SEM_TIMEDWAIT: return sem_timedwait(&never, &later);
	case COND_TIMEDWAIT:
		pthread_mutex_lock(&mutex);
		pthread_cleanup_push(unlock, NULL);
		while (!pthread_cond_timedwait(&cond, &mutex, &later))
			;
		pthread_cleanup_pop(1);
		break;
	case WAITPID: return waitpid(child, NULL, 0);
	case WAITID: return waitid(P_PID, (id_t)child, &info, WEXITED);
	case LOCKF: return fcntl(locked, F_SETLKW, &range);
	case MSGRCV: return msgrcv(queue, &message, sizeof message.text, 0, 0);
	case MQ_RECEIVE: return mq_receive(mq, block, sizeof block, NULL);
	case OPEN_FIFO: return open(fifo, O_RDONLY);
	}
	return -1;
}

struct victim {
	int kind, type;
	bool late; /* cancelled before the call */
};

static void *blocks(void *arg)
{
	struct victim *v = (struct victim *)arg;
	int old;

	pthread_cleanup_push(cleanup, NULL);
	CHECK_OK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old));
	CHECK_OK(pthread_setcanceltype(v->type, &old));
	sem_post(&entered);
	if (v->late)
		while (sem_wait(&go) == -1)
			;
	CHECK_OK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old));
	printf("%s came back: %ld\n", name[v->kind], one_call(v->kind));
	pthread_cleanup_pop(0);
	return NULL;
}

static void one(int kind, int type, bool late)
{
	struct victim v = { kind, type, late };
	int before = cleaned, msgs = -1;
	pthread_t thread;

	if (kind == MSGRCV)
		queue = msgs = msgget(IPC_PRIVATE, 0600);
	if (kind == EPOLL)
		queue = epoll_create1(0);
	thread = thread_start(blocks, &v);
	sem_wait(&entered);
	if (!late)
		sleep_ms(3);
	CHECK_OK(pthread_cancel(thread));
	if (late)
		sem_post(&go);
	if (thread_join(thread) != PTHREAD_CANCELED)
		guest_fail(__FILE__, __LINE__, "%s: not cancelled", name[kind]);
	CHECK_INT(cleaned, before + 1);
	if (kind == MSGRCV)
		msgctl(msgs, IPC_RMID, NULL);
	if (kind == EPOLL)
		close(queue);
}

/* A record that another process holds. */
static void lock_elsewhere(void)
{
	struct flock range = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[] = "/tmp/guest-lock-XXXXXX", byte;
	int ready[2];

	locked = mkstemp(path);
	unlink(path);
	if (locked == -1 || pipe(ready) == -1)
		guest_die("lock");
	child = fork();
	if (child == 0) {
		CHECK_INT(fcntl(locked, F_SETLK, &range), 0);
		write_all(ready[1], "x", 1);
		for (;;)
			pause();
	}
	read_all(ready[0], &byte, 1);
}

int main(void)
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 64 };
	char mq_name[40];
	sigset_t set;

	sem_init(&entered, 0, 0);
	sem_init(&go, 0, 0);
	sem_init(&never, 0, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	close(mkstemp(fifo));
	unlink(fifo);
	snprintf(mq_name, sizeof mq_name, "/guest-%d", getpid());
	mq = mq_open(mq_name, O_RDWR | O_CREAT, 0600, &attr);
	mq_unlink(mq_name);
	if (mq == (mqd_t)-1 || pipe(pipe_fd) == -1 || pipe(full) == -1 || mkfifo(fifo, 0600) == -1 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		guest_die("objects");
	lock_elsewhere();
	for (int kind = 0; kind < KINDS; kind++) {
		one(kind, PTHREAD_CANCEL_DEFERRED, false);
		one(kind, PTHREAD_CANCEL_DEFERRED, true);
		one(kind, PTHREAD_CANCEL_ASYNCHRONOUS, false);
		one(kind, PTHREAD_CANCEL_ASYNCHRONOUS, true);
		printf("%s\n", name[kind]);
	}
	unlink(fifo);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return guest_done();
}
