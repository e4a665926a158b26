/* Children that end at the very moment in which somebody begins to wait for them, by waitpid and by waitid. */
#include "guest.h"

#include <sys/wait.h>

enum { ROUNDS = 2000 };

static void compute(int n)
{
	for (volatile int k = 0; k < n; k++)
		;
}

static void *waits(void *arg)
{
	for (int i = 0; i < ROUNDS && !guest_failures; i++) {
		pid_t pid = fork();
		siginfo_t info;
		int status;

		if (pid == 0) {
			compute(rand() % 20000);
			_exit(i & 63);
		}
		compute(i * 37 % 60000);
		if (i & 1) {
			CHECK_INT(waitpid(pid, &status, 0), pid);
			CHECK_INT(WEXITSTATUS(status), i & 63);
		} else {
			CHECK_INT(waitid(P_PID, (id_t)pid, &info, WEXITED), 0);
			CHECK_INT(info.si_status, i & 63);
		}
	}
	return arg;
}

int main(void)
{
	thread_join(thread_start(waits, NULL));
	return guest_done();
}
