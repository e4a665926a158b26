/* A library that is opened while threads run works in all of them, and opening it from many at once does too. */
#include "guest.h"

#include <dlfcn.h>

static pthread_barrier_t barrier;

static void *opens(void *arg)
{
	void *library;
	double (*cube_root)(double);

	pthread_barrier_wait(&barrier);
	library = dlopen("libm.so.6", RTLD_NOW);
	CHECK(library != NULL);
	if (!library)
		return NULL;
	*(void **)&cube_root = dlsym(library, "cbrt");
	CHECK(cube_root && cube_root((double)(long)arg * (long)arg * (long)arg) > (double)(long)arg - 0.001);
	CHECK(dlsym(library, "no_such_symbol") == NULL);
	CHECK(dlerror() != NULL);
	CHECK(dlerror() == NULL);
	CHECK(dlopen("/nonexistent.so", RTLD_NOW) == NULL);
	CHECK_INT(dlclose(library), 0);
	return NULL;
}

int main(void)
{
	pthread_t threads[10];

	pthread_barrier_init(&barrier, NULL, 10);
	for (long i = 0; i < 10; i++)
		threads[i] = thread_start(opens, (void *)i);
	for (int i = 0; i < 10; i++)
		thread_join(threads[i]);
	return guest_done();
}
