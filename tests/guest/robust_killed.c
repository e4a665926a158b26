/* A process that ends itself by SIGKILL, in several ways, leaves the robust mutexes of all its threads marked. */
#include "guest.h"

#include <semaphore.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define THREADS 4

static struct {
	pthread_mutex_t mutex[2 * THREADS];
} * shared;
static sem_t taken;

static void *owner(void *arg)
{
	long i = (long)arg;

	CHECK_OK(pthread_mutex_lock(&shared->mutex[2 * i]));
	CHECK_OK(pthread_mutex_lock(&shared->mutex[2 * i + 1]));
	sem_post(&taken);
	for (;;)
		pause();
	return NULL;
}

static void *ends_it(void *way)
{
	switch ((long)way) {
	case 0:
	case 1: kill(getpid(), SIGKILL); break;
	case 2: raise(SIGKILL); break;
	case 3:
		setpgid(0, 0);
		kill(0, SIGKILL);
		break;
	case 4:
		setpgid(0, 0);
		kill(-getpid(), SIGKILL);
		break;
	default: kill(gettid(), SIGKILL);
	}
	for (;;)
		pause();
	return NULL;
}

static void child(long way)
{
	for (long i = 1; i < THREADS; i++)
		thread_start(owner, (void *)i);
	for (int i = 1; i < THREADS; i++)
		sem_wait(&taken);
	CHECK_OK(pthread_mutex_lock(&shared->mutex[0]));
	if (way == 1)
		ends_it((void *)way);
	thread_start(ends_it, (void *)way);
	for (;;)
		pause();
}

int main(void)
{
	pthread_mutexattr_t attr;

	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		guest_die("mmap");
	sem_init(&taken, 0, 0);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	for (long way = 0; way < 6; way++) {
		pid_t pid;
		int status = 0;

		for (int i = 0; i < 2 * THREADS; i++)
			CHECK_OK(pthread_mutex_init(&shared->mutex[i], &attr));
		pid = fork();
		if (pid == 0)
			child(way);
		CHECK_INT(waitpid(pid, &status, 0), pid);
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		for (int i = 0; i < 2 * THREADS; i++)
			if (i != 1)
				CHECK_INT(pthread_mutex_trylock(&shared->mutex[i]), EOWNERDEAD);
		CHECK_INT(pthread_mutex_trylock(&shared->mutex[1]), 0);
	}
	return guest_done();
}
