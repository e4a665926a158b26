/* The kernel's own asynchronous I/O: io_submit, io_getevents with and without a time limit, completion through an
 * eventfd, io_pgetevents, IOCB_CMD_POLL, cancelling; other threads go on meanwhile. */
#include "guest.h"

#include <linux/aio_abi.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

static aio_context_t context;
static int pipe_fd[2];

static long submit(struct iocb *block)
{
	struct iocb *list[1] = { block };

	return syscall(SYS_io_submit, context, 1L, list);
}

static long getevents(long least, long most, struct io_event *events, struct timespec *limit)
{
	return syscall(SYS_io_getevents, context, least, most, events, limit);
}

static void *writes_late(void *arg)
{
	sleep_ms(20);
	write_all(pipe_fd[1], "x", 1);
	return arg;
}

/* Takes two, which come one after the other. */
static void *takes_two(void *arg)
{
	struct io_event two[2];

	CHECK_INT(getevents(2, 2, two, NULL), 2);
	return arg;
}

static volatile sig_atomic_t handled;
static atomic_bool ended;

static void handler(int sig)
{
	handled = sig;
}

/* Blocked in it, it takes a signal: EINTR, restarted by no flag. */
static void *interrupted(void *mask)
{
	struct {
		const void *mask;
		size_t size;
	} sig = { mask, 8 };
	struct timespec limit = { 60, 0 };
	struct io_event event;

	if (mask)
		CHECK_FAILS(syscall(SYS_io_pgetevents, context, 1L, 1L, &event, &limit, &sig), EINTR);
	else
		CHECK_FAILS(getevents(1, 1, &event, &limit), EINTR);
	CHECK_INT(handled, SIGUSR1);
	atomic_store(&ended, true);
	return NULL;
}

static void signals(void)
{
	sigset_t usr1, none;
	pthread_t thread;

	on_signal(SIGUSR1, handler, SA_RESTART);
	sigemptyset(&none);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	for (int masked = 0; masked < 2; masked++) {
		handled = 0;
		atomic_store(&ended, false);
		pthread_sigmask(masked ? SIG_BLOCK : SIG_UNBLOCK, &usr1, NULL);
		thread = thread_start(interrupted, masked ? &none : NULL);
		while (!atomic_load(&ended)) { /* it may not be in the call yet */
			pthread_kill(thread, SIGUSR1);
			sleep_ms(1);
		}
		thread_join(thread);
	}
	pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
}

static struct iocb block(int op, int fd, void *buffer, size_t size, uint64_t data)
{
	struct iocb b;

	memset(&b, 0, sizeof b);
	b.aio_lio_opcode = (uint16_t)op;
	b.aio_fildes = (uint32_t)fd;
	b.aio_buf = (uint64_t)(uintptr_t)buffer;
	b.aio_nbytes = size;
	b.aio_data = data;
	return b;
}

int main(void)
{
	char path[] = "/tmp/aio-kernel.XXXXXX", text[16] = "";
	struct timespec soon = ms_timespec(20), none = { 0, 0 };
	struct io_event events[4];
	int file = mkstemp(path), done = eventfd(0, 0);
	struct iocb b, waits;
	pthread_t thread;
	uint64_t count;
	int64_t start;

	unlink(path);
	if (pipe(pipe_fd) == -1)
		guest_die("pipe");
	CHECK_FAILS(syscall(SYS_io_setup, 0, &context), EINVAL);
	CHECK_INT(syscall(SYS_io_setup, 8, &context), 0);

	b = block(IOCB_CMD_PWRITE, file, "written", 7, 1);
	b.aio_flags = IOCB_FLAG_RESFD;
	b.aio_resfd = (uint32_t)done;
	CHECK_INT(submit(&b), 1);
	CHECK_INT(read(done, &count, sizeof count), sizeof count);
	CHECK_INT(count, 1);
	CHECK_INT(getevents(1, 4, events, NULL), 1);
	CHECK_INT(events[0].data, 1);
	CHECK_INT(events[0].res, 7);
	b = block(IOCB_CMD_PREAD, file, text, sizeof text, 2);
	CHECK_INT(submit(&b), 1);
	CHECK_INT(getevents(1, 1, events, NULL), 1);
	CHECK_INT(events[0].res, 7);
	CHECK_STR(text, "written");
	b = block(IOCB_CMD_PREAD, 999, text, sizeof text, 3);
	CHECK_FAILS(submit(&b), EBADF);

	start = now_ms();
	CHECK_INT(getevents(1, 4, events, &soon), 0);
	CHECK(now_ms() - start >= 19);
	CHECK_INT(getevents(0, 4, events, &none), 0);
	CHECK_FAILS(getevents(5, 4, events, NULL), EINVAL);

	/* The thread that waits for it does not hold up the one that brings it. */
	for (int how = 0; how < 2; how++) {
		char byte;

		waits = block(IOCB_CMD_POLL, pipe_fd[0], (void *)POLLIN, 0, 4);
		CHECK_INT(submit(&waits), 1);
		thread = thread_start(writes_late, NULL);
		if (how == 0)
			CHECK_INT(getevents(1, 4, events, NULL), 1);
		else
			CHECK_INT(syscall(SYS_io_pgetevents, context, 1L, 4L, events, NULL, NULL), 1);
		CHECK_INT(events[0].data, 4);
		CHECK(events[0].res & POLLIN);
		thread_join(thread);
		read_all(pipe_fd[0], &byte, 1);
	}
	thread = thread_start(takes_two, NULL);
	for (int i = 0; i < 2; i++) {
		sleep_ms(5);
		b = block(IOCB_CMD_PREAD, file, text, sizeof text, 5);
		CHECK_INT(submit(&b), 1);
	}
	thread_join(thread);
	signals();
	CHECK_INT(submit(&waits), 1);
	CHECK_FAILS(syscall(SYS_io_cancel, context, &waits, events), EINPROGRESS);
	CHECK_INT(getevents(1, 4, events, NULL), 1);
	CHECK_INT(syscall(SYS_io_destroy, context), 0);
	CHECK_FAILS(getevents(0, 4, events, &none), EINVAL);
	return guest_done();
}
