/* A thread that is blocked in a cancellation point is cancelled there: read, accept, poll, nanosleep, sem_wait,
 * condvar, join. */
#include "guest.h"

#include <poll.h>
#include <semaphore.h>
#include <sys/socket.h>

static sem_t never, entered;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int pipe_fd[2], listener, unlocked;
static pthread_t sleeper;

static void unlock(void *arg)
{
	(void)arg;
	unlocked += pthread_mutex_unlock(&mutex) == 0; /* a cancelled cond_wait owns the mutex again */
}

static void *blocks(void *arg)
{
	char byte;
	struct pollfd pfd = { .fd = pipe_fd[0], .events = POLLIN };

	sem_post(&entered);
	switch ((long)arg) {
	case 0: CHECK_INT(read(pipe_fd[0], &byte, 1), -2); break;
	case 1: CHECK_INT(accept(listener, NULL, NULL), -2); break;
	case 2: CHECK_INT(poll(&pfd, 1, -1), -2); break;
	case 3: sleep_ms(60000); break;
	case 4: sem_wait(&never); break;
	case 5:
		pthread_mutex_lock(&mutex);
		pthread_cleanup_push(unlock, NULL);
		for (;;)
			pthread_cond_wait(&cond, &mutex);
		pthread_cleanup_pop(0);
		break;
	case 6: pthread_join(sleeper, NULL); break;
	}
	printf("not reached\n");
	return NULL;
}

static void *sleeps(void *arg)
{
	sleep_ms(60000);
	return arg;
}

int main(void)
{
	static const char *name[] = { "read",        "accept", "poll", "nanosleep", "sem_wait", "pthread_cond_wait",
		                      "pthread_join" };
	struct sockaddr address = { .sa_family = AF_UNIX };

	sem_init(&never, 0, 0);
	sem_init(&entered, 0, 0);
	if (pipe(pipe_fd) == -1 || (listener = socket(AF_UNIX, SOCK_STREAM, 0)) == -1)
		guest_die("pipe");
	if (bind(listener, &address, sizeof(sa_family_t)) == -1 || listen(listener, 5) == -1)
		guest_die("listen");
	sleeper = thread_start(sleeps, NULL);
	for (long i = 0; i < 7; i++) {
		pthread_t thread = thread_start(blocks, (void *)i);

		sem_wait(&entered);
		if (i % 2)
			sleep_ms(20); /* cancelled while blocked; the others perhaps on the way there, which must be the
			                 same */
		CHECK_OK(pthread_cancel(thread));
		CHECK(thread_join(thread) == PTHREAD_CANCELED);
		printf("cancelled in %s\n", name[i]);
	}
	CHECK_INT(unlocked, 1);
	CHECK_OK(pthread_cancel(sleeper));
	CHECK(thread_join(sleeper) == PTHREAD_CANCELED);
	return guest_done();
}
