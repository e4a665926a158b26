/* A wake of a word in shared memory that the kernel counts as given has ended somebody's wait, although the waiters of
 * one process come and go all the time: none is lost on one that has just left. */
#include "guest.h"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct shared {
	uint32_t word;     /* never changes */
	_Atomic int ready; /* threads that wait */
	_Atomic int over;
	_Atomic long woken; /* waits that ended with 0 */
};

static struct shared *all;

/* Waits for a wake again and again, so long each time. */
static void *waits(void *arg)
{
	struct timespec most = { 0, *(long *)arg };

	all->ready++;
	while (!all->over)
		if (!syscall(SYS_futex, &all->word, FUTEX_WAIT, 0, &most, NULL, 0))
			all->woken++;
	return NULL;
}

static void child(long ns, int threads)
{
	pthread_t thread[4];

	for (int i = 0; i < threads; i++)
		thread[i] = thread_start(waits, &ns);
	for (int i = 0; i < threads; i++)
		thread_join(thread[i]);
	_exit(0);
}

static long wake(int n)
{
	return syscall(SYS_futex, &all->word, FUTEX_WAKE, n, NULL, NULL, 0);
}

int main(void)
{
	static const long ns[] = { 40000, 3000000 };
	long given = 0;
	int status;

	all = mmap(NULL, sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(all != MAP_FAILED);
	for (int i = 0; i < 2; i++)
		if (!fork())
			child(ns[i], i ? 1 : 3);
	while (all->ready < 4)
		sleep_ms(1);
	for (int i = 0; i < 20000; i++)
		given += wake(1);
	all->over = 1;
	for (int i = 0; i < 2; i++) {
		CHECK(wait(&status) > 0);
		CHECK_INT(status, 0);
	}
	CHECK(given > 0);
	if (all->woken < given)
		printf("%ld wakes were given, %ld waits ended\n", given, (long)all->woken);
	printf("no wake was lost\n");
	return guest_done();
}
