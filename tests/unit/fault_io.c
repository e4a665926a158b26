/* fault_io.c - descriptors, files, names, programs, children and servers while the n-th allocation fails, for each n,
 * and while there are no descriptors: a documented error, nothing is left open or running, the next try works. */
#include "unit.h"
#include <netdb.h>
#include <poll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include "fault.h"

#define MANY 6 /* more than poll.c has place for on the stack */

static int pipes[MANY][2];

static void make_pipes(void)
{
	for (int i = 0; i < MANY; i++) {
		NEED(!pipe(pipes[i]));
		NEED(write(pipes[i][1], "x", 1) == 1);
	}
}

/* Empty pipes, so that it has to wait; none of them becomes ready before the deadline. */
static int do_poll(void)
{
	struct pollfd fds[MANY];

	for (int i = 0; i < MANY; i++)
		fds[i] = (struct pollfd){ pipes[i][0], i ? POLLIN : POLLPRI, 0 };
	return gp_poll(fds, MANY, gp_after(GP_MSEC));
}

static int do_select(void)
{
	fd_set reads;
	int r;

	FD_ZERO(&reads);
	for (int i = 0; i < MANY; i++)
		FD_SET(pipes[i][0], &reads);
	r = gp_select_fds(FD_SETSIZE, &reads, NULL, NULL, gp_after(GP_SEC));
	for (int i = 0; i < MANY && r < 0; i++)
		EXPECT(FD_ISSET(pipes[i][0], &reads));
	return r == MANY ? 0 : r;
}

CASE("poll and select without memory are -ENOMEM; the sets stay")
{
	char c;

	make_pipes();
	fault_each(&(struct fault_call){ "select", do_select, 0 });
	for (int i = 0; i < MANY; i++)
		NEED(read(pipes[i][0], &c, 1) == 1);
	fault_each(&(struct fault_call){ "poll", do_poll, 0 });
}

/* ---- files and names ------------------------------------------------------------------ */

static int file;

static int do_open(void)
{
	int fd = gp_open("/dev/null", O_RDONLY, 0, GP_NEVER);

	if (fd < 0)
		return fd;
	return close(fd);
}

static int do_pread(void)
{
	char buf[5] = "....";
	int r = (int)gp_pread(file, buf, 4, 0, GP_NEVER);

	EXPECT_STR(buf, r < 0 ? "...." : "text");
	return r == 4 ? 0 : r;
}

static int do_pwrite(void)
{
	int r = (int)gp_pwrite(file, "text", 4, 0, GP_NEVER);

	return r == 4 ? 0 : r;
}

static int do_fsync(void)
{
	return gp_fsync(file, GP_NEVER);
}

CASE("files without memory are -ENOMEM, and nothing is moved")
{
	file = memfd_create("fault", MFD_CLOEXEC);
	NEED(file >= 0 && pwrite(file, "text", 4, 0) == 4);
	fault_each(&(struct fault_call){ "open", do_open, 0 });
	fault_each(&(struct fault_call){ "pread", do_pread, 0 });
	fault_each(&(struct fault_call){ "pwrite", do_pwrite, 0 });
	fault_each(&(struct fault_call){ "fsync", do_fsync, 0 });
}

static void *same(void *arg)
{
	return arg;
}

static int do_offload(void)
{
	void *value = NULL;
	int r = gp_offload(same, pipes, &value, GP_NEVER);

	EXPECT(value == (r ? NULL : (void *)pipes));
	return r;
}

static int look_up(const char *host, int flags)
{
	struct addrinfo hints = { .ai_flags = flags, .ai_socktype = SOCK_STREAM }, *list = NULL;
	int r = gp_getaddrinfo(host, "80", &hints, &list, GP_NEVER);

	EXPECT(!r == !!list);
	gp_freeaddrinfo(list);
	return r;
}

static int do_numeric(void)
{
	return look_up("127.0.0.1", AI_NUMERICHOST);
}
static int do_apart(void)
{
	return look_up("127.0.0.1", AI_NUMERICHOST | AI_ADDRCONFIG); /* by a thread of the pool, without a question */
}

CASE("functions and names apart without memory are -ENOMEM")
{
	fault_each(&(struct fault_call){ "offload", do_offload, 0 });
	fault_each(&(struct fault_call){ "getaddrinfo, numeric", do_numeric, 0 });
	fault_each(&(struct fault_call){ "getaddrinfo", do_apart, 0 });
}

/* ---- programs and children --------------------------------------------------------------- */

static const struct gp_subprocess_options cat = {
	.shell = "cat; echo e >&2", .in = GP_PIPE, .out = GP_PIPE, .err = GP_PIPE
};

static int do_spawn(void)
{
	struct gp_subprocess_options o = { .shell = ":", .in = GP_PIPE, .out = GP_PIPE, .err = GP_PIPE };
	struct gp_subprocess *p = NULL;
	int r = gp_subprocess_spawn(&p, &o);

	EXPECT(!r == !!p);
	if (!r) {
		r = gp_subprocess_wait(p, NULL, GP_NEVER); /* of a child that still runs */
		if (r)
			EXPECT_INT(gp_subprocess_wait(p, NULL, GP_NEVER), 0);
	}
	gp_subprocess_free(p);
	return r;
}

/* What a failed call has read stays: the next one goes on. */
static int do_communicate(void)
{
	struct gp_output out = { NULL, 0 }, err = { NULL, 0 };
	struct gp_subprocess *p = NULL;
	int r = gp_subprocess_spawn(&p, &cat), again;

	if (r)
		return r;
	r = gp_subprocess_communicate(p, "text", 4, &out, &err, GP_NEVER);
	if (r) {
		EXPECT(!out.data && !err.data);
		again = gp_subprocess_communicate(p, "text", 4, &out, &err, GP_NEVER);
		EXPECT_INT(again, 0);
	}
	EXPECT(out.data && !strcmp(out.data, "text"));
	EXPECT(err.data && !strcmp(err.data, "e\n"));
	gp_free(out.data);
	gp_free(err.data);
	gp_subprocess_free(p);
	return r;
}

static int do_call(void)
{
	struct gp_subprocess_options o = { .shell = "exit 3" };
	int code = -1, r = gp_subprocess_call(&o, &code, GP_NEVER);

	EXPECT_INT(code, r ? -1 : 3);
	return r;
}

static int do_output(void)
{
	struct gp_subprocess_options o = { .shell = "echo text" };
	struct gp_output out = { NULL, 0 };
	int r = gp_subprocess_check_output(&o, &out, NULL, GP_NEVER);

	EXPECT_STR(out.data ? out.data : "none", r ? "none" : "text\n");
	gp_free(out.data);
	return r;
}

CASE("programs without memory: -ENOMEM, no pipe and no child is left, what was read is kept")
{
	fault_each(&(struct fault_call){ "spawn", do_spawn, 0 });
	fault_each(&(struct fault_call){ "communicate", do_communicate, 0 });
	fault_each(&(struct fault_call){ "call", do_call, 0 });
	fault_each(&(struct fault_call){ "check_output", do_output, 0 });
	EXPECT_INT(waitpid(-1, NULL, WNOHANG), -1);
	EXPECT_INT(errno, ECHILD);
}

static int hooked;

static void hook(void *arg)
{
	hooked++;
}

static int do_hook(void)
{
	return gp_after_fork(hook, NULL);
}

CASE("a hook without memory is -ENOMEM and is never called")
{
	int n = fault_each(&(struct fault_call){ "after_fork", do_hook, 0 });
	pid_t pid = gp_fork();

	if (!pid)
		_exit(hooked == 2 + n ? 0 : 1);
	EXPECT_INT(unit_wait(pid), 0);
}

/* ---- servers -------------------------------------------------------------------------------- */

static void handle(int fd, const struct gp_address *peer, void *arg) {}

static int do_server_new(void)
{
	struct gp_server *s = gp_server_new("127.0.0.1:0", handle, NULL, NULL);

	gp_server_free(s);
	return s ? 0 : -ENOMEM;
}

static int do_server_start(void)
{
	struct gp_server *s = gp_server_new("127.0.0.1:0", handle, NULL, NULL);
	int r = s ? gp_server_start(s) : -ENOMEM;

	EXPECT(!s || (gp_server_fd(s) >= 0) == !r);
	gp_server_free(s);
	gp_yield();
	return r;
}

static struct gp_server *server;
static bool given_up; /* nobody will start it */

static void *stop_later(void *arg)
{
	while (gp_server_fd(server) < 0 && !given_up)
		NEED(!gp_yield());
	EXPECT_INT(gp_server_stop(server, 0), 0);
	return NULL;
}

static int do_serve(void)
{
	struct gp_greenlet *g;
	int r;

	server = gp_server_new("127.0.0.1:0", handle, NULL, NULL);
	g = server ? gp_spawn(stop_later, NULL) : NULL;
	given_up = false;
	r = g ? gp_server_serve_forever(server) : -ENOMEM;
	given_up = true;
	EXPECT(!server || gp_server_fd(server) < 0);
	if (g)
		EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
	gp_server_free(server);
	gp_yield();
	return r;
}

static int do_connect(void)
{
	char c;
	int fd = gp_create_connection(gp_server_address(server), gp_after(5 * GP_SEC)), r;

	if (fd < 0)
		return fd;
	r = (int)gp_read(fd, &c, 1, gp_after(5 * GP_SEC));
	close(fd);
	return r;
}

CASE("a server without memory is not made or not started; one that runs backs off and goes on")
{
	struct gp_server_counts counts;

	fault_each(&(struct fault_call){ "server_new", do_server_new, 0 });
	fault_each(&(struct fault_call){ "server_start", do_server_start, 0 });
	fault_each(&(struct fault_call){ "server_serve_forever", do_serve, 0 });
	server = gp_server_new("127.0.0.1:0", handle, NULL, NULL);
	NEED(server && !gp_server_start(server));
	EXPECT_INT(do_connect(), 0);
	for (int n = 0; n < FAULT_MOST; n++) {
		int r;

		fault_no_records(gp_self()->hub);
		fault_at = n;
		r = do_connect();
		if (fault_at >= 0)
			break;
		EXPECT(r == 0 || r == -ENOMEM || r == -ECONNRESET);
		EXPECT_INT(do_connect(), 0);
	}
	EXPECT(fault_at >= 0);
	fault_at = -1;
	EXPECT_INT(gp_server_count(server, &counts), 0);
	printf("# backoffs: %lu\n", counts.backoffs);
	EXPECT(counts.backoffs > 0);
	EXPECT_INT(gp_server_stop(server, GP_NEVER), 0);
	gp_server_free(server);
}

static void answer(struct gp_server *s, const void *data, size_t n, const struct gp_address *peer, void *arg)
{
	++*(int *)arg;
}

CASE("a datagram for which there is no memory stays in the socket until there is")
{
	int came = 0, n = 0, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct gp_server_counts counts;
	struct gp_address to;

	server = gp_datagram_server_new("127.0.0.1:0", answer, &came, NULL);
	NEED(fd >= 0 && server && !gp_server_start(server));
	NEED(!gp_address_parse(&to, gp_server_address(server)));
	for (; n < FAULT_MOST; n++) {
		int before = came;
		bool failed;

		fault_no_records(gp_self()->hub);
		fault_at = n ? n - 1 : -1; /* the first without failure */
		NEED(sendto(fd, "x", 1, 0, (struct sockaddr *)&to.storage, to.length) == 1);
		while (came == before)
			NEED(!gp_sleep(GP_MSEC));
		failed = n && fault_at < 0;
		fault_at = -1;
		if (n && !failed)
			break;
	}
	EXPECT(n > 2 && n < FAULT_MOST);
	EXPECT_INT(came, n + 1);
	EXPECT_INT(gp_server_count(server, &counts), 0);
	EXPECT_INT(counts.backoffs, n - 1);
	EXPECT_INT(gp_server_stop(server, GP_NEVER), 0);
	gp_server_free(server);
}

/* ---- signals, and calls without a hub ------------------------------------------------------- */

static int handled;

static void on_usr1(int signo, void *arg)
{
	handled++;
}

CASE("a signal whose greenlet gets no memory is handled when the next one comes")
{
	NEED(!gp_signal_handler(SIGUSR1, on_usr1, NULL));
	/* The first makes the room for deadlines. */
	raise(SIGUSR1);
	for (int i = 0; i < 1000 && !handled; i++)
		gp_sleep(GP_MSEC);
	EXPECT_INT(handled, 1);
	handled = 0;
	gp_yield();
	fault_no_records(gp_self()->hub);
	fault_at = 0;
	raise(SIGUSR1);
	for (int i = 0; i < 1000 && fault_at >= 0; i++)
		gp_sleep(GP_MSEC);
	EXPECT_INT(fault_at, -1);
	gp_yield();
	gp_yield();
	EXPECT_INT(handled, 0);
	raise(SIGUSR1);
	for (int i = 0; i < 1000 && !handled; i++)
		gp_sleep(GP_MSEC);
	EXPECT_INT(handled, 1);
	EXPECT_INT(gp_signal_restore(SIGUSR1), 0);
}

static int do_handler(void)
{
	return gp_signal_handler(SIGUSR1, on_usr1, NULL);
}
static int do_trace(void)
{
	return gp_set_trace(NULL);
}
static int do_watch(void)
{
	return gp_watch_blocking(0);
}

static int do_try_select(void)
{
	struct gp_case cases[] = { gp_case_readable(pipes[0][0]) };

	return gp_try_select(cases, 1);
}
static int do_idle(void)
{
	return gp_idle(GP_NEVER);
}
static int do_with_timeout(void)
{
	return gp_with_timeout(GP_SEC, same, NULL, NULL);
}
static int do_timeout_error(void)
{
	struct gp_timeout t;

	return gp_timeout_start_error(&t, GP_SEC, -EPROTO);
}
static int do_timeout_silent(void)
{
	struct gp_timeout t;

	return gp_timeout_start_silent(&t, GP_SEC);
}

CASE("the first call gets no memory for a hub: -ENOMEM, nothing is left open, no handler is set")
{
	int (*const calls[])(void) = { do_handler,    do_trace,        do_watch,         do_offload,       do_open,
		                       do_numeric,    do_poll,         do_spawn,         do_server_new,    do_serve,
		                       do_try_select, do_with_timeout, do_timeout_error, do_timeout_silent, do_idle };
	int descriptors = fault_descriptors();
	struct sigaction now;

	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		for (int n = 0; n < 2; n++) {
			fault_at = n;
			EXPECT_INT(calls[i](), -ENOMEM);
			EXPECT_INT(fault_at, -1);
			fault_at = -1;
			EXPECT(!gp__hub());
			EXPECT_INT(fault_descriptors(), descriptors);
		}
	}
	NEED(!sigaction(SIGUSR1, NULL, &now));
	EXPECT(now.sa_handler == SIG_DFL);
	EXPECT_INT(do_handler(), 0);
	EXPECT_INT(gp_signal_restore(SIGUSR1), 0);
	EXPECT_INT(do_trace(), 0);
	EXPECT_INT(do_watch(), 0);
}

/* ---- what needs no memory ----------------------------------------------------------------------- */

static void *asleep(void *arg)
{
	gp_sleep(3600 * GP_SEC);
	return NULL;
}

CASE("calls that need no memory ask for none: lists, signals, a look at cases and at programs")
{
	struct gp_subprocess_options o = { .shell = "exec sleep 20" };
	struct gp_greenlet *g = gp_spawn(asleep, NULL);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC), code = 0, r;
	struct gp_subprocess *p[2];

	NEED(g && null >= 0 && !gp_subprocess_spawn(&p[0], &o) && !gp_subprocess_spawn(&p[1], &o));
	make_pipes();
	gp_yield();
	fault_at = 0;
	EXPECT_INT(gp_dump(null), 0);
	EXPECT_INT(gp_signal_ignore(SIGUSR1), 0);
	EXPECT_INT(gp_signal_restore(SIGUSR1), 0);
	EXPECT_INT(do_try_select(), 0);
	EXPECT_INT(gp_subprocess_poll(p[0], &code), -EAGAIN);
	EXPECT_INT(gp_subprocess_signal(p[0], SIGUSR2), 0);
	EXPECT_INT(gp_subprocess_terminate(p[1]), 0);
	while ((r = gp_subprocess_poll(p[0], &code)) == -EAGAIN)
		;
	EXPECT_INT(r, 0);
	EXPECT_INT(code, -SIGUSR2);
	EXPECT_INT(fault_at, 0);
	fault_at = -1;
	EXPECT_INT(gp_subprocess_wait(p[1], &code, GP_NEVER), 0);
	EXPECT_INT(code, -SIGTERM);
	for (int i = 0; i < 2; i++)
		gp_subprocess_free(p[i]);
	EXPECT_INT(gp_kill(g, GP_NEVER), 0);
	gp_unref(g);
	close(null);
}

/* ---- descriptors ------------------------------------------------------------------------------ */

/* Each call with 0, 1, 2, ... descriptors left, until it works. */
static void each_descriptor(const struct fault_call *c, int at_least)
{
	struct rlimit limit, few;
	int r = c->call(), lowest = dup(0), n = 0, descriptors;

	EXPECT_INT(r, 0);
	NEED(lowest >= 0 && !close(lowest) && !getrlimit(RLIMIT_NOFILE, &limit));
	descriptors = fault_descriptors();
	do {
		few = limit;
		few.rlim_cur = (rlim_t)(lowest + n);
		NEED(!setrlimit(RLIMIT_NOFILE, &few));
		r = c->call();
		NEED(!setrlimit(RLIMIT_NOFILE, &limit));
		if (r && r != -EMFILE && r != c->error)
			unit_fail(__FILE__, __LINE__, "%s, %d descriptors: expected -EMFILE, came %d", c->name, n, r);
		gp_yield();
		if (fault_descriptors() != descriptors)
			unit_fail(__FILE__, __LINE__, "%s, %d descriptors: %d open, were %d", c->name, n,
			          fault_descriptors(), descriptors);
		EXPECT_INT(c->call(), 0);
	} while (r && n++ < FAULT_MOST);
	printf("# %s: worked with %d descriptors\n", c->name, n);
	EXPECT_INT(r, 0);
	EXPECT(n >= at_least);
}

static int do_waitpid(void)
{
	pid_t pid = unit_fork();

	if (!pid)
		unit_leave();
	return gp_waitpid(pid, NULL, 0, GP_NEVER) == pid ? 0 : -ECHILD;
}

CASE("without descriptors: -EMFILE, nothing is left open; a wait for a child works nevertheless")
{
	char c;

	make_pipes();
	for (int i = 0; i < MANY; i++)
		NEED(read(pipes[i][0], &c, 1) == 1);
	each_descriptor(&(struct fault_call){ "poll", do_poll, 0 }, 1);
	each_descriptor(&(struct fault_call){ "open", do_open, 0 }, 1);
	each_descriptor(&(struct fault_call){ "spawn", do_spawn, 0 }, 6);
	each_descriptor(&(struct fault_call){ "check_output", do_output, 0 }, 2);
	each_descriptor(&(struct fault_call){ "server_start", do_server_start, 0 }, 1);
	each_descriptor(&(struct fault_call){ "waitpid", do_waitpid, 0 }, 0);
}
