/* Message queues of POSIX: threads blocked in sending and receiving, priorities, time limits, notification by a signal
 * and by a thread, poll, closing. */
#include "guest.h"

#include <mqueue.h>
#include <poll.h>
#include <semaphore.h>

static mqd_t queue;
static sem_t entered, notified;
static char name[40];
static volatile sig_atomic_t signals, code, value;

static void *receives(void *arg)
{
	char text[64] = "";
	unsigned priority;

	sem_post(&entered);
	CHECK_INT(mq_receive(queue, text, sizeof text, &priority), 3);
	return (void *)(long)(text[2] - '0');
	(void)arg;
}

static void *sends(void *arg)
{
	sem_post(&entered);
	CHECK_INT(mq_send(queue, "sn9", 3, 9), 0);
	return arg;
}

static void on_notify(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	code = info->si_code;
	value = info->si_value.sival_int;
	signals++;
}

static void in_thread(union sigval v)
{
	CHECK_INT(v.sival_int, 8);
	sem_post(&notified);
}

static pthread_t begin(void *(*run)(void *), void *arg)
{
	pthread_t thread = thread_start(run, arg);

	sem_wait(&entered);
	sleep_ms(5);
	return thread;
}

static void blocked(void)
{
	pthread_t several[3], thread;
	char text[64];
	unsigned priority;
	int sum = 0;

	for (int i = 0; i < 3; i++)
		several[i] = begin(receives, NULL);
	for (int i = 1; i <= 3; i++) {
		snprintf(text, sizeof text, "sn%d", i);
		CHECK_INT(mq_send(queue, text, 3, 1), 0);
	}
	for (int i = 0; i < 3; i++)
		sum += (int)(long)thread_join(several[i]);
	CHECK_INT(sum, 6);
	for (unsigned i = 1; i <= 4; i++) { /* full */
		snprintf(text, sizeof text, "sn%u", i);
		CHECK_INT(mq_send(queue, text, 3, i % 3), 0);
	}
	thread = begin(sends, NULL);
	CHECK_INT(mq_receive(queue, text, sizeof text, &priority),
	          3); /* the highest priority first, of these the oldest */
	CHECK_INT(text[2], '2');
	thread_join(thread);
	for (int i = 0; i < 4; i++) {
		CHECK_INT(mq_receive(queue, text, sizeof text, &priority), 3);
		printf("%c with %u\n", text[2], priority);
	}
}

static void limits(void)
{
	struct timespec at = clock_in(CLOCK_REALTIME, 20), past = { 1, 0 }, bad = { 1, -1 };
	struct mq_attr attributes = { .mq_flags = O_NONBLOCK };
	struct pollfd waits = { (int)queue, POLLIN | POLLOUT, 0 };
	char text[64];

	CHECK_FAILS(mq_timedreceive(queue, text, sizeof text, NULL, &at), ETIMEDOUT);
	CHECK_FAILS(mq_timedreceive(queue, text, sizeof text, NULL, &past), ETIMEDOUT);
	CHECK_FAILS(mq_timedreceive(queue, text, sizeof text, NULL, &bad), EINVAL);
	CHECK_FAILS(mq_receive(queue, text, 2, NULL), EMSGSIZE);
	CHECK_FAILS(mq_send(queue, text, 65, 0), EMSGSIZE);
	CHECK_INT(poll(&waits, 1, 5), 1);
	CHECK_INT(waits.revents, POLLOUT);
	CHECK_INT(mq_setattr(queue, &attributes, NULL), 0);
	CHECK_FAILS(mq_receive(queue, text, sizeof text, NULL), EAGAIN);
	attributes.mq_flags = 0;
	CHECK_INT(mq_setattr(queue, &attributes, NULL), 0);
}

static void notification(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
		                  .sigev_signo = SIGRTMIN + 1,
		                  .sigev_value.sival_int = 7 };
	struct sigaction action;
	char text[64];

	memset(&action, 0, sizeof action);
	action.sa_sigaction = on_notify;
	action.sa_flags = SA_SIGINFO;
	sigaction(SIGRTMIN + 1, &action, NULL);
	for (int i = 1; i <= 2; i++) {
		CHECK_INT(mq_notify(queue, &event), 0);
		CHECK_FAILS(mq_notify(queue, &event), EBUSY);
		CHECK_INT(mq_send(queue, "one", 3, 0), 0);
		while (signals < i)
			sleep_ms(1);
		CHECK_INT(code, SI_MESGQ);
		CHECK_INT(value, 7);
		CHECK_INT(mq_receive(queue, text, sizeof text, NULL), 3);
	}
	CHECK_INT(mq_notify(queue, &event), 0);
	CHECK_INT(mq_notify(queue, NULL), 0); /* no more */
	CHECK_INT(mq_send(queue, "one", 3, 0), 0);
	CHECK_INT(mq_receive(queue, text, sizeof text, NULL), 3);
	CHECK_INT(signals, 2);

	event = (struct sigevent){ .sigev_notify = SIGEV_THREAD, .sigev_value.sival_int = 8 };
	event.sigev_notify_function = in_thread;
	for (int i = 0; i < 2; i++) {
		CHECK_INT(mq_notify(queue, &event), 0);
		CHECK_INT(mq_send(queue, "two", 3, 0), 0);
		sem_wait(&notified);
		CHECK_INT(mq_receive(queue, text, sizeof text, NULL), 3);
	}
	CHECK_INT(mq_notify(queue, NULL), 0);

	/* Whoever is blocked in it has the message, and nobody is told. */
	event = (struct sigevent){ .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1 };
	CHECK_INT(mq_notify(queue, &event), 0);
	{
		pthread_t thread = begin(receives, NULL);

		CHECK_INT(mq_send(queue, "sn5", 3, 0), 0);
		CHECK_INT((long)thread_join(thread), 5);
	}
	CHECK_INT(signals, 2);
	CHECK_FAILS(mq_notify(queue, &event), EBUSY); /* it still holds */
}

int main(void)
{
	struct mq_attr attributes = { .mq_maxmsg = 4, .mq_msgsize = 64 };

	sem_init(&entered, 0, 0);
	sem_init(&notified, 0, 0);
	snprintf(name, sizeof name, "/guest-mqueue-%d", getpid());
	queue = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &attributes);
	if (queue == (mqd_t)-1)
		guest_die("mq_open");
	CHECK_INT(mq_unlink(name), 0);
	blocked();
	limits();
	notification();
	CHECK_INT(mq_close(queue), 0);
	CHECK_FAILS(mq_send(queue, "x", 1, 0), EBADF);
	return guest_done();
}
