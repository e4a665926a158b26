/* A thread that waits for a robust mutex gets it, with EOWNERDEAD, when the owner ends. */
#include "guest.h"

#include <semaphore.h>

static pthread_mutex_t mutex;
static sem_t taken, end;

static void *owner(void *arg)
{
	pthread_mutex_lock(&mutex);
	sem_post(&taken);
	sem_wait(&end);
	return arg;
}

static void *waiter(void *arg)
{
	(void)arg;
	sem_post(&end);
	return (void *)(long)pthread_mutex_lock(&mutex);
}

int main(void)
{
	pthread_mutexattr_t attr;
	pthread_t first, second;

	sem_init(&taken, 0, 0);
	sem_init(&end, 0, 0);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&mutex, &attr);
	first = thread_start(owner, NULL);
	sem_wait(&taken);
	second = thread_start(waiter, NULL);
	thread_join(first);
	CHECK_INT((long)thread_join(second), EOWNERDEAD);
	/* The waiter ended as the owner of a mutex that it did not make consistent. */
	CHECK_INT(pthread_mutex_lock(&mutex), EOWNERDEAD);
	pthread_mutex_unlock(&mutex);
	CHECK_INT(pthread_mutex_lock(&mutex), ENOTRECOVERABLE);
	return guest_done();
}
