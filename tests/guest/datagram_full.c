/* Datagrams to a Unix socket that is full, from one that is not connected to it: whoever sends sleeps until there is
 * room, by each of the calls, and ends by SO_SNDTIMEO or a signal. poll() would say all the time that it can send. */
#include "guest.h"

#include <sys/socket.h>
#include <sys/un.h>

static int in, out;
static struct sockaddr_un address;
static socklen_t length = sizeof address;

static void make(void)
{
	struct sockaddr_un any = { .sun_family = AF_UNIX };

	in = socket(AF_UNIX, SOCK_DGRAM, 0);
	out = socket(AF_UNIX, SOCK_DGRAM, 0);
	CHECK_OK(bind(in, (struct sockaddr *)&any, sizeof any.sun_family));
	CHECK_OK(getsockname(in, (struct sockaddr *)&address, &length));
}

static ssize_t send_one(int flags)
{
	return sendto(out, "x", 1, flags, (struct sockaddr *)&address, length);
}

/* How many it holds. */
static int fill(void)
{
	int n = 0;

	while (send_one(MSG_DONTWAIT) == 1)
		n++;
	CHECK_INT(errno, EAGAIN);
	return n;
}

static void drain(void)
{
	char c;

	while (recv(in, &c, 1, MSG_DONTWAIT) == 1)
		;
	CHECK_INT(errno, EAGAIN);
}

static int64_t processor_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void *receives(void *n)
{
	char c;

	sleep_ms(300);
	for (long i = 0; i < (long)n; i++)
		CHECK_INT(recv(in, &c, 1, 0), 1);
	return NULL;
}

/* Each of them waits until the other thread, which first sleeps, has made room. */
static void waits(void)
{
	struct iovec byte = { "y", 1 };
	struct mmsghdr many[4];
	pthread_t thread;
	int64_t used;
	long n;

	for (int i = 0; i < 4; i++)
		many[i].msg_hdr = (struct msghdr){
			.msg_name = &address, .msg_namelen = length, .msg_iov = &byte, .msg_iovlen = 1
		};
	for (int way = 0; way < 3; way++) {
		n = fill();
		CHECK(n > 0);
		used = processor_ms();
		thread = thread_start(receives, (void *)(n + (way == 2 ? 4 : 1)));
		if (way == 0)
			CHECK_INT(send_one(0), 1);
		else if (way == 1)
			CHECK_INT(sendmsg(out, &many[0].msg_hdr, 0), 1);
		else
			CHECK_INT(sendmmsg(out, many, 4, 0), 4);
		thread_join(thread);
		used = processor_ms() - used;
		if (used >= 150)
			guest_fail(__FILE__, __LINE__, "way %d: expected a sleep of 300 ms, came %ld ms of processor",
			           way, (long)used);
	}
}

static void times_out(void)
{
	struct timeval limit = { 0, 50000 }, none = { 0, 0 };
	int64_t start = now_ms();

	fill();
	CHECK_OK(setsockopt(out, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit));
	CHECK_FAILS(send_one(0), EAGAIN);
	CHECK(now_ms() - start >= 49);
	CHECK_OK(setsockopt(out, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none));
	drain();
}

static volatile int handled, sent;

static void on_usr1(int signo __attribute__((unused)))
{
	handled++;
}

static void *sends(void *error)
{
	if (error)
		CHECK_FAILS(send_one(0), (int)(long)error);
	else
		CHECK_INT(send_one(0), 1);
	sent = 1;
	return NULL;
}

static void interrupted(void)
{
	pthread_t thread;

	fill();
	on_signal(SIGUSR1, on_usr1, 0);
	sent = 0;
	thread = thread_start(sends, (void *)EINTR);
	while (!sent) {
		pthread_kill(thread, SIGUSR1);
		sleep_ms(1);
	}
	thread_join(thread);

	on_signal(SIGUSR1, on_usr1, SA_RESTART);
	sent = handled = 0;
	thread = thread_start(sends, NULL);
	while (handled < 20 && !sent) {
		pthread_kill(thread, SIGUSR1);
		sleep_ms(1);
	}
	CHECK_INT(sent, 0);
	drain();
	thread_join(thread);
	CHECK_INT(sent, 1);
	drain();
}

int main(void)
{
	make();
	waits();
	times_out();
	interrupted();
	return guest_done();
}
