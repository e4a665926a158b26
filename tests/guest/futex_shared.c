/* Process-shared mutex, condition variable, semaphore and barrier in memory that a forked child shares. */
#include "guest.h"

#include <semaphore.h>
#include <sys/mman.h>
#include <sys/wait.h>

struct shared {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	pthread_barrier_t barrier;
	sem_t to_child, to_parent;
	int turn, count;
};

static struct shared *shared;

static void play(int me, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		pthread_mutex_lock(&shared->mutex);
		while (shared->turn != me)
			pthread_cond_wait(&shared->cond, &shared->mutex);
		shared->count++;
		shared->turn = !me;
		pthread_cond_broadcast(&shared->cond);
		pthread_mutex_unlock(&shared->mutex);
	}
}

static void *ticks(void *arg)
{
	for (int i = 0; i < 20; i++)
		sleep_ms(1);
	return arg;
}

int main(void)
{
	pthread_mutexattr_t mutexattr;
	pthread_condattr_t condattr;
	pthread_barrierattr_t barrierattr;
	pthread_t thread;
	int status;
	pid_t child;

	shared = (struct shared *)mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_init(&mutexattr);
	pthread_mutexattr_setpshared(&mutexattr, PTHREAD_PROCESS_SHARED);
	pthread_condattr_init(&condattr);
	pthread_condattr_setpshared(&condattr, PTHREAD_PROCESS_SHARED);
	pthread_barrierattr_init(&barrierattr);
	pthread_barrierattr_setpshared(&barrierattr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&shared->mutex, &mutexattr);
	pthread_cond_init(&shared->cond, &condattr);
	pthread_barrier_init(&shared->barrier, &barrierattr, 2);
	sem_init(&shared->to_child, 1, 0);
	sem_init(&shared->to_parent, 1, 0);

	child = fork();
	if (child == 0) {
		pthread_barrier_wait(&shared->barrier);
		play(1, 200);
		sem_wait(&shared->to_child);
		sem_post(&shared->to_parent);
		_exit(guest_failures ? 1 : 0);
	}
	thread = thread_start(ticks, NULL);
	pthread_barrier_wait(&shared->barrier);
	play(0, 200);
	sem_post(&shared->to_child);
	while (sem_wait(&shared->to_parent) == -1)
		;
	thread_join(thread);
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);
	printf("%d turns\n", shared->count);
	return guest_done();
}
