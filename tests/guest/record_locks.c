/* Locks of files between threads: fcntl's belong to the process, F_OFD_ and flock to the open description. Row for row
 * one thread holds, another one of the same process asks, and a third process asks. */
#include "guest.h"

#include <semaphore.h>
#include <sys/file.h>
#include <sys/wait.h>

enum kind { PROCESS, DESCRIPTION, WHOLE };

static char path[] = "/tmp/record-locks.XXXXXX";

static int ask(enum kind kind, int fd, int type, bool wait)
{
	struct flock l = { .l_type = (short)type, .l_whence = SEEK_SET, .l_start = 10, .l_len = 5 };
	int how = type == F_UNLCK ? LOCK_UN : type == F_RDLCK ? LOCK_SH : LOCK_EX;

	if (kind == WHOLE)
		return flock(fd, how | (wait ? 0 : LOCK_NB));
	if (kind == PROCESS)
		return fcntl(fd, wait ? F_SETLKW : F_SETLK, &l);
	return fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &l);
}

static const struct row {
	const char *name;
	enum kind kind;
	int held, asked;
	bool same; /* the second has the same open description */
	int error; /* of one that does not wait, in a thread of the same process */
} rows[] = {
	{ "process's lock, write and write", PROCESS, F_WRLCK, F_WRLCK, false, 0 },
	{ "process's lock, read and write", PROCESS, F_RDLCK, F_WRLCK, true, 0 },
	{ "description's lock, write and write", DESCRIPTION, F_WRLCK, F_WRLCK, false, EAGAIN },
	{ "description's lock, read and write", DESCRIPTION, F_RDLCK, F_WRLCK, false, EAGAIN },
	{ "description's lock, write and read", DESCRIPTION, F_WRLCK, F_RDLCK, false, EAGAIN },
	{ "description's lock, read and read", DESCRIPTION, F_RDLCK, F_RDLCK, false, 0 },
	{ "description's lock, the same one", DESCRIPTION, F_WRLCK, F_WRLCK, true, 0 },
	{ "flock, exclusive and exclusive", WHOLE, F_WRLCK, F_WRLCK, false, EWOULDBLOCK },
	{ "flock, shared and exclusive", WHOLE, F_RDLCK, F_WRLCK, false, EWOULDBLOCK },
	{ "flock, exclusive and shared", WHOLE, F_WRLCK, F_RDLCK, false, EWOULDBLOCK },
	{ "flock, shared and shared", WHOLE, F_RDLCK, F_RDLCK, false, 0 },
	{ "flock, the same description", WHOLE, F_WRLCK, F_RDLCK, true, 0 },
};

struct second {
	const struct row *row;
	int fd;
	sem_t entered;
	volatile bool has;
};

static void *asks(void *arg)
{
	struct second *s = arg;

	sem_post(&s->entered);
	CHECK_INT(ask(s->row->kind, s->fd, s->row->asked, true), 0);
	s->has = true;
	CHECK_INT(ask(s->row->kind, s->fd, F_UNLCK, false), 0);
	return NULL;
}

static void in_threads(const struct row *row)
{
	struct second s = { .row = row };
	int fd = open(path, O_RDWR);
	pthread_t thread;

	s.fd = row->same ? fd : open(path, O_RDWR);
	sem_init(&s.entered, 0, 0);
	CHECK_INT(ask(row->kind, fd, row->held, false), 0);
	if (row->error)
		CHECK_FAILS(ask(row->kind, s.fd, row->asked, false), row->error);
	else
		CHECK_INT(ask(row->kind, s.fd, row->asked, false), 0);
	thread = thread_start(asks, &s);
	sem_wait(&s.entered);
	if (row->error) {
		sleep_ms(10);
		CHECK(!s.has);
		CHECK_INT(ask(row->kind, fd, F_UNLCK, false), 0);
	}
	thread_join(thread);
	printf("%s: %s\n", row->name, row->error ? strerrorname_np(row->error) : "has it");
	if (!row->same)
		close(s.fd);
	close(fd);
}

/* Another process is kept out by each, and let in when a thread gives up. */
static void in_processes(enum kind kind)
{
	int fd = open(path, O_RDWR), go[2], status;
	struct flock l = { .l_type = F_WRLCK, .l_start = 10, .l_len = 1 };
	pid_t child;
	char byte;

	if (pipe(go) == -1)
		guest_die("pipe");
	CHECK_INT(ask(kind, fd, F_WRLCK, false), 0);
	child = fork();
	if (child == 0) {
		int own = open(path, O_RDWR);
		bool out = ask(kind, own, F_WRLCK, false) == -1;

		write_all(go[1], "g", 1);
		_exit(out && ask(kind, own, F_WRLCK, true) == 0 ? 5 : 1);
	}
	read_all(go[0], &byte, 1);
	sleep_ms(5);
	if (kind == PROCESS) { /* closing any of its descriptors gives up all of the process's */
		CHECK_INT(fcntl(fd, F_GETLK, &l), 0);
		CHECK_INT(l.l_type, F_UNLCK);
		close(open(path, O_RDONLY));
	} else {
		CHECK_INT(ask(kind, fd, F_UNLCK, false), 0);
	}
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(WEXITSTATUS(status), 5);
	close(fd);
	close(go[0]);
	close(go[1]);
}

/* Each of two processes waits for what the other has: the second is told. */
static void each_for_the_other(void)
{
	struct flock first = { .l_type = F_WRLCK, .l_start = 0, .l_len = 1 },
		     second = { .l_type = F_WRLCK, .l_start = 1, .l_len = 1 };
	int fd = open(path, O_RDWR), go[2], ready[2], status;
	char byte;
	pid_t child;

	if (pipe(go) == -1 || pipe(ready) == -1)
		guest_die("pipe");
	CHECK_INT(fcntl(fd, F_SETLK, &first), 0);
	child = fork();
	if (child == 0) {
		int own = open(path, O_RDWR);

		if (fcntl(own, F_SETLK, &second) == -1)
			_exit(1);
		write_all(ready[1], "r", 1);
		_exit(fcntl(own, F_SETLKW, &first) == 0 ? 6 : 2); /* has it when the parent gives up */
	}
	read_all(ready[0], &byte, 1);
	sleep_ms(20);
	CHECK_FAILS(fcntl(fd, F_SETLKW, &second), EDEADLK);
	first.l_type = F_UNLCK;
	CHECK_INT(fcntl(fd, F_SETLK, &first), 0);
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(WEXITSTATUS(status), 6);
	close(fd);
}

int main(void)
{
	close(mkstemp(path));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		in_threads(&rows[i]);
	for (int kind = PROCESS; kind <= WHOLE; kind++)
		in_processes((enum kind)kind);
	each_for_the_other();
	unlink(path);
	return guest_done();
}
