/* times.c - waits that end because their time is over, and timers: see random.h. */
#include "random.h"
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>

static struct timespec after(clockid_t clock, long us)
{
	struct timespec t;

	clock_gettime(clock, &t);
	t.tv_nsec += us * 1000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

/* What a pipe that stays empty, a semaphore that nobody posts and so on give in the end. */
static int run_out(uint32_t how, long us, int quiet, int sock)
{
	struct timespec until = after(CLOCK_REALTIME, us), length = { 0, us * 1000 };
	struct timeval tv = { 0, us };
	struct pollfd p = { quiet, POLLIN, 0 };
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
	pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
	struct epoll_event ev = { .events = EPOLLIN };
	fd_set set;
	char byte;
	sem_t sem;
	int r, ep;

	switch (how) {
	case 0:
		sem_init(&sem, 0, 0);
		return sem_timedwait(&sem, &until) ? errno : 0;
	case 1:
		pthread_mutex_lock(&mutex);
		while (!(r = pthread_cond_timedwait(&cond, &mutex, &until)))
			;
		return r;
	case 2:
		pthread_mutex_lock(&mutex);
		return pthread_mutex_timedlock(&mutex, &until);
	case 3:
		pthread_rwlock_rdlock(&rwlock);
		return pthread_rwlock_timedwrlock(&rwlock, &until);
	case 4: return ppoll(&p, 1, &length, NULL) < 0 ? errno : p.revents;
	case 5:
		FD_ZERO(&set);
		FD_SET(quiet, &set);
		return select(quiet + 1, &set, NULL, NULL, &tv) < 0 ? errno : FD_ISSET(quiet, &set);
	case 6:
		ep = epoll_create1(EPOLL_CLOEXEC);
		epoll_ctl(ep, EPOLL_CTL_ADD, quiet, &ev);
		r = epoll_wait(ep, &ev, 1, (int)(us / 1000) + 1) < 0 ? errno : 0;
		close(ep);
		return r;
	case 7: return nanosleep(&length, NULL) ? errno : 0;
	case 8:
		setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
		return recv(sock, &byte, 1, 0) < 0 ? errno : 0;
	default:
		until = after(CLOCK_MONOTONIC, us);
		return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	}
}

static void timeout(struct event *e, struct worker *w, int role)
{
	struct random r = drawing(e, role);
	uint32_t how = draw(&r, 10);
	int quiet[2], sock[2], came;

	if (pipe2(quiet, O_CLOEXEC) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock))
		guest_die("pipe2");
	for (;;) {
		long us = 1000 + draw(&r, 6000);
		struct timespec begin, end;

		clock_gettime(CLOCK_MONOTONIC, &begin);
		came = run_out(how, us, quiet[0], sock[0]);
		clock_gettime(CLOCK_MONOTONIC, &end);
		if (came == EINTR)
			continue;
		/* CLOCK_REALTIME may be slewed meanwhile, by less than this. */
		if ((end.tv_sec - begin.tv_sec) * 1000000000 + end.tv_nsec - begin.tv_nsec < us * 999)
			note(w, e, "%u was too early", how);
		break;
	}
	note(w, e, "%u: %s", how, named(came));
	for (int i = 0; i < 2; i++) {
		close(quiet[i]);
		close(sock[i]);
	}
}

static void timers(struct event *e, struct worker *w, int role)
{
	struct random r = drawing(e, role);
	struct itimerspec its = { { 0, 0 }, { 0, 500000 + draw(&r, 3000) * 1000 } };
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN + 21 };
	uint64_t count = 0;
	siginfo_t info;
	timer_t timer;
	sigset_t set;
	int fd;

	if (draw(&r, 2)) {
		fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
		timerfd_settime(fd, 0, &its, NULL);
		while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
			;
		note(w, e, "timerfd %llu", (unsigned long long)count);
		close(fd);
		return;
	}
	ev._sigev_un._tid = gettid();
	ev.sigev_value.sival_int = e->nr;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 21);
	if (timer_create(CLOCK_MONOTONIC, &ev, &timer))
		guest_die("timer_create");
	timer_settime(timer, 0, &its, NULL);
	while (sigwaitinfo(&set, &info) < 0 && errno == EINTR)
		;
	note(w, e, "timer: own %d, code %d", info.si_value.sival_int == e->nr, info.si_code);
	note(w, e, "delete: %d", timer_delete(timer));
}

const struct kind time_kinds[] = { { "timeout", 1, 1, NULL, timeout }, { "timer", 1, 1, NULL, timers }, { 0 } };
