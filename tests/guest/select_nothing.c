/* select and poll without any time, a great many times, while another thread is blocked: what is not ready is never
 * said to be. */
#include "guest.h"

#include <poll.h>
#include <sys/select.h>

enum { ROUNDS = 300000 };

int main(void)
{
	pthread_t thread;
	int empty[2], late[2], wrong = 0;

	if (pipe(empty) == -1 || pipe(late) == -1)
		guest_die("pipe");
	CHECK_INT(pthread_create(&thread, NULL, byte_awaited, late), 0);
	for (int i = 0; i < ROUNDS; i++) {
		struct timeval none = { 0, 0 };
		struct timespec no_time = { 0, 0 };
		struct pollfd one = { .fd = empty[0], .events = POLLIN, .revents = POLLIN };
		fd_set reads, excepts;
		int n;

		FD_ZERO(&reads);
		FD_SET(empty[0], &reads);
		excepts = reads;
		if (i % 3 == 0)
			n = select(empty[0] + 1, &reads, NULL, &excepts, &none);
		else if (i % 3 == 1)
			n = pselect(empty[0] + 1, &reads, NULL, &excepts, &no_time, NULL);
		else
			n = poll(&one, 1, 0);
		if (i % 3 == 2)
			wrong += n != 0 || one.revents;
		else
			wrong += n != 0 || FD_ISSET(empty[0], &reads) || FD_ISSET(empty[0], &excepts);
	}
	CHECK_INT(wrong, 0);
	write_all(late[1], "x", 1);
	CHECK_INT(pthread_join(thread, NULL), 0);
	return guest_done();
}
