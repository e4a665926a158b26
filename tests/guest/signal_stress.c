/* Signals at every moment: a timer of a few microseconds that is set again and again loses none of its signals, and a
 * read that one interrupts all the time goes on with SA_RESTART until its byte comes. */
#include "guest.h"

#include <sys/time.h>

enum { ROUNDS = 20000, BYTES = 300 };

static volatile sig_atomic_t alarms, firsts;

static void on_alarm(int signo)
{
	(void)signo;
	alarms++;
}

static void on_first(int signo)
{
	(void)signo;
	firsts++;
}

static void set_timer(int first_us, int every_us)
{
	struct itimerval it = { { 0, every_us }, { 0, first_us } };

	CHECK_INT(setitimer(ITIMER_REAL, &it, NULL), 0);
}

static void none_is_lost(void)
{
	struct timespec ts = { 0, 10000 };

	for (int i = 0; i < ROUNDS && !guest_failures; i++) {
		int64_t until = now_ms() + 10000;

		kill(getpid(), i & 1 ? SIGPROF : SIGUSR1); /* SIGUSR1 < SIGALRM < SIGPROF */
		CHECK_INT(firsts, i + 1);
		set_timer(1 + rand() % 10, 0);
		while (alarms < i + 1 && now_ms() < until)
			nanosleep(&ts, NULL);
		CHECK_INT(alarms, i + 1);
	}
}

static int ends[2];

static void *writes(void *arg)
{
	for (int i = 0; i < BYTES; i++) {
		sleep_ms(1);
		write_all(ends[1], "x", 1);
	}
	return arg;
}

/* From a thread (the read is parked) or, without one, from a child (it blocks in the kernel). */
static void reads_go_on(int from_thread)
{
	pthread_t thread = 0;
	char c;

	CHECK_INT(pipe(ends), 0);
	if (from_thread)
		thread = thread_start(writes, NULL);
	else if (fork() == 0)
		_exit(writes(NULL) != NULL);
	on_signal(SIGALRM, on_alarm, SA_RESTART);
	set_timer(60, 60); /* longer than a handler takes where each call traps, else no time is left for the read */
	for (int i = 0; i < BYTES && !guest_failures; i++) {
		CHECK_INT(read(ends[0], &c, 1), 1);
		CHECK_INT(c, 'x');
	}
	set_timer(0, 0);
	if (from_thread)
		thread_join(thread);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	on_signal(SIGALRM, on_alarm, 0);
	on_signal(SIGPROF, on_first, 0);
	on_signal(SIGUSR1, on_first, 0);
	none_is_lost();
	reads_go_on(0);
	reads_go_on(1);
	return guest_done();
}
