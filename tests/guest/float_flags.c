/* The exceptions of floating point are each thread's own, and stay while it waits in a call: x87 and SSE. */
#include "guest.h"

#include <fenv.h>

enum { THREADS = 3, ROUNDS = 300 };

static const int raised[THREADS] = { FE_DIVBYZERO, FE_OVERFLOW, 0 };
static int ring[THREADS][2];

static void *player(void *arg)
{
	int me = (int)(intptr_t)arg, all = FE_DIVBYZERO | FE_OVERFLOW, wrong = 0;
	volatile long double big = 1e4932L, zero = 0, result;
	volatile double small_big = 1e308, small_zero = 0, small_result;
	char turn;

	feclearexcept(FE_ALL_EXCEPT);
	for (int i = 0; i < ROUNDS; i++) {
		read_all(ring[me][0], &turn, 1);
		wrong += fetestexcept(all) != (i ? raised[me] : 0);
		if (i % 2)
			feclearexcept(FE_ALL_EXCEPT);
		if (raised[me] == FE_DIVBYZERO) {
			result = 1 / zero;
			small_result = i % 3 ? 1 / small_zero : 0;
		} else if (raised[me] == FE_OVERFLOW) {
			result = i % 3 ? big * big : 0;
			small_result = small_big * small_big;
		}
		write_all(ring[(me + 1) % THREADS][1], &turn, 1);
	}
	(void)result;
	(void)small_result;
	return (void *)(intptr_t)wrong;
}

int main(void)
{
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++)
		CHECK_INT(pipe(ring[i]), 0);
	for (intptr_t i = 0; i < THREADS; i++)
		t[i] = thread_start(player, (void *)i);
	write_all(ring[0][1], "t", 1);
	for (int i = 0; i < THREADS; i++)
		CHECK_INT((intptr_t)thread_join(t[i]), 0);
	puts("each kept its own exceptions");
	return guest_done();
}
