// ev_load PORT CONNECTIONS MILLISECONDS SERVER-PID: load for an echo server on loopback. Each connection sends 64
// bytes, waits until they are all back, and sends again. The connections are made one after the other, each with one
// round trip: a server that is at once busy with the first ones would be slow to accept the rest. After a warm-up of a
// fifth of MILLISECONDS it counts for MILLISECONDS and prints the round trips per second, the processor time of the
// server for each of them, the round trips of the slowest connection as a share of the mean, and the server's kernel
// threads.
#define _GNU_SOURCE
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGE = 64, EVENTS = 512, ANSWER_SECONDS = 20 };

// A connection: what is back of the message in flight, and how many came back while it was counted.
struct connection {
	int fd;
	int got;
	long trips;
};

static void send_message(struct connection *c)
{
	static const char message[MESSAGE];
	must(write(c->fd, message, MESSAGE) != MESSAGE ? EIO : 0, "the server ended a connection (write)");
}

static int connect_to(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_port = htons((uint16_t)port),
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(fd < 0 ? errno : 0, "socket");
	must(connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ? errno : 0, "connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	// Closing resets the connection: thousands in TIME_WAIT would use up the ports of the runs to come.
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 }, sizeof(struct linger));
	// The wait for the first answer ends some time; after it only readable sockets are read.
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ .tv_sec = ANSWER_SECONDS }, sizeof(struct timeval));
	return fd;
}

static void first_round_trip(struct connection *c)
{
	char buffer[MESSAGE];

	send_message(c);
	for (int got = 0; got < MESSAGE;) {
		ssize_t more = read(c->fd, buffer, (size_t)(MESSAGE - got));
		must(more <= 0 ? (more < 0 ? errno : EPIPE) : 0, "a new connection got no answer");
		got += (int)more;
	}
}

// The processor time that a process has used, in nanoseconds, and the number of its threads.
static int64_t processor_ns(int pid, long *threads)
{
	char path[64], text[1024];
	unsigned long user = 0, system = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	FILE *file = fopen(path, "r");

	must(file ? 0 : errno, path);
	size_t length = fread(text, 1, sizeof text - 1, file);
	text[length] = '\0';
	fclose(file);
	char *rest = strrchr(text, ')');
	if (!rest || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %ld", &user,
	                    &system, threads) != 3)
		must(EINVAL, path);
	return (int64_t)(user + system) * (1000000000 / sysconf(_SC_CLK_TCK));
}

// Answers what came in until the deadline. Returns the number of round trips.
static long run_until(int loop, int64_t deadline)
{
	struct epoll_event events[EVENTS];
	char buffer[MESSAGE];
	long trips = 0;

	for (int64_t now; (now = now_ns()) < deadline;) {
		int count = epoll_wait(loop, events, EVENTS, (int)((deadline - now) / 1000000) + 1);
		must(count < 0 && errno != EINTR ? errno : 0, "epoll_wait");
		for (int i = 0; i < count; i++) {
			struct connection *c = events[i].data.ptr;
			ssize_t got = read(c->fd, buffer, (size_t)(MESSAGE - c->got));
			must(got <= 0 ? EIO : 0, "the server ended a connection (read)");
			c->got += (int)got;
			if (c->got < MESSAGE)
				continue;
			c->got = 0;
			c->trips++;
			trips++;
			send_message(c);
		}
	}
	return trips;
}

// The least number of round trips of a connection.
static long slowest(const struct connection *connections, long count)
{
	long least = connections[0].trips;

	for (long i = 1; i < count; i++)
		if (connections[i].trips < least)
			least = connections[i].trips;
	return least;
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: %s port connections milliseconds server-pid\n", argv[0]);
		return 2;
	}
	int port = (int)argument(argc, argv, 1, 1), pid = (int)argument(argc, argv, 4, 1);
	long count = argument(argc, argv, 2, 1), threads;
	int64_t duration = argument(argc, argv, 3, 1) * INT64_C(1000000);
	struct connection *connections = calloc((size_t)count, sizeof *connections);
	int loop = epoll_create1(EPOLL_CLOEXEC);

	must(connections && loop >= 0 ? 0 : ENOMEM, "start");
	for (long i = 0; i < count; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = &connections[i] };
		connections[i].fd = connect_to(port);
		first_round_trip(&connections[i]);
		must(epoll_ctl(loop, EPOLL_CTL_ADD, connections[i].fd, &event) < 0 ? errno : 0, "epoll_ctl");
	}
	for (long i = 0; i < count; i++)
		send_message(&connections[i]);
	run_until(loop, now_ns() + duration / 5);
	for (long i = 0; i < count; i++)
		connections[i].trips = 0;

	int64_t used = processor_ns(pid, &threads), start = now_ns();
	long trips = run_until(loop, start + duration);
	int64_t elapsed = now_ns() - start;
	used = processor_ns(pid, &threads) - used;

	printf("rate %.0f\n", (double)trips * 1e9 / (double)elapsed);
	printf("server-us %.3f\n", trips ? (double)used / 1e3 / (double)trips : 0.0);
	printf("slowest-share %.2f\n", trips ? (double)(slowest(connections, count) * count) / (double)trips : 0.0);
	printf("threads %ld\n", threads);
	return 0;
}
