/* A FIFO whose open blocks until the other side opens too, and a pseudo-terminal whose reader blocks for a line. */
#include "guest.h"

#include <pty.h>
#include <sys/stat.h>
#include <termios.h>

static char path[64];
static int slave;

static void *opens_writer(void *arg)
{
	int fd = open(path, O_WRONLY);

	CHECK(fd >= 0);
	write_all(fd, "fifo", 4);
	close(fd);
	return arg;
}

static void *reads_line(void *arg)
{
	char line[50] = "";

	CHECK_INT(read(slave, line, sizeof line), 6);
	CHECK_STR(line, "hello\n");
	return arg;
}

int main(void)
{
	char dir[] = "/tmp/fifo_tty.XXXXXX", text[8] = "";
	pthread_t thread;
	int fd, master;

	if (!mkdtemp(dir))
		guest_die("mkdtemp");
	snprintf(path, sizeof path, "%s/fifo", dir);
	CHECK_INT(mkfifo(path, 0600), 0);
	CHECK_FAILS(open(path, O_WRONLY | O_NONBLOCK), ENXIO);
	thread = thread_start(opens_writer, NULL);
	fd = open(path, O_RDONLY);
	read_all(fd, text, 4);
	CHECK_STR(text, "fifo");
	CHECK_INT(read(fd, text, 1), 0);
	thread_join(thread);
	close(fd);
	unlink(path);
	rmdir(dir);

	CHECK_INT(openpty(&master, &slave, NULL, NULL, NULL), 0);
	CHECK_INT(isatty(slave), 1);
	thread = thread_start(reads_line, NULL);
	write_all(master, "hel", 3);
	sleep_ms(10);
	write_all(master, "lo\n", 3);
	thread_join(thread);
	CHECK_INT(fcntl(slave, F_GETFL), O_RDWR);
	return guest_done();
}
