/* An epoll event loop in one thread serves nonblocking sockets, while other threads make blocking calls as its clients.
 */
#include "guest.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "net.h"

enum { CLIENTS = 30, ROUNDS = 20 };

static struct sockaddr_in address;
static int listener, stop, turns;

static void *loop(void *arg)
{
	int epoll = epoll_create1(0), live = 1;
	struct epoll_event event = { .events = EPOLLIN, .data.fd = listener }, events[8];

	fcntl(listener, F_SETFL, O_NONBLOCK);
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
	event.data.fd = stop;
	epoll_ctl(epoll, EPOLL_CTL_ADD, stop, &event);
	while (live) {
		int n = epoll_wait(epoll, events, 8, 1000);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			char buffer[64];
			ssize_t got;

			if (fd == stop) {
				live = 0;
			} else if (fd == listener) {
				while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
					event.data.fd = fd;
					epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
				}
				CHECK_INT(errno, EAGAIN);
			} else {
				while ((got = read(fd, buffer, sizeof buffer)) > 0)
					CHECK_INT(write(fd, buffer, (size_t)got), got);
				if (got == 0)
					close(fd);
				else
					CHECK_INT(errno, EAGAIN);
			}
		}
	}
	close(epoll);
	return arg;
}

static void *talks(void *arg)
{
	int fd = net_connect(&address);
	char out[32], in[32] = "";

	for (int i = 0; i < ROUNDS; i++) {
		size_t size = (size_t)snprintf(out, sizeof out, "%ld/%d", (long)arg, i);

		write_all(fd, out, size);
		read_all(fd, in, size);
		CHECK_INT(memcmp(in, out, size), 0);
		__atomic_add_fetch(&turns, 1, __ATOMIC_RELAXED);
		if (i % 5 == 0)
			usleep(500);
	}
	close(fd);
	return NULL;
}

int main(void)
{
	pthread_t server, clients[CLIENTS];
	uint64_t one = 1;

	listener = net_listen(&address);
	stop = eventfd(0, 0);
	server = thread_start(loop, NULL);
	for (long i = 0; i < CLIENTS; i++)
		clients[i] = thread_start(talks, (void *)i);
	for (int i = 0; i < CLIENTS; i++)
		thread_join(clients[i]);
	write_all(stop, &one, sizeof one);
	thread_join(server);
	printf("%d turns\n", turns);
	return guest_done();
}
