/* A program with threads on a terminal: repeats what it reads, says when it is interrupted, ends at the end of its
 * input. tests/python/job_control.py types. */
#include "guest.h"

static void interrupted(int signo)
{
	(void)signo;
	write_all(1, "SIGINT\n", 7);
}

static void *sleeps(void *arg)
{
	for (;;)
		sleep_ms(1);
	return arg;
}

static void *repeats(void *arg)
{
	char line[64];

	while (fgets(line, sizeof line, stdin))
		printf("read %s", line);
	printf("the end\n");
	return arg;
}

int main(void)
{
	on_signal(SIGINT, interrupted, SA_RESTART);
	thread_start(sleeps, NULL);
	printf("ready %d\n", getpid());
	thread_join(thread_start(repeats, NULL));
	return 5;
}
