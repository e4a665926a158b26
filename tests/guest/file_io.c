/* Regular files from many threads: pread and pwrite, appending, fsync, locks, a shared file position, directories. */
#include "guest.h"

#include <dirent.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { THREADS = 8, BLOCK = 4096, BLOCKS = 16 };

static char dir[] = "/tmp/file_io.XXXXXX";
static int fd, log_fd;

static void *work(void *arg)
{
	long me = (long)arg;
	char block[BLOCK], back[BLOCK], line[40], path[64];
	int own;

	for (int i = 0; i < BLOCKS; i++) {
		memset(block, (int)(me * BLOCKS + i), BLOCK);
		CHECK_INT(pwrite(fd, block, BLOCK, (me + i * THREADS) * BLOCK), BLOCK);
		CHECK_INT(pread(fd, back, BLOCK, (me + i * THREADS) * BLOCK), BLOCK);
		CHECK_INT(memcmp(block, back, BLOCK), 0);
		snprintf(line, sizeof line, "%ld %03d\n", me, i);
		CHECK_INT(write(log_fd, line, strlen(line)), 6);
	}
	CHECK_INT(fdatasync(fd), 0);
	snprintf(path, sizeof path, "%s/own%ld", dir, me);
	own = open(path, O_CREAT | O_EXCL | O_RDWR, 0600);
	CHECK_INT(flock(own, LOCK_EX), 0);
	CHECK_INT(ftruncate(own, 100000), 0);
	char *map = (char *)mmap(NULL, 100000, PROT_READ | PROT_WRITE, MAP_SHARED, own, 0);
	memset(map, 'm', 100000);
	CHECK_INT(munmap(map, 100000), 0);
	CHECK_INT(lseek(own, 99999, SEEK_SET), 99999);
	CHECK_INT(read(own, back, 10), 1);
	CHECK_INT(back[0], 'm');
	CHECK_INT(read(own, back, 10), 0);
	close(own);
	CHECK_INT(unlink(path), 0);
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];
	char path[64];
	struct stat info;
	DIR *listing;
	int entries = 0;

	if (!mkdtemp(dir))
		guest_die("mkdtemp");
	snprintf(path, sizeof path, "%s/data", dir);
	fd = open(path, O_CREAT | O_RDWR, 0600);
	unlink(path);
	snprintf(path, sizeof path, "%s/log", dir);
	log_fd = open(path, O_CREAT | O_WRONLY | O_APPEND, 0600);
	for (long i = 0; i < THREADS; i++)
		threads[i] = thread_start(work, (void *)i);
	for (int i = 0; i < THREADS; i++)
		thread_join(threads[i]);
	CHECK_INT(fstat(fd, &info), 0);
	CHECK_INT(info.st_size, THREADS * BLOCK * BLOCKS);
	CHECK_INT(fstat(log_fd, &info), 0);
	CHECK_INT(info.st_size, THREADS * BLOCKS * 6);
	listing = opendir(dir);
	while (readdir(listing))
		entries++;
	closedir(listing);
	CHECK_INT(entries, 3);
	CHECK_INT(unlink(path), 0);
	CHECK_INT(rmdir(dir), 0);
	CHECK_FAILS(open(path, O_RDONLY), ENOENT);
	return guest_done();
}
