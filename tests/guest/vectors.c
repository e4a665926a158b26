/* readv and writev, preadv and pwritev: vectors larger than the buffer of a pipe and a socket arrive complete and in
 * order. */
#include "guest.h"

#include <sys/socket.h>
#include <sys/uio.h>

enum { PARTS = 7, SIZE = 300000 };

static unsigned char *data;

static void *writes(void *arg)
{
	struct iovec parts[PARTS];
	size_t left = SIZE, at = 0;

	for (int i = 0; i < PARTS; i++) {
		size_t size = i == PARTS - 1 ? left : i == 3 ? 0 : SIZE / 10 * (size_t)(i + 1) / 3;

		parts[i].iov_base = data + at;
		parts[i].iov_len = size;
		at += size;
		left -= size;
	}
	CHECK_INT(writev(*(int *)arg, parts, PARTS), SIZE);
	close(*(int *)arg);
	return NULL;
}

static void through(int reader, int writer, const char *name)
{
	unsigned char *got = (unsigned char *)calloc(1, SIZE);
	pthread_t thread = thread_start(writes, &writer);
	size_t at = 0;

	while (at < SIZE) {
		struct iovec parts[2] = { { got + at, 1 }, { got + at + 1, SIZE - at - 1 } };
		ssize_t n = readv(reader, parts, 2);

		CHECK(n > 0);
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	thread_join(thread);
	CHECK_INT(memcmp(got, data, SIZE), 0);
	printf("%s: %zu bytes\n", name, at);
	free(got);
	close(reader);
}

int main(void)
{
	int fd[2];
	char name[] = "/tmp/vectors.XXXXXX", a[4] = "", b[4] = "";
	struct iovec out[2] = { { (char *)"abc", 3 }, { (char *)"def", 3 } }, in[2] = { { a, 3 }, { b, 3 } };

	data = (unsigned char *)malloc(SIZE);
	for (int i = 0; i < SIZE; i++)
		data[i] = (unsigned char)(i * 7 + i / 251);
	if (pipe(fd) == -1)
		guest_die("pipe");
	through(fd[0], fd[1], "pipe");
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == -1)
		guest_die("socketpair");
	through(fd[0], fd[1], "socket");

	fd[0] = mkstemp(name);
	if (fd[0] == -1)
		guest_die("mkstemp");
	unlink(name);
	CHECK_INT(pwritev(fd[0], out, 2, 10), 6);
	CHECK_INT(preadv(fd[0], in, 2, 10), 6);
	CHECK_STR(a, "abc");
	CHECK_STR(b, "def");
	CHECK_FAILS(readv(fd[0], in, guest_minus_one), EINVAL);
	CHECK_FAILS(writev(fd[0], (struct iovec *)guest_nowhere, 1), EFAULT);
	CHECK_INT(readv(fd[0], in, 0), 0);
	return guest_done();
}
