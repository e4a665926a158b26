/* waitpid, waitid, wait4: WNOHANG, ECHILD, statuses of exits, signals and stops, any child, with other threads running.
 */
#include "guest.h"

#include <sys/resource.h>
#include <sys/wait.h>

static int go[2];

static pid_t child_that_exits(int status)
{
	pid_t pid = fork();
	char byte;

	if (pid == 0) {
		if (read(go[0], &byte, 1) != 1)
			_exit(99);
		_exit(status);
	}
	return pid;
}

static void *waits_for(void *arg)
{
	int status = 0;

	CHECK_INT(waitpid((pid_t)(long)arg, &status, 0), (long)arg);
	return (void *)(long)WEXITSTATUS(status);
}

static void *sleeps(void *arg)
{
	for (int i = 0; i < 20; i++)
		sleep_ms(1);
	return arg;
}

int main(void)
{
	pthread_t threads[5], sleeper;
	siginfo_t info;
	struct rusage usage;
	pid_t pid, pids[5];
	int status, sum = 0, any = 0;

	if (pipe(go) == -1)
		guest_die("pipe");
	CHECK_FAILS(waitpid(-1, &status, 0), ECHILD);
	CHECK_FAILS(waitpid(-1, &status, WNOHANG), ECHILD);
	CHECK_FAILS(waitpid(getpid(), &status, 0), ECHILD);
	CHECK_FAILS(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
	CHECK_FAILS(waitpid(-1, &status, 0x1000), EINVAL);

	pid = child_that_exits(17);
	CHECK_INT(waitpid(pid, &status, WNOHANG), 0);
	memset(&info, 7, sizeof info);
	CHECK_INT(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG), 0);
	CHECK_INT(info.si_pid, 0);
	sleeper = thread_start(sleeps, NULL);
	write_all(go[1], "x", 1);
	CHECK_INT(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	CHECK_INT(info.si_pid, pid);
	CHECK_INT(info.si_code, CLD_EXITED);
	CHECK_INT(info.si_status, 17);
	CHECK_INT(info.si_signo, SIGCHLD);
	memset(&usage, 0xff, sizeof usage);
	CHECK_INT(wait4(pid, &status, 0, &usage), pid);
	CHECK_INT(WEXITSTATUS(status), 17);
	CHECK(usage.ru_utime.tv_sec >= 0);
	CHECK_FAILS(waitpid(pid, &status, 0), ECHILD);
	thread_join(sleeper);

	/* A thread for each child; and the first child that ends is found by a wait for any. */
	for (int i = 0; i < 5; i++)
		pids[i] = child_that_exits(30);
	for (int i = 0; i < 5; i++)
		threads[i] = thread_start(waits_for, (void *)(long)pids[i]);
	for (int i = 0; i < 5; i++)
		write_all(go[1], "x", 1);
	for (int i = 0; i < 5; i++)
		sum += (int)(long)thread_join(threads[i]);
	printf("sum of statuses %d\n", sum);
	for (int i = 0; i < 5; i++)
		child_that_exits(1 + i);
	for (int i = 0; i < 5; i++)
		write_all(go[1], "x", 1);
	while (wait(&status) > 0)
		any += WEXITSTATUS(status);
	CHECK_INT(errno, ECHILD);
	printf("any: %d\n", any);

	pid = child_that_exits(0);
	CHECK_INT(kill(pid, SIGSTOP), 0);
	CHECK_INT(waitpid(pid, &status, WUNTRACED), pid);
	CHECK(WIFSTOPPED(status));
	CHECK_INT(WSTOPSIG(status), SIGSTOP);
	CHECK_INT(kill(pid, SIGCONT), 0);
	CHECK_INT(waitpid(pid, &status, WCONTINUED), pid);
	CHECK(WIFCONTINUED(status));
	CHECK_INT(kill(pid, SIGKILL), 0);
	CHECK_INT(waitid(P_ALL, 0, &info, WEXITED), 0);
	CHECK_INT(info.si_code, CLD_KILLED);
	CHECK_INT(info.si_status, SIGKILL);

	signal(SIGCHLD, SIG_IGN); /* children vanish by themselves */
	pid = child_that_exits(0);
	write_all(go[1], "x", 1);
	CHECK_FAILS(waitpid(pid, &status, 0), ECHILD);
	return guest_done();
}
