/* Thread ids: main's is the process id, the others' are different and stay alike for gettid, tgkill and the thread's
 * name. A call that means a process has it by any of them. */
#include "guest.h"

#include <semaphore.h>
#include <sys/resource.h>

static sem_t ready, end;
static pid_t ids[30];
static volatile sig_atomic_t handled_by;

static void handler(int signo)
{
	(void)signo;
	handled_by = gettid();
}

static void *tell(void *arg)
{
	long me = (long)arg;
	char name[16], want[32];

	ids[me] = gettid();
	CHECK_INT(syscall(SYS_gettid), ids[me]);
	CHECK(getpid() != ids[me]);
	snprintf(want, sizeof want, "worker %ld", me);
	CHECK_OK(pthread_setname_np(pthread_self(), want));
	sem_post(&ready);
	while (sem_wait(&end) == -1)
		;
	CHECK_INT(gettid(), ids[me]);
	CHECK_OK(pthread_getname_np(pthread_self(), name, sizeof name));
	CHECK_STR(name, want);
	return NULL;
}

/* A thread that blocks the signal is named, and the process gets it. */
static void of_process(pid_t id)
{
	union sigval value = { .sival_int = 5 };
	struct rlimit limit;
	siginfo_t info;
	sigset_t set;

	CHECK(id != getpid());
	CHECK_INT(getpgid(id), getpgrp());
	CHECK_INT(getsid(id), getsid(0));
	CHECK_INT(prlimit(id, RLIMIT_NOFILE, NULL, &limit), 0);
	CHECK_INT(kill(id, 0), 0);
	CHECK_FAILS(kill(id, 65), EINVAL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	CHECK_INT(kill(id, SIGUSR2), 0);
	CHECK_INT(sigwaitinfo(&set, &info), SIGUSR2);
	CHECK_INT(info.si_code, SI_USER);
	CHECK_INT(sigqueue(id, SIGUSR2, value), 0);
	CHECK_INT(sigwaitinfo(&set, &info), SIGUSR2);
	CHECK_INT(info.si_value.sival_int, 5);
}

int main(void)
{
	pthread_t threads[30];
	sigset_t set;

	sem_init(&ready, 0, 0);
	sem_init(&end, 0, 0);
	on_signal(SIGUSR1, handler, SA_RESTART);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
	CHECK_INT(gettid(), getpid());
	for (long i = 0; i < 30; i++)
		threads[i] = thread_start(tell, (void *)i);
	for (int i = 0; i < 30; i++)
		sem_wait(&ready);
	for (int i = 0; i < 30; i++)
		for (int k = 0; k < i; k++)
			CHECK(ids[i] != ids[k]);
	CHECK_INT(syscall(SYS_tgkill, getpid(), ids[3], 0), 0);
	CHECK_FAILS(syscall(SYS_tgkill, getpid(), 0x3ffffff0, 0), ESRCH);
	CHECK_FAILS(syscall(SYS_tgkill, getpid(), ids[3], 65), EINVAL);
	CHECK_FAILS(syscall(SYS_tgkill, -1, ids[3], 0), EINVAL);
	CHECK_INT(syscall(SYS_tgkill, getpid(), ids[3], SIGUSR1), 0);
	while (!handled_by)
		sched_yield();
	CHECK_INT(handled_by, ids[3]);
	of_process(ids[7]);
	for (int i = 0; i < 30; i++)
		sem_post(&end);
	for (int i = 0; i < 30; i++)
		thread_join(threads[i]);
	CHECK_FAILS(syscall(SYS_tgkill, getpid(), ids[3], 0), ESRCH);
	CHECK_FAILS(kill(ids[3], 0), ESRCH);
	return guest_done();
}
