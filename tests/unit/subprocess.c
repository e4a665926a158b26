/* subprocess.c - programs beside the greenlets: streams, ends, deadlines, what is missing. */
#include "unit.h"
#include "core/run/hub.h"
#include "greenpatch.h"

static const struct gp_subprocess_options none;

static struct gp_subprocess *run(const char *shell, int in, int out, int err)
{
	struct gp_subprocess_options o = { .shell = shell, .in = in, .out = out, .err = err };
	struct gp_subprocess *p = NULL;

	EXPECT_INT(gp_subprocess_spawn(&p, &o), 0);
	NEED(p);
	return p;
}

static int code_of(struct gp_subprocess *p)
{
	int code = -1000;

	EXPECT_INT(gp_subprocess_wait(p, &code, GP_NEVER), 0);
	return code;
}

CASE("return codes: an exit status, a signal; poll before and after")
{
	struct gp_subprocess *p = run("exit 3", 0, 0, 0);
	int code = 0;

	EXPECT_INT(code_of(p), 3);
	EXPECT_INT(code_of(p), 3);
	gp_subprocess_free(p);
	p = run("exec sleep 1000", 0, 0, 0);
	EXPECT_INT(gp_subprocess_poll(p, &code), -EAGAIN);
	EXPECT_INT(gp_subprocess_wait(p, &code, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(kill(gp_subprocess_pid(p), 0), 0);
	EXPECT_INT(gp_subprocess_terminate(p), 0);
	EXPECT_INT(code_of(p), -SIGTERM);
	EXPECT_INT(gp_subprocess_poll(p, &code), 0);
	EXPECT_INT(code, -SIGTERM);
	EXPECT_INT(gp_subprocess_kill(p), 0);
	EXPECT_INT(gp_subprocess_out(p), -EBADF);
	gp_subprocess_free(p);
}

CASE("argv, environment, directory, closed descriptors")
{
	const char *argv[] = { "sh", "-c", "echo $X; pwd; echo >&7 || echo closed", NULL };
	const char *env[] = { "X=here", NULL };
	struct gp_subprocess_options o = { .argv = argv, .env = env, .directory = "/", .err = GP_DEVNULL, .close_fds = true };
	struct gp_output out;

	NEED(dup2(1, 7) == 7);
	EXPECT_INT(gp_subprocess_check_output(&o, &out, NULL, GP_NEVER), 0);
	EXPECT_STR(out.data, "here\n/\nclosed\n");
	EXPECT_INT(out.size, 14);
	gp_free(out.data);
}

enum { BIG = 1 << 20 };

CASE("communicate: more than all pipes hold, both ways and on both outputs")
{
	struct gp_subprocess *p = run("tee /dev/stderr", GP_PIPE, GP_PIPE, GP_PIPE);
	char *data = malloc(BIG);
	struct gp_output out, err;

	for (int i = 0; i < BIG; i++)
		data[i] = (char)(i * 13 >> 2);
	EXPECT_INT(gp_subprocess_communicate(p, data, BIG, &out, &err, GP_NEVER), 0);
	EXPECT_INT(out.size, BIG);
	EXPECT_INT(err.size, BIG);
	EXPECT(!memcmp(out.data, data, BIG) && !memcmp(err.data, data, BIG));
	EXPECT_INT(code_of(p), 0);
	gp_free(out.data);
	gp_free(err.data);
	gp_subprocess_free(p);
	free(data);
}

CASE("a program that does not read its input brings no SIGPIPE, and none is left")
{
	struct gp_subprocess *p = run("exec <&-; echo done", GP_PIPE, GP_PIPE, 0);
	char *data = calloc(1, BIG);
	struct gp_output out;
	sigset_t set;

	EXPECT_INT(gp_subprocess_communicate(p, data, BIG, &out, NULL, GP_NEVER), 0);
	EXPECT_STR(out.data, "done\n");
	NEED(!sigpending(&set));
	EXPECT(!sigismember(&set, SIGPIPE));
	gp_free(out.data);
	gp_subprocess_free(p);
	free(data);
}

CASE("what was read before a deadline is there after it; errors may go where the output goes")
{
	struct gp_subprocess *p = run("echo one; echo two >&2; read x; echo three", GP_PIPE, GP_PIPE, GP_STDOUT);
	struct gp_output out = { NULL, 0 };

	while (gp_wait_read(gp_subprocess_out(p), GP_NEVER))
		;
	EXPECT_INT(gp_subprocess_wait(p, NULL, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_write(gp_subprocess_in(p), "x\n", 2, GP_NEVER), 2);
	EXPECT_INT(gp_subprocess_communicate(p, NULL, 0, &out, NULL, GP_NEVER), 0);
	EXPECT_STR(out.data, "one\ntwo\nthree\n");
	gp_free(out.data);
	gp_subprocess_free(p);
	p = run("echo one; sleep 0.05; echo two", 0, GP_PIPE, 0);
	while (gp_subprocess_communicate(p, NULL, 0, &out, NULL, gp_after(5 * GP_MSEC)) == -ETIMEDOUT)
		;
	EXPECT_STR(out.data, "one\ntwo\n");
	gp_free(out.data);
	gp_subprocess_free(p);
}

CASE("the three streams by their descriptors, one after the other")
{
	struct gp_subprocess *p = run("read x; echo \"got $x\"; echo bad >&2", GP_PIPE, GP_PIPE, GP_PIPE);
	char text[16] = "";

	EXPECT_INT(gp_write(gp_subprocess_in(p), "one\n", 4, GP_NEVER), 4);
	EXPECT_INT(gp_subprocess_close_in(p), 0);
	EXPECT_INT(gp_subprocess_close_in(p), -EBADF);
	EXPECT_INT(gp_subprocess_in(p), -EBADF);
	EXPECT_INT(gp_read(gp_subprocess_out(p), text, sizeof text, GP_NEVER), 8);
	EXPECT_STR(text, "got one\n");
	memset(text, 0, sizeof text);
	EXPECT_INT(gp_read(gp_subprocess_err(p), text, sizeof text, GP_NEVER), 4);
	EXPECT_STR(text, "bad\n");
	EXPECT_INT(gp_read(gp_subprocess_err(p), text, sizeof text, GP_NEVER), 0);
	EXPECT_INT(code_of(p), 0);
	gp_subprocess_free(p);
	p = run("exit 0", 0, 0, 0);
	EXPECT_INT(gp_subprocess_err(p), -EBADF);
	EXPECT_INT(gp_subprocess_out(p), -EBADF);
	EXPECT_INT(code_of(p), 0);
	gp_subprocess_free(p);
	EXPECT_INT(gp_subprocess_err(NULL), -EINVAL);
}

CASE("no output is an empty text, and no pipe is, too")
{
	struct gp_subprocess *p = run("exit 0", 0, GP_PIPE, 0);
	struct gp_output out, err;

	EXPECT_INT(gp_subprocess_communicate(p, NULL, 0, &out, &err, GP_NEVER), 0);
	EXPECT_STR(out.data, "");
	EXPECT_STR(err.data, "");
	gp_free(out.data);
	gp_free(err.data);
	gp_subprocess_free(p);
}

static void *tick(void *arg)
{
	while (!gp_sleep(GP_MSEC))
		++*(int *)arg;
	return NULL;
}

CASE("others run while it runs; call and check_output")
{
	struct gp_subprocess_options o = { .shell = "sleep 0.03; echo out; exit 5" };
	int ticks = 0, code = 0;
	struct gp_greenlet *g = gp_spawn(tick, &ticks);
	struct gp_output out;

	EXPECT_INT(gp_subprocess_check_output(&o, &out, &code, GP_NEVER), -EREMOTEIO);
	EXPECT_INT(code, 5);
	EXPECT_STR(out.data, "out\n");
	EXPECT(ticks > 0);
	gp_free(out.data);
	o.shell = "exit 6";
	EXPECT_INT(gp_subprocess_call(&o, &code, GP_NEVER), 0);
	EXPECT_INT(code, 6);
	EXPECT_INT(gp_kill(g, GP_NEVER), 0);
	gp_unref(g);
}

CASE("call and check_output kill the program at their deadline")
{
	const char *argv[] = { "sleep", "1000", NULL };
	struct gp_subprocess_options o = { .argv = argv };
	struct gp_output out;
	int before = unit_descriptors() + !gp_self() + 2;

	EXPECT_INT(gp_subprocess_call(&o, NULL, gp_after(5 * GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_subprocess_check_output(&o, &out, NULL, gp_after(5 * GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(waitpid(-1, NULL, WNOHANG), -1);
	EXPECT_INT(unit_descriptors(), before);
}

static void *wait_for(void *arg)
{
	trace("%d", gp_subprocess_wait(arg, NULL, GP_NEVER));
	return NULL;
}

CASE("several may wait for one; a kill ends a wait, a free all")
{
	struct gp_subprocess *p = run("exec sleep 1000", 0, 0, 0);
	struct gp_greenlet *g[4];
	pid_t pid = gp_subprocess_pid(p);

	for (int i = 0; i < 4; i++)
		g[i] = gp_spawn(wait_for, p);
	gp_yield();
	EXPECT_INT(gp_kill(g[0], GP_NEVER), 0);
	gp_subprocess_free(p);
	for (int i = 0; i < 4; i++) {
		EXPECT_INT(gp_join(g[i], GP_NEVER), 0);
		gp_unref(g[i]);
	}
	EXPECT_STR(unit_trace, "-125 -108 -108 -108");
	NEED(!kill(pid, SIGKILL));
	do { /* a later spawn reaps it */
		gp_sleep(GP_MSEC);
		gp_subprocess_call(&(struct gp_subprocess_options){ .shell = ":" }, NULL, GP_NEVER);
	} while (!kill(pid, 0));
}

CASE("one that has ended wakes all who wait")
{
	struct gp_subprocess *p = run("sleep 0.01", 0, 0, 0);
	struct gp_greenlet *g[3];

	for (int i = 0; i < 3; i++)
		g[i] = gp_spawn(wait_for, p);
	EXPECT_INT(code_of(p), 0);
	for (int i = 0; i < 3; i++) {
		EXPECT_INT(gp_join(g[i], GP_NEVER), 0);
		gp_unref(g[i]);
	}
	EXPECT_STR(unit_trace, "0 0 0");
	gp_subprocess_free(p);
}

static void *talks(void *arg)
{
	trace("%d", gp_subprocess_communicate(arg, NULL, 0, NULL, NULL, GP_NEVER));
	return NULL;
}

CASE("a signal to a program that somebody else has reaped goes to nobody")
{
	struct gp_subprocess_options o = { .shell = ":" };
	struct gp_subprocess *p;
	int code = -1;

	signal(SIGCHLD, SIG_IGN); /* the kernel reaps it at its end */
	NEED(!gp_subprocess_spawn(&p, &o));
	while (!kill(gp_subprocess_pid(p), 0))
		gp_sleep(100 * GP_USEC);
	EXPECT_INT(gp_subprocess_terminate(p), 0);
	EXPECT_INT(gp_subprocess_poll(p, &code), 0);
	EXPECT_INT(code, 0);
	gp_subprocess_free(p);
}

CASE("only one greenlet communicates, and a free ends that")
{
	struct gp_subprocess *p = run("exec sleep 1000", 0, GP_PIPE, 0);
	struct gp_greenlet *g = gp_spawn(talks, p);
	pid_t pid = gp_subprocess_pid(p);

	gp_yield();
	EXPECT_INT(gp_subprocess_communicate(p, NULL, 0, NULL, NULL, GP_NEVER), -EBUSY);
	gp_subprocess_free(p);
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
	EXPECT_STR(unit_trace, "-108");
	kill(pid, SIGKILL);
}

CASE("what cannot be started leaves nothing behind")
{
	const char *argv[] = { "no-such-program", NULL };
	struct gp_subprocess_options o = { .argv = argv, .in = GP_PIPE, .out = GP_PIPE, .err = GP_PIPE };
	struct gp_subprocess *p = (void *)1;
	struct rlimit limit, few;
	int before, top;

	if (unit_under("valgrind"))
		unit_skip("posix_spawn does not tell there that exec failed");
	EXPECT(gp_self());
	before = unit_descriptors();
	EXPECT_INT(gp_subprocess_spawn(&p, &o), -ENOENT);
	EXPECT_INT(gp_subprocess_spawn(&p, &none), -EINVAL);
	EXPECT_INT(gp_subprocess_spawn(NULL, &o), -EINVAL);
	EXPECT_INT(gp_subprocess_spawn(&p, NULL), -EINVAL);
	o.shell = "both";
	EXPECT_INT(gp_subprocess_spawn(&p, &o), -EINVAL);
	o.argv = NULL;
	o.directory = "/no/such/directory";
	EXPECT_INT(gp_subprocess_spawn(&p, &o), -ENOENT);
	EXPECT_INT(unit_descriptors(), before);
	top = dup(0);
	NEED(!close(top) && !getrlimit(RLIMIT_NOFILE, &limit));
	few = limit;
	few.rlim_cur = (rlim_t)top + 3;
	NEED(!setrlimit(RLIMIT_NOFILE, &few));
	EXPECT_INT(gp_subprocess_spawn(&p, &o), -EMFILE);
	NEED(!setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_INT(unit_descriptors(), before);
	EXPECT(p == (void *)1);
	EXPECT_INT(waitpid(-1, NULL, WNOHANG), -1);
}

CASE("NULL is refused")
{
	gp_subprocess_free(NULL);
	gp_free(NULL);
	EXPECT_INT(gp_subprocess_wait(NULL, NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_subprocess_poll(NULL, NULL), -EINVAL);
	EXPECT_INT(gp_subprocess_signal(NULL, 9), -EINVAL);
	EXPECT_INT(gp_subprocess_in(NULL), -EINVAL);
	EXPECT_INT(gp_subprocess_close_in(NULL), -EINVAL);
	EXPECT_INT(gp_subprocess_pid(NULL), 0);
	EXPECT_INT(gp_subprocess_communicate(NULL, NULL, 0, NULL, NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_subprocess_check_output(NULL, NULL, NULL, GP_NEVER), -EINVAL);
}
