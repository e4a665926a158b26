/* Descriptors of processes: made by pidfd_open and by clone3, polled, waited for, signalled through; a child that is
 * not told of by SIGCHLD. */
#include "guest.h"

#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#define P_PIDFD_NUMBER 3

static int beats, stop;

static void *beats_on(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		__atomic_add_fetch(&beats, 1, __ATOMIC_RELAXED);
		sleep_ms(1);
	}
	return arg;
}

static pid_t child_of(int *go)
{
	int fd[2];
	char byte;
	pid_t pid;

	if (pipe(fd) == -1)
		guest_die("pipe");
	pid = fork();
	if (pid == 0) {
		close(fd[1]);
		_exit(read(fd[0], &byte, 1) == 1 ? 17 : 18);
	}
	close(fd[0]);
	*go = fd[1];
	return pid;
}

static void *waits_by(void *arg)
{
	siginfo_t info;

	memset(&info, 0, sizeof info);
	CHECK_INT(waitid((idtype_t)P_PIDFD_NUMBER, (id_t)(long)arg, &info, WEXITED), 0);
	CHECK_INT(info.si_code, CLD_EXITED);
	return (void *)(long)info.si_status;
}

static void *polls(void *arg)
{
	struct pollfd p = { (int)(long)arg, POLLIN, 0 };

	CHECK_INT(poll(&p, 1, -1), 1);
	return (void *)(long)p.revents;
}

int main(void)
{
	pthread_t beat = thread_start(beats_on, NULL), poller, waiter;
	struct clone_args args;
	siginfo_t info;
	int go, fd, before;
	pid_t pid;

	pid = child_of(&go);
	fd = pidfd_open(pid, 0);
	CHECK(fd >= 0);
	poller = thread_start(polls, (void *)(long)fd);
	waiter = thread_start(waits_by, (void *)(long)fd);
	before = beats;
	while (beats < before + 5)
		sched_yield();
	write_all(go, "x", 1);
	CHECK_INT((long)thread_join(poller) & POLLIN, POLLIN);
	CHECK_INT((long)thread_join(waiter), 17);
	CHECK_FAILS(pidfd_send_signal(fd, 0, NULL, 0), ESRCH);
	CHECK_FAILS(pidfd_open(pid, 0), ESRCH);
	close(fd);

	pid = child_of(&go);
	fd = pidfd_open(pid, O_NONBLOCK);
	CHECK(fd >= 0);
	CHECK_FAILS(waitid((idtype_t)P_PIDFD_NUMBER, (id_t)fd, &info, WEXITED), EAGAIN);
	CHECK_INT(pidfd_send_signal(fd, SIGTERM, NULL, 0), 0);
	poller = thread_start(polls, (void *)(long)fd);
	CHECK_INT((long)thread_join(poller) & POLLIN, POLLIN);
	CHECK_INT(waitid((idtype_t)P_PIDFD_NUMBER, (id_t)fd, &info, WEXITED), 0);
	CHECK_INT(info.si_code, CLD_KILLED);
	CHECK_INT(info.si_status, SIGTERM);
	close(fd);

	/* No signal at its end: it is waited for with __WCLONE or __WALL only. */
	memset(&args, 0, sizeof args);
	args.flags = CLONE_PIDFD;
	args.pidfd = (uintptr_t)&fd;
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
	if (pid == 0) {
		sleep_ms(20);
		_exit(4);
	}
	CHECK(pid > 0);
	CHECK_FAILS(waitpid(pid, NULL, 0), ECHILD);
	poller = thread_start(polls, (void *)(long)fd);
	CHECK_INT((long)thread_join(poller) & POLLIN, POLLIN);
	CHECK_INT(waitid((idtype_t)P_PIDFD_NUMBER, (id_t)fd, &info, WEXITED | __WALL | WNOWAIT), 0);
	CHECK_INT(info.si_status, 4);
	CHECK_INT(waitpid(pid, NULL, __WALL), pid);
	close(fd);

	/* A signal to ourselves, by a descriptor. */
	fd = pidfd_open(getpid(), 0);
	on_signal(SIGUSR1, SIG_IGN, 0);
	CHECK_INT(pidfd_send_signal(fd, SIGUSR1, NULL, 0), 0);
	close(fd);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	thread_join(beat);
	return guest_done();
}
