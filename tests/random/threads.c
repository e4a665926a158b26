/* threads.c - threads made on the way, joined, detached and cancelled: see random.h. */
#include "random.h"
#include <poll.h>
#include <semaphore.h>
#include <sys/select.h>
#include <sys/socket.h>

struct helper {
	uint32_t how;
	sem_t ready, never;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	int fd[2];
	bool asynchronous;
	int cleaned;           /* by its cleanup handler */
};

static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static __thread int depth;

static void count_value(void *value)
{
	__atomic_add_fetch((int *)value, 1, __ATOMIC_SEQ_CST);
}

static void make_key(void)
{
	pthread_key_create(&key, count_value);
}

static void tidy(void *arg)
{
	struct helper *h = arg;

	h->cleaned++;
}

static void unlock(void *arg)
{
	pthread_mutex_unlock(arg);
}

static void block(struct helper *h)
{
	struct pollfd p = { h->fd[0], POLLIN, 0 };
	fd_set set;
	char byte;

	switch (h->how) {
	case 0:
		while (read(h->fd[0], &byte, 1) < 0 && errno == EINTR)
			;
		return;
	case 1: poll(&p, 1, -1); return;
	case 2: recv(h->fd[0], &byte, 1, 0); return;
	case 3:
		while (sem_wait(&h->never))
			;
		return;
	case 4:
		pthread_mutex_lock(&h->mutex);
		pthread_cleanup_push(unlock, &h->mutex);
		for (;;)
			pthread_cond_wait(&h->cond, &h->mutex);
		pthread_cleanup_pop(0);
		return;
	case 5: pause(); return;
	case 6:
		FD_ZERO(&set);
		FD_SET(h->fd[0], &set);
		select(h->fd[0] + 1, &set, NULL, NULL, NULL);
		return;
	case 7: sleep(100); return;
	default:
		for (volatile int i = 0;; i++)
			pthread_testcancel();
	}
}

static void *to_be_cancelled(void *arg)
{
	struct helper *h = arg;
	int old;

	pthread_cleanup_push(tidy, h);
	if (h->asynchronous)
		pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
	sem_post(&h->ready);
	if (h->asynchronous)
		for (volatile int i = 0;; i++)
			;
	for (;;)
		block(h);
	pthread_cleanup_pop(0);
	return NULL;
}

static void cancelled(struct event *e, struct worker *w, int role)
{
	struct random r = drawing(e, role);
	struct helper *h = have(sizeof *h);
	pthread_t thread;
	void *value;
	int failed;

	h->how = draw(&r, 9);
	h->asynchronous = draw(&r, 5) == 0;
	sem_init(&h->ready, 0, 0);
	sem_init(&h->never, 0, 0);
	pthread_mutex_init(&h->mutex, NULL);
	pthread_cond_init(&h->cond, NULL);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, h->fd))
		guest_die("socketpair");
	failed = pthread_create(&thread, NULL, to_be_cancelled, h);
	if (failed) {
		note(w, e, "pthread_create: %s", named(failed));
		return;
	}
	while (sem_wait(&h->ready))
		;
	if (draw(&r, 2))
		usleep(draw(&r, 500));
	failed = pthread_cancel(thread);
	note(w, e, "cancel: %s", named(failed));
	failed = pthread_join(thread, &value);
	note(w, e, "join: %s, cancelled %d, cleaned %d", named(failed), value == PTHREAD_CANCELED, h->cleaned);
	close(h->fd[0]);
	close(h->fd[1]);
	free(h);
}

struct child {
	struct random r;
	int levels;
	int *ended;            /* counted by the destructor of the key */
};

static void *grow(void *arg)
{
	struct child *c = arg, next;
	pthread_t thread;
	void *value = NULL;

	pthread_setspecific(key, c->ended);
	depth = c->levels;
	if (draw(&c->r, 3) == 0)
		usleep(draw(&c->r, 300));
	if (c->levels) {
		next = (struct child){ { draw(&c->r, 1000) }, c->levels - 1, c->ended };
		if (pthread_create(&thread, NULL, grow, &next))
			return (void *)-1;
		pthread_join(thread, &value);
	}
	if (depth != c->levels)
		return (void *)-2;
	if (draw(&c->r, 2))
		pthread_exit((char *)value + c->levels);
	return (char *)value + c->levels;
}

static void nested(struct event *e, struct worker *w, int role)
{
	struct random r = drawing(e, role);
	int ended = 0, levels = 1 + (int)draw(&r, 6);
	struct child c = { r, levels, &ended };
	pthread_attr_t a;
	pthread_t thread;
	void *value;

	pthread_once(&key_once, make_key);
	pthread_attr_init(&a);
	if (draw(&r, 2))
		pthread_attr_setstacksize(&a, 65536 + draw(&r, 10) * 4096);
	if (draw(&r, 3) == 0)
		pthread_attr_setguardsize(&a, draw(&r, 3) * 4096);
	if (pthread_create(&thread, &a, grow, &c))
		guest_die("pthread_create");
	pthread_join(thread, &value);
	note(w, e, "%ld, ended %d of %d", (long)value, ended, levels + 1);
}

static void *post(void *arg)
{
	sem_post(arg);
	return NULL;
}

static void detached(struct event *e, struct worker *w, int role)
{
	struct random r = drawing(e, role);
	int n = 1 + (int)draw(&r, 20);
	pthread_attr_t a;
	pthread_t thread;
	sem_t *s = have(sizeof *s); /* the threads may still be in sem_post */

	sem_init(s, 0, 0);
	pthread_attr_init(&a);
	pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < n; i++)
		if (pthread_create(&thread, &a, post, s))
			guest_die("pthread_create");
	for (int i = 0; i < n;)
		i += !sem_wait(s);
	note(w, e, "%d", n);
}

const struct kind thread_kinds[] = {
	{ "cancel", 1, 1, NULL, cancelled }, { "nested", 1, 1, NULL, nested }, { "detached", 1, 1, NULL, detached }, { 0 }
};
