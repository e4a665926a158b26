/* POSIX asynchronous I/O, which libc does with threads of its own; completion by aio_suspend, by a callback in a thread
 * and by a signal; lists, with and without waiting; a request that waits for a pipe, and is cancelled or not. */
#include "guest.h"

#include <aio.h>
#include <semaphore.h>

static sem_t called;
static volatile sig_atomic_t signalled, value;

static void on_done(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	value = info->si_value.sival_int;
	signalled++;
}

/* Two writes and a read as one list, told of as a whole. */
static void lists(int fd)
{
	char text[3][8] = { "first", "second", "" };
	struct aiocb block[3], *list[3];
	struct sigevent event;
	struct sigaction action;

	memset(&action, 0, sizeof action);
	action.sa_sigaction = on_done;
	action.sa_flags = SA_SIGINFO | SA_RESTART;
	CHECK_INT(sigaction(SIGRTMIN + 4, &action, NULL), 0);
	for (int how = 0; how < 2; how++) {
		memset(block, 0, sizeof block);
		for (int i = 0; i < 3; i++) {
			block[i].aio_fildes = fd;
			block[i].aio_buf = text[i];
			block[i].aio_nbytes = i < 2 ? strlen(text[i]) : 5;
			block[i].aio_offset = i == 2 ? 0 : 100 + i * 10;
			block[i].aio_lio_opcode = i == 2 ? LIO_READ : LIO_WRITE;
			list[i] = &block[i];
		}
		memset(&event, 0, sizeof event);
		event.sigev_notify = SIGEV_SIGNAL;
		event.sigev_signo = SIGRTMIN + 4;
		event.sigev_value.sival_int = 5;
		CHECK_INT(lio_listio(how ? LIO_NOWAIT : LIO_WAIT, list, 3, how ? &event : NULL), 0);
		while (how && !signalled)
			sleep_ms(1);
		CHECK_INT(value, how ? 5 : 0);
		for (int i = 0; i < 3; i++) {
			CHECK_INT(aio_error(&block[i]), 0);
			CHECK_INT(aio_return(&block[i]), (ssize_t)block[i].aio_nbytes);
		}
		CHECK_INT(strncmp(text[2], "block", 5), 0);
	}
	block[0].aio_lio_opcode = 77;
	CHECK_FAILS(lio_listio(7, list, 1, NULL), EINVAL);
}

/* A read of an empty pipe blocks the thread that libc made for it, and nobody else. */
static void waits(void)
{
	struct timespec soon = ms_timespec(50); /* in which it begins */
	struct aiocb block[2];
	const struct aiocb *list[1] = { &block[0] };
	char text[2][8] = { "", "" };
	int fd[2];

	if (pipe(fd) == -1)
		guest_die("pipe");
	memset(block, 0, sizeof block);
	for (int i = 0; i < 2; i++) {
		block[i].aio_fildes = fd[0];
		block[i].aio_buf = text[i];
		block[i].aio_nbytes = 1;
		CHECK_INT(aio_read(&block[i]), 0);
	}
	CHECK_FAILS(aio_suspend(list, 1, &soon), EAGAIN);
	CHECK_INT(aio_error(&block[0]), EINPROGRESS);
	CHECK_INT(aio_cancel(fd[0], &block[0]), AIO_NOTCANCELED); /* it is being read */
	CHECK_INT(aio_cancel(fd[0], &block[1]), AIO_CANCELED);    /* behind the first */
	CHECK_INT(aio_error(&block[1]), ECANCELED);
	write_all(fd[1], "p", 1);
	while (aio_suspend(list, 1, NULL) == -1)
		;
	CHECK_INT(aio_error(&block[0]), 0);
	CHECK_INT(aio_return(&block[0]), 1);
	CHECK_INT(text[0][0], 'p');
	close(fd[0]);
	close(fd[1]);
}

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
	lists(fd);
	waits();
	block[0].aio_sigevent.sigev_notify = SIGEV_NONE;
	CHECK_INT(aio_fsync(O_SYNC, &block[0]), 0);
	list[0] = &block[0];
	while (aio_error(&block[0]) == EINPROGRESS)
		aio_suspend(list, 1, NULL);
	CHECK_INT(aio_return(&block[0]), 0);
	return guest_done();
}
