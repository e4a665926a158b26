/* A signal ends a call that waits for something which no readiness tells of, or has it made again, as signal(7) says
 * for each: locks of files, System V queues and semaphores, POSIX queues, a FIFO without a writer. */
#include "guest.h"

#include <mqueue.h>
#include <semaphore.h>
#include <sys/file.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/stat.h>

static char path[64], fifo[64];
static int held, queue, semaphores;
static mqd_t posix;
static volatile int handled, returned;

static int call_flock(int own)
{
	return flock(own, LOCK_EX);
}

static int call_lock(int own)
{
	struct flock lock = { .l_type = F_WRLCK };

	return fcntl(own, F_OFD_SETLKW, &lock);
}

static int call_msgrcv(int own __attribute__((unused)))
{
	struct {
		long type;
		char text[8];
	} message;

	return (int)msgrcv(queue, &message, sizeof message.text, 3, 0);
}

static int call_semop(int own __attribute__((unused)))
{
	struct sembuf down = { 0, -1, 0 };

	return semop(semaphores, &down, 1);
}

static int call_mq(int own __attribute__((unused)))
{
	char buf[16];

	return (int)mq_receive(posix, buf, sizeof buf, NULL);
}

static int call_fifo(int own __attribute__((unused)))
{
	int fd = open(fifo, O_RDONLY);

	if (fd != -1)
		close(fd);
	return fd == -1 ? -1 : 0;
}

static void hold_flock(int on)
{
	CHECK_INT(flock(held, on ? LOCK_EX : LOCK_UN), 0);
}

static void hold_lock(int on)
{
	struct flock lock = { .l_type = on ? F_WRLCK : F_UNLCK };

	CHECK_INT(fcntl(held, F_OFD_SETLK, &lock), 0);
}

static void hold_mq(int on)
{
	if (!on)
		CHECK_INT(mq_send(posix, "x", 1, 0), 0);
}

static void hold_fifo(int on)
{
	if (!on)
		close(open(fifo, O_WRONLY));
}

static const struct call {
	const char *name;
	int (*call)(int own);
	void (*hold)(int on); /* NULL: it is never made again */
} calls[] = {
	{ "flock", call_flock, hold_flock }, { "F_OFD_SETLKW", call_lock, hold_lock },
	{ "msgrcv", call_msgrcv, NULL },     { "semop", call_semop, NULL },
	{ "mq_receive", call_mq, hold_mq },  { "open of a FIFO", call_fifo, hold_fifo },
};

static void handler(int sig __attribute__((unused)))
{
	handled++;
}

static void *blocks(void *arg)
{
	const struct call *c = arg;
	int own = open(path, O_RDWR), r;

	errno = 0;
	r = c->call(own);
	r = r == -1 ? -errno : 0;
	close(own);
	returned = 1;
	return (void *)(intptr_t)r;
}

static void rest(long ms)
{
	nanosleep(&(struct timespec){ 0, ms * 1000000 }, NULL);
}

/* Signals until `flag` is up; a signal that comes before the call has begun ends nothing. */
static void signal_until(pthread_t t, volatile int *flag)
{
	for (int i = 0; i < 500 && !*flag; i++) {
		rest(10);
		if (!returned)
			pthread_kill(t, SIGUSR1);
		rest(10);
	}
}

static void run(const struct call *c, int flags)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };
	intptr_t r;
	pthread_t t;

	sigaction(SIGUSR1, &sa, NULL);
	handled = returned = 0;
	if (c->hold)
		c->hold(1);
	t = thread_start(blocks, (void *)(uintptr_t)c);
	if (flags && c->hold) {
		rest(20);
		signal_until(t, &handled);
		rest(20);
		printf("%s, SA_RESTART: %s\n", c->name, returned ? "returned" : "goes on");
		c->hold(0);
	} else {
		signal_until(t, &returned);
		if (c->hold)
			c->hold == hold_fifo || c->hold == hold_mq ? (void)0 : c->hold(0);
	}
	r = (intptr_t)thread_join(t);
	printf("%s%s: %s\n", c->name, flags ? ", SA_RESTART" : "",
	       r == -EINTR ? "EINTR"
	       : r         ? strerror((int)-r)
	                   : "done");
}

int main(void)
{
	struct mq_attr attr = { .mq_maxmsg = 4, .mq_msgsize = 16 };
	char name[64];

	snprintf(path, sizeof path, "/tmp/offload_signal.%d", getpid());
	snprintf(fifo, sizeof fifo, "/tmp/offload_signal.%d.fifo", getpid());
	snprintf(name, sizeof name, "/offload_signal.%d", getpid());
	held = open(path, O_RDWR | O_CREAT, 0600);
	CHECK_INT(mkfifo(fifo, 0600), 0);
	queue = msgget(IPC_PRIVATE, 0600);
	semaphores = semget(IPC_PRIVATE, 1, 0600);
	posix = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
	mq_unlink(name);
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		run(&calls[i], 0);
		run(&calls[i], SA_RESTART);
	}
	msgctl(queue, IPC_RMID, NULL);
	semctl(semaphores, 0, IPC_RMID);
	unlink(path);
	unlink(fifo);
	return guest_done();
}
