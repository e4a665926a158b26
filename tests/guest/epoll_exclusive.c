/* EPOLLEXCLUSIVE: a listener or an eventfd in a set for each of several threads; what may be asked of it and what not;
 * each event wakes at least one of those that are blocked, and each is taken once. */
#include "guest.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#define THREADS 6
#define EVENTS  60

static int counter, taken, ready;

static void *serves(void *arg)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE }, came;
	int epoll = epoll_create1(0);
	uint64_t one;

	CHECK_INT(epoll_ctl(epoll, EPOLL_CTL_ADD, counter, &event), 0);
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&taken, __ATOMIC_SEQ_CST) < EVENTS) {
		CHECK_INT(epoll_wait(epoll, &came, 1, -1), 1);
		if (read(counter, &one, sizeof one) != sizeof one) {
			CHECK_INT(errno, EAGAIN);
			continue;
		}
		__atomic_add_fetch(&taken, 1, __ATOMIC_SEQ_CST);
	}
	one = 1; /* the next one is to end */
	write_all(counter, &one, sizeof one);
	close(epoll);
	return arg;
}

/* Row for row: what is asked for beside EPOLLEXCLUSIVE, and the answer. */
static const struct request {
	int op;
	uint32_t events;
	int error;
} requests[] = {
	{ EPOLL_CTL_ADD, EPOLLIN, 0 },
	{ EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT | EPOLLET | EPOLLWAKEUP, 0 },
	{ EPOLL_CTL_ADD, EPOLLERR | EPOLLHUP, 0 },
	{ EPOLL_CTL_ADD, EPOLLIN | EPOLLONESHOT, EINVAL },
	{ EPOLL_CTL_ADD, EPOLLIN | EPOLLRDHUP, EINVAL },
	{ EPOLL_CTL_ADD, EPOLLPRI, EINVAL },
	{ EPOLL_CTL_MOD, EPOLLIN, EINVAL },
};

static void ask(const struct request *row)
{
	struct epoll_event event = { .events = row->events | EPOLLEXCLUSIVE }, plain = { .events = EPOLLIN };
	int epoll = epoll_create1(0);

	if (row->op == EPOLL_CTL_MOD)
		CHECK_INT(epoll_ctl(epoll, EPOLL_CTL_ADD, counter, &plain), 0);
	if (row->error)
		CHECK_FAILS(epoll_ctl(epoll, row->op, counter, &event), row->error);
	else
		CHECK_INT(epoll_ctl(epoll, row->op, counter, &event), 0);
	if (!row->error) {
		CHECK_FAILS(epoll_ctl(epoll, EPOLL_CTL_MOD, counter, &plain), EINVAL);
		CHECK_INT(epoll_ctl(epoll, EPOLL_CTL_DEL, counter, NULL), 0);
	}
	close(epoll);
}

/* A set in a set cannot be exclusive; five may make a chain, and make no ring. */
static void sets_in_sets(void)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	int set[6];

	for (int i = 0; i < 6; i++)
		set[i] = epoll_create1(0);
	CHECK_FAILS(epoll_ctl(set[0], EPOLL_CTL_ADD, set[1], &event), EINVAL);
	event.events = EPOLLIN | EPOLLET;
	CHECK_FAILS(epoll_ctl(set[0], EPOLL_CTL_ADD, set[0], &event), EINVAL);
	for (int i = 0; i < 4; i++)
		CHECK_INT(epoll_ctl(set[i], EPOLL_CTL_ADD, set[i + 1], &event), 0);
	CHECK_FAILS(epoll_ctl(set[4], EPOLL_CTL_ADD, set[0], &event), ELOOP);
	CHECK_FAILS(epoll_ctl(set[4], EPOLL_CTL_ADD, set[5], &event), ELOOP);
	for (int i = 0; i < 6; i++)
		close(set[i]);
}

/* An edge goes through a set within a set once, one-shot until it is armed again. */
static void *adds_one(void *arg)
{
	uint64_t one = 1;

	sleep_ms(10);
	write_all(*(int *)arg, &one, sizeof one);
	return NULL;
}

static void edge_in_set(void)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET }, came;
	int inner = epoll_create1(0), outer = epoll_create1(0), fd = eventfd(0, EFD_NONBLOCK);
	uint64_t count;

	CHECK_INT(epoll_ctl(inner, EPOLL_CTL_ADD, fd, &event), 0);
	event.events = EPOLLIN | EPOLLET | EPOLLONESHOT;
	CHECK_INT(epoll_ctl(outer, EPOLL_CTL_ADD, inner, &event), 0);
	for (int i = 0; i < 3; i++) {
		pthread_t thread = thread_start(adds_one, &fd);

		CHECK_INT(epoll_wait(outer, &came, 1, 2000), 1);
		thread_join(thread);
		CHECK_INT(epoll_wait(outer, &came, 1, 0), 0);
		CHECK_INT(epoll_wait(inner, &came, 1, 0), 1);
		CHECK_INT(epoll_wait(inner, &came, 1, 5), 0); /* the edge is over */
		CHECK_INT(epoll_ctl(outer, EPOLL_CTL_MOD, inner, &event), 0);
		CHECK_INT(epoll_wait(outer, &came, 1, 5), 0);
		CHECK_INT(read(fd, &count, sizeof count), sizeof count);
		CHECK_INT(count, 1);
	}
	close(inner);
	close(outer);
	close(fd);
}

int main(void)
{
	pthread_t thread[THREADS];
	uint64_t one = 1;

	counter = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE);
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
		ask(&requests[i]);
	sets_in_sets();
	edge_in_set();
	for (int i = 0; i < THREADS; i++)
		thread[i] = thread_start(serves, NULL);
	while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) < THREADS)
		sched_yield();
	for (int i = 0; i < EVENTS; i++) {
		write_all(counter, &one, sizeof one);
		while (__atomic_load_n(&taken, __ATOMIC_SEQ_CST) <= i)
			sched_yield();
	}
	for (int i = 0; i < THREADS; i++)
		thread_join(thread[i]);
	printf("%d events, %d threads\n", taken >= EVENTS ? EVENTS : taken, THREADS);
	return guest_done();
}
