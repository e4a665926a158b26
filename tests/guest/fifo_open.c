/* Opening FIFOs: many threads blocked in it at once, on FIFOs of their own and on the same one; both directions, creat
 * and openat; an open that does not wait, that a signal ends or that goes on after one; the name removed meanwhile. */
#include "guest.h"

#include <semaphore.h>
#include <sys/stat.h>

#define PAIRS 8

static char dir[] = "/tmp/fifo-open.XXXXXX", names[PAIRS][64];
static sem_t entered;
static volatile sig_atomic_t handled;

static void note(int signo)
{
	(void)signo;
	handled++;
}

static void *opens_reading(void *arg)
{
	sem_post(&entered);
	return (void *)(long)open(names[(long)arg], O_RDONLY);
}

/* Each in another way. */
static int open_writing(long n)
{
	if (n % 3 == 0)
		return creat(names[n], 0600);
	if (n % 3 == 1)
		return openat(AT_FDCWD, names[n], O_WRONLY | O_CLOEXEC);
	return open(names[n], O_WRONLY | O_APPEND);
}

static void *opens_writing(void *arg)
{
	sem_post(&entered);
	return (void *)(long)open_writing((long)arg);
}

static void speak(int reader, int writer, long n)
{
	char byte = (char)('a' + n), got = 0;

	CHECK(reader >= 0 && writer >= 0);
	write_all(writer, &byte, 1);
	read_all(reader, &got, 1);
	CHECK_INT(got, byte);
	close(writer);
	CHECK_INT(read(reader, &got, 1), 0);
	close(reader);
}

/* All wait, then each gets its other end, the last first. */
static void many(void *(*waits)(void *), bool readers)
{
	pthread_t thread[PAIRS];

	for (long i = 0; i < PAIRS; i++)
		thread[i] = thread_start(waits, (void *)i);
	for (int i = 0; i < PAIRS; i++)
		sem_wait(&entered);
	for (long i = PAIRS - 1; i >= 0; i--) {
		int here = readers ? open_writing(i) : open(names[i], O_RDONLY);
		int there = (int)(long)thread_join(thread[i]);

		speak(readers ? there : here, readers ? here : there, i);
	}
	printf("%d %s were let in\n", PAIRS, readers ? "readers" : "writers");
}

/* Several wait for the same one: one writer lets them all in. */
static void same(void)
{
	pthread_t thread[PAIRS];
	int writer, fd;

	for (int i = 0; i < PAIRS; i++)
		thread[i] = thread_start(opens_reading, (void *)0);
	for (int i = 0; i < PAIRS; i++)
		sem_wait(&entered);
	sleep_ms(5);
	writer = open(names[0], O_WRONLY);
	for (int i = 0; i < PAIRS; i++) {
		fd = (int)(long)thread_join(thread[i]);
		CHECK(fd >= 0);
		close(fd);
	}
	CHECK_FAILS(write(writer, "x", 1), EPIPE);
	close(writer);
	printf("one let %d in\n", PAIRS);
}

static void *interrupted(void *arg)
{
	int fd;

	sem_post(&entered);
	fd = open(names[1], O_RDONLY);
	if (arg) { /* SA_RESTART */
		CHECK(fd >= 0);
	} else {
		CHECK_INT(fd, -1);
		CHECK_INT(errno, EINTR);
	}
	return (void *)(long)fd;
}

static void signals(void)
{
	for (int restart = 0; restart < 2; restart++) {
		pthread_t thread;
		int writer;

		on_signal(SIGUSR1, note, restart ? SA_RESTART : 0);
		handled = 0;
		thread = thread_start(interrupted, restart ? &entered : NULL);
		sem_wait(&entered);
		sleep_ms(15);
		CHECK_OK(pthread_kill(thread, SIGUSR1));
		while (!handled)
			sleep_ms(1);
		if (restart) {
			writer = open(names[1], O_WRONLY);
			close((int)(long)thread_join(thread));
			close(writer);
		} else {
			thread_join(thread);
		}
	}
}

int main(void)
{
	pthread_t thread;
	int reader, both;

	sem_init(&entered, 0, 0);
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(dir))
		guest_die("mkdtemp");
	for (int i = 0; i < PAIRS; i++) {
		snprintf(names[i], sizeof names[i], "%s/%d", dir, i);
		CHECK_INT(mkfifo(names[i], 0600), 0);
	}
	many(opens_reading, true);
	many(opens_writing, false);
	same();
	signals();

	CHECK_FAILS(open(names[0], O_WRONLY | O_NONBLOCK), ENXIO);
	reader = open(names[0], O_RDONLY | O_NONBLOCK);
	CHECK(reader >= 0);
	both = open(names[0], O_WRONLY | O_NONBLOCK);
	CHECK(both >= 0);
	close(reader);
	close(both);
	both = open(names[0], O_RDWR); /* its own other end */
	CHECK(both >= 0);
	close(both);

	/* The name goes, and comes back as another one: who waits, waits for the old one. */
	thread = thread_start(opens_reading, (void *)2);
	sem_wait(&entered);
	sleep_ms(15);
	CHECK_INT(rename(names[2], names[3]), 0);
	CHECK_INT(mkfifo(names[2], 0600), 0);
	both = open(names[3], O_WRONLY);
	speak((int)(long)thread_join(thread), both, 2);
	for (int i = 0; i < PAIRS; i++)
		CHECK_INT(unlink(names[i]), 0);
	rmdir(dir);
	return guest_done();
}
