/* Which signal a thread takes first, and what it is told: the order of real-time signals, those of a thread before
 * those of the process, the frames of several at once, si_code and sender of each kind of sending; what stays pending
 * over exec. */
#include "guest.h"

#include <poll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

static volatile sig_atomic_t order[32], values[32], length;
static siginfo_t seen;

static void note(int signo, siginfo_t *info, void *context)
{
	(void)context;
	order[length] = signo;
	values[length++] = info->si_value.sival_int;
	seen = *info;
}

static void take(int signo, int flags)
{
	struct sigaction action;

	memset(&action, 0, sizeof action);
	action.sa_sigaction = note;
	action.sa_flags = SA_SIGINFO | flags;
	CHECK_INT(sigaction(signo, &action, NULL), 0);
}

static void show(const char *what)
{
	printf("%s:", what);
	for (int i = 0; i < length; i++) {
		if (order[i] >= SIGRTMIN)
			printf(" RT%d", order[i] - SIGRTMIN);
		else
			printf(" %s", sigabbrev_np(order[i]));
		if (values[i])
			printf("=%d", values[i]);
	}
	printf("\n");
	length = 0;
}

static void queue(int signo, int value)
{
	CHECK_INT(sigqueue(getpid(), signo, (union sigval){ .sival_int = value }), 0);
}

static void to_thread(int signo, int value)
{
	CHECK_OK(pthread_sigqueue(pthread_self(), signo, (union sigval){ .sival_int = value }));
}

/* By handlers: several at once have their frames made one upon the other, so the last one runs first. By sigtimedwait:
 * lowest first. */
static void in_order(void)
{
	struct timespec now = { 0, 0 };
	sigset_t set, old;
	siginfo_t info;

	sigemptyset(&set);
	for (int i = 0; i < 4; i++)
		sigaddset(&set, SIGRTMIN + i);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	for (int how = 0; how < 2; how++) {
		CHECK_INT(sigprocmask(SIG_BLOCK, &set, &old), 0);
		queue(SIGRTMIN + 2, 1);
		queue(SIGRTMIN + 1, 2);
		queue(SIGRTMIN + 2, 3);
		queue(SIGUSR2, 0);
		queue(SIGUSR1, 0);
		queue(SIGUSR1, 0);
		queue(SIGRTMIN + 1, 4);
		to_thread(SIGRTMIN + 3, 5);
		to_thread(SIGRTMIN + 1, 6);
		if (how == 0) {
			CHECK_INT(sigprocmask(SIG_SETMASK, &old, NULL), 0);
			show("handlers");
			continue;
		}
		while (sigtimedwait(&set, &info, &now) > 0)
			note(info.si_signo, &info, NULL);
		CHECK_INT(errno, EAGAIN);
		show("sigtimedwait");
		CHECK_INT(sigprocmask(SIG_SETMASK, &old, NULL), 0);
	}
}

static void *sends(void *arg)
{
	CHECK_OK(pthread_kill(*(pthread_t *)arg, SIGUSR1));
	return NULL;
}

static void senders(void)
{
	pthread_t self = pthread_self();
	struct rlimit small = { 4096, RLIM_INFINITY };
	struct itimerspec spec = { .it_value = ms_timespec(1) };
	struct sigevent event;
	timer_t timer;
	pid_t child;
	int pair[2], fd;
	char path[] = "/tmp/guest-size-XXXXXX", block[8192] = "";

	length = 0;
	thread_join(thread_start(sends, &self));
	CHECK_INT(seen.si_code, SI_TKILL);
	CHECK_INT(seen.si_pid, getpid());
	CHECK_INT(seen.si_uid, getuid());

	to_thread(SIGUSR1, 7);
	CHECK_INT(seen.si_code, SI_QUEUE);
	CHECK_INT(seen.si_value.sival_int, 7);

	length = 0;
	child = fork();
	if (child == 0) {
		kill(getppid(), SIGUSR2);
		_exit(3);
	}
	CHECK_INT(waitpid(child, NULL, 0), child);
	CHECK_INT(order[0] == SIGCHLD ? order[1] : order[0], SIGUSR2);
	seen.si_pid = 0;
	length = 0;
	child = fork();
	if (child == 0)
		_exit(3);
	CHECK_INT(waitpid(child, NULL, 0), child);
	CHECK_INT(seen.si_signo, SIGCHLD);
	CHECK_INT(seen.si_code, CLD_EXITED);
	CHECK_INT(seen.si_pid, child);
	CHECK_INT(seen.si_status, 3);
	CHECK_INT(length, 1);

	memset(&event, 0, sizeof event);
	event.sigev_notify = SIGEV_SIGNAL;
	event.sigev_signo = SIGRTMIN;
	event.sigev_value.sival_int = 31;
	length = 0;
	CHECK_INT(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	CHECK_INT(timer_settime(timer, 0, &spec, NULL), 0);
	while (!length)
		sleep_ms(1);
	CHECK_INT(seen.si_code, SI_TIMER);
	CHECK_INT(seen.si_value.sival_int, 31);
	CHECK_INT(timer_delete(timer), 0);

	/* Of the writing thread itself. */
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	close(pair[1]);
	length = 0;
	CHECK_FAILS(write(pair[0], "x", 1), EPIPE);
	CHECK_INT(length, 1);
	CHECK_INT(seen.si_signo, SIGPIPE);
	CHECK_INT(seen.si_code, SI_USER);
	CHECK_INT(seen.si_pid, getpid());
	close(pair[0]);
	fd = mkstemp(path);
	unlink(path);
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &small), 0);
	CHECK_INT(write(fd, block, sizeof block), 4096);
	length = 0;
	CHECK_FAILS(write(fd, block, sizeof block), EFBIG);
	CHECK_INT(length, 1);
	CHECK_INT(seen.si_signo, SIGXFSZ);
	small.rlim_cur = RLIM_INFINITY;
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &small), 0);
	close(fd);
}

static void *computes(void *arg)
{
	while (!__atomic_load_n((int *)arg, __ATOMIC_ACQUIRE))
		;
	return NULL;
}

/* Until the signal of the other end has come. */
static void written_to(int fd)
{
	length = 0;
	write_all(fd, "x", 1);
	while (!length)
		sleep_ms(1);
}

/* What a descriptor tells: with and without F_SETSIG, to the process, its group, one thread. */
static void descriptors(void)
{
	struct f_owner_ex owner = { F_OWNER_TID, gettid() };
	int pair[2], stop = 0;
	pthread_t other = thread_start(computes, &stop);

	take(SIGIO, 0);
	take(SIGRTMIN, 0);
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	CHECK_INT(fcntl(pair[0], F_SETOWN, getpid()), 0);
	CHECK_INT(fcntl(pair[0], F_GETOWN), getpid());
	CHECK_INT(fcntl(pair[0], F_SETFL, O_ASYNC), 0);
	written_to(pair[1]);
	CHECK_INT(seen.si_signo, SIGIO);
	CHECK_INT(seen.si_code, SI_KERNEL);
	CHECK_INT(fcntl(pair[0], F_SETSIG, SIGRTMIN), 0);
	CHECK_INT(fcntl(pair[0], F_SETOWN_EX, &owner), 0);
	written_to(pair[1]);
	CHECK_INT(seen.si_signo, SIGRTMIN);
	CHECK_INT(seen.si_code, POLL_IN);
	CHECK_INT(seen.si_fd, pair[0]);
	CHECK_INT(seen.si_band & POLLIN, POLLIN);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	thread_join(other);
	close(pair[0]);
	close(pair[1]);
}

static volatile pid_t taker;

static void who(int signo)
{
	(void)signo;
	taker = gettid();
}

/* The thread that it set as the owner takes it, nobody else. */
static void *owns(void *arg)
{
	struct f_owner_ex owner = { F_OWNER_TID, gettid() }, got;
	int *pair = (int *)arg;

	CHECK_INT(fcntl(pair[0], F_SETOWN_EX, &owner), 0);
	CHECK_INT(fcntl(pair[0], F_GETOWN_EX, &got), 0);
	CHECK_INT(got.type, F_OWNER_TID);
	CHECK_INT(got.pid, gettid());
	CHECK_INT(fcntl(pair[0], F_SETFL, O_ASYNC), 0);
	write_all(pair[1], "x", 1);
	while (!taker)
		sleep_ms(1);
	CHECK_INT(taker, gettid());
	return NULL;
}

int main(int argc, char **argv)
{
	char *again[] = { argv[0], (char *)"pending", NULL };
	sigset_t set;
	int pair[2];

	if (argc > 1) { /* after the exec */
		sigpending(&set);
		printf("pending after exec: %d %d %d\n", sigismember(&set, SIGUSR1), sigismember(&set, SIGUSR2),
		       sigismember(&set, SIGRTMIN));
		signal(SIGRTMIN, SIG_DFL);
		sigemptyset(&set);
		sigaddset(&set, SIGRTMIN);
		sigwaitinfo(&set, &seen);
		CHECK_INT(seen.si_value.sival_int, 99);
		return guest_done();
	}
	for (int i = 0; i < 4; i++)
		take(SIGRTMIN + i, 0);
	take(SIGUSR1, 0);
	take(SIGUSR2, SA_RESTART);
	take(SIGCHLD, SA_RESTART);
	take(SIGPIPE, 0);
	take(SIGXFSZ, 0);
	in_order();
	senders();
	descriptors();
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	on_signal(SIGIO, who, SA_RESTART);
	thread_join(thread_start(owns, pair));

	signal(SIGRTMIN, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN);
	CHECK_INT(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	kill(getpid(), SIGUSR1);
	queue(SIGRTMIN, 99);
	if (guest_failures)
		return guest_done();
	execv("/proc/self/exe", again);
	guest_die("execv");
}
