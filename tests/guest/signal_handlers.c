/* Handlers: siginfo, masks during a handler, nested signals, one-shot handlers, SA_NODEFER, dispositions that are read
 * back. */
#include "guest.h"

#include <sys/wait.h>

static volatile sig_atomic_t order[16], length, depth, deepest, raised;
static siginfo_t seen;

static void note(int signo)
{
	order[length++] = signo;
	if (signo == SIGUSR1) {
		raise(SIGUSR2); /* not blocked: nests at once */
		raise(SIGTERM); /* blocked by sa_mask: after this handler */
		order[length++] = -signo;
	}
}

static void information(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	seen = *info;
}

static void nests(int signo)
{
	if (++depth > deepest)
		deepest = depth;
	if (raised++ < 3)
		raise(signo);
	depth--;
}

int main(void)
{
	struct sigaction action, old;
	union sigval value = { .sival_int = 4711 };
	sigset_t set, pending;
	pid_t child;
	int status;

	memset(&action, 0, sizeof action);
	action.sa_handler = note;
	sigaddset(&action.sa_mask, SIGTERM);
	CHECK_INT(sigaction(SIGUSR1, &action, NULL), 0);
	CHECK_INT(sigaction(SIGUSR1, NULL, &old), 0);
	CHECK(old.sa_handler == note && sigismember(&old.sa_mask, SIGTERM) == 1 &&
	      sigismember(&old.sa_mask, SIGUSR2) == 0);
	on_signal(SIGUSR2, note, 0);
	on_signal(SIGTERM, note, 0);
	raise(SIGUSR1);
	for (int i = 0; i < length; i++)
		printf("%s%s\n", order[i] < 0 ? "end of " : "", sigabbrev_np(abs(order[i])));

	action.sa_sigaction = information;
	action.sa_flags = SA_SIGINFO;
	CHECK_INT(sigaction(SIGRTMIN, &action, NULL), 0);
	CHECK_INT(sigqueue(getpid(), SIGRTMIN, value), 0);
	CHECK_INT(seen.si_signo, SIGRTMIN);
	CHECK_INT(seen.si_code, SI_QUEUE);
	CHECK_INT(seen.si_value.sival_int, 4711);
	CHECK_INT(seen.si_pid, getpid());
	CHECK_INT(kill(getpid(), SIGRTMIN), 0);
	CHECK_INT(seen.si_code, SI_USER);
	CHECK_OK(pthread_kill(pthread_self(), SIGRTMIN));
	CHECK_INT(seen.si_code, SI_TKILL);

	on_signal(SIGUSR2, nests, SA_NODEFER);
	raise(SIGUSR2);
	printf("nested %d deep\n", deepest);
	deepest = raised = 0;
	on_signal(SIGUSR2, nests, 0);
	raise(SIGUSR2);
	printf("deferred: %d deep\n", deepest);

	on_signal(SIGUSR2, note, SA_RESETHAND);
	raise(SIGUSR2);
	CHECK_INT(sigaction(SIGUSR2, NULL, &old), 0);
	CHECK(old.sa_handler == SIG_DFL);

	/* Blocked: pending until unblocked; a standard signal once, a real-time one each time, lowest first. */
	length = 0;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGRTMIN + 1);
	sigaddset(&set, SIGRTMIN + 2);
	CHECK_INT(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	on_signal(SIGRTMIN + 1, note, 0);
	on_signal(SIGRTMIN + 2, note, 0);
	for (int i = 0; i < 2; i++) {
		kill(getpid(), SIGTERM);
		kill(getpid(), SIGRTMIN + 2);
		kill(getpid(), SIGRTMIN + 1);
	}
	CHECK_INT(sigpending(&pending), 0);
	CHECK_INT(sigismember(&pending, SIGTERM), 1);
	CHECK_INT(sigismember(&pending, SIGRTMIN + 1), 1);
	CHECK_INT(sigismember(&pending, SIGUSR1), 0);
	CHECK_INT(length, 0);
	CHECK_INT(sigprocmask(SIG_UNBLOCK, &set, &pending), 0);
	CHECK_INT(sigismember(&pending, SIGTERM), 1);
	CHECK_INT(length, 5);
	CHECK_INT(sigprocmask(SIG_SETMASK, NULL, &pending), 0);
	for (int i = 1; i < 65; i++)
		if (i != 32 && i != 33)
			CHECK_INT(sigismember(&pending, i), 0);

	CHECK_FAILS(sigaction(SIGKILL, &action, NULL), EINVAL);
	CHECK_FAILS(kill(getpid(), 65), EINVAL);
	CHECK_INT(kill(getpid(), 0), 0);
	signal(SIGUSR1, SIG_IGN);
	raise(SIGUSR1);

	child = fork();
	if (child == 0) { /* SIGALRM by its default action ends the process */
		alarm(1);
		for (;;)
			pause();
	}
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK(WIFSIGNALED(status));
	CHECK_INT(WTERMSIG(status), SIGALRM);
	return guest_done();
}
