/* fault_talk.c - pipes, connections, sockets handed over, actors that start and errors that are copied, while the n-th
 * allocation fails, for each n (fault.h). */
#include "unit.h"
#include <netinet/in.h>
#include <sys/socket.h>
#include "fault.h"

/* ---- pipes between processes ------------------------------------------------------------------- */

static struct gp_pipe *here, *there;

static int do_pair(void)
{
	struct gp_pipe *a = NULL, *b = NULL;
	int r = gp_pipe_pair(&a, &b);

	EXPECT(!r == !!a && !r == !!b);
	gp_pipe_free(a);
	gp_pipe_free(b);
	return r;
}

/* A message for which there is no memory is received later. */
static int do_message(void)
{
	void *came = NULL;
	char buf[8];
	bool failed;
	ssize_t r;

	NEED(!gp_pipe_send(here, "text", 4, GP_NEVER) && !gp_pipe_send(here, "more", 4, GP_NEVER));
	r = gp_pipe_recv_new(there, &came, GP_NEVER);
	failed = r == -ENOMEM;
	EXPECT(!came == failed);
	if (failed)
		r = gp_pipe_recv_new(there, &came, GP_NEVER);
	EXPECT(r == 4 && !memcmp(came, "text", 5));
	gp_free(came);
	r = gp_pipe_recv(there, buf, sizeof buf, GP_NEVER);
	if (r == -ENOMEM) {
		failed = true;
		r = gp_pipe_recv(there, buf, sizeof buf, GP_NEVER);
	}
	EXPECT(r == 4 && !memcmp(buf, "more", 4));
	return failed ? -ENOMEM : 0;
}

CASE("a pair of pipes without memory is not made; a message without memory stays in its pipe")
{
	fault_each(&(struct fault_call){ "pipe_pair", do_pair, 0 });
	NEED(!gp_pipe_pair(&here, &there));
	fault_each(&(struct fault_call){ "pipe_recv", do_message, 0 });
	gp_pipe_free(here);
	gp_pipe_free(there);
}

static char large[1 << 20];

static void *send_large(void *arg)
{
	EXPECT_INT(gp_pipe_send(here, large, sizeof large, GP_NEVER), -ECANCELED);
	return NULL;
}

/* The rest of its frame must be sent before anything else. Without memory for it the stream ends. */
CASE("a sender that is killed in the middle, without memory for the rest: both ends say -EPIPE")
{
	struct gp_greenlet *g;
	char buf[8];

	NEED(!gp_pipe_pair(&here, &there));
	g = gp_spawn(send_large, NULL);
	NEED(g && !gp_yield());
	fault_at = 0;
	EXPECT_INT(gp_kill(g, GP_NEVER), 0);
	EXPECT_INT(fault_at, -1);
	EXPECT_INT(gp_pipe_send(here, "text", 4, gp_after(GP_SEC)), -EPIPE);
	EXPECT_INT(gp_pipe_recv(there, buf, sizeof buf, gp_after(GP_SEC)), -EPIPE);
	gp_unref(g);
	gp_pipe_free(here);
	gp_pipe_free(there);
}

/* ---- connections ---------------------------------------------------------------------------------- */

static char named[32];

static int do_create_connection(void)
{
	int fd = gp_create_connection(named, gp_after(5 * GP_SEC));

	return fd < 0 ? fd : gp_close(fd);
}

static int do_connect_name(void)
{
	int fd = gp_connect_name("localhost", strchr(named, ':') + 1, gp_after(5 * GP_SEC));

	return fd < 0 ? fd : gp_close(fd);
}

CASE("a connection to a name without memory is -ENOMEM, and no socket is left")
{
	struct gp_address a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	NEED(fd >= 0 && !listen(fd, 1000));
	a.length = sizeof a.storage;
	NEED(!getsockname(fd, (struct sockaddr *)&a.storage, &a.length));
	gp_address_text(&a, named, sizeof named);
	snprintf(named, sizeof named, "localhost:%d", ntohs(((struct sockaddr_in *)&a.storage)->sin_port));
	fault_each(&(struct fault_call){ "create_connection", do_create_connection, 0 });
	fault_each(&(struct fault_call){ "connect_name", do_connect_name, 0 });
}

/* ---- sockets handed over ---------------------------------------------------------------------------- */

static void handle(int fd, const struct gp_address *peer, void *arg) {}

static int do_systemd(void)
{
	struct gp_server *s = gp_server_new("systemd:web", handle, NULL, NULL);
	int r = s ? gp_server_start(s) : -ENOMEM, fd = s && !r ? dup(3) : -1;

	/* A server closes its socket, and there is but one. */
	if (s)
		gp_server_stop(s, 0);
	gp_server_free(s);
	gp_yield();
	if (fd >= 0)
		NEED(dup2(fd, 3) == 3 && !close(fd));
	return r;
}

/* The environment counts that the process began with: this program starts itself again, with one that is long. */
CASE("a socket of systemd's without memory to look for it is -ENOMEM")
{
	static char filler[20000] = "FILLER=";
	char *const args[] = { "fault_talk", "a socket of systemd's", NULL };
	char *const env[] = { filler, "LISTEN_FDS=1", "LISTEN_FDNAMES=web", NULL };
	pid_t pid;

	if (getenv("LISTEN_FDS")) {
		fault_each(&(struct fault_call){ "systemd", do_systemd, 0 });
		return;
	}
	if (unit_under("valgrind"))
		unit_skip("valgrind does not start a program as itself");
	memset(filler + 7, 'x', sizeof filler - 8);
	pid = unit_fork();
	if (!pid) {
		int fd = socket(AF_INET, SOCK_STREAM, 0), null = open("/dev/null", O_WRONLY);

		NEED(fd >= 0 && null >= 0 && !listen(fd, 5));
		dup2(fd, 3);
		dup2(null, 1);
		execve("/proc/self/exe", args, env);
		_exit(9);
	}
	EXPECT_INT(unit_wait(pid), 0);
}

/* ---- actors and results ------------------------------------------------------------------------------- */

static int receive(struct gp_actor *self, void *message)
{
	gp_actor_reply(self, message);
	return 0;
}

static void quiet(struct gp_greenlet *g) {}

/* The first thing that an actor needs is memory for its end. */
static int do_ask_new(void)
{
	struct gp_actor a;
	void *answer = NULL;
	int r = gp_actor_init(&a, receive, NULL);

	if (r)
		return r;
	r = gp_actor_start(&a);
	if (!r)
		r = gp_actor_ask(&a, &a, &answer, gp_after(5 * GP_SEC));
	EXPECT(answer == (r ? NULL : (void *)&a));
	EXPECT_INT(gp_actor_stop(&a, GP_NEVER), 0);
	EXPECT_INT(gp_actor_destroy(&a), 0);
	return r;
}

CASE("an actor that gets no memory when it begins: whoever asks is told that it has ended")
{
	gp_set_error_handler(quiet);
	fault_each(&(struct fault_call){ "actor_ask", do_ask_new, -ESHUTDOWN });
}

static int do_set_error(void)
{
	struct gp_async_result *result = gp_async_result_new();
	int r = result ? gp_async_result_set_error(result, -EIO, "why") : -ENOMEM;

	EXPECT(!result || gp_async_result_ready(result) == !r);
	EXPECT_STR(gp_async_result_message(result), r ? "" : "why");
	gp_async_result_free(result);
	return r;
}

static void *fails(void *arg)
{
	gp_fail(-EIO, "why");
	return NULL;
}

CASE("an error without memory for its message: a set is -ENOMEM, a greenlet's comes without it")
{
	struct gp_async_result *result = gp_async_result_new();
	struct gp_greenlet *g;

	gp_set_error_handler(quiet);
	fault_each(&(struct fault_call){ "set_error", do_set_error, 0 });
	g = gp_spawn(fails, NULL);
	NEED(g && result && !gp_async_result_follow(result, g));
	fault_at = 1; /* the first copy is the greenlet's own */
	EXPECT_INT(gp_async_result_wait(result, GP_NEVER), 0);
	EXPECT_INT(fault_at, -1);
	EXPECT_INT(gp_async_result_error(result), -EIO);
	EXPECT_STR(gp_async_result_message(result), "");
	EXPECT_STR(gp_message(g), "why");
	gp_unref(g);
	gp_async_result_free(result);
}
