/* Several threads blocked in accept on one listener: each connection goes to exactly one; closing ends none of them
 * wrongly. */
#include "guest.h"

#include "net.h"

enum { ACCEPTORS = 5, CONNECTIONS = 100 };

static int listener, accepted;

static void *accepts(void *arg)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		char byte = 0;

		if (fd == -1)
			break; /* the listener was shut down */
		read_all(fd, &byte, 1);
		if (byte == 'c')
			__atomic_add_fetch(&accepted, 1, __ATOMIC_SEQ_CST);
		write_all(fd, &byte, 1);
		close(fd);
	}
	CHECK_INT(errno, EINVAL);
	return arg;
}

int main(void)
{
	struct sockaddr_in address;
	pthread_t threads[ACCEPTORS];
	char byte;

	listener = net_listen(&address);
	for (int i = 0; i < ACCEPTORS; i++)
		threads[i] = thread_start(accepts, NULL);
	for (int i = 0; i < CONNECTIONS; i++) {
		int fd = net_connect(&address);

		write_all(fd, "c", 1);
		read_all(fd, &byte, 1);
		close(fd);
	}
	printf("%d accepted\n", accepted);
	CHECK_INT(shutdown(listener, SHUT_RDWR), 0);
	for (int i = 0; i < ACCEPTORS; i++)
		thread_join(threads[i]);
	return guest_done();
}
