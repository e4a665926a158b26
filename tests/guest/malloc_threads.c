/* malloc, realloc, calloc and free from many threads, with blocks that one thread makes and another frees. */
#include "guest.h"

enum { THREADS = 8, SLOTS = 64, ROUNDS = 20000 };

static unsigned char *slot[SLOTS];

static void *churn(void *arg)
{
	unsigned seed = (unsigned)(long)arg + 1;

	for (int i = 0; i < ROUNDS; i++) {
		unsigned n = (seed = seed * 1664525 + 1013904223) >> 8, size = 16 + n % 5000;
		unsigned char *block = (unsigned char *)malloc(size), *old;

		memset(block, (int)(size & 0xff), size);
		memcpy(block, &size, sizeof size);
		old = __atomic_exchange_n(&slot[n % SLOTS], block, __ATOMIC_ACQ_REL);
		if (!old)
			continue;
		memcpy(&size, old, sizeof size);
		CHECK_INT(old[size - 1], size & 0xff);
		if (i % 4 == 0) {
			old = (unsigned char *)realloc(old, size * 2);
			CHECK_INT(old[size - 1], size & 0xff);
		}
		free(old);
		if (i % 500 == 0) {
			char *zero = (char *)calloc(1, 300000);

			CHECK_INT(zero[299999], 0);
			free(zero);
		}
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];

	for (long i = 0; i < THREADS; i++)
		threads[i] = thread_start(churn, (void *)i);
	for (int i = 0; i < THREADS; i++)
		thread_join(threads[i]);
	for (int i = 0; i < SLOTS; i++)
		free(slot[i]);
	return guest_done();
}
