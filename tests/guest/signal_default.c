/* Ends by the default action of the signal that is named, sent in the way that is named, while threads are blocked. */
#include "guest.h"

static void *blocked(void *arg)
{
	sleep_ms(100000);
	return arg;
}

static void *sends(void *arg)
{
	sleep_ms(10);
	kill(getpid(), (int)(long)arg);
	sleep_ms(100000);
	return arg;
}

int main(int argc, char **argv)
{
	int signo = argc > 2 ? atoi(argv[1]) : SIGTERM;

	for (int i = 0; i < 5; i++)
		thread_start(blocked, NULL);
	printf("%s by %s\n", sigabbrev_np(signo), argc > 2 ? argv[2] : "kill");
	if (argc > 2 && !strcmp(argv[2], "abort"))
		abort();
	if (argc > 2 && !strcmp(argv[2], "raise"))
		raise(signo);
	else if (argc > 2 && !strcmp(argv[2], "fault"))
		*(volatile char *)guest_nowhere = 1;
	else if (argc > 2 && !strcmp(argv[2], "thread"))
		thread_join(thread_start(sends, (void *)(long)signo));
	else if (argc > 2 && !strcmp(argv[2], "pthread_kill"))
		pthread_kill(thread_start(blocked, NULL), signo);
	else
		kill(getpid(), signo);
	sleep_ms(100000);
	return 1;
}
