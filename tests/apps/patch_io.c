/* patch_io.c - the cooperative calls of the core in a program that links the library.
 *
 *	patch_io plain|patched
 *
 * Prints the same, whether it has patched itself or not.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>
#include "patch.h"

static int fds[2];
static char buf[64];

static void *reader(void *arg)
{
	ssize_t n = gp_read(fds[0], buf, sizeof buf - 1, GP_NEVER);

	printf("%zd %s\n", n, buf);
	return NULL;
}

static void pipes(void)
{
	struct gp_greenlet *g;

	CHECK(pipe(fds) == 0);
	g = gp_spawn(reader, NULL);
	gp_sleep(GP_MSEC);
	printf("pipe: waits, ");
	CHECK(gp_write(fds[1], "hello", 5, GP_NEVER) == 5);
	join(g);
	CHECK((fcntl(fds[0], F_GETFL) & O_NONBLOCK) == 0);
}

static void *client(void *port)
{
	int fd = gp_connect_name("127.0.0.1", port, GP_NEVER);

	CHECK(fd >= 0 && gp_send_all(fd, "abc", 3, 0, GP_NEVER) == 3 && gp_close(fd) == 0);
	return NULL;
}

static void sockets(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof at;
	int l = socket(AF_INET, SOCK_STREAM, 0), fd;
	struct gp_greenlet *g;
	char port[8];
	ssize_t n;

	CHECK(!bind(l, (struct sockaddr *)&at, length) && !listen(l, 5) && !getsockname(l, (struct sockaddr *)&at, &length));
	snprintf(port, sizeof port, "%d", ntohs(at.sin_port));
	g = gp_spawn(client, port);
	fd = gp_accept(l, NULL, 0, GP_NEVER);
	n = gp_recv_exactly(fd, buf, 3, GP_NEVER);
	printf("socket: %zd %.3s, then %s\n", n, buf, gp_recv(fd, buf, 1, 0, GP_NEVER) ? "more" : "the end");
	join(g);
	gp_close(fd);
	gp_close(l);
}

static void *write_later(void *arg)
{
	gp_sleep(GP_MSEC);
	CHECK(gp_write(fds[1], "x", 1, GP_NEVER) == 1);
	return NULL;
}

static void polls(void)
{
	struct pollfd p = { fds[0], POLLIN, 0 };

	CHECK(gp_go(write_later, NULL) == 0);
	printf("poll: %d, ", gp_poll(&p, 1, GP_NEVER));
	CHECK(gp_read(fds[0], buf, 1, GP_NEVER) == 1);
	printf("then %d at its deadline\n", gp_poll(&p, 1, gp_after(GP_MSEC)));
}

static void files(void)
{
	int fd = memfd_create("f", 0);
	ssize_t n;

	CHECK(gp_pwrite(fd, "data", 4, 10, GP_NEVER) == 4);
	n = gp_pread(fd, buf, sizeof buf, 10, GP_NEVER);
	printf("file: %zd %.4s\n", n, buf);
	CHECK(gp_fsync(fd, GP_NEVER) == 0 && gp_close(fd) == 0);
	CHECK(gp_open("/no/such/file", O_RDONLY, 0, GP_NEVER) == -ENOENT);
}

static int ticks;

static void *tick(void *arg)
{
	while (!gp_sleep(GP_MSEC))
		ticks++;
	return NULL;
}

/* Waits by a call that is cooperative in any case, or by one that is when patched. */
static void *blocks(void *arg)
{
	if (*(bool *)arg)
		usleep(20000);
	else
		CHECK(gp_sleep(20 * GP_MSEC) == 0);
	return (void *)7;
}

static void *computes(void *arg)
{
	return arg;
}

static void offloads(bool patched)
{
	struct gp_greenlet *g = gp_spawn(tick, NULL);
	struct addrinfo *list;
	void *value;

	CHECK(gp_offload(computes, "v", &value, GP_NEVER) == 0 && !strcmp(value, "v"));
	CHECK(gp_offload(blocks, &patched, &value, GP_NEVER) == 0);
	printf("offload: others %s, %ld\n", ticks ? "ran" : "did not run", (long)value);
	CHECK(gp_offload(blocks, &patched, &value, gp_after(GP_MSEC)) == -ETIMEDOUT);
	gp_sleep(30 * GP_MSEC); /* it still looks at `patched` */
	gp_kill(g, GP_NEVER);
	gp_unref(g);
	printf("getaddrinfo: %d\n", gp_getaddrinfo("127.0.0.1", "80", NULL, &list, GP_NEVER));
	gp_freeaddrinfo(list);
}

static bool handled;

static void on_usr1(int signo, void *arg)
{
	gp_sleep(GP_MSEC);
	handled = true;
}

static void signals(void)
{
	CHECK(gp_signal_handler(SIGUSR1, on_usr1, NULL) == 0 && kill(getpid(), SIGUSR1) == 0);
	while (!handled)
		CHECK(gp_sleep(GP_MSEC) == 0);
	CHECK(gp_signal_restore(SIGUSR1) == 0);
	printf("signal: handled\n");
}

static void processes(void)
{
	struct gp_subprocess_options o = { .shell = "tr a-z A-Z", .in = GP_PIPE, .out = GP_PIPE };
	struct gp_pipe *a, *b;
	struct gp_subprocess *p;
	struct gp_output out;
	int code, status;
	pid_t child;

	CHECK(gp_subprocess_spawn(&p, &o) == 0);
	CHECK(gp_subprocess_communicate(p, "hello", 5, &out, NULL, GP_NEVER) == 0);
	CHECK(gp_subprocess_wait(p, &code, GP_NEVER) == 0);
	printf("subprocess: %d %s\n", code, out.data);
	gp_free(out.data);
	gp_subprocess_free(p);

	CHECK(gp_pipe_pair(&a, &b) == 0);
	fflush(stdout);
	child = gp_fork();
	if (!child) {
		for (int i = 0; i < 3; i++)
			CHECK(gp_pipe_send(b, "message", 7, GP_NEVER) == 0);
		_exit(9);
	}
	gp_pipe_free(b);
	CHECK(gp_waitpid(child, &status, 0, GP_NEVER) == child);
	printf("fork: %d\n", WEXITSTATUS(status));
	for (code = 0; gp_pipe_recv(a, buf, sizeof buf, GP_NEVER) == 7; code++)
		CHECK(!memcmp(buf, "message", 7));
	printf("messages: %d and whole\n", code);
	gp_pipe_free(a);
}

static void kills(void)
{
	struct gp_greenlet *g;

	strcpy(buf, "and told");
	printf("killed: ");
	g = gp_spawn(reader, NULL);
	gp_sleep(GP_MSEC);
	gp_kill(g, GP_NEVER);
	gp_unref(g);
}

int main(int argc, char **argv)
{
	bool patched = argc == 2 && !strcmp(argv[1], "patched");

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (patched)
		CHECK(gp_patch_all() == 0);
	pipes();
	sockets();
	polls();
	files();
	offloads(patched);
	signals();
	processes();
	kills();
	return 0;
}
