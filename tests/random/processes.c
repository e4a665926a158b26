/* processes.c - children of every kind: see random.h. */
#include "random.h"
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>

extern char **environ;

static void *of_child(void *arg)
{
	int *n = arg;

	for (int i = 0; i < 3; i++) {
		usleep(50);
		__atomic_add_fetch(n, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

/* What a child of fork does; its exit status. */
static int live(struct random *r, int out)
{
	pthread_t thread[3];
	int n = 0, grand;
	char buf[1000];

	switch (draw(r, 7)) {
	case 0: return (int)draw(r, 200);
	case 1:
		memset(buf, 'x', sizeof buf);
		return write(out, buf, sizeof buf) == sizeof buf ? 1 : 2;
	case 2:
		for (int i = 0; i < 3; i++)
			if (pthread_create(&thread[i], NULL, of_child, &n))
				return 99;
		for (int i = 0; i < 3; i++)
			pthread_join(thread[i], NULL);
		return n;
	case 3:
		signal(SIGTERM, SIG_DFL);
		raise(SIGTERM);
		return 98;
	case 4: abort();
	case 5:
		grand = fork();
		if (!grand)
			_exit(7);
		return waitpid(grand, &n, 0) == grand ? WEXITSTATUS(n) : 97;
	default:
		usleep(draw(r, 3000));
		return 3;
	}
}

static void say_status(struct event *e, struct worker *w, const char *what, int status)
{
	if (WIFSIGNALED(status))
		note(w, e, "%s: signal %d%s", what, WTERMSIG(status), WCOREDUMP(status) ? ", core" : "");
	else
		note(w, e, "%s: status %d", what, WEXITSTATUS(status));
}

static void wait_for(struct event *e, struct worker *w, pid_t pid, uint32_t how)
{
	siginfo_t info;
	int status = 0, r;

	switch (how) {
	case 0:
		memset(&info, 0, sizeof info);
		do
			r = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
		while (r && errno == EINTR);
		note(w, e, "waitid: %d, code %d, status %d, same process %d", r, info.si_code, info.si_status, info.si_pid == pid);
		break;
	case 1:
		while (!(r = waitpid(pid, &status, WNOHANG)))
			usleep(200);
		note(w, e, "same process %d", r == pid);
		say_status(e, w, "polled", status);
		r = waitpid(pid, &status, WNOHANG);
		note(w, e, "again: %d %s", r, named(r < 0 ? errno : 0));
		return;
	}
	while ((r = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
		;
	note(w, e, "same process %d", r == pid);
	say_status(e, w, "waited", status);
}

static void of_fork(struct event *e, struct worker *w, int role)
{
	struct random r = drawing(e, role);
	uint32_t how = draw(&r, 3);
	int fd[2], total = 0, n;
	char buf[4096];
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC))
		guest_die("pipe2");
	pid = fork();
	if (!pid)
		_exit(live(&r, fd[1]));
	if (pid < 0)
		guest_die("fork");
	close(fd[1]);
	while ((n = read(fd[0], buf, sizeof buf)) > 0 || (n < 0 && errno == EINTR))
		total += n > 0 ? n : 0;
	close(fd[0]);
	note(w, e, "read %d, then %d", total, n);
	wait_for(e, w, pid, how);
}

static void of_spawn(struct event *e, struct worker *w, int role)
{
	struct random r = drawing(e, role);
	char *const args[] = { (char *)"sh", (char *)"-c", (char *)(draw(&r, 2) ? "exit 5" : "kill -9 $$"), NULL };
	const char *path = draw(&r, 5) ? "/bin/sh" : "/nowhere/sh";
	pid_t pid;
	int failed = posix_spawn(&pid, path, NULL, NULL, args, environ);

	note(w, e, "%s", named(failed));
	if (!failed)
		wait_for(e, w, pid, draw(&r, 3));
}

static void of_popen(struct event *e, struct worker *w, int role)
{
	char line[64] = "";
	FILE *f = popen("echo out; exit 4", "re");

	if (!f)
		guest_die("popen");
	while (!fgets(line, sizeof line, f) && errno == EINTR)
		clearerr(f);
	line[strcspn(line, "\n")] = 0;
	note(w, e, "%s", line);
	say_status(e, w, "pclose", pclose(f));
}

static void of_vfork(struct event *e, struct worker *w, int role)
{
	struct random r = drawing(e, role);
	int code = (int)draw(&r, 100);
	pid_t pid = vfork();

	if (!pid)
		_exit(code);
	wait_for(e, w, pid, draw(&r, 3));
}

/* A counter in shared memory, a process-shared mutex and a child that counts as well. */
static void of_shared(struct event *e, struct worker *w, int role)
{
	struct { pthread_mutex_t mutex; long value; } *s;
	pthread_mutexattr_t a;
	pid_t pid;

	s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		guest_die("mmap");
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&s->mutex, &a);
	pid = fork();
	for (int i = 0; i < 200; i++) {
		pthread_mutex_lock(&s->mutex);
		s->value++;
		if (i % 50 == 0)
			usleep(20);
		pthread_mutex_unlock(&s->mutex);
	}
	if (!pid)
		_exit(0);
	wait_for(e, w, pid, 2);
	note(w, e, "%ld", s->value);
	munmap(s, sizeof *s);
}

const struct kind process_kinds[] = { { "fork", 1, 1, NULL, of_fork },     { "spawn", 1, 1, NULL, of_spawn },
	                              { "popen", 1, 1, NULL, of_popen },   { "vfork", 1, 1, NULL, of_vfork },
	                              { "shared", 1, 1, NULL, of_shared }, { 0 } };
