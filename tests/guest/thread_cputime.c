/* The processor time of each thread: its own grows while it computes and stands while it waits, whoever computes
 * meanwhile; by its clock, from outside, and by getrusage; in a child of a fork it begins anew. */
#include "guest.h"

#include <sched.h>
#include <semaphore.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define MS 1000000L

static sem_t ready, go;

static int64_t clock_ns(clockid_t clock)
{
	struct timespec ts = { 0, 0 };

	CHECK_INT(clock_gettime(clock, &ts), 0);
	return ts.tv_sec * 1000000000L + ts.tv_nsec;
}

static int64_t usage_ns(void)
{
	struct rusage u;

	CHECK_INT(getrusage(RUSAGE_THREAD, &u), 0);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000L +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000L;
}

/* Until it has used so much more; neither measure ever goes back. */
static void burn(int64_t ns)
{
	int64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID), clock = start, usage = usage_ns(), next;

	while (clock < start + ns) {
		for (volatile int i = 0; i < 3000000; i++)
			;
		next = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		CHECK(next > clock);
		clock = next;
		next = usage_ns();
		CHECK(next >= usage);
		usage = next;
	}
	CHECK(labs(usage - clock) < 8 * MS); /* the kernel counts some of it by its own ticks */
}

static void *computes(void *arg)
{
	burn((long)arg * MS);
	sem_post(&ready);
	while (sem_wait(&go) == -1)
		;
	return arg;
}

static void *waits(void *arg)
{
	int64_t before = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	sem_post(&ready);
	while (sem_wait(&go) == -1)
		;
	CHECK(clock_ns(CLOCK_THREAD_CPUTIME_ID) - before < 15 * MS); /* of more than 100 that the others took */
	return arg;
}

int main(void)
{
	int64_t process, sum = 0, got[4], first;
	clockid_t clock[4];
	pthread_t thread[4];
	int status;
	pid_t pid;

	sem_init(&ready, 0, 0);
	sem_init(&go, 0, 0);
	process = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	first = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	thread[0] = thread_start(waits, NULL);
	for (long i = 1; i < 4; i++)
		thread[i] = thread_start(computes, (void *)(20 * i));
	for (int i = 0; i < 4; i++)
		sem_wait(&ready);
	for (int i = 0; i < 4; i++) {
		CHECK_OK(pthread_getcpuclockid(thread[i], &clock[i]));
		got[i] = clock_ns(clock[i]);
		CHECK(got[i] >= i * 20 * MS && got[i] < i * 20 * MS + 15 * MS);
		sum += got[i];
	}
	CHECK(clock_ns(CLOCK_THREAD_CPUTIME_ID) - first < 15 * MS);
	CHECK(sum <= clock_ns(CLOCK_PROCESS_CPUTIME_ID) - process);
	burn(20 * MS);
	for (int i = 0; i < 4; i++) /* they wait */
		CHECK(clock_ns(clock[i]) - got[i] < 5 * MS);

	pid = fork();
	if (pid == 0) {
		CHECK(clock_ns(CLOCK_THREAD_CPUTIME_ID) < 15 * MS);
		burn(5 * MS);
		_exit(guest_failures ? 1 : 0);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);

	for (int i = 0; i < 4; i++)
		sem_post(&go);
	for (int i = 0; i < 4; i++)
		thread_join(thread[i]);
	CHECK_FAILS(clock_gettime(clock[1], &(struct timespec){ 0, 0 }), EINVAL);
	return guest_done();
}
