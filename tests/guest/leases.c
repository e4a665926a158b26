/* Leases: who has one is told by a signal before another opens the file, and the other's open waits until it is given
 * up, in another process and in a thread of this one. */
#include "guest.h"

#include <sys/wait.h>

static char path[] = "/tmp/leases.XXXXXX";
static int leased, gives = F_UNLCK;
static volatile sig_atomic_t breaks, told_fd;

static void on_break(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	told_fd = info->si_fd;
	breaks++;
}

static void *opens(void *arg)
{
	int fd = open(path, *(int *)arg);

	CHECK(fd >= 0);
	return (void *)(long)fd;
}

/* Row for row: the lease, how the other opens, what the owner makes of it. */
static const struct row {
	const char *name;
	int lease, flags, gives, breaks;
	int nonblocking; /* what an open with O_NONBLOCK gives */
} rows[] = {
	{ "read lease, opened for reading", F_RDLCK, O_RDONLY, F_RDLCK, 0, 0 },
	{ "read lease, opened for writing", F_RDLCK, O_WRONLY, F_UNLCK, 1, EWOULDBLOCK },
	{ "write lease, opened for reading", F_WRLCK, O_RDONLY, F_RDLCK, 1, EWOULDBLOCK },
	{ "write lease, opened for both", F_WRLCK, O_RDWR, F_UNLCK, 1, EWOULDBLOCK },
};

static void break_it(const struct row *row, bool process)
{
	int flags = row->flags, status, fd;
	pthread_t thread;
	pid_t child = 0;

	leased = open(path, O_RDONLY);
	gives = row->gives;
	breaks = 0;
	told_fd = -1;
	CHECK_INT(fcntl(leased, F_SETSIG, SIGRTMIN + 3), 0);
	CHECK_INT(fcntl(leased, F_SETLEASE, row->lease), 0);
	CHECK_INT(fcntl(leased, F_GETLEASE), row->lease);
	if (process) {
		child = fork();
		if (child == 0) {
			fd = open(path, flags);
			_exit(fd >= 0 ? 3 : 1);
		}
	} else {
		thread = thread_start(opens, &flags);
	}
	while (breaks < row->breaks)
		sleep_ms(1);
	if (row->breaks) {
		CHECK_INT(told_fd, leased);
		CHECK_INT(fcntl(leased, F_GETLEASE), row->gives);
		fd = open(path, flags | O_NONBLOCK);
		CHECK(fd == -1 && errno == row->nonblocking);
		sleep_ms(5);
		CHECK_INT(fcntl(leased, F_SETLEASE, row->gives), 0);
	}
	if (process) {
		CHECK_INT(waitpid(child, &status, 0), child);
		CHECK_INT(WEXITSTATUS(status), 3);
	} else {
		close((int)(long)thread_join(thread));
	}
	printf("%s by another %s: %d told\n", row->name, process ? "process" : "thread", breaks);
	close(leased);
}

int main(void)
{
	struct sigaction action;
	int fd = mkstemp(path), other, pipe_fd[2];

	memset(&action, 0, sizeof action);
	action.sa_sigaction = on_break;
	action.sa_flags = SA_SIGINFO | SA_RESTART;
	CHECK_INT(sigaction(SIGRTMIN + 3, &action, NULL), 0);

	CHECK_FAILS(fcntl(fd, F_SETLEASE, F_RDLCK), EAGAIN); /* open for writing */
	CHECK_INT(fcntl(fd, F_GETLEASE), F_UNLCK);
	other = open(path, O_RDONLY);
	CHECK_FAILS(fcntl(fd, F_SETLEASE, F_WRLCK), EAGAIN); /* open twice */
	CHECK_FAILS(fcntl(fd, F_SETLEASE, 77), EINVAL);
	close(other);
	if (pipe(pipe_fd) == -1)
		guest_die("pipe");
	CHECK_FAILS(fcntl(pipe_fd[0], F_SETLEASE, F_RDLCK), EINVAL);
	close(fd);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (int process = 0; process < 2; process++)
			break_it(&rows[i], process);
	unlink(path);
	return guest_done();
}
