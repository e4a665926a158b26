/* More threads than a program has helpers are blocked in calls that wait for each other: locks of files, semaphores,
 * messages, queues. Whoever lets one go does not wait behind those that want it. */
#include "guest.h"
#include <mqueue.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>

#define CROWD 8

struct message {
	long type;
	char text[8];
};

static int file[CROWD + 1], sem, msg;
static mqd_t mq;
static long inside, most, turns;
static pthread_barrier_t all;

static void turn(void)
{
	long now = __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);

	if (now > most)
		most = now;
	usleep(200);
	turns++;
	__atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
}

static void *in_flock(void *arg)
{
	long n = (long)arg;

	pthread_barrier_wait(&all);
	CHECK_INT(flock(file[n], LOCK_EX), 0);
	turn();
	CHECK_INT(flock(file[n], LOCK_UN), 0);
	return NULL;
}

static void *in_fcntl(void *arg)
{
	struct flock l = { .l_type = F_WRLCK }, unlock = { .l_type = F_UNLCK };
	long n = (long)arg;

	pthread_barrier_wait(&all);
	CHECK_INT(fcntl(file[n], F_OFD_SETLKW, &l), 0);
	turn();
	CHECK_INT(fcntl(file[n], F_OFD_SETLK, &unlock), 0);
	return NULL;
}

static void *in_semop(void *arg)
{
	struct sembuf take = { 0, -1, 0 }, give = { 0, 1, 0 };

	pthread_barrier_wait(&all);
	CHECK_INT(semop(sem, &take, 1), 0);
	turn();
	CHECK_INT(semop(sem, &give, 1), 0);
	return arg;
}

/* Each hands a message on to the next. */
static void *in_msgrcv(void *arg)
{
	struct message m = { 0 };
	long n = (long)arg;

	pthread_barrier_wait(&all);
	CHECK_INT(msgrcv(msg, &m, sizeof m.text, CROWD - n, 0), sizeof m.text);
	turn();
	m.type++;
	CHECK_INT(msgsnd(msg, &m, sizeof m.text, 0), 0);
	return NULL;
}

static void *in_mq(void *arg)
{
	char text[8];

	pthread_barrier_wait(&all);
	CHECK_INT(mq_receive(mq, text, sizeof text, NULL), sizeof text);
	turn();
	CHECK_INT(mq_send(mq, text, sizeof text, 0), 0);
	return arg;
}

/* They are blocked, or on the way there; then one is let in, and the others follow. */
static void crowd(const char *name, void *(*fn)(void *), void (*let)(void))
{
	pthread_t t[CROWD];

	most = turns = 0;
	for (long i = 0; i < CROWD; i++)
		CHECK_OK(pthread_create(&t[i], NULL, fn, (void *)i));
	pthread_barrier_wait(&all);
	usleep(20000);
	CHECK_INT(turns, 0);
	let();
	for (int i = 0; i < CROWD; i++)
		CHECK_OK(pthread_join(t[i], NULL));
	printf("%s: %ld turns, %ld at a time\n", name, turns, most);
}

static void let_flock(void)
{
	CHECK_INT(flock(file[CROWD], LOCK_UN), 0);
}

static void let_fcntl(void)
{
	struct flock unlock = { .l_type = F_UNLCK };

	CHECK_INT(fcntl(file[CROWD], F_OFD_SETLK, &unlock), 0);
}

static void let_semop(void)
{
	struct sembuf give = { 0, 1, 0 };

	CHECK_INT(semop(sem, &give, 1), 0);
}

static void let_msgrcv(void)
{
	struct message m = { 1, "one" };

	CHECK_INT(msgsnd(msg, &m, sizeof m.text, 0), 0);
}

static void let_mq(void)
{
	CHECK_INT(mq_send(mq, "message", 8, 0), 0);
}

int main(void)
{
	struct mq_attr attr = { .mq_maxmsg = 4, .mq_msgsize = 8 };
	struct flock l = { .l_type = F_WRLCK };
	char path[] = "/tmp/guest-XXXXXX", name[32];

	pthread_barrier_init(&all, NULL, CROWD + 1);
	close(mkstemp(path));
	for (int i = 0; i <= CROWD; i++)
		file[i] = open(path, O_RDWR);
	unlink(path);
	sem = semget(IPC_PRIVATE, 1, 0600);
	msg = msgget(IPC_PRIVATE, 0600);
	snprintf(name, sizeof name, "/guest-%d", getpid());
	mq = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	mq_unlink(name);
	if (file[CROWD] < 0 || sem < 0 || msg < 0 || mq < 0)
		guest_die("open");
	CHECK_INT(flock(file[CROWD], LOCK_EX), 0);
	crowd("flock", in_flock, let_flock);
	CHECK_INT(fcntl(file[CROWD], F_OFD_SETLK, &l), 0);
	crowd("fcntl", in_fcntl, let_fcntl);
	crowd("semop", in_semop, let_semop);
	crowd("msgrcv", in_msgrcv, let_msgrcv);
	crowd("mq_receive", in_mq, let_mq);
	semctl(sem, 0, IPC_RMID);
	msgctl(msg, IPC_RMID, NULL);
	return guest_done();
}
