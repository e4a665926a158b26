/* epoll_wait, epoll_pwait and epoll_pwait2: level and edge, one-shot, time limits, sets in sets, several waiters,
 * errors. */
#include "guest.h"

#include <sys/epoll.h>

static int epoll, pipe_fd[2], woken;

static void *writes_late(void *arg)
{
	sleep_ms(30);
	write_all(pipe_fd[1], "x", 1);
	return arg;
}

static void *waits_one_shot(void *arg)
{
	struct epoll_event event;

	if (epoll_wait(epoll, &event, 1, -1) == 1) {
		char byte;

		CHECK_INT(event.data.u32, 5);
		read_all(pipe_fd[0], &byte, 1);
		__atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
		event.events = EPOLLIN | EPOLLONESHOT;
		CHECK_INT(epoll_ctl(epoll, EPOLL_CTL_MOD, pipe_fd[0], &event), 0);
	}
	return arg;
}

int main(void)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = 5 }, events[4];
	struct timespec limit = ms_timespec(40);
	pthread_t thread, several[4];
	int64_t start = now_ms();
	int outer, file;
	char byte;

	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (pipe(pipe_fd) == -1)
		guest_die("pipe");
	CHECK_INT(epoll_ctl(epoll, EPOLL_CTL_ADD, pipe_fd[0], &event), 0);
	CHECK_FAILS(epoll_ctl(epoll, EPOLL_CTL_ADD, pipe_fd[0], &event), EEXIST);
	CHECK_INT(epoll_wait(epoll, events, 4, 0), 0);
	CHECK_INT(epoll_wait(epoll, events, 4, 40), 0);
	CHECK_INT(epoll_pwait(epoll, events, 4, 40, NULL), 0);
	CHECK_INT(epoll_pwait2(epoll, events, 4, &limit, NULL), 0);
	CHECK(now_ms() - start >= 117);

	thread = thread_start(writes_late, NULL);
	CHECK_INT(epoll_wait(epoll, events, 4, -1), 1);
	CHECK_INT(events[0].events, EPOLLIN);
	CHECK_INT(events[0].data.u32, 5);
	CHECK_INT(epoll_pwait(epoll, events, 4, -1, NULL), 1); /* level: told again */
	thread_join(thread);
	read_all(pipe_fd[0], &byte, 1);
	thread = thread_start(writes_late, NULL);
	CHECK_INT(epoll_pwait2(epoll, events, 4, NULL, NULL), 1);
	thread_join(thread);

	event.events = EPOLLIN | EPOLLET;
	CHECK_INT(epoll_ctl(epoll, EPOLL_CTL_MOD, pipe_fd[0], &event), 0);
	CHECK_INT(epoll_wait(epoll, events, 4, -1), 1);
	CHECK_INT(epoll_wait(epoll, events, 4, 10), 0); /* edge: told once */
	write_all(pipe_fd[1], "x", 1);
	CHECK_INT(epoll_wait(epoll, events, 4, -1), 1);
	read_all(pipe_fd[0], &byte, 1);
	read_all(pipe_fd[0], &byte, 1);

	outer = epoll_create1(0);
	event.data.u32 = 6;
	event.events = EPOLLIN;
	CHECK_INT(epoll_ctl(outer, EPOLL_CTL_ADD, epoll, &event), 0);
	thread = thread_start(writes_late, NULL);
	CHECK_INT(epoll_wait(outer, events, 4, -1), 1);
	CHECK_INT(events[0].data.u32, 6);
	thread_join(thread);
	read_all(pipe_fd[0], &byte, 1);
	close(outer);

	event.data.u32 = 5;
	event.events = EPOLLIN | EPOLLONESHOT;
	CHECK_INT(epoll_ctl(epoll, EPOLL_CTL_MOD, pipe_fd[0], &event), 0);
	for (int i = 0; i < 4; i++)
		several[i] = thread_start(waits_one_shot, NULL);
	for (int i = 0; i < 4; i++) {
		write_all(pipe_fd[1], "x", 1);
		while (__atomic_load_n(&woken, __ATOMIC_SEQ_CST) <= i)
			sched_yield();
	}
	for (int i = 0; i < 4; i++)
		thread_join(several[i]);
	printf("%d woken, one for each byte\n", woken);

	file = open("/proc/self/exe", O_RDONLY);
	CHECK_FAILS(epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event), EPERM);
	CHECK_FAILS(epoll_ctl(epoll, EPOLL_CTL_DEL, pipe_fd[1], NULL), ENOENT);
	CHECK_FAILS(epoll_wait(epoll, events, 0, 0), EINVAL);
	CHECK_FAILS(epoll_wait(file, events, 1, 0), EINVAL);
	CHECK_FAILS(epoll_wait(999, events, 1, 0), EBADF);
	close(pipe_fd[1]);
	CHECK_INT(epoll_wait(epoll, events, 4, -1), 1);
	CHECK_INT(events[0].events, EPOLLHUP);
	return guest_done();
}
