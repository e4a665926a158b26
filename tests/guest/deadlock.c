/* Two threads that each hold one mutex and want the other's: they never go on. Their names are alpha and omega. */
#include "guest.h"

static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER, two = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t both;

static void *alpha(void *arg)
{
	pthread_setname_np(pthread_self(), "alpha");
	pthread_mutex_lock(&one);
	pthread_barrier_wait(&both);
	pthread_mutex_lock(&two);
	return arg;
}

static void *omega(void *arg)
{
	pthread_setname_np(pthread_self(), "omega");
	pthread_mutex_lock(&two);
	pthread_barrier_wait(&both);
	pthread_mutex_lock(&one);
	return arg;
}

int main(void)
{
	pthread_t first, second;

	pthread_barrier_init(&both, NULL, 2);
	first = thread_start(alpha, NULL);
	second = thread_start(omega, NULL);
	printf("joining\n");
	pthread_join(first, NULL);
	pthread_join(second, NULL);
	printf("not reached\n");
	return 1;
}
