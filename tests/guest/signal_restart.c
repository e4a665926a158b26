/* A handler without SA_RESTART ends a blocked call with EINTR; with it, the call goes on: read, accept, futex waits,
 * sleeps, poll. */
#include "guest.h"

#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/wait.h>

#include "net.h"

static int pipe_fd[2], listener, state, handled;
static sem_t never;
static struct sockaddr_in address;

static void handler(int signo)
{
	(void)signo;
	__atomic_add_fetch(&handled, 1, __ATOMIC_SEQ_CST);
}

static const char *name[] = { "read",   "accept", "sem_wait", "nanosleep", "poll",
	                      "select", "pause",  "recv",     "wait",      "epoll_wait" };

static long one_call(long kind)
{
	struct pollfd pfd = { .fd = pipe_fd[0], .events = POLLIN };
	struct timespec left, hour = ms_timespec(3600000);
	struct epoll_event event;
	fd_set set;
	char byte;

	switch (kind) {
	case 0: return read(pipe_fd[0], &byte, 1);
	case 1: return accept(listener, NULL, NULL);
	case 2: return sem_wait(&never);
	case 3: {
		long result = nanosleep(&hour, &left);

		if (result == -1 && errno == EINTR) {
			CHECK(left.tv_sec > 3500 && left.tv_sec < 3600);
			errno = EINTR;
		}
		return result;
	}
	case 4: return poll(&pfd, 1, -1);
	case 5:
		FD_ZERO(&set);
		FD_SET(pipe_fd[0], &set);
		return select(pipe_fd[0] + 1, &set, NULL, NULL, NULL);
	case 6: return pause();
	case 7: {
		int pair[2];

		net_pair(pair);
		return recv(pair[0], &byte, 1, 0);
	}
	case 8: return wait(NULL);
	case 9: return epoll_wait(epoll_create1(0), &event, 1, -1);
	}
	return 0;
}

static void *calls(void *arg)
{
	errno = 0;
	CHECK_FAILS(one_call((long)arg), EINTR);
	__atomic_store_n(&state, 1, __ATOMIC_SEQ_CST);
	return arg;
}

static void *restarted(void *arg)
{
	char byte = 0;

	if (arg) {
		int fd = accept(listener, NULL, NULL);

		CHECK(fd >= 0);
		read_all(fd, &byte, 1);
		close(fd);
	} else {
		CHECK_INT(read(pipe_fd[0], &byte, 1), 1);
	}
	CHECK_INT(byte, 'r');
	return arg;
}

int main(void)
{
	pid_t child;

	sem_init(&never, 0, 0);
	listener = net_listen(&address);
	if (pipe(pipe_fd) == -1)
		guest_die("pipe");
	child = fork();
	if (child == 0)
		for (;;)
			pause();
	on_signal(SIGUSR1, handler, 0);
	for (long kind = 0; kind < 10; kind++) {
		pthread_t thread;

		state = 0;
		thread = thread_start(calls, (void *)kind);
		while (!__atomic_load_n(
			&state, __ATOMIC_SEQ_CST)) { /* a signal that comes before the call blocks does not count */
			CHECK_OK(pthread_kill(thread, SIGUSR1));
			sleep_ms(2);
		}
		thread_join(thread);
		printf("%s: EINTR\n", name[kind]);
	}
	CHECK_INT(kill(child, SIGKILL), 0);
	CHECK_INT(waitpid(child, NULL, 0), child);

	on_signal(SIGUSR1, handler, SA_RESTART);
	for (long kind = 0; kind < 2; kind++) {
		pthread_t thread = thread_start(restarted, (void *)kind);
		int start = __atomic_load_n(&handled, __ATOMIC_SEQ_CST);

		while (__atomic_load_n(&handled, __ATOMIC_SEQ_CST) < start + 5) {
			CHECK_OK(pthread_kill(thread, SIGUSR1));
			sleep_ms(2);
		}
		if (kind) {
			int fd = net_connect(&address);

			write_all(fd, "r", 1);
			thread_join(thread);
			close(fd);
		} else {
			write_all(pipe_fd[1], "r", 1);
			thread_join(thread);
		}
		printf("%s: restarted\n", name[kind]);
	}
	return guest_done();
}
