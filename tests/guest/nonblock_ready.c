/* Descriptors that the program made non-blocking and that are ready, used a great many times while another thread is
 * blocked: none ever says that it is not. */
#include "guest.h"

#include <sys/eventfd.h>

enum { ROUNDS = 1000000 };

int main(void)
{
	int counter = eventfd(0, EFD_NONBLOCK), late[2], refused = 0;
	uint64_t one = 1, sum;
	pthread_t thread;

	if (pipe(late) == -1 || counter == -1)
		guest_die("eventfd");
	thread = thread_start(byte_awaited, late);
	for (int i = 0; i < ROUNDS; i++)
		refused += write(counter, &one, sizeof one) != sizeof one;
	CHECK_INT(refused, 0);
	CHECK_INT(read(counter, &sum, sizeof sum), sizeof sum);
	CHECK_INT(sum, ROUNDS);
	CHECK_FAILS(read(counter, &sum, sizeof sum), EAGAIN);
	write_all(late[1], "x", 1);
	thread_join(thread);
	return guest_done();
}
