/* POSIX asynchronous I/O, which libc does with threads of its own; completion by aio_suspend and by a callback in a
 * thread. */
#include "guest.h"

#include <aio.h>
#include <semaphore.h>

static sem_t called;

static void notify(union sigval value)
{
	CHECK_INT(value.sival_int, 9);
	sem_post(&called);
}

int main(void)
{
	char name[] = "/tmp/aio.XXXXXX", text[4][8];
	struct aiocb block[4];
	const struct aiocb *list[1];
	int fd = mkstemp(name);

	unlink(name);
	sem_init(&called, 0, 0);
	memset(block, 0, sizeof block);
	for (int i = 0; i < 4; i++) {
		snprintf(text[i], sizeof text[i], "block %d", i);
		block[i].aio_fildes = fd;
		block[i].aio_buf = text[i];
		block[i].aio_nbytes = 7;
		block[i].aio_offset = i * 7;
		CHECK_INT(aio_write(&block[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		list[0] = &block[i];
		while (aio_error(&block[i]) == EINPROGRESS)
			aio_suspend(list, 1, NULL);
		CHECK_INT(aio_return(&block[i]), 7);
	}
	memset(text, 0, sizeof text);
	block[2].aio_sigevent.sigev_notify = SIGEV_THREAD;
	block[2].aio_sigevent.sigev_notify_function = notify;
	block[2].aio_sigevent.sigev_value.sival_int = 9;
	CHECK_INT(aio_read(&block[2]), 0);
	sem_wait(&called);
	CHECK_INT(aio_return(&block[2]), 7);
	CHECK_STR(text[2], "block 2");
	return guest_done();
}
