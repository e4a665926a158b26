/* A thread per connection: 200 clients at once talk to a blocking echo server in the same process, over TCP or a unix
 * socket. */
#include "guest.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { CLIENTS = 200, ROUNDS = 5 };

static int listener, inside, served;
static struct sockaddr_storage address;
static socklen_t address_length = sizeof address;
static pthread_barrier_t connected;

static void *serve(void *arg)
{
	int fd = (int)(long)arg;
	char buffer[256];
	ssize_t n;

	__atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
	while ((n = recv(fd, buffer, sizeof buffer, 0)) > 0)
		CHECK_INT(send(fd, buffer, (size_t)n, 0), n);
	CHECK_INT(n, 0);
	close(fd);
	__atomic_add_fetch(&served, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void *accepts(void *arg)
{
	pthread_t threads[CLIENTS];

	for (int i = 0; i < CLIENTS; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		CHECK(fd >= 0);
		CHECK_INT(fcntl(fd, F_GETFL), O_RDWR);
		CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
		threads[i] = thread_start(serve, (void *)(long)fd);
	}
	for (int i = 0; i < CLIENTS; i++)
		thread_join(threads[i]);
	return arg;
}

static void *talks(void *arg)
{
	int fd = socket(address.ss_family, SOCK_STREAM, 0);
	char out[64], in[64];

	CHECK_INT(connect(fd, (struct sockaddr *)&address, address_length), 0);
	pthread_barrier_wait(&connected);
	for (int i = 0; i < ROUNDS; i++) {
		size_t size = (size_t)snprintf(out, sizeof out, "client %ld says %d", (long)arg, i);

		write_all(fd, out, size);
		memset(in, 0, sizeof in);
		read_all(fd, in, size);
		CHECK_STR(in, out);
	}
	CHECK_INT(shutdown(fd, SHUT_WR), 0);
	CHECK_INT(read(fd, in, 1), 0);
	close(fd);
	return NULL;
}

int main(int argc, char **argv)
{
	static pthread_t clients[CLIENTS];
	pthread_t server;

	(void)argv;
	if (argc > 1) {
		struct sockaddr_un *name = (struct sockaddr_un *)&address;

		name->sun_family = AF_UNIX;
		address_length = sizeof(sa_family_t); /* the kernel picks a free abstract name */
	} else {
		struct sockaddr_in *name = (struct sockaddr_in *)&address;

		name->sin_family = AF_INET;
		name->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		address_length = sizeof *name;
	}
	listener = socket(address.ss_family, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&address, address_length) == -1 || listen(listener, CLIENTS) == -1)
		guest_die("listen");
	address_length = sizeof address;
	CHECK_INT(getsockname(listener, (struct sockaddr *)&address, &address_length), 0);
	pthread_barrier_init(&connected, NULL, CLIENTS);
	server = thread_start(accepts, NULL);
	for (long i = 0; i < CLIENTS; i++)
		clients[i] = thread_start(talks, (void *)i);
	for (int i = 0; i < CLIENTS; i++)
		thread_join(clients[i]);
	thread_join(server);
	printf("%d connections came, %d were served\n", inside, served);
	return guest_done();
}
