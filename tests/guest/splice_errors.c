/* What is wrong with a splice is said at once, although its pipe is empty or full; a right one waits. */
#include "guest.h"

#include <semaphore.h>

static int empty[2], other[2];
static sem_t begun;

static void *moves(void *arg)
{
	sem_post(&begun);
	CHECK_INT(splice(empty[0], NULL, other[1], NULL, 100, 0), 4);
	return arg;
}

int main(void)
{
	char text[8] = "";
	loff_t offset = 1;
	pthread_t t;
	int null = open("/dev/null", O_WRONLY);

	CHECK_INT(pipe(empty), 0);
	CHECK_INT(pipe(other), 0);
	CHECK_INT(sem_init(&begun, 0, 0), 0);
	CHECK_OK(pthread_create(&t, NULL, moves, NULL)); /* so that nobody is alone */
	sem_wait(&begun);
	CHECK_FAILS(splice(other[0], &offset, empty[1], &offset, 10, 0), ESPIPE);
	CHECK_FAILS(splice(other[0], &offset, null, NULL, 10, 0), ESPIPE);
	CHECK_FAILS(splice(other[1], NULL, empty[1], NULL, 10, 0), EBADF);
	CHECK_FAILS(splice(other[0], NULL, empty[0], NULL, 10, 0), EBADF);
	CHECK_FAILS(splice(other[0], NULL, other[1], NULL, 10, 0), EINVAL);
	CHECK_FAILS(splice(other[0], NULL, empty[1], NULL, 10, ~15U), EINVAL);
	CHECK_FAILS(splice(other[0], NULL, empty[1], NULL, 10, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK_INT(splice(other[0], NULL, empty[1], NULL, 0, 0), 0);
	CHECK_INT(write(empty[1], "four", 4), 4);
	CHECK_OK(pthread_join(t, NULL));
	CHECK_INT(read(other[0], text, sizeof text), 4);
	puts(text);
	return guest_done();
}
