/* io_uring with its three calls: a thread waits for a completion, for three of them, with a time limit, and is
 * interrupted by a signal, while others go on and make them come. */
#include "guest.h"

#include <linux/io_uring.h>
#include <sys/mman.h>

struct ring {
	int fd;
	unsigned *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
};

static int pipes[3][2];
static char bytes[3];
static volatile sig_atomic_t handled;

static void note(int sig)
{
	handled += sig == SIGUSR1;
}

static int ring_make(struct ring *r)
{
	struct io_uring_params p;
	char *sq, *cq;

	memset(&p, 0, sizeof p);
	r->fd = (int)syscall(SYS_io_uring_setup, 8, &p);
	if (r->fd < 0)
		return 0;
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * sizeof(unsigned), PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
	          IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof *r->cqe, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
	          IORING_OFF_CQ_RING);
	r->sqe = mmap(NULL, p.sq_entries * sizeof *r->sqe, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, IORING_OFF_SQES);
	r->sq_tail = (unsigned *)(sq + p.sq_off.tail);
	r->sq_mask = (unsigned *)(sq + p.sq_off.ring_mask);
	r->sq_array = (unsigned *)(sq + p.sq_off.array);
	r->cq_head = (unsigned *)(cq + p.cq_off.head);
	r->cq_tail = (unsigned *)(cq + p.cq_off.tail);
	r->cq_mask = (unsigned *)(cq + p.cq_off.ring_mask);
	r->cqe = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
	return sq != MAP_FAILED && cq != MAP_FAILED && r->sqe != MAP_FAILED;
}

/* A read of one byte from pipe i, not yet submitted. */
static void ask_for(struct ring *r, int i)
{
	unsigned tail = *r->sq_tail, at = tail & *r->sq_mask;

	memset(&r->sqe[at], 0, sizeof r->sqe[at]);
	r->sqe[at].opcode = IORING_OP_READ;
	r->sqe[at].fd = pipes[i][0];
	r->sqe[at].addr = (uint64_t)(uintptr_t)&bytes[i];
	r->sqe[at].len = 1;
	r->sqe[at].user_data = (uint64_t)i;
	r->sq_array[at] = at;
	__atomic_store_n(r->sq_tail, tail + 1, __ATOMIC_RELEASE);
}

static int enter(struct ring *r, unsigned submit, unsigned least, unsigned flags, void *arg, size_t size)
{
	return (int)syscall(SYS_io_uring_enter, r->fd, submit, least, flags, arg, size);
}

static int taken(struct ring *r)
{
	unsigned head = *r->cq_head;
	int n = 0;

	for (; head != __atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE); head++, n++)
		CHECK_INT(r->cqe[head & *r->cq_mask].res, 1);
	__atomic_store_n(r->cq_head, head, __ATOMIC_RELEASE);
	return n;
}

static void *writer(void *arg)
{
	for (int i = 0; i < (int)(intptr_t)arg; i++) {
		usleep(20000);
		CHECK_INT(write(pipes[i][1], &"abc"[i], 1), 1);
	}
	return NULL;
}

static void *waiter(void *arg)
{
	struct ring *r = arg;

	ask_for(r, 0);
	CHECK_INT(enter(r, 1, 0, 0, NULL, 0), 1);
	CHECK_INT(enter(r, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0), -1);
	CHECK_INT(errno, EINTR);
	CHECK_INT(handled, 1);
	CHECK_INT(enter(r, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0), 0);
	CHECK_INT(taken(r), 1);
	return NULL;
}

int main(void)
{
	struct __kernel_timespec ts = { 0, 30000000 };
	struct io_uring_getevents_arg ext = { .ts = (uint64_t)(uintptr_t)&ts };
	struct ring r;
	pthread_t t;

	if (!ring_make(&r)) {
		printf("no io_uring here: %s\n", strerror(errno));
		return guest_done();
	}
	for (int i = 0; i < 3; i++)
		CHECK_INT(pipe(pipes[i]), 0);

	/* Three completions, one after another; submitted and waited for in one call. */
	pthread_create(&t, NULL, writer, (void *)3);
	for (int i = 0; i < 3; i++)
		ask_for(&r, i);
	CHECK_INT(enter(&r, 3, 3, IORING_ENTER_GETEVENTS, NULL, 0), 3);
	CHECK_INT(taken(&r), 3);
	CHECK(!memcmp(bytes, "abc", 3));
	pthread_join(t, NULL);

	/* A time limit, and then what was waited for. */
	ask_for(&r, 0);
	CHECK_INT(enter(&r, 1, 0, 0, NULL, 0), 1);
	pthread_create(&t, NULL, writer, (void *)0);
	CHECK_INT(enter(&r, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &ext, sizeof ext), -1);
	CHECK_INT(errno, ETIME);
	pthread_join(t, NULL);
	pthread_create(&t, NULL, writer, (void *)1);
	CHECK_INT(enter(&r, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0), 0);
	CHECK_INT(taken(&r), 1);
	pthread_join(t, NULL);

	/* A signal ends the wait, SA_RESTART or not. */
	on_signal(SIGUSR1, note, SA_RESTART);
	pthread_create(&t, NULL, waiter, &r);
	usleep(30000);
	pthread_kill(t, SIGUSR1);
	usleep(30000);
	CHECK_INT(write(pipes[0][1], "x", 1), 1);
	pthread_join(t, NULL);

	CHECK_INT(enter(&r, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &ext, 3), -1);
	CHECK_INT(errno, EINVAL);
	close(r.fd);
	CHECK_INT(enter(&r, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0), -1);
	CHECK_INT(errno, EBADF);
	puts("three completions, a time limit, a signal");
	return guest_done();
}
