/* locks.c - one after the other, and handing on by what waits for another thread: see random.h. */
#include "random.h"
#include <linux/futex.h>
#include <semaphore.h>
#include <sys/eventfd.h>
#include <sys/file.h>

/* ---- a counter that only one may touch at a time -------------------------------- */

struct counter {
	uint32_t how, times;
	pthread_mutex_t mutex;
	pthread_rwlock_t rwlock;
	pthread_spinlock_t spin;
	sem_t sem;
	int token[2];   /* a pipe with one byte in it */
	char path[32];
	long value;
};

static void prepare_counter(struct event *e, struct random *r)
{
	static const int types[] = { PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_ADAPTIVE_NP };
	struct counter *c = e->state = have(sizeof *c);
	pthread_mutexattr_t a;
	int fd;

	c->how = draw(r, 8);
	c->times = 1 + draw(r, 40);
	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, types[draw(r, 4)]);
	pthread_mutexattr_setprotocol(&a, draw(r, 3) ? PTHREAD_PRIO_NONE : PTHREAD_PRIO_INHERIT);
	pthread_mutexattr_setrobust(&a, draw(r, 3) ? PTHREAD_MUTEX_STALLED : PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&c->mutex, &a);
	pthread_rwlock_init(&c->rwlock, NULL);
	pthread_spin_init(&c->spin, 0);
	sem_init(&c->sem, 0, 1);
	strcpy(c->path, "/tmp/random-XXXXXX");
	fd = mkostemp(c->path, O_CLOEXEC);
	if (pipe2(c->token, O_CLOEXEC) || write(c->token[1], "", 1) != 1 || fd < 0)
		guest_die("counter");
	close(fd);
}

static int enter(struct counter *c, int fd)
{
	struct flock l = { .l_type = F_WRLCK };
	char byte;
	int r;

	switch (c->how) {
	case 0: return pthread_rwlock_wrlock(&c->rwlock);
	case 1: return pthread_spin_lock(&c->spin);
	case 2:
		while ((r = sem_wait(&c->sem)) && errno == EINTR)
			;
		return r;
	case 3: return flock(fd, LOCK_EX);
	case 4: return fcntl(fd, F_OFD_SETLKW, &l);
	case 5: return read(c->token[0], &byte, 1) == 1 ? 0 : errno;
	default: return pthread_mutex_lock(&c->mutex);
	}
}

static int leave(struct counter *c, int fd)
{
	struct flock l = { .l_type = F_UNLCK };

	switch (c->how) {
	case 0: return pthread_rwlock_unlock(&c->rwlock);
	case 1: return pthread_spin_unlock(&c->spin);
	case 2: return sem_post(&c->sem);
	case 3: return flock(fd, LOCK_UN);
	case 4: return fcntl(fd, F_OFD_SETLKW, &l);
	case 5: return write(c->token[1], "", 1) == 1 ? 0 : errno;
	default: return pthread_mutex_unlock(&c->mutex);
	}
}

static void count(struct event *e, struct worker *w, int role)
{
	struct random r = drawing(e, role);
	struct counter *c = e->state;
	int fd = open(c->path, O_RDWR | O_CLOEXEC), bad = fd < 0;

	for (uint32_t i = 0; i < c->times; i++) {
		long value;

		bad |= enter(c, fd);
		value = c->value;
		switch (draw(&r, 12)) {
		case 0: sched_yield(); break;
		case 1:
			for (volatile int k = 0; k < 20000; k++)
				;
			break;
		case 2: usleep(draw(&r, 200)); break;
		}
		c->value = value + 1;
		bad |= leave(c, fd);
	}
	close(fd);
	pthread_barrier_wait(&e->met);
	note(w, e, "%ld%s", c->value, bad ? ", and a lock failed" : "");
	pthread_barrier_wait(&e->met);
	if (role)
		return;
	unlink(c->path);
	close(c->token[0]);
	close(c->token[1]);
}

/* ---- a number of units from the first participant to the others ------------------- */

struct units {
	uint32_t how, each;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	sem_t sem;
	int fd;
	uint32_t word;
};

static void prepare_units(struct event *e, struct random *r)
{
	struct units *u = e->state = have(sizeof *u);

	u->how = draw(r, 5);
	u->each = 1 + draw(r, 30);
	pthread_mutex_init(&u->mutex, NULL);
	pthread_cond_init(&u->cond, NULL);
	sem_init(&u->sem, 0, 0);
	u->fd = eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC);
}

static void give(struct units *u, uint32_t n)
{
	uint64_t count = n;

	switch (u->how) {
	case 0:
		while (n--)
			sem_post(&u->sem);
		return;
	case 1:
		if (write(u->fd, &count, sizeof count) != sizeof count)
			guest_die("eventfd");
		return;
	case 2:
		__atomic_add_fetch(&u->word, n, __ATOMIC_SEQ_CST);
		syscall(SYS_futex, &u->word, FUTEX_WAKE_PRIVATE, n);
		return;
	default:
		pthread_mutex_lock(&u->mutex);
		u->word += n;
		if (n == 1)
			pthread_cond_signal(&u->cond);
		else
			pthread_cond_broadcast(&u->cond);
		pthread_mutex_unlock(&u->mutex);
	}
}

static void take(struct units *u)
{
	struct timespec late;
	uint64_t count;
	uint32_t v;

	clock_gettime(CLOCK_REALTIME, &late);
	late.tv_sec += 100;
	switch (u->how) {
	case 0:
		while (sem_timedwait(&u->sem, &late) && errno == EINTR)
			;
		return;
	case 1:
		if (read(u->fd, &count, sizeof count) != sizeof count || count != 1)
			guest_die("eventfd");
		return;
	case 2:
		for (;;) {
			v = __atomic_load_n(&u->word, __ATOMIC_SEQ_CST);
			if (v && __atomic_compare_exchange_n(&u->word, &v, v - 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
				return;
			if (!v)
				syscall(SYS_futex, &u->word, FUTEX_WAIT_PRIVATE, 0, NULL);
		}
	default:
		pthread_mutex_lock(&u->mutex);
		while (!u->word)
			if (u->how == 3)
				pthread_cond_wait(&u->cond, &u->mutex);
			else
				pthread_cond_timedwait(&u->cond, &u->mutex, &late);
		u->word--;
		pthread_mutex_unlock(&u->mutex);
	}
}

static void hand_on(struct event *e, struct worker *w, int role)
{
	struct random r = drawing(e, role);
	struct units *u = e->state;
	uint32_t left = u->each * (uint32_t)(e->roles - 1);

	if (role) {
		for (uint32_t i = 0; i < u->each; i++)
			take(u);
	} else {
		while (left) {
			uint32_t n = 1 + draw(&r, left);

			give(u, n);
			left -= n;
			if (draw(&r, 3) == 0)
				usleep(draw(&r, 100));
		}
	}
	pthread_barrier_wait(&e->met);
	note(w, e, "done");
	if (!role)
		close(u->fd);
}

const struct kind lock_kinds[] = { { "count", 1, ROLES_MAX, prepare_counter, count }, { "units", 2, ROLES_MAX, prepare_units, hand_on }, { 0 } };
