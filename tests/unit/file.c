/* file.c - files by helper threads: contents, deadlines, and what is left to itself. */
#include "unit.h"
#include <sys/stat.h>
#include "core/run/hub.h"
#include "greenpatch.h"

static char dir[] = "/tmp/unit-file-XXXXXX", path[64];

static void make_dir(void)
{
	NEED(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/f", dir);
}

static void remove_dir(void)
{
	unlink(path);
	rmdir(dir);
}

CASE("open, pwrite, fsync, pread and their errors")
{
	char buf[16] = "";
	int fd;

	make_dir();
	EXPECT_INT(gp_open(path, O_RDWR, 0, GP_NEVER), -ENOENT);
	fd = gp_open(path, O_RDWR | O_CREAT, 0600, GP_NEVER);
	NEED(fd >= 0);
	EXPECT_INT(gp_pwrite(fd, "hello", 5, 3, GP_NEVER), 5);
	EXPECT_INT(gp_fsync(fd, GP_NEVER), 0);
	EXPECT_INT(gp_pread(fd, buf, 15, 3, GP_NEVER), 5);
	EXPECT_STR(buf, "hello");
	EXPECT_INT(gp_pread(fd, buf, 15, 100, GP_NEVER), 0);
	EXPECT_INT(gp_pread(fd, buf, 15, -1, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_close(fd), 0);
	EXPECT_INT(gp_pread(fd, buf, 1, 0, GP_NEVER), -EBADF);
	EXPECT_INT(gp_fsync(fd, GP_NEVER), -EBADF);
	EXPECT_INT(gp_open(NULL, O_RDONLY, 0, GP_NEVER), -EINVAL);
	remove_dir();
}

CASE("a transfer of several pieces is whole")
{
	enum { N = 5 << 20 | 12345 };
	char *a = malloc(N), *b = malloc(N + 10);
	int fd = memfd_create("f", 0);

	for (int i = 0; i < N; i++)
		a[i] = (char)(i * 31 >> 3);
	EXPECT_INT(gp_pwrite(fd, a, N, 7, GP_NEVER), N);
	EXPECT_INT(gp_pread(fd, b, N + 10, 7, GP_NEVER), N);
	EXPECT(!memcmp(a, b, N));
	free(a);
	free(b);
}

static void *opener(void *arg)
{
	trace("%d", gp_open(path, O_RDONLY, 0, GP_NEVER));
	return NULL;
}

CASE("a FIFO waits for its other end; one whose greenlet has left is closed")
{
	struct gp_greenlet *g;
	int before, fd;

	make_dir();
	NEED(!mkfifo(path, 0600));
	EXPECT_INT(gp_open(path, O_RDONLY, 0, gp_after(2 * GP_MSEC)), -ETIMEDOUT);
	g = gp_spawn(opener, NULL);
	gp_sleep(GP_MSEC);
	EXPECT(!gp_ready(g));
	EXPECT_INT(gp_kill(g, GP_NEVER), 0);
	gp_unref(g);
	EXPECT_STR(unit_trace, "-125");
	before = unit_descriptors();
	fd = gp_open(path, O_RDWR, 0, GP_NEVER); /* lets both in */
	EXPECT(fd >= 0);
	do {
		gp_sleep(GP_MSEC);
	} while (unit_descriptors() > before + 1);
	gp_close(fd);
	remove_dir();
}

static void *mover(void *arg)
{
	char buf[4] = "";

	EXPECT_INT(gp_pread((int)(intptr_t)arg, buf, 4, 0, GP_NEVER), 4);
	trace("%.4s", buf);
	return NULL;
}

CASE("others run while a file is read")
{
	int fd = memfd_create("f", 0);
	struct gp_greenlet *g;

	NEED(write(fd, "data", 4) == 4);
	g = gp_spawn(mover, (void *)(intptr_t)fd);
	gp_yield();
	trace("main");
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
	EXPECT_STR(unit_trace, "main data");
}
