/* select and pselect: the sets, the time that is left, none at all, bad descriptors. */
#include "guest.h"

#include <sys/select.h>
#include <sys/socket.h>

static int pipe_fd[2], pair[2];

static void *writes_late(void *arg)
{
	sleep_ms(30);
	write_all(*(int *)arg, "x", 1);
	return NULL;
}

int main(void)
{
	fd_set reads, writes;
	struct timeval limit = { 0, 40000 };
	struct timespec precise = ms_timespec(40);
	pthread_t thread;
	int64_t start = now_ms();
	int most;

	if (pipe(pipe_fd) == -1 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		guest_die("pipe");
	most = pair[1] + 1;
	CHECK_INT(select(0, NULL, NULL, NULL, &limit), 0);
	CHECK_INT(limit.tv_sec + limit.tv_usec, 0);
	CHECK_INT(pselect(0, NULL, NULL, NULL, &precise, NULL), 0);
	CHECK(now_ms() - start >= 79);
	CHECK_INT(precise.tv_nsec, 40000000); /* pselect leaves it alone */

	FD_ZERO(&reads);
	FD_SET(pipe_fd[0], &reads);
	FD_SET(pair[0], &reads);
	limit.tv_usec = 20000;
	CHECK_INT(select(most, &reads, NULL, NULL, &limit), 0);
	CHECK(!FD_ISSET(pipe_fd[0], &reads) && !FD_ISSET(pair[0], &reads));

	FD_SET(pipe_fd[0], &reads);
	FD_SET(pair[0], &reads);
	thread = thread_start(writes_late, &pair[1]);
	limit.tv_sec = 20;
	CHECK_INT(select(most, &reads, NULL, NULL, &limit), 1);
	CHECK(!FD_ISSET(pipe_fd[0], &reads) && FD_ISSET(pair[0], &reads));
	CHECK(limit.tv_sec < 20 && limit.tv_sec > 10); /* the time that was left */
	thread_join(thread);

	FD_ZERO(&writes);
	FD_SET(pair[0], &writes);
	FD_SET(pipe_fd[1], &writes);
	FD_SET(pair[0], &reads);
	CHECK_INT(pselect(most, &reads, &writes, NULL, NULL, NULL), 3);
	CHECK(FD_ISSET(pair[0], &writes) && FD_ISSET(pipe_fd[1], &writes) && FD_ISSET(pair[0], &reads));

	FD_ZERO(&reads);
	FD_SET(pipe_fd[0], &reads);
	thread = thread_start(writes_late, &pipe_fd[1]);
	CHECK_INT(select(most, &reads, NULL, NULL, NULL), 1);
	thread_join(thread);
	FD_ZERO(&reads);
	FD_SET(pair[1], &reads);
	close(pair[1]);
	CHECK_FAILS(select(most, &reads, NULL, NULL, &limit), EBADF);
	CHECK_FAILS(select(-1, NULL, NULL, NULL, &limit), EINVAL);
	limit.tv_sec = -1;
	CHECK_FAILS(select(0, NULL, NULL, NULL, &limit), EINVAL);
	return guest_done();
}
