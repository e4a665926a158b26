/* subprocess.c - programs that run beside the greenlets
 * (greenpatch/subprocess.h): starting one, its end.
 *
 * posix_spawn() starts it, which stops this kernel thread until the program is
 * executed. Its end is waited for by a pidfd that lives as long as the child.
 * The first call that sees the end reaps the child, keeps the code, and closes
 * the pidfd, which wakes all others who wait.
 */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include "core/alloc.h"
#include "core/io.h"
#include "core/process.h"
#include "core/raw.h"
#include "core/subprocess.h"
#include "greenpatch/subprocess.h"

#define TOP 3 /* descriptors above the standard streams */

static struct gp_subprocess *abandoned; /* of the process, as children are */

GP_API void gp_free(void *p) { gp__free(p); }

/* ---- users ------------------------------------------------------------------------ */

static bool ours(const struct gp_subprocess *p)
{
	struct gp_hub *h = gp__hub();

	return p && h && p->hub == h && h->current;
}

int gp__subprocess_use(struct gp_subprocess *p)
{
	if (!ours(p) || p->freed)
		return -EINVAL;
	p->users++;
	return 0;
}

/* Whether the child has ended; reaps it. */
static bool ended(struct gp_subprocess *p)
{
	int status = 0;
	long r;

	if (p->ended)
		return true;
	r = gp__raw(SYS_wait4, p->pid, &status, WNOHANG, 0);
	if (!r || r == -EINTR)
		return false;
	p->ended = true; /* -ECHILD: somebody else has reaped it, as with SIGCHLD ignored */
	p->code = r < 0 ? 0 : WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
	gp__subprocess_shut(p, &p->pidfd);
	return true;
}

static void reap_abandoned(void)
{
	for (struct gp_subprocess **at = &abandoned, *p; (p = *at);) {
		if (!ended(p)) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		gp__free(p);
	}
}

static void destroy(struct gp_subprocess *p)
{
	gp__free(p->out.data);
	gp__free(p->err.data);
	p->out.data = p->err.data = NULL;
	if (ended(p)) {
		gp__free(p);
		return;
	}
	gp__subprocess_shut(p, &p->pidfd);
	p->next = abandoned;
	abandoned = p;
}

void gp__subprocess_leave(struct gp_subprocess *p)
{
	if (!--p->users && p->freed)
		destroy(p);
}

void gp__subprocess_shut(struct gp_subprocess *p, int *fd)
{
	if (*fd >= 0)
		gp__desc_close(p->hub, *fd);
	*fd = -1;
}

GP_API void gp_subprocess_free(struct gp_subprocess *p)
{
	if (!ours(p) || p->freed)
		return;
	p->users++;
	p->freed = true;
	gp__subprocess_shut(p, &p->in);
	gp__subprocess_shut(p, &p->out.fd);
	gp__subprocess_shut(p, &p->err.fd);
	gp__subprocess_shut(p, &p->pidfd);
	gp__subprocess_leave(p);
}

/* ---- starting ----------------------------------------------------------------------- */

/* The ends of its streams: the child's, ours; -1: none. */
struct ends {
	int child[3], own[3];
};

static void ends_close(struct gp_hub *h, int fd[3])
{
	for (int i = 0; i < 3; i++) {
		if (fd[i] >= 0)
			gp__desc_close(h, fd[i]);
		fd[i] = -1;
	}
}

static int ends_make(struct gp_hub *h, struct ends *e, const int want[3])
{
	for (int i = 0; i < 3; i++)
		e->child[i] = e->own[i] = -1;
	for (int i = 0; i < 3; i++) {
		int fd[2];
		long r = want[i] == GP_PIPE ? gp__raw(SYS_pipe2, fd, O_CLOEXEC) : 0;

		if (r) {
			ends_close(h, e->child);
			ends_close(h, e->own);
			return (int)r;
		}
		if (want[i] != GP_PIPE)
			continue;
		e->child[i] = gp__desc_fresh(h, fd[i > 0]);
		e->own[i] = gp__desc_fresh(h, fd[i == 0]);
	}
	return 0;
}

/* 0 or an errno. A descriptor of ours below 3 would be in the way of those that
 * are set before it: the program has closed its standard streams. */
static int actions_fill(posix_spawn_file_actions_t *a, const struct gp_subprocess_options *o, const struct ends *e,
                        const int want[3])
{
	int r = 0;

	for (int i = 0; i < 3 && !r; i++) {
		if (want[i] == GP_PIPE)
			r = e->child[i] < TOP && e->child[i] != i ? EBADF : posix_spawn_file_actions_adddup2(a, e->child[i], i);
		else if (want[i] == GP_DEVNULL)
			r = posix_spawn_file_actions_addopen(a, i, "/dev/null", O_RDWR, 0);
		else if (want[i] == GP_STDOUT)
			r = posix_spawn_file_actions_adddup2(a, 1, 2);
		else if (want[i] > 0)
			r = posix_spawn_file_actions_adddup2(a, want[i], i);
	}
	if (!r && o->directory)
		r = posix_spawn_file_actions_addchdir_np(a, o->directory);
	if (!r && o->close_fds)
		r = posix_spawn_file_actions_addclosefrom_np(a, TOP);
	return r;
}

/* 0 or a negative errno. */
static int start(int *pid, const struct gp_subprocess_options *o, const struct ends *e, const int want[3])
{
	const char *shell[] = { "/bin/sh", "-c", o->shell, NULL };
	char *const *argv = (char *const *)(o->shell ? shell : o->argv);
	char *const *env = o->env ? (char *const *)o->env : environ;
	posix_spawn_file_actions_t actions;
	int r = posix_spawn_file_actions_init(&actions);

	if (r)
		return -r;
	r = actions_fill(&actions, o, e, want);
	if (!r)
		r = posix_spawnp(pid, argv[0], &actions, NULL, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

static bool valid(const struct gp_subprocess_options *o)
{
	return o && !o->shell != !(o->argv && o->argv[0]) && o->in >= GP_DEVNULL && o->out >= GP_DEVNULL &&
	       o->err >= GP_DEVNULL && o->in != GP_STDOUT && o->out != GP_STDOUT;
}

GP_API int gp_subprocess_spawn(struct gp_subprocess **out, const struct gp_subprocess_options *o)
{
	struct gp_subprocess *p;
	struct ends ends;
	struct gp_hub *h;
	int r = gp__desc_enter(&h, -1);

	if (r || !out || !valid(o))
		return r ? r : -EINVAL;
	const int want[3] = { o->in, o->out, o->err };

	reap_abandoned();
	p = gp__alloc(sizeof *p);
	if (!p)
		return -ENOMEM;
	r = ends_make(h, &ends, want);
	if (r)
		goto fail_record;
	r = start(&p->pid, o, &ends, want);
	if (r)
		goto fail_ends;
	ends_close(h, ends.child);
	p->hub = h;
	p->in = ends.own[0];
	p->out.fd = ends.own[1];
	p->err.fd = ends.own[2];
	p->pidfd = gp__pidfd(h, p->pid);
	p->pidfd = gp__max(p->pidfd, -1);
	*out = p;
	return 0;
fail_ends:
	ends_close(h, ends.child);
	ends_close(h, ends.own);
fail_record:
	gp__free(p);
	return r;
}

/* ---- asking, telling, waiting -------------------------------------------------------- */

static int number(int fd) { return fd < 0 ? -EBADF : fd; }

GP_API pid_t gp_subprocess_pid(const struct gp_subprocess *p) { return p ? p->pid : 0; }
GP_API int gp_subprocess_in(const struct gp_subprocess *p) { return p ? number(p->in) : -EINVAL; }
GP_API int gp_subprocess_out(const struct gp_subprocess *p) { return p ? number(p->out.fd) : -EINVAL; }
GP_API int gp_subprocess_err(const struct gp_subprocess *p) { return p ? number(p->err.fd) : -EINVAL; }

GP_API int gp_subprocess_close_in(struct gp_subprocess *p)
{
	if (!ours(p))
		return -EINVAL;
	if (p->in < 0)
		return -EBADF;
	gp__subprocess_shut(p, &p->in);
	return 0;
}

GP_API int gp_subprocess_poll(struct gp_subprocess *p, int *code)
{
	if (!ours(p))
		return -EINVAL;
	if (!ended(p))
		return -EAGAIN;
	if (code)
		*code = p->code;
	return 0;
}

GP_API int gp_subprocess_wait(struct gp_subprocess *p, int *code, int64_t deadline)
{
	int64_t pause = GP__CHILD_PAUSE;
	int r = gp__subprocess_use(p);

	if (r)
		return r;
	while (!r && !p->freed && !ended(p)) {
		r = gp__child_wait(p->hub, p->pid, p->pidfd, &pause, deadline);
		if (r == -EBADF) { /* closed: reaped or freed by another, or by the program's mistake */
			if (!p->ended && !p->freed)
				p->pidfd = -1;
			r = 0;
		}
	}
	if (!r && p->freed)
		r = -ESHUTDOWN;
	if (!r && code)
		*code = p->code;
	gp__subprocess_leave(p);
	return r;
}

GP_API int gp_subprocess_signal(struct gp_subprocess *p, int signo)
{
	if (!ours(p) || p->freed)
		return -EINVAL;
	/* Once somebody has reaped it, the number may be another's. */
	return ended(p) ? 0 : (int)gp__raw(SYS_kill, p->pid, signo);
}

GP_API int gp_subprocess_terminate(struct gp_subprocess *p) { return gp_subprocess_signal(p, SIGTERM); }
GP_API int gp_subprocess_kill(struct gp_subprocess *p) { return gp_subprocess_signal(p, SIGKILL); }
