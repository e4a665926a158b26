/* fault_programs.c - children, programs, pipes between processes and servers while the n-th system call fails
 * (fault_calls.h); posix_spawnp() and fork() of libc count as such. */
#include "unit.h"
#include <spawn.h>
#include <sys/socket.h>
#include "fault_calls.h"

/* ---- libc's ------------------------------------------------------------------------------------ */

int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attr,
                 char *const argv[], char *const envp[])
{
	int r = libc_fails(FAULT_SPAWN);

	return r ? r : REAL(posix_spawnp)(pid, file, actions, attr, argv, envp);
}

pid_t fork(void)
{
	int r = libc_fails(FAULT_FORK);

	if (!r)
		return REAL(fork)();
	errno = r;
	return -1;
}

static int64_t soon(void)
{
	return gp_after(3 * GP_SEC);
}

/* ---- children ------------------------------------------------------------------------------------ */

static int do_waitpid(void)
{
	pid_t pid = REAL(fork)();
	int status = -1, r;

	NEED(pid >= 0);
	if (!pid) {
		usleep(1000);
		_exit(3);
	}
	r = gp_waitpid(pid, &status, 0, soon());
	EXPECT(r != pid || WEXITSTATUS(status) == 3);
	if (r != pid)
		waitpid(pid, NULL, 0);
	return r == pid ? 0 : r;
}

static int do_fork(void)
{
	pid_t pid = gp_fork();

	if (pid < 0)
		return pid;
	if (!pid)
		_exit(0);
	return waitpid(pid, NULL, 0) == pid ? 0 : -ECHILD;
}

CASE("children: the end of one is waited for; a fork that fails makes none")
{
	static const struct fault_call calls[] = { { "waitpid", do_waitpid, 0 }, { "fork", do_fork, 0 } };

	FAULT_CALLS(calls);
}

/* ---- programs -------------------------------------------------------------------------------------- */

static int do_communicate(void)
{
	struct gp_subprocess_options o = { .shell = "cat; echo e >&2", .in = GP_PIPE, .out = GP_PIPE, .err = GP_PIPE };
	struct gp_output out = { NULL, 0 }, err = { NULL, 0 };
	struct gp_subprocess *p = NULL;
	int r = gp_subprocess_spawn(&p, &o);

	EXPECT(!r == !!p);
	if (r)
		return r;
	r = gp_subprocess_communicate(p, "text", 4, &out, &err, soon());
	if (injected.error != EPIPE) /* which says that it does not want its input */
		EXPECT_STR(out.data ? out.data : "none", r ? "none" : "text");
	EXPECT_STR(err.data ? err.data : "none", r ? "none" : "e\n");
	gp_free(out.data);
	gp_free(err.data);
	if (r)
		gp_subprocess_kill(p);
	if (r)
		gp_subprocess_wait(p, NULL, soon());
	gp_subprocess_free(p);
	return r;
}

static int do_call(void)
{
	struct gp_subprocess_options o = { .shell = "exit 3" };
	int code = -1, r = gp_subprocess_call(&o, &code, soon());

	EXPECT_INT(code, r ? -1 : 3);
	return r;
}

static int do_output(void)
{
	struct gp_subprocess_options o = { .shell = "echo text" };
	struct gp_output out = { NULL, 0 };
	int r = gp_subprocess_check_output(&o, &out, NULL, soon());

	EXPECT_STR(out.data ? out.data : "none", r ? "none" : "text\n");
	gp_free(out.data);
	return r;
}

static int do_poll(void)
{
	struct gp_subprocess_options o = { .shell = "exit 3" };
	struct gp_subprocess *p = NULL;
	int64_t until = soon();
	int code = -1, r = gp_subprocess_spawn(&p, &o);

	if (r)
		return r;
	while ((r = gp_subprocess_poll(p, &code)) == -EAGAIN && gp_now() < until)
		gp_sleep(100 * GP_USEC);
	EXPECT_INT(code, 3);
	gp_subprocess_free(p);
	return r;
}

/* One that was not told runs on, and is told again. */
static int tell(int (*told)(struct gp_subprocess *p), int signo)
{
	struct gp_subprocess_options o = { .shell = "exec sleep 20" };
	struct gp_subprocess *p = NULL;
	int code = 0, r = gp_subprocess_spawn(&p, &o);

	if (r)
		return r;
	r = told(p);
	if (r) {
		EXPECT_INT(gp_subprocess_poll(p, &code), -EAGAIN);
		EXPECT_INT(told(p), 0);
	}
	EXPECT_INT(gp_subprocess_wait(p, &code, soon()), 0);
	EXPECT_INT(code, -signo);
	EXPECT_INT(told(p), 0); /* it has ended */
	gp_subprocess_free(p);
	return r;
}

static int usr1(struct gp_subprocess *p) { return gp_subprocess_signal(p, SIGUSR1); }
static int do_signal(void) { return tell(usr1, SIGUSR1); }
static int do_terminate(void) { return tell(gp_subprocess_terminate, SIGTERM); }

CASE("programs: no pipe, no child and no output of theirs is left")
{
	static const struct fault_call calls[] = {
		{ "communicate", do_communicate, 0 }, { "call", do_call, 0 },
		{ "check_output", do_output, 0 },     { "poll", do_poll, 0 },
		{ "signal", do_signal, 0 },           { "terminate", do_terminate, 0 },
	};

	FAULT_CALLS(calls);
	EXPECT_INT(waitpid(-1, NULL, WNOHANG), -1);
	EXPECT_INT(errno, ECHILD);
}

/* ---- pipes --------------------------------------------------------------------------------------------- */

#define LONG 300000 /* bytes: more than a socket holds */

static char message[LONG];

static bool sender_freed;

/* Without it the other end would wait for the rest. */
static void *send_long(void *p)
{
	if (gp_pipe_send(p, message, LONG, GP_NEVER)) {
		gp_pipe_free(p);
		sender_freed = true;
	}
	return NULL;
}

static int receive_long(struct gp_pipe *p)
{
	void *came = NULL;
	ssize_t r = gp_pipe_recv_new(p, &came, soon());

	EXPECT(r < 0 || (r == LONG && !memcmp(came, message, LONG)));
	gp_free(came);
	return r < 0 ? (int)r : 0;
}

/* One half fails: the other one is told, or killed. Both ends go. */
static int do_pipe(void)
{
	struct gp_pipe *a = NULL, *b = NULL;
	struct gp_greenlet *g;
	int r = gp_pipe_pair(&a, &b);

	EXPECT(!r == !!a && !r == !!b);
	if (r)
		return r;
	sender_freed = false;
	g = gp_spawn(send_long, a);
	r = g ? receive_long(b) : -ENOMEM;
	if (!r)
		r = gp_join(g, soon());
	else if (g)
		gp_kill(g, GP_NEVER);
	if (!sender_freed)
		gp_pipe_free(a);
	gp_unref(g);
	gp_pipe_free(b);
	return r;
}

CASE("pipes between processes")
{
	static const struct fault_call calls[] = { { "pipe", do_pipe, 0 } };

	memset(message, 'm', LONG);
	FAULT_CALLS(calls);
}

/* ---- servers ---------------------------------------------------------------------------------------------- */

static void echo(int fd, const struct gp_address *peer, void *arg)
{
	char c;

	if (gp_read(fd, &c, 1, soon()) == 1)
		gp_write(fd, &c, 1, soon());
}

static int ask(const char *address)
{
	char c = 'q';
	int fd = gp_create_connection(address, soon()), r;

	if (fd < 0)
		return fd;
	r = (int)gp_write(fd, &c, 1, soon());
	if (r == 1)
		r = (int)gp_read(fd, &c, 1, soon());
	gp_close(fd);
	return r == 1 ? 0 : r ? r : -ECONNRESET;
}

static int serve_at(const char *address)
{
	struct gp_server *s = gp_server_new(address, echo, NULL, NULL);
	int r = s ? gp_server_start(s) : -ENOMEM, stopped;

	EXPECT(!s || (gp_server_fd(s) >= 0) == !r);
	if (!r)
		r = ask(gp_server_address(s));
	stopped = s ? gp_server_stop(s, 0) : 0;
	gp_server_free(s);
	gp_yield();
	return r ? r : stopped;
}

static int do_server(void) { return serve_at("127.0.0.1:0"); }
static int do_server6(void) { return serve_at(":0"); }

static char path[64];
static bool came_before; /* the path: one that cannot be started need not take it away */

static int do_server_unix(void)
{
	int r = serve_at(path);

	/* What could not be unlinked the next one takes over. */
	EXPECT(unlink(path + 5) || injected.nr == SYS_unlinkat || came_before);
	return r;
}

/* The path is what another process has left. */
static int do_server_stale(void)
{
	struct gp_address a;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	NEED(fd >= 0 && !gp_address_parse(&a, path) && !bind(fd, (struct sockaddr *)&a.storage, a.length) && !close(fd));
	came_before = true;
	r = do_server_unix();
	came_before = false;
	return r;
}

static struct gp_server *serving;

static void *ask_and_stop(void *arg)
{
	int *r = arg;

	while (gp_server_fd(serving) < 0 && !*r)
		gp_sleep(0);
	if (!*r)
		*r = ask(gp_server_address(serving));
	if (gp_server_stop(serving, 0))
		EXPECT_INT(gp_server_stop(serving, 0), 0);
	return NULL;
}

static int do_forever(void)
{
	struct gp_greenlet *g;
	int asked = 0, r;

	serving = gp_server_new("127.0.0.1:0", echo, NULL, NULL);
	g = gp_spawn(ask_and_stop, &asked);
	NEED(serving && g);
	r = gp_server_serve_forever(serving);
	asked = asked ? asked : r; /* it is not started: nobody can be asked */
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	EXPECT(gp_server_fd(serving) < 0);
	gp_unref(g);
	gp_server_free(serving);
	gp_yield();
	return r ? r : asked;
}

/* One that is open already, and stays the program's when it cannot be used. */
static int do_server_fd(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r;
	char address[16];

	NEED(fd >= 0 && !listen(fd, 10));
	snprintf(address, sizeof address, "fd:%d", fd);
	r = serve_at(address);
	gp_close(fd);
	return r;
}

static void answer(struct gp_server *s, const void *data, size_t n, const struct gp_address *peer, void *arg)
{
	*(int *)arg = gp_datagram_send(s, data, n, peer, soon());
}

static int do_datagram(void)
{
	int sent = 1, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct gp_server *s = gp_datagram_server_new("127.0.0.1:0", answer, &sent, NULL);
	struct gp_address to;
	char c;
	int r = s ? gp_server_start(s) : -ENOMEM;

	NEED(fd >= 0);
	if (!r)
		r = gp_address_parse(&to, gp_server_address(s));
	if (!r)
		r = gp_sendto(fd, "x", 1, 0, &to, soon()) == 1 ? 0 : -EPIPE;
	while (!r && sent == 1)
		r = gp_sleep(0);
	if (!r)
		r = sent ? sent : (int)gp_recv(fd, &c, 1, 0, soon());
	gp_close(fd);
	gp_server_stop(s, 0);
	gp_server_free(s);
	gp_yield();
	return r == 1 ? 0 : r;
}

CASE("servers: started or not; one that runs goes on")
{
	static const struct fault_call calls[] = {
		{ "server", do_server, 0 },
		{ "server, any address", do_server6, 0 },
		{ "server, unix", do_server_unix, 0 },
		{ "server, stale path", do_server_stale, 0 },
		{ "server, descriptor", do_server_fd, 0 },
		{ "server_serve_forever", do_forever, 0 },
		{ "datagram server", do_datagram, 0 },
	};

	snprintf(path, sizeof path, "unix:/tmp/greenpatch-fault.%d", (int)getpid());
	FAULT_CALLS(calls);
}
