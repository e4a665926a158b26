/* A call with a time of its own comes back in time, neither early nor late, though other threads compute, and signals
 * for another thread come meanwhile; and the others go on. Late is told by what the others could compute meanwhile,
 * which does not depend on how busy the machine is. */
#include "guest.h"

#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/sem.h>

enum { MS = 400, MOST_CPU = 4 * MS }; /* two threads compute */

static volatile bool over;
static volatile long work;
static volatile int handled;
static int pipe_fd[2], semaphores, epoll;
static uint32_t word;

static void sleeps(void)
{
	nanosleep(&(struct timespec){ 0, MS * 1000000 }, NULL);
}
static void sleeps_by_clock(void)
{
	clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ 0, MS * 1000000 }, NULL);
}
static void polls(void)
{
	CHECK_INT(poll(&(struct pollfd){ pipe_fd[0], POLLIN, 0 }, 1, MS), 0);
}

static void ppolls(void)
{
	CHECK_INT(ppoll(&(struct pollfd){ pipe_fd[0], POLLIN, 0 }, 1, &(struct timespec){ 0, MS * 1000000 }, NULL), 0);
}

static void selects(void)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(pipe_fd[0], &set);
	CHECK_INT(select(pipe_fd[0] + 1, &set, NULL, NULL, &(struct timeval){ 0, MS * 1000 }), 0);
}

static void epolls(void)
{
	struct epoll_event ev;

	CHECK_INT(epoll_wait(epoll, &ev, 1, MS), 0);
}

static void semtimedops(void)
{
	struct sembuf down = { 0, -1, 0 };

	CHECK_FAILS(semtimedop(semaphores, &down, 1, &(struct timespec){ 0, MS * 1000000 }), EAGAIN);
}

static void futexes(void)
{
	struct timespec ts = { 0, MS * 1000000 };

	CHECK_FAILS(syscall(SYS_futex, &word, 128 /* FUTEX_WAIT_PRIVATE */, 0, &ts), ETIMEDOUT);
}

static const struct {
	const char *name;
	void (*call)(void);
} calls[] = {
	{ "nanosleep", sleeps },
	{ "clock_nanosleep", sleeps_by_clock },
	{ "poll", polls },
	{ "ppoll", ppolls },
	{ "select", selects },
	{ "epoll_wait", epolls },
	{ "semtimedop", semtimedops },
	{ "futex", futexes },
};

static void handler(int sig __attribute__((unused)))
{
	handled++;
}

static void *computes(void *arg)
{
	while (!over)
		work++;
	return arg;
}

static int64_t cpu_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Sends signals to the one that computes. */
static void *signals(void *arg)
{
	while (!over) {
		pthread_kill(*(pthread_t *)arg, SIGUSR1);
		sched_yield();
		for (volatile int i = 0; i < 3000000; i++)
			;
	}
	return NULL;
}

int main(void)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct sigaction sa = { .sa_handler = handler };
	pthread_t computer, signaler;

	sigaction(SIGUSR1, &sa, NULL);
	CHECK_INT(pipe(pipe_fd), 0);
	epoll = epoll_create1(0);
	CHECK_INT(epoll_ctl(epoll, EPOLL_CTL_ADD, pipe_fd[0], &ev), 0);
	semaphores = semget(IPC_PRIVATE, 1, 0600);
	computer = thread_start(computes, NULL);
	signaler = thread_start(signals, &computer);
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		int64_t began = now_ms(), cpu = cpu_ms(), took;
		long before = work;

		calls[i].call();
		took = now_ms() - began;
		cpu = cpu_ms() - cpu;
		printf("%s: %s, the others %s\n", calls[i].name,
		       took < MS - 1    ? "early"
		       : cpu > MOST_CPU ? "late"
		                        : "in time",
		       work > before ? "go on" : "stand");
		if (took < MS - 1 || cpu > MOST_CPU)
			fprintf(stderr, "took %ld ms, %ld ms of processor time\n", (long)took, (long)cpu);
	}
	over = true;
	thread_join(signaler);
	thread_join(computer);
	semctl(semaphores, 0, IPC_RMID);
	CHECK(handled > 0);
	return guest_done();
}
