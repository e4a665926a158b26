/* wait.c - greenlets that wait for descriptors: what they are told, who is woken, and what happens when a number is
 * closed or comes to mean another file. */
#include "unit.h"
#include <arpa/inet.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include "core/run/hub.h"
#include "greenpatch.h"

struct waiter {
	int fd;
	unsigned events;
	int64_t deadline;
	const char *name;
	int came;
	struct gp_greenlet *g;
};

static void *wait_body(void *arg)
{
	struct waiter *w = arg;

	w->came = gp__wait_fd(gp__hub(), w->fd, w->events, w->deadline);
	trace("%s", w->name);
	return NULL;
}

/* Starts it and lets it park. */
static void start(struct waiter *w, const char *name, int fd, unsigned events, int64_t deadline)
{
	*w = (struct waiter){ fd, events, deadline, name, 12345, NULL };
	w->g = gp_spawn(wait_body, w);
	NEED(w->g);
	gp_yield();
}

static int finish(struct waiter *w)
{
	EXPECT_INT(gp_join(w->g, GP_NEVER), 0);
	gp_unref(w->g);
	w->g = NULL;
	return w->came;
}

/* Whether nobody came back although the loop was looked at. */
static bool still_waits(const struct waiter *w)
{
	for (int i = 0; i < 3; i++)
		gp__yield_poll(gp__hub());
	return !gp_ready(w->g);
}

static void put(int fd)
{
	NEED(write(fd, "x", 1) == 1);
}

static void take(int fd)
{
	char c;

	NEED(read(fd, &c, 1) == 1);
}

static int p[2]; /* a pipe */

static void make_pipe(void)
{
	NEED(!pipe2(p, O_NONBLOCK));
}

static void fill(int fd)
{
	static char block[65536];

	while (write(fd, block, sizeof block) > 0)
		;
	while (write(fd, block, 1) > 0)
		;
	NEED(errno == EAGAIN);
}

static void drain(int fd)
{
	static char block[65536];

	while (read(fd, block, sizeof block) > 0)
		;
}

CASE("a reader of an empty pipe waits until there is something")
{
	struct waiter w;

	make_pipe();
	start(&w, "r", p[0], GP__READ, GP_NEVER);
	EXPECT(still_waits(&w));
	put(p[1]);
	EXPECT_INT(finish(&w), GP__READ);
}

CASE("who waits for what is there already comes back soon")
{
	make_pipe();
	put(p[1]);
	EXPECT(gp_self());
	EXPECT_INT(gp__wait_fd(gp__hub(), p[0], GP__READ, GP_NEVER), GP__READ);
	EXPECT_INT(gp__wait_fd(gp__hub(), p[1], GP__WRITE, GP_NEVER), GP__WRITE);
}

CASE("a writer to a full pipe waits until there is room")
{
	struct waiter w;

	make_pipe();
	fill(p[1]);
	start(&w, "w", p[1], GP__WRITE, GP_NEVER);
	EXPECT(still_waits(&w));
	drain(p[0]);
	EXPECT_INT(finish(&w), GP__WRITE);
}

CASE("a reader and a writer of one socket are each woken by their own event")
{
	struct waiter r, w;

	NEED(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p));
	fill(p[0]);
	start(&r, "reader", p[0], GP__READ, GP_NEVER);
	start(&w, "writer", p[0], GP__WRITE, GP_NEVER);
	EXPECT(still_waits(&r) && still_waits(&w));
	put(p[1]);
	EXPECT_INT(finish(&r), GP__READ);
	EXPECT(still_waits(&w));
	drain(p[1]);
	EXPECT_INT(finish(&w), GP__WRITE);
	EXPECT_STR(unit_trace, "reader writer");
}

CASE("who waits for both directions is told which came")
{
	NEED(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p) && gp_self());
	EXPECT_INT(gp__wait_fd(gp__hub(), p[0], GP__READ | GP__WRITE, GP_NEVER), GP__WRITE);
	put(p[1]);
	EXPECT_INT(gp__wait_fd(gp__hub(), p[0], GP__READ | GP__WRITE, GP_NEVER), GP__READ | GP__WRITE);
	fill(p[0]);
	EXPECT_INT(gp__wait_fd(gp__hub(), p[0], GP__READ | GP__WRITE, GP_NEVER), GP__READ);
}

CASE("all who wait for one event are woken by it, in their order")
{
	struct waiter w[4];
	static const char *const names[] = { "0", "1", "2", "3" };

	make_pipe();
	for (int i = 0; i < 4; i++)
		start(&w[i], names[i], p[0], GP__READ, GP_NEVER);
	EXPECT(still_waits(&w[0]));
	put(p[1]);
	for (int i = 0; i < 4; i++)
		EXPECT_INT(finish(&w[i]), GP__READ);
	EXPECT_STR(unit_trace, "0 1 2 3");
}

CASE("a waiter that gives up leaves the others waiting")
{
	struct waiter a, b;

	make_pipe();
	start(&a, "a", p[0], GP__READ, gp_now() + 5 * GP__MSEC);
	start(&b, "b", p[0], GP__READ, GP_NEVER);
	EXPECT_INT(finish(&a), -ETIMEDOUT);
	EXPECT(still_waits(&b));
	put(p[1]);
	EXPECT_INT(finish(&b), GP__READ);
}

CASE("the end of the other side wakes readers and writers")
{
	struct waiter w;

	make_pipe();
	start(&w, "r", p[0], GP__READ, GP_NEVER);
	close(p[1]);
	EXPECT_INT(finish(&w), GP__READ);
	make_pipe();
	fill(p[1]);
	start(&w, "w", p[1], GP__WRITE, GP_NEVER);
	close(p[0]);
	EXPECT_INT(finish(&w), GP__WRITE);
	NEED(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p));
	start(&w, "s", p[0], GP__READ, GP_NEVER);
	shutdown(p[1], SHUT_WR);
	EXPECT_INT(finish(&w), GP__READ);
}

CASE("a wait ends at its deadline, and the descriptor can be waited for again")
{
	struct waiter w;
	int64_t at = gp_now() + 3 * GP__MSEC;

	make_pipe();
	NEED(gp_self());
	EXPECT_INT(gp__wait_fd(gp__hub(), p[0], GP__READ, at), -ETIMEDOUT);
	EXPECT(gp_now() >= at);
	EXPECT(gp__list_empty(&gp__fd(gp__hub(), p[0])->waits));
	start(&w, "r", p[0], GP__READ, GP_NEVER);
	put(p[1]);
	EXPECT_INT(finish(&w), GP__READ);
}

CASE("with a deadline that has passed, what is there still counts")
{
	make_pipe();
	NEED(gp_self());
	EXPECT_INT(gp__wait_fd(gp__hub(), p[0], GP__READ, 0), -ETIMEDOUT);
	put(p[1]);
	EXPECT_INT(gp__wait_fd(gp__hub(), p[0], GP__READ, 0), GP__READ);
	EXPECT_INT(gp__wait_fd(gp__hub(), p[0], GP__READ | GP__WRITE, gp_now()), GP__READ);
}

static void *wait_for_many(void *arg)
{
	struct gp_fdwait *w = arg;

	EXPECT(gp__wait_fds(gp__hub(), w, 3, GP_NEVER) > 0);
	trace("%d%d%d", w[0].ready, w[1].ready, w[2].ready);
	return NULL;
}

CASE("who waits for several descriptors is told which are ready")
{
	int a[2], b[2], c[2];
	struct gp_fdwait w[3];
	struct gp_greenlet *g;

	NEED(!pipe(a) && !pipe(b) && !pipe(c));
	w[0] = (struct gp_fdwait){ .fd = a[0], .events = GP__READ };
	w[1] = (struct gp_fdwait){ .fd = b[0], .events = GP__READ };
	w[2] = (struct gp_fdwait){ .fd = c[0], .events = GP__READ };
	g = gp_spawn(wait_for_many, w);
	gp_yield();
	gp__yield_poll(gp__hub());
	put(b[1]);
	put(c[1]);
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
	EXPECT_STR(unit_trace, "011");
	for (int i = 0; i < 3; i++)
		EXPECT(gp__list_empty(&gp__fd(gp__hub(), w[i].fd)->waits));
}

CASE("the same descriptor may be waited for twice in one wait")
{
	struct gp_fdwait w[3];
	struct gp_greenlet *g;

	NEED(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p));
	fill(p[0]);
	w[0] = (struct gp_fdwait){ .fd = p[0], .events = GP__READ };
	w[1] = (struct gp_fdwait){ .fd = p[0], .events = GP__WRITE };
	w[2] = (struct gp_fdwait){ .fd = p[0], .events = GP__READ };
	g = gp_spawn(wait_for_many, w);
	gp_yield();
	gp__yield_poll(gp__hub());
	put(p[1]);
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
	EXPECT_STR(unit_trace, "101");
}

CASE("waiting for no descriptor at all is waiting for the deadline")
{
	int64_t at = gp_now() + 2 * GP__MSEC;

	NEED(gp_self());
	EXPECT_INT(gp__wait_fds(gp__hub(), NULL, 0, at), -ETIMEDOUT);
	EXPECT(gp_now() >= at);
}

CASE("a regular file is always ready")
{
	FILE *f = tmpfile();

	NEED(f && gp_self());
	EXPECT_INT(gp__wait_fd(gp__hub(), fileno(f), GP__READ, GP_NEVER), GP__READ);
	EXPECT_INT(gp__wait_fd(gp__hub(), fileno(f), GP__WRITE, GP_NEVER), GP__WRITE);
	fclose(f);
}

CASE("a number that is not open counts as ready: the call itself will say so")
{
	NEED(gp_self());
	EXPECT_INT(gp__wait_fd(gp__hub(), 800, GP__READ, GP_NEVER), GP__READ);
	EXPECT_INT(gp__wait_fd(gp__hub(), 800, GP__WRITE, GP_NEVER), GP__WRITE);
	/* Opened after that, it is an ordinary descriptor. */
	make_pipe();
	NEED(dup2(p[0], 800) == 800);
	EXPECT_INT(gp__wait_fd(gp__hub(), 800, GP__READ, gp_now() + GP__MSEC), -ETIMEDOUT);
	put(p[1]);
	EXPECT_INT(gp__wait_fd(gp__hub(), 800, GP__READ, GP_NEVER), GP__READ);
}

CASE("a number outside of the table is -EBADF")
{
	struct gp_hub *h = gp_self()->hub;
	struct gp_fdwait w[2];

	make_pipe();
	EXPECT_INT(gp__wait_fd(h, -1, GP__READ, GP_NEVER), -EBADF);
	EXPECT_INT(gp__wait_fd(h, INT_MIN, GP__READ, GP_NEVER), -EBADF);
	EXPECT_INT(gp__wait_fd(h, h->fds_max, GP__READ, GP_NEVER), -EBADF);
	w[0] = (struct gp_fdwait){ .fd = p[0], .events = GP__READ };
	w[1] = (struct gp_fdwait){ .fd = INT_MAX, .events = GP__READ };
	EXPECT_INT(gp__wait_fds(h, w, 2, GP_NEVER), -EBADF);
	EXPECT(gp__list_empty(&gp__fd(h, p[0])->waits));
	gp__fd_closing(h, -1);
	gp__fd_closing(h, INT_MAX);
}

/* ---- numbers that are closed ------------------------------------------------------------- */

static void close_as_the_shim_does(int fd)
{
	gp__fd_closing(gp__hub(), fd);
	NEED(!close(fd));
}

CASE("a descriptor that is closed under its waiters gives each of them -EBADF")
{
	struct waiter w[3];

	NEED(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p));
	fill(p[0]);
	start(&w[0], "0", p[0], GP__READ, GP_NEVER);
	start(&w[1], "1", p[0], GP__WRITE, GP_NEVER);
	EXPECT(still_waits(&w[0]) && still_waits(&w[1]));
	start(&w[2], "2", p[0], GP__READ, GP_NEVER); /* libev has not heard of this one yet */
	close_as_the_shim_does(p[0]);
	for (int i = 0; i < 3; i++)
		EXPECT_INT(finish(&w[i]), -EBADF);
	EXPECT_STR(unit_trace, "0 1 2");
}

CASE("of several descriptors, the closed one is told")
{
	struct gp_fdwait w[3];
	struct gp_greenlet *g;
	int other[2];

	make_pipe();
	NEED(!pipe(other));
	w[0] = (struct gp_fdwait){ .fd = p[0], .events = GP__READ };
	w[1] = (struct gp_fdwait){ .fd = other[0], .events = GP__READ };
	w[2] = (struct gp_fdwait){ .fd = other[0], .events = GP__READ };
	g = gp_spawn(wait_for_many, w);
	gp_yield();
	gp__yield_poll(gp__hub());
	close_as_the_shim_does(other[0]);
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
	EXPECT_STR(unit_trace, "044");
}

CASE("closing what nobody waits for, or never waited for, does no harm")
{
	make_pipe();
	NEED(gp_self());
	gp__fd_closing(gp__hub(), p[0]);
	EXPECT_INT(gp__wait_fd(gp__hub(), p[0], GP__READ, gp_now()), -ETIMEDOUT);
	gp__fd_closing(gp__hub(), p[0]);
	gp__fd_closing(gp__hub(), p[0]);
	put(p[1]);
	EXPECT_INT(gp__wait_fd(gp__hub(), p[0], GP__READ, GP_NEVER), GP__READ);
}

CASE("the loop may be looked at after a close and before its waiters have run")
{
	struct waiter w[2];

	make_pipe();
	start(&w[0], "0", p[0], GP__READ, GP_NEVER);
	EXPECT(still_waits(&w[0]));
	start(&w[1], "1", p[0], GP__READ, GP_NEVER);
	close_as_the_shim_does(p[0]);
	gp__yield_poll(gp__hub());
	for (int i = 0; i < 2; i++)
		EXPECT_INT(finish(&w[i]), -EBADF);
}

/* A wait on the number that p[0] has now sees what is written to p[1]. */
static void pipe_works(const char *when)
{
	struct waiter w;

	start(&w, "r", p[0], GP__READ, gp_now() + 2 * GP__SEC);
	if (!still_waits(&w))
		unit_fail(__FILE__, __LINE__, "%s: expected to wait, came %d", when, w.came);
	put(p[1]);
	if (finish(&w) != GP__READ)
		unit_fail(__FILE__, __LINE__, "%s: expected the wake-up, came %d", when, w.came);
	take(p[0]);
}

/* A new pipe whose reading end has the number of the old one; how: 0 close and open, 1 dup2 over it. */
static void renew(int how)
{
	int old = p[0], old_write = p[1];

	if (how == 0) {
		close_as_the_shim_does(old);
		make_pipe();
		EXPECT_INT(p[0], old);
	} else {
		make_pipe();
		gp__fd_closing(gp__hub(), old);
		NEED(dup2(p[0], old) == old && !close(p[0]));
		p[0] = old;
	}
	close(old_write);
}

CASE("a number that is closed and reused is watched anew")
{
	make_pipe();
	pipe_works("first");
	for (int i = 0; i < 6; i++) {
		renew(i % 2);
		pipe_works(i % 2 ? "dup2 over it" : "closed and opened");
	}
}

CASE("a number can be closed and reused before the loop sees it")
{
	struct waiter w;

	make_pipe();
	for (int i = 0; i < 6; i++) {
		int writer = -1;

		start(&w, "old", p[0], GP__READ, GP_NEVER);
		if (i < 4)
			EXPECT(still_waits(&w));
		close_as_the_shim_does(p[0]);
		writer = p[1];
		make_pipe();
		/* The old waiter is runnable and has not run; a new one parks on the new file in the same turn. */
		pipe_works("in the same turn");
		EXPECT_INT(finish(&w), -EBADF);
		pipe_works("once more");
		close(writer);
	}
}

CASE("a file that stays open elsewhere does not wake who waits for the new one")
{
	struct waiter w;

	make_pipe();
	for (int i = 0; i < 4; i++) {
		int elsewhere, writer = p[1];

		pipe_works("before");
		start(&w, "old", p[0], GP__READ, GP_NEVER);
		EXPECT(still_waits(&w));
		elsewhere = dup(p[0]); /* epoll keeps what it knows of the old file */
		NEED(elsewhere >= 0);
		close_as_the_shim_does(p[0]);
		EXPECT_INT(finish(&w), -EBADF);
		make_pipe();
		start(&w, "new", p[0], GP__READ, GP_NEVER);
		EXPECT(still_waits(&w));
		put(writer);
		EXPECT(still_waits(&w));
		EXPECT(still_waits(&w));
		put(p[1]);
		EXPECT_INT(finish(&w), GP__READ);
		take(p[0]);
		close(elsewhere);
		close(writer);
	}
}

static void *wait_again(void *arg)
{
	/* Woken by the close, it waits for the number again: it means another file now. */
	EXPECT_INT(gp__wait_fd(gp__hub(), p[0], GP__READ, GP_NEVER), -EBADF);
	EXPECT_INT(gp__wait_fd(gp__hub(), p[0], GP__READ, GP_NEVER), GP__READ);
	trace("again");
	return NULL;
}

CASE("who is woken by a close may wait for the same number at once")
{
	struct gp_greenlet *g;
	int writer;

	make_pipe();
	g = gp_spawn(wait_again, NULL);
	gp_yield();
	gp__yield_poll(gp__hub());
	writer = p[1];
	close_as_the_shim_does(p[0]);
	make_pipe();
	put(p[1]);
	EXPECT_INT(gp_join(g, gp_now() + 5 * GP__SEC), 0);
	gp_unref(g);
	close(writer);
	EXPECT_STR(unit_trace, "again");
}

/* ---- many ----------------------------------------------------------------------------------- */

static int ping, pong;

static void *answer(void *arg)
{
	uint64_t n;

	for (int i = 0; i < *(int *)arg; i++) {
		EXPECT_INT(gp__wait_fd(gp__hub(), ping, GP__READ, GP_NEVER), GP__READ);
		NEED(read(ping, &n, 8) == 8);
		EXPECT_INT(n, i + 1);
		NEED(write(pong, &n, 8) == 8);
	}
	return NULL;
}

CASE("two greenlets play ping-pong over event descriptors")
{
	int rounds = unit_under("valgrind") ? 200 : 2000;
	struct gp_greenlet *g;

	ping = eventfd(0, EFD_NONBLOCK);
	pong = eventfd(0, EFD_NONBLOCK);
	g = gp_spawn(answer, &rounds);
	for (int i = 0; i < rounds; i++) {
		uint64_t n = (uint64_t)i + 1;

		NEED(write(ping, &n, 8) == 8);
		EXPECT_INT(gp__wait_fd(gp__hub(), pong, GP__READ, GP_NEVER), GP__READ);
		NEED(read(pong, &n, 8) == 8);
		EXPECT_INT(n, i + 1);
	}
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
}

static int hits[200];

static void *read_pipe(void *arg)
{
	int(*ends)[2] = arg;

	EXPECT_INT(gp__wait_fd(gp__hub(), (*ends)[0], GP__READ, GP_NEVER), GP__READ);
	take((*ends)[0]);
	hits[(*ends)[0] % 200]++;
	close_as_the_shim_does((*ends)[0]);
	return NULL;
}

CASE("200 pipes, written in random order, closed and made again")
{
	static int ends[90][2];
	struct gp_greenlet *g[90];

	unit_seed();
	for (int round = 0; round < 4; round++) {
		bool written[90] = { false };

		for (int i = 0; i < 90; i++) {
			NEED(!pipe(ends[i]));
			g[i] = gp_spawn(read_pipe, &ends[i]);
		}
		gp_yield();
		for (int left = 90; left;) {
			unsigned i = unit_random(90);

			if (written[i])
				continue;
			written[i] = true;
			left--;
			put(ends[i][1]);
			if (!unit_random(4))
				gp__yield_poll(gp__hub());
		}
		for (int i = 0; i < 90; i++) {
			EXPECT_INT(gp_join(g[i], gp_now() + 5 * GP__SEC), 0);
			gp_unref(g[i]);
			close(ends[i][1]);
		}
	}
}

static void *accept_one(void *arg)
{
	int s, listener = *(int *)arg;

	EXPECT_INT(gp__wait_fd(gp__hub(), listener, GP__READ, GP_NEVER), GP__READ);
	s = accept(listener, NULL, NULL);
	NEED(s >= 0);
	EXPECT_INT(gp__wait_fd(gp__hub(), s, GP__READ, GP_NEVER), GP__READ);
	take(s);
	put(s);
	close_as_the_shim_does(s);
	return NULL;
}

CASE("a connection over loopback: listen, connect, both directions")
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0),
	    s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct gp_greenlet *g;

	NEED(listener >= 0 && s >= 0 && !bind(listener, (struct sockaddr *)&a, len) && !listen(listener, 5));
	NEED(!getsockname(listener, (struct sockaddr *)&a, &len));
	g = gp_spawn(accept_one, &listener);
	gp_yield();
	if (connect(s, (struct sockaddr *)&a, len))
		EXPECT_INT(errno, EINPROGRESS);
	EXPECT_INT(gp__wait_fd(gp__hub(), s, GP__WRITE, GP_NEVER), GP__WRITE);
	put(s);
	EXPECT_INT(gp__wait_fd(gp__hub(), s, GP__READ, GP_NEVER), GP__READ);
	take(s);
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
}
