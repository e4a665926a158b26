/* pipe.c - whole messages: order, fullness, ends that close, calls that are ended half-way. The allocator fails when
 * told to. */
#include "unit.h"
#include <sys/socket.h>
#include "core/run/hub.h"
#include "greenpatch.h"

static bool fail_alloc;

void *gp__alloc(size_t size)
{
	return fail_alloc ? NULL : calloc(1, size ? size : 1);
}
void gp__free(void *p)
{
	free(p);
}
void *gp__realloc(void *p, size_t size)
{
	return fail_alloc ? NULL : realloc(p, size);
}

static struct gp_pipe *a, *b;

static void make(void)
{
	EXPECT_INT(gp_pipe_pair(&a, &b), 0);
	NEED(a && b);
}

static void say(const char *text)
{
	EXPECT_INT(gp_pipe_send(a, text, strlen(text), GP_NEVER), 0);
}

static void hear(const char *text)
{
	void *m = NULL;

	EXPECT_INT(gp_pipe_recv_new(b, &m, GP_NEVER), strlen(text));
	EXPECT_STR(m ? m : "none", text);
	gp_free(m);
}

CASE("messages come whole and in order, empty ones too")
{
	char buf[8] = "";

	make();
	say("one");
	say("");
	say("three");
	hear("one");
	EXPECT_INT(gp_pipe_recv(b, NULL, 0, GP_NEVER), 0);
	EXPECT_INT(gp_pipe_recv(b, buf, 4, GP_NEVER), -EMSGSIZE);
	EXPECT_INT(gp_pipe_recv(b, buf, 8, GP_NEVER), 5);
	EXPECT_STR(buf, "three");
	EXPECT_INT(gp_pipe_recv(b, buf, 8, gp_after(GP_MSEC)), -ETIMEDOUT);
	EXPECT_INT(gp_pipe_send(b, "back", 4, GP_NEVER), 0);
	EXPECT_INT(gp_pipe_recv(a, buf, 8, GP_NEVER), 4);
	gp_pipe_free(a);
	gp_pipe_free(b);
}

enum { BIG = 2 << 20 };
static char data[BIG];

static void *send_big(void *arg)
{
	char c = *(char *)arg;
	char *mine = malloc(BIG);
	int r;

	memset(mine, c, BIG);
	r = gp_pipe_send(a, mine, BIG, GP_NEVER);
	free(mine);
	trace("%c%d", c, r);
	return NULL;
}

static void hear_big(char c)
{
	char *m;

	EXPECT_INT(gp_pipe_recv_new(b, (void **)&m, GP_NEVER), BIG);
	EXPECT(m[0] == c && !memcmp(m, m + 1, BIG - 1) && !m[BIG]);
	gp_free(m);
}

CASE("a full pipe parks its senders; their messages do not mix")
{
	struct gp_greenlet *g[3];

	make();
	for (int i = 0; i < 3; i++)
		g[i] = gp_spawn(send_big, &"xyz"[i]);
	gp_yield();
	trace("others");
	hear_big('x');
	hear_big('y');
	hear_big('z');
	for (int i = 0; i < 3; i++) {
		EXPECT_INT(gp_join(g[i], GP_NEVER), 0);
		gp_unref(g[i]);
	}
	EXPECT_STR(unit_trace, "others x0 y0 z0");
}

CASE("a sender that is killed half-way: the rest of its message goes before the next")
{
	struct gp_greenlet *g;

	make();
	g = gp_spawn(send_big, "x");
	gp_yield();
	EXPECT_INT(gp_kill(g, GP_NEVER), 0);
	gp_unref(g);
	EXPECT_STR(unit_trace, "x-125");
	g = gp_spawn(send_big, "y");
	gp_yield();
	EXPECT_INT(gp_kill(g, GP_NEVER), 0); /* had not begun: not sent */
	gp_unref(g);
	g = gp_spawn(send_big, "z");
	hear_big('x');
	hear_big('z');
	gp_unref(g);
}

CASE("the same without memory for the rest: the other end is told")
{
	struct gp_greenlet *g;
	void *m;

	make();
	g = gp_spawn(send_big, "x");
	gp_yield();
	fail_alloc = true;
	EXPECT_INT(gp_kill_soon(g, -ECANCELED), 0);
	EXPECT_INT(gp_yield(), 0);
	fail_alloc = false;
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
	EXPECT_INT(gp_pipe_recv_new(b, &m, GP_NEVER), -EPIPE);
	EXPECT_INT(gp_pipe_send(a, "x", 1, GP_NEVER), -EPIPE);
}

CASE("a receiver that is ended half-way: the next one goes on")
{
	struct gp_greenlet *g;

	make();
	g = gp_spawn(send_big, "x");
	for (int i = 0; i < 3; i++)
		EXPECT_INT(gp_pipe_recv(b, data, 0, gp_now() - 1) == -ETIMEDOUT || gp_ready(g), true);
	hear_big('x');
	gp_unref(g);
}

static void *hears(void *arg)
{
	void *m;

	trace("%zd", gp_pipe_recv_new(b, &m, GP_NEVER));
	return NULL;
}

CASE("who waits is told when an end closes: this one, and the other")
{
	struct gp_greenlet *g[3];

	make();
	for (int i = 0; i < 3; i++)
		g[i] = gp_spawn(hears, NULL);
	gp_yield();
	gp_pipe_free(b);
	for (int i = 0; i < 3; i++) {
		EXPECT_INT(gp_join(g[i], GP_NEVER), 0);
		gp_unref(g[i]);
	}
	EXPECT_STR(unit_trace, "-108 -108 -108");
	EXPECT_INT(gp_pipe_send(a, "x", 1, GP_NEVER), -EPIPE);
	EXPECT_INT(gp_pipe_recv(a, data, 1, GP_NEVER), -EPIPE);
	gp_pipe_free(a);
}

CASE("a relay in another process")
{
	int status = -1;
	pid_t pid;

	make();
	fflush(stdout);
	pid = gp_fork();
	if (!pid) {
		char buf[32];
		ssize_t n;

		gp_pipe_free(a);
		while ((n = gp_pipe_recv(b, buf, sizeof buf, GP_NEVER)) >= 0)
			EXPECT_INT(gp_pipe_send(b, buf, (size_t)n, GP_NEVER), 0);
		EXPECT_INT(n, -EPIPE);
		gp_pipe_free(b);
		unit_leave();
	}
	gp_pipe_free(b);
	for (int i = 0; i < 100; i++) {
		char buf[32];

		EXPECT_INT(gp_pipe_send(a, &i, sizeof i, GP_NEVER), 0);
		EXPECT_INT(gp_pipe_recv(a, buf, sizeof buf, GP_NEVER), sizeof i);
		EXPECT(!memcmp(buf, &i, sizeof i));
	}
	gp_pipe_free(a);
	EXPECT_INT(gp_waitpid(pid, &status, 0, GP_NEVER), pid);
	EXPECT_INT(status, 0);
}

CASE("misuse, streams that are none of messages, no memory")
{
	struct gp_pipe *p = NULL, *q = NULL;
	int fd[2];

	gp_pipe_free(NULL);
	EXPECT_INT(gp_pipe_send(NULL, "x", 1, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_pipe_recv(NULL, data, 1, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_pipe_pair(NULL, &p), -EINVAL);
	NEED(!pipe(fd));
	EXPECT(!gp_pipe_over(fd[0]));
	EXPECT(!gp_pipe_over(-1));
	make();
	EXPECT_INT(gp_pipe_send(a, NULL, 1, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_pipe_send(a, data, (size_t)GP_PIPE_MAX + 1, GP_NEVER), -EMSGSIZE);
	EXPECT_INT(gp_pipe_recv_new(b, NULL, GP_NEVER), -EINVAL);
	fail_alloc = true;
	EXPECT_INT(gp_pipe_pair(&p, &q), -ENOMEM);
	EXPECT(!p && !q);
	fail_alloc = false;
	say("later");
	gp_wait_read(gp_pipe_fd(b), GP_NEVER);
	fail_alloc = true;
	EXPECT_INT(gp_pipe_recv(b, data, 8, GP_NEVER), -ENOMEM);
	fail_alloc = false;
	hear("later");
	EXPECT_INT(gp_write(gp_pipe_fd(a), "\xff\xff\xff\xff", 4, GP_NEVER), 4);
	EXPECT_INT(gp_pipe_recv(b, data, 8, GP_NEVER), -EBADMSG);
}
