/* posix_spawn: file actions in their order, attributes (group, session, mask, default signals, scheduling), the
 * environment kept, changed and cleared; exec by descriptor; vfork in several threads. */
#include "guest.h"

#include <sched.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

static int run(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attr, char **env, const char *script)
{
	char *args[] = { (char *)"sh", (char *)"-c", (char *)script, NULL };
	int status = -1, r;
	pid_t pid;

	r = posix_spawn(&pid, "/bin/sh", actions, attr, args, env);
	if (r)
		return -r;
	CHECK_INT(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void file_actions(void)
{
	posix_spawn_file_actions_t actions;
	char path[] = "/tmp/guest-spawn-XXXXXX", line[64] = "";
	int fd = mkstemp(path), fds[2];

	if (fd == -1 || pipe(fds) == -1)
		guest_die("pipe");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addclose(&actions, 0);
	posix_spawn_file_actions_addopen(&actions, 0, path, O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, fds[1], 9);
	posix_spawn_file_actions_addchdir_np(&actions, "/usr");
	posix_spawn_file_actions_addclosefrom_np(&actions, 10);
	write_all(fd, "from the file\n", 14);
	CHECK_INT(run(&actions, NULL, environ, "read line; echo \"$(pwd): $line\" >&9; test ! -e /proc/self/fd/11"), 0);
	CHECK(read(fds[0], line, sizeof line - 1) > 0);
	printf("%s", line);
	posix_spawn_file_actions_addopen(&actions, 3, "/nonexistent/file", O_RDONLY, 0);
	CHECK_INT(run(&actions, NULL, environ, "exit 0"), -ENOENT);
	posix_spawn_file_actions_destroy(&actions);
	CHECK_FAILS(waitpid(-1, NULL, 0), ECHILD);
	close(fd);
	close(fds[0]);
	close(fds[1]);
	unlink(path);
}

static void attributes(void)
{
	posix_spawnattr_t attr;
	sigset_t set;

	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setpgroup(&attr, 0);
	CHECK_INT(run(NULL, &attr, environ, "set -- $(cat /proc/$$/stat); test $5 = $$"), 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID);
	CHECK_INT(run(NULL, &attr, environ, "set -- $(cat /proc/$$/stat); test $6 = $$"), 0);

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	posix_spawnattr_setsigmask(&attr, &set);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	CHECK_INT(run(NULL, &attr, environ, "kill -TERM $$; exit 4"), 4); /* blocked */
	sigemptyset(&set);
	posix_spawnattr_setsigmask(&attr, &set);
	CHECK_INT(run(NULL, &attr, environ, "kill -TERM $$; exit 4"), 1000 + SIGTERM);
	signal(SIGTERM, SIG_IGN);
	CHECK_INT(run(NULL, &attr, environ, "kill -TERM $$; exit 4"), 4); /* ignored signals are inherited */
	sigaddset(&set, SIGTERM);
	posix_spawnattr_setsigdefault(&attr, &set);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	CHECK_INT(run(NULL, &attr, environ, "kill -TERM $$; exit 4"), 1000 + SIGTERM);
	signal(SIGTERM, SIG_DFL);
	posix_spawnattr_destroy(&attr);
}

static void environments(void)
{
	char *some[] = { (char *)"GUEST=here", (char *)"PATH=/bin:/usr/bin", NULL }, *none[] = { NULL };
	char *args[] = { (char *)"sh", (char *)"-c", (char *)"test \"$GUEST\" = here && exit 6", NULL };
	int status, fd;
	pid_t pid;

	CHECK_INT(run(NULL, NULL, some, "test \"$GUEST\" = here"), 0);
	CHECK_INT(run(NULL, NULL, none, "test -z \"$GUEST\" && test -z \"$HOME\""), 0);
	CHECK_INT(run(NULL, NULL, NULL, "exit 3"), 3);
	pid = fork();
	if (pid == 0) {
		fd = open("/bin/sh", O_PATH | O_CLOEXEC);
		fexecve(fd, args, some);
		_exit(99);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(WEXITSTATUS(status), 6);
	pid = fork();
	if (pid == 0) {
		clearenv();
		execl("/bin/sh", "sh", "-c", "test -z \"$HOME\" && exit 7", NULL);
		_exit(99);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(WEXITSTATUS(status), 7);
}

static void *spawns(void *arg)
{
	char script[32];

	for (int i = 0; i < 5; i++) {
		int status;
		pid_t pid;

		snprintf(script, sizeof script, "exit %ld", (long)arg);
		CHECK_INT(run(NULL, NULL, environ, script), (long)arg);
		pid = vfork();
		if (pid == 0)
			_exit((int)(long)arg);
		CHECK_INT(waitpid(pid, &status, 0), pid);
		CHECK_INT(WEXITSTATUS(status), (long)arg);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[4];

	file_actions();
	attributes();
	environments();
	for (long i = 0; i < 4; i++)
		threads[i] = thread_start(spawns, (void *)(i + 10));
	for (int i = 0; i < 4; i++)
		thread_join(threads[i]);
	return guest_done();
}
