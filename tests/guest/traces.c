/* A program that traces its own children by ptrace, while its threads go on: stops, memory, registers, attach and
 * detach, what is refused. Signals that the child is sent are given on to it, as debuggers do. */
#include "guest.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/user.h>
#include <sys/wait.h>

static volatile long value = 7;
static atomic_long turns;
static atomic_bool done;

static void *goes_on(void *arg)
{
	while (!atomic_load(&done)) {
		atomic_fetch_add(&turns, 1);
		sleep_ms(1);
	}
	return arg;
}

static pid_t child_of(void (*body)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		body();
		_exit(1);
	}
	return pid;
}

static int stop_of(pid_t pid)
{
	int status = 0;

	CHECK_INT(waitpid(pid, &status, __WALL), pid);
	return status;
}

/* Goes on until it ends, or until it is stopped by this signal. */
static int until(pid_t pid, int wanted)
{
	for (;;) {
		int status = stop_of(pid);

		if (!WIFSTOPPED(status) || WSTOPSIG(status) == wanted)
			return status;
		if (ptrace(PTRACE_CONT, pid, NULL, (long)WSTOPSIG(status)) == -1)
			return status;
	}
}

static void asks(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1)
		_exit(1);
	raise(SIGSTOP);
	_exit((int)value);
}

static void traced_by_request(void)
{
	struct user_regs_struct regs;
	pid_t pid = child_of(asks);
	int status = until(pid, SIGSTOP);

	CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	CHECK_INT(ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACEEXIT), 0);
	errno = 0;
	CHECK_INT(ptrace(PTRACE_PEEKDATA, pid, &value, NULL), 7);
	CHECK_INT(errno, 0);
	CHECK_INT(ptrace(PTRACE_POKEDATA, pid, &value, 42L), 0);
	CHECK_INT(value, 7); /* its memory, not ours */
	CHECK_INT(ptrace(PTRACE_GETREGS, pid, NULL, &regs), 0);
	CHECK(regs.rip != 0);
	CHECK_FAILS(ptrace(PTRACE_PEEKDATA, pid, 8, NULL), EIO);
	CHECK_INT(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
	status = until(pid, SIGTRAP);
	CHECK_INT(status >> 8, SIGTRAP | PTRACE_EVENT_EXIT << 8);
	CHECK_INT(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
	status = until(pid, SIGSTOP);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
}

static void answers(int fd)
{
	char byte;

	while (read(fd, &byte, 1) == 1)
		write_all(fd, &byte, 1);
	_exit(9);
}

/* Attached while it is blocked, it answers again as soon as it is let go. */
static void attached(int request)
{
	int pair[2], status;
	char byte;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		guest_die("socketpair");
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		answers(pair[1]);
	}
	close(pair[1]);
	write_all(pair[0], "a", 1);
	read_all(pair[0], &byte, 1);
	CHECK_INT(ptrace(request, pid, NULL, NULL), 0);
	if (request == PTRACE_SEIZE)
		CHECK_INT(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL), 0);
	status = until(pid, request == PTRACE_SEIZE ? SIGTRAP : SIGSTOP);
	CHECK(WIFSTOPPED(status));
	write_all(pair[0], "b", 1);
	CHECK_INT(ptrace(PTRACE_DETACH, pid, NULL, NULL), 0);
	read_all(pair[0], &byte, 1);
	CHECK_INT(byte, 'b');
	close(pair[0]);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 9);
}

int main(void)
{
	pthread_t thread = thread_start(goes_on, NULL);
	long before;

	setvbuf(stdout, NULL, _IONBF, 0);
	traced_by_request();
	attached(PTRACE_ATTACH);
	attached(PTRACE_SEIZE);
	CHECK_FAILS(ptrace(PTRACE_ATTACH, getpid(), NULL, NULL), EPERM);
	CHECK_FAILS(ptrace(PTRACE_ATTACH, -1, NULL, NULL), ESRCH);
	CHECK_FAILS(ptrace(PTRACE_CONT, getppid(), NULL, NULL), ESRCH);
	before = atomic_load(&turns);
	while (atomic_load(&turns) <= before)
		sleep_ms(1);
	atomic_store(&done, true);
	thread_join(thread);
	return guest_done();
}
