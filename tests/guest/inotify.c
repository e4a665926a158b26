/* inotify: a thread that is blocked in read is told what others do in a directory, in order; poll, epoll, time limits,
 * removal, errors. */
#include "guest.h"

#include <limits.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

static char dir[] = "/tmp/inotify.XXXXXX";
static int notify;

static const struct name {
	uint32_t bit;
	const char *text;
} names[] = {
	{ IN_CREATE, "create" },   { IN_OPEN, "open" },   { IN_MODIFY, "modify" }, { IN_CLOSE_WRITE, "close-write" },
	{ IN_MOVED_FROM, "from" }, { IN_MOVED_TO, "to" }, { IN_DELETE, "delete" }, { IN_DELETE_SELF, "delete-self" },
	{ IN_IGNORED, "ignored" }, { IN_ISDIR, "dir" },   { IN_ATTRIB, "attrib" },
};

/* Prints each event until the watch is gone. */
static void *listens(void *arg)
{
	char buffer[4096] __attribute__((aligned(8)));
	bool more = true;

	while (more) {
		ssize_t n = read(notify, buffer, sizeof buffer);

		CHECK(n > 0);
		if (n <= 0)
			break;
		for (char *p = buffer; p < buffer + n;) {
			struct inotify_event *e = (struct inotify_event *)(void *)p;

			for (size_t i = 0; i < sizeof names / sizeof *names; i++)
				if (e->mask & names[i].bit)
					printf("%s ", names[i].text);
			printf("%s%s\n", e->len ? e->name : "-", e->cookie ? " moved" : "");
			more = more && !(e->mask & IN_IGNORED);
			p += sizeof *e + e->len;
		}
	}
	return arg;
}

static const char *in_dir(const char *name)
{
	static char path[2][PATH_MAX];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
	return path[turn];
}

static void *touches(void *arg)
{
	sleep_ms(10);
	close(open(in_dir("touched"), O_CREAT | O_WRONLY, 0600));
	return arg;
}

static void drain(void)
{
	char buffer[4096];

	CHECK(read(notify, buffer, sizeof buffer) > 0);
}

int main(void)
{
	const uint32_t all = IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVE | IN_DELETE | IN_DELETE_SELF;
	struct epoll_event event = { .events = EPOLLIN };
	struct pollfd waits;
	pthread_t thread;
	int watch, fd, size = 0, epoll = epoll_create1(0);
	char small[8];

	if (!mkdtemp(dir))
		guest_die("mkdtemp");
	notify = inotify_init1(IN_CLOEXEC);
	CHECK_FAILS(inotify_add_watch(notify, in_dir("nothing"), all), ENOENT);
	CHECK_FAILS(inotify_add_watch(epoll, dir, all), EINVAL);
	CHECK_FAILS(inotify_rm_watch(notify, 99), EINVAL);

	watch = inotify_add_watch(notify, dir, all);
	CHECK(watch > 0);
	waits = (struct pollfd){ notify, POLLIN, 0 };
	CHECK_INT(poll(&waits, 1, 5), 0);
	thread = thread_start(touches, NULL);
	CHECK_INT(poll(&waits, 1, -1), 1);
	thread_join(thread);
	CHECK_FAILS(read(notify, small, sizeof small), EINVAL); /* no event fits */
	CHECK_INT(ioctl(notify, FIONREAD, &size), 0);
	CHECK_INT(size, 2 * 32);
	drain();
	CHECK_INT(epoll_ctl(epoll, EPOLL_CTL_ADD, notify, &event), 0);
	thread = thread_start(touches, NULL);
	CHECK_INT(epoll_wait(epoll, &event, 1, -1), 1);
	thread_join(thread);
	drain();
	unlink(in_dir("touched"));
	drain();

	thread = thread_start(listens, NULL);
	sleep_ms(10);
	fd = open(in_dir("a"), O_CREAT | O_WRONLY, 0600);
	sleep_ms(2); /* it reads in pieces, or at once */
	write_all(fd, "x", 1);
	sleep_ms(2);
	close(fd);
	rename(in_dir("a"), in_dir("b"));
	sleep_ms(2);
	mkdir(in_dir("sub"), 0700);
	rmdir(in_dir("sub"));
	unlink(in_dir("b"));
	CHECK_INT(rmdir(dir), 0);
	thread_join(thread);
	CHECK_FAILS(inotify_rm_watch(notify, watch), EINVAL);
	return guest_done();
}
