/* posix_spawn, vfork, system and popen while other threads run; programs that are missing; actions, signals, the
 * environment. */
#include "guest.h"

#include <spawn.h>
#include <sys/wait.h>

extern char **environ;
static int beats, stop;

static void *beats_on(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		__atomic_add_fetch(&beats, 1, __ATOMIC_RELAXED);
		sleep_ms(2);
	}
	return arg;
}

static void *runs(void *arg)
{
	char command[32];
	int status;

	snprintf(command, sizeof command, "exit %ld", (long)arg);
	status = system(command);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), (long)arg);
	return NULL;
}

int main(void)
{
	char *echo[] = { (char *)"sh", (char *)"-c", (char *)"read line; echo \"child read: $line\"; exit 5", NULL };
	char *missing[] = { (char *)"missing", NULL };
	pthread_t beat = thread_start(beats_on, NULL), several[6];
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t set;
	char line[64] = "";
	int in[2], status, before;
	FILE *stream;
	pid_t pid;

	CHECK_INT(posix_spawn(&pid, "/nonexistent/program", NULL, NULL, missing, environ), ENOENT);
	CHECK_INT(posix_spawnp(&pid, "no-such-program-anywhere", NULL, NULL, missing, environ), ENOENT);
	CHECK_INT(posix_spawn(&pid, "/etc/passwd", NULL, NULL, missing, environ), EACCES);
	CHECK_FAILS(waitpid(-1, &status, 0), ECHILD);

	if (pipe2(in, O_CLOEXEC) == -1)
		guest_die("pipe2");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], 0);
	posix_spawnattr_init(&attr);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	posix_spawnattr_setsigdefault(&attr, &set);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	fflush(stdout);
	CHECK_OK(posix_spawn(&pid, "/bin/sh", &actions, &attr, echo, environ));
	before = beats;
	while (beats < before + 3) /* others run while the child waits for its input */
		sched_yield();
	write_all(in[1], "hello\n", 6);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(WEXITSTATUS(status), 5);

	pid = vfork();
	if (pid == 0)
		_exit(9);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(WEXITSTATUS(status), 9);
	pid = vfork();
	if (pid == 0) {
		execl("/nonexistent/program", "program", NULL);
		_exit(errno == ENOENT ? 11 : 12);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(WEXITSTATUS(status), 11);

	before = beats;
	CHECK_INT(WEXITSTATUS(system("sleep 0.1; exit 3")), 3);
	CHECK(beats > before);
	CHECK_INT(WEXITSTATUS(system("no-such-program-anywhere 2>/dev/null")), 127);
	CHECK(system(NULL) != 0);
	for (long i = 0; i < 6; i++)
		several[i] = thread_start(runs, (void *)(i + 20));
	for (int i = 0; i < 6; i++)
		thread_join(several[i]);

	stream = popen("echo from popen; exit 4", "r");
	CHECK(stream && fgets(line, sizeof line, stream));
	CHECK_STR(line, "from popen\n");
	CHECK_INT(WEXITSTATUS(pclose(stream)), 4);
	stream = popen("cat", "w");
	fprintf(stream, "written to popen\n");
	CHECK_INT(pclose(stream), 0);

	setenv("GUEST_VARIABLE", "kept", 1);
	CHECK_INT(system("test \"$GUEST_VARIABLE\" = kept"), 0);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	thread_join(beat);
	return guest_done();
}
