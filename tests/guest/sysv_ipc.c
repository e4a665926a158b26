/* System V messages and semaphores: threads blocked in each call and released by another; time limits, undo at the end
 * of a process, removal under a waiter, a signal. */
#include "guest.h"

#include <semaphore.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/wait.h>

struct message {
	long type;
	char text[1024];
};

static int queue, sems;
static sem_t entered;

static void *takes_all(void *arg)
{
	struct sembuf all[2] = { { 0, -2, 0 }, { 1, -1, 0 } }; /* both or none */

	sem_post(&entered);
	CHECK_INT(semop(sems, all, 2), 0);
	return arg;
}

static void *until_zero(void *arg)
{
	struct sembuf zero = { 2, 0, 0 };

	sem_post(&entered);
	CHECK_INT(semop(sems, &zero, 1), 0);
	return arg;
}

static void *until_removed(void *arg)
{
	struct sembuf down = { 3, -1, 0 };
	struct message m;

	sem_post(&entered);
	if (arg)
		CHECK_FAILS(msgrcv(queue, &m, sizeof m.text, 77, 0), EIDRM);
	else
		CHECK_FAILS(semop(sems, &down, 1), EIDRM);
	return NULL;
}

static void *sends(void *arg)
{
	struct message m = { .type = 5 };

	sem_post(&entered);
	CHECK_INT(msgsnd(queue, &m, 1000, 0), 0);
	return arg;
}

static pthread_t begin(void *(*run)(void *), void *arg)
{
	pthread_t thread = thread_start(run, arg);

	sem_wait(&entered);
	sleep_ms(5);
	return thread;
}

static void add(int which, int n)
{
	struct sembuf up = { (unsigned short)which, (short)n, 0 };

	CHECK_INT(semop(sems, &up, 1), 0);
}

static void on_alarm(int signo)
{
	(void)signo;
}

static void semaphores(void)
{
	struct timespec soon = ms_timespec(20), none = { 0, 0 };
	struct sembuf down = { 3, -1, 0 }, now = { 3, -1, IPC_NOWAIT }, undo = { 3, 2, SEM_UNDO }, over = { 99, 1, 0 };
	int64_t start;
	pthread_t thread;
	pid_t child;

	thread = begin(takes_all, NULL);
	CHECK_INT(semctl(sems, 0, GETNCNT), 1);
	add(0, 2);
	sleep_ms(2);
	CHECK_INT(semctl(sems, 0, GETVAL), 2); /* not before it can have both */
	add(1, 1);
	thread_join(thread);
	CHECK_INT(semctl(sems, 0, GETVAL), 0);

	add(2, 1);
	thread = begin(until_zero, NULL);
	CHECK_INT(semctl(sems, 2, GETZCNT), 1);
	add(2, -1);
	thread_join(thread);

	start = now_ms();
	CHECK_FAILS(semtimedop(sems, &down, 1, &soon), EAGAIN);
	CHECK(now_ms() - start >= 19);
	CHECK_FAILS(semtimedop(sems, &down, 1, &none), EAGAIN);
	CHECK_FAILS(semop(sems, &now, 1), EAGAIN);
	CHECK_FAILS(semop(sems, &over, 1), EFBIG);
	CHECK_FAILS(semop(sems, &down, 0), EINVAL);
	CHECK_FAILS(semop(sems, guest_nowhere, 1), EFAULT);

	child = fork(); /* its addition is taken back when it ends */
	if (child == 0)
		_exit(semop(sems, &undo, 1) == 0 && semctl(sems, 3, GETVAL) == 2 ? 0 : 1);
	CHECK_INT(waitpid(child, NULL, 0), child);
	CHECK_INT(semctl(sems, 3, GETVAL), 0);
	CHECK_INT(semctl(sems, 3, GETPID), child);

	on_signal(SIGALRM, on_alarm, SA_RESTART);
	alarm(1);
	ualarm(20000, 0);
	CHECK_FAILS(semop(sems, &down, 1), EINTR); /* whatever its handler asked for */

	thread = begin(until_removed, NULL);
	CHECK_INT(semctl(sems, 0, IPC_RMID), 0);
	thread_join(thread);
	CHECK_FAILS(semop(sems, &down, 1), EINVAL);
}

static void *receives(void *arg)
{
	struct message m;
	long want = (long)arg;

	sem_post(&entered);
	CHECK_INT(msgrcv(queue, &m, sizeof m.text, want, 0), 4);
	return (void *)m.type;
}

/* Row for row: the type that is asked for, with 3, 1 and 2 in the queue, and which comes. */
static const struct {
	long asked, comes;
	int flags, error;
} rows[] = {
	{ 0, 3, 0, 0 }, { 2, 2, 0, 0 }, { -2, 1, 0, 0 }, { 3, 1, MSG_EXCEPT, 0 }, { 9, 0, IPC_NOWAIT, ENOMSG },
};

static void messages(void)
{
	struct message m = { 0 };
	pthread_t several[3], thread;
	struct msqid_ds info;
	int sent;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		for (int n = 0; n < 3; n++) {
			m.type = (long[]){ 3, 1, 2 }[n];
			CHECK_INT(msgsnd(queue, &m, 4, 0), 0);
		}
		if (rows[i].error)
			CHECK_FAILS(msgrcv(queue, &m, sizeof m.text, rows[i].asked, rows[i].flags), rows[i].error);
		else
			CHECK_INT(msgrcv(queue, &m, sizeof m.text, rows[i].asked, rows[i].flags), 4);
		if (rows[i].comes)
			CHECK_INT(m.type, rows[i].comes);
		while (msgrcv(queue, &m, sizeof m.text, 0, IPC_NOWAIT) >= 0)
			;
	}
	m.type = 1;
	CHECK_INT(msgsnd(queue, &m, 8, 0), 0);
	CHECK_FAILS(msgrcv(queue, &m, 4, 0, 0), E2BIG);
	CHECK_INT(msgrcv(queue, &m, 4, 0, MSG_NOERROR), 4);
	m.type = 0;
	CHECK_FAILS(msgsnd(queue, &m, 4, 0), EINVAL);

	for (long i = 0; i < 3; i++) /* each waits for its own */
		several[i] = begin(receives, (void *)(i + 1));
	for (long i = 3; i > 0; i--) {
		m.type = i;
		CHECK_INT(msgsnd(queue, &m, 4, 0), 0);
	}
	for (long i = 0; i < 3; i++)
		CHECK_INT((long)thread_join(several[i]), i + 1);

	CHECK_INT(msgctl(queue, IPC_STAT, &info), 0);
	info.msg_qbytes = 4096;
	CHECK_INT(msgctl(queue, IPC_SET, &info), 0);
	m.type = 5;
	for (sent = 0; msgsnd(queue, &m, 1000, IPC_NOWAIT) == 0; sent++)
		;
	CHECK_INT(errno, EAGAIN);
	CHECK_INT(sent, 4);
	thread = begin(sends, NULL); /* full: waits for room */
	CHECK_INT(msgrcv(queue, &m, sizeof m.text, 5, 0), 1000);
	thread_join(thread);
	CHECK_INT(msgctl(queue, IPC_STAT, &info), 0);
	CHECK_INT(info.msg_qnum, 4);

	thread = begin(until_removed, &queue);
	CHECK_INT(msgctl(queue, IPC_RMID, NULL), 0);
	thread_join(thread);
	CHECK_FAILS(msgsnd(queue, &m, 4, 0), EINVAL);
}

int main(void)
{
	sem_init(&entered, 0, 0);
	queue = msgget(IPC_PRIVATE, 0600);
	sems = semget(IPC_PRIVATE, 4, 0600);
	if (queue == -1 || sems == -1)
		guest_die("msgget, semget");
	messages();
	semaphores();
	return guest_done();
}
