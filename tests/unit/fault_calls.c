/* fault_calls.c - descriptors, sockets, files and functions apart while the n-th system call fails, for each n and each
 * error that the kernel may give: the call succeeds or fails, nothing is left open, parked or allocated, the next try
 * works. */
#include "unit.h"
#include <netdb.h>
#include <poll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include "fault_calls.h"

static int64_t soon(void)
{
	return gp_after(3 * GP_SEC);
}

/* Two ends of something, closed by shut(). */
struct two {
	int a, b;
};

static struct two two_of(bool socket)
{
	int fd[2];

	NEED(!(socket ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) : pipe2(fd, O_CLOEXEC)));
	return (struct two){ fd[0], fd[1] };
}

static int shut(struct two t, int r)
{
	gp_close(t.a);
	gp_close(t.b);
	return r;
}

/* Something that happens while the caller waits. */
static void *write_later(void *arg)
{
	gp_yield();
	NEED(write((int)(intptr_t)arg, "text", 4) == 4);
	return NULL;
}

static int come(int fd)
{
	return gp_go(write_later, (void *)(intptr_t)fd);
}

/* ---- waiting, reading, writing ------------------------------------------------------------- */

static int do_wait_read(void)
{
	struct two t = two_of(false);
	int r = come(t.b);

	if (!r)
		r = gp_wait_read(t.a, soon());
	gp_yield(); /* the writer is through */
	gp_yield();
	return shut(t, r);
}

static int do_wait_write(void)
{
	struct two t = two_of(true);

	return shut(t, gp_wait_write(t.a, soon()));
}

static int read_from(bool socket)
{
	struct two t = two_of(socket);
	char buf[5] = "";
	int r = come(t.b);

	if (!r)
		r = (int)gp_read(t.a, buf, 4, soon());
	EXPECT_STR(buf, r == 4 ? "text" : "");
	gp_yield();
	gp_yield();
	return shut(t, r == 4 ? 0 : r);
}

static int do_read_pipe(void) { return read_from(false); }
static int do_read_socket(void) { return read_from(true); }

/* Something on which neither MSG_DONTWAIT nor RWF_NOWAIT works, in a hub that must not stand still. */
static int do_read_eventfd(void)
{
	int fd = (int)syscall(SYS_eventfd2, 0, 0), r;
	uint64_t one = 1;
	struct two t = { fd, -1 };

	NEED(fd >= 0 && write(fd, &one, 8) == 8);
	r = (int)gp_read(fd, &one, 8, soon());
	return shut(t, r == 8 ? 0 : r);
}

static int write_to(bool socket)
{
	struct two t = two_of(socket);
	int r = (int)gp_write(t.b, "text", 4, soon());
	char buf[5] = "";

	if (r == 4)
		NEED(read(t.a, buf, 4) == 4 && !strcmp(buf, "text"));
	return shut(t, r == 4 ? 0 : r);
}

static int do_write_pipe(void) { return write_to(false); }
static int do_write_socket(void) { return write_to(true); }

static void *drain(void *arg)
{
	static char buf[65536];

	while (!gp_wait_read((int)(intptr_t)arg, GP_NEVER))
		while (read((int)(intptr_t)arg, buf, sizeof buf) > 0)
			;
	return NULL;
}

/* More than the pipe holds. */
static int do_write_much(void)
{
	static char much[200000];
	struct two t = two_of(false);
	struct gp_greenlet *g;
	int r;

	NEED(!fcntl(t.a, F_SETFL, O_NONBLOCK));
	g = gp_spawn(drain, (void *)(intptr_t)t.a);
	r = g ? (int)gp_write(t.b, much, sizeof much, soon()) : -ENOMEM;
	if (g)
		gp_kill(g, GP_NEVER);
	gp_unref(g);
	return shut(t, r == sizeof much ? 0 : r);
}

static int do_close(void)
{
	struct two t = two_of(false);
	int r = gp_close(t.a);

	gp_close(t.b);
	return r;
}

static int do_sleep(void)
{
	return gp_sleep(1000);
}

CASE("waiting, reading, writing and closing")
{
	static const struct fault_call calls[] = {
		{ "wait_read", do_wait_read, 0 },       { "wait_write", do_wait_write, 0 },
		{ "read, pipe", do_read_pipe, 0 },      { "read, socket", do_read_socket, 0 },
		{ "read, eventfd", do_read_eventfd, 0 }, { "write, pipe", do_write_pipe, 0 },
		{ "write, socket", do_write_socket, 0 }, { "write, much", do_write_much, 0 },
		{ "close", do_close, 0 },               { "sleep", do_sleep, 0 },
	};

	FAULT_CALLS(calls);
}

/* ---- poll and select ---------------------------------------------------------------------------- */

static int do_poll(void)
{
	struct two t = two_of(true);
	struct pollfd fds[2] = { { t.a, POLLIN, 0 }, { t.a, POLLPRI, 0 } };
	int r = come(t.b);

	if (!r)
		r = gp_poll(fds, 2, soon());
	EXPECT(r <= 0 || fds[0].revents == POLLIN);
	gp_yield();
	gp_yield();
	return shut(t, r > 0 ? 0 : r == 0 ? -ETIMEDOUT : r);
}

static int do_select_fds(void)
{
	struct two t = two_of(true);
	fd_set reads;
	int r = come(t.b);

	FD_ZERO(&reads);
	FD_SET(t.a, &reads);
	if (!r)
		r = gp_select_fds(t.a + 1, &reads, NULL, NULL, soon());
	gp_yield();
	gp_yield();
	return shut(t, r > 0 ? 0 : r == 0 ? -ETIMEDOUT : r);
}

/* Nothing comes: what the kernel does not watch is not ready for that. */
static int do_wait_in_vain(void)
{
	struct two t = two_of(true);
	int r = gp_wait_read(t.a, gp_after(GP_MSEC));

	return shut(t, r == -ETIMEDOUT ? 0 : r ? r : -EPROTO);
}

static int do_select_in_vain(void)
{
	struct two t = two_of(true);
	struct gp_case cases[] = { gp_case_readable(t.a), gp_case_readable(t.b) };
	int r = gp_select(cases, 2, gp_after(GP_MSEC));

	EXPECT(r < 0);
	return shut(t, r == -ETIMEDOUT ? 0 : r);
}

static int do_try_select(void)
{
	struct two t = two_of(true);
	struct gp_case cases[] = { gp_case_readable(t.a), gp_case_writable(t.a) };
	int r = gp_try_select(cases, 2);

	EXPECT(r >= 0 || r == -EAGAIN);
	return shut(t, r > 0 ? 0 : r == 0 ? -EBADMSG : r);
}

static int do_select(void)
{
	struct two t = two_of(true);
	struct gp_case cases[] = { gp_case_readable(t.a), gp_case_writable(t.a) };
	int r = gp_select(cases, 2, soon());

	return shut(t, r == 1 ? 0 : r == 0 ? -EBADMSG : r);
}

CASE("poll and select")
{
	static const struct fault_call calls[] = {
		{ "poll", do_poll, 0 },
		{ "select_fds", do_select_fds, 0 },
		{ "select", do_select, 0 },
		{ "try_select", do_try_select, 0 },
		{ "wait_read, in vain", do_wait_in_vain, 0 },
		{ "select, in vain", do_select_in_vain, 0 },
	};

	FAULT_CALLS(calls);
}

/* ---- sockets -------------------------------------------------------------------------------------- */

static int do_recv(void)
{
	struct two t = two_of(true);
	char buf[4];
	int r = come(t.b);

	if (!r)
		r = (int)gp_recv(t.a, buf, 4, 0, soon());
	gp_yield();
	gp_yield();
	return shut(t, r == 4 ? 0 : r);
}

static int do_recv_exactly(void)
{
	struct two t = two_of(true);
	char buf[8];
	int r = come(t.b);

	if (!r)
		r = come(t.b);
	if (!r)
		r = (int)gp_recv_exactly(t.a, buf, 8, soon());
	for (int i = 0; i < 3; i++)
		gp_yield();
	return shut(t, r == 8 ? 0 : r);
}

static int do_send_all(void)
{
	struct two t = two_of(true);
	int r = (int)gp_send_all(t.a, "text", 4, 0, soon());

	return shut(t, r == 4 ? 0 : r);
}

static int listener;
static struct gp_address here;

static void listen_here(void)
{
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	NEED(listener >= 0 && !gp_address_parse(&here, "127.0.0.1:0"));
	NEED(!bind(listener, (struct sockaddr *)&here.storage, here.length) && !listen(listener, 1000));
	here.length = sizeof here.storage;
	NEED(!getsockname(listener, (struct sockaddr *)&here.storage, &here.length));
}

/* What is in the backlog of a call that failed. */
static void take_all(void)
{
	struct pollfd p = { listener, POLLIN, 0 };

	while (poll(&p, 1, 0) > 0)
		close(accept(listener, NULL, NULL));
}

static int do_connect(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = gp_connect(fd, (struct sockaddr *)&here.storage, here.length, soon());
	struct two t = { fd, -1 };

	if (!r)
		EXPECT_INT(send(fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL), 1);
	take_all();
	return shut(t, r);
}

static int do_connect_name(void)
{
	char text[GP_ADDRESS_TEXT], *port;
	int fd;

	gp_address_text(&here, text, sizeof text);
	port = strrchr(text, ':') + 1;
	fd = gp_connect_name("127.0.0.1", port, soon());
	if (fd >= 0)
		EXPECT_INT(send(fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL), 1);
	take_all();
	return shut((struct two){ fd, -1 }, fd < 0 ? fd : 0);
}

static int do_create_connection(void)
{
	char text[GP_ADDRESS_TEXT];
	int fd;

	gp_address_text(&here, text, sizeof text);
	fd = gp_create_connection(text, soon());
	if (fd >= 0)
		EXPECT_INT(send(fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL), 1);
	take_all();
	return shut((struct two){ fd, -1 }, fd < 0 ? fd : 0);
}

/* The backlog is full: nobody answers. */
static int do_create_in_vain(void)
{
	char text[GP_ADDRESS_TEXT];
	int fd;

	gp_address_text(&here, text, sizeof text);
	fd = gp_create_connection(text, gp_after(2 * GP_MSEC));
	EXPECT(fd < 0);
	return shut((struct two){ fd, -1 }, fd == -ETIMEDOUT ? 0 : fd);
}

static void *connect_later(void *arg)
{
	int fd = (int)(intptr_t)arg;

	gp_yield();
	NEED(!connect(fd, (struct sockaddr *)&here.storage, here.length));
	return NULL;
}

static int do_accept(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r = gp_go(connect_later, (void *)(intptr_t)fd), came = -1;
	struct gp_address from;

	if (!r)
		r = came = gp_accept(listener, &from, SOCK_CLOEXEC, soon());
	gp_yield();
	gp_yield();
	take_all();
	return shut((struct two){ fd, came }, r < 0 ? r : 0);
}

CASE("sockets: data and connections")
{
	static const struct fault_call calls[] = {
		{ "recv", do_recv, 0 },
		{ "recv_exactly", do_recv_exactly, 0 },
		{ "send_all", do_send_all, 0 },
		{ "connect", do_connect, 0 },
		{ "connect_name", do_connect_name, 0 },
		{ "create_connection", do_create_connection, 0 },
		{ "accept", do_accept, 0 },
	};

	listen_here();
	FAULT_CALLS(calls);
}

CASE("a connection that nobody answers is none")
{
	static const struct fault_call calls[] = { { "create_connection, in vain", do_create_in_vain, 0 } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	listen_here();
	NEED(!listen(listener, 0) && !connect(fd, (struct sockaddr *)&here.storage, here.length));
	FAULT_CALLS(calls);
	close(fd);
}

/* ---- files and functions apart ----------------------------------------------------------------------- */

static int file;

static int do_open(void)
{
	int fd = gp_open("/dev/null", O_RDONLY, 0, soon());

	return fd < 0 ? fd : shut((struct two){ fd, -1 }, 0);
}

static int do_pread(void)
{
	char buf[5] = "....";
	int r = (int)gp_pread(file, buf, 4, 0, soon());

	EXPECT_STR(buf, r == 4 ? "text" : "....");
	return r == 4 ? 0 : r;
}

static int do_pwrite(void)
{
	int r = (int)gp_pwrite(file, "text", 4, 0, soon());

	return r == 4 ? 0 : r;
}

static int do_read_file(void)
{
	char buf[4];
	int r;

	lseek(file, 0, SEEK_SET);
	r = (int)gp_read(file, buf, 4, soon());
	return r == 4 ? 0 : r;
}

static int do_fsync(void)
{
	return gp_fsync(file, soon());
}

static void *same(void *arg)
{
	return arg;
}

static int do_offload(void)
{
	void *value = NULL;
	int r = gp_offload(same, &file, &value, soon());

	EXPECT(value == (r ? NULL : (void *)&file));
	return r;
}

static int do_getaddrinfo(void)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_ADDRCONFIG, .ai_socktype = SOCK_STREAM }, *list = NULL;
	int r = gp_getaddrinfo("127.0.0.1", "80", &hints, &list, soon());

	EXPECT(!r == !!list);
	gp_freeaddrinfo(list);
	return r;
}

static const struct fault_call moves[] = {
	{ "open", do_open, 0 }, { "pread", do_pread, 0 }, { "pwrite", do_pwrite, 0 }, { "fsync", do_fsync, 0 }
};

static void make_file(void)
{
	file = memfd_create("fault", MFD_CLOEXEC);
	NEED(file >= 0 && pwrite(file, "text", 4, 0) == 4);
}

CASE("files, functions and names apart: the hub's calls")
{
	static const struct fault_call calls[] = {
		{ "read, file", do_read_file, 0 }, { "offload", do_offload, 0 }, { "getaddrinfo", do_getaddrinfo, 0 }
	};

	make_file();
	FAULT_CALLS(moves);
	FAULT_CALLS(calls);
}

CASE("files: the helpers' calls")
{
	make_file();
	FAULT_HELPERS(moves);
}
