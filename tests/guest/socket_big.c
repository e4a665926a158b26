/* 16 MiB through a TCP and a unix socket: one send of a blocking socket sends all of it, MSG_WAITALL receives all that
 * was asked for. */
#include "guest.h"

#include "net.h"

enum { SIZE = 16 << 20, PIECE = 3 << 20 };

static unsigned char *data;

static void *sends(void *arg)
{
	CHECK_INT(send(*(int *)arg, data, SIZE, MSG_NOSIGNAL), SIZE);
	CHECK_INT(shutdown(*(int *)arg, SHUT_WR), 0);
	return NULL;
}

static void through(const char *name, int writer, int reader)
{
	unsigned char *got = (unsigned char *)malloc(SIZE);
	pthread_t thread = thread_start(sends, &writer);
	size_t at = 0;
	ssize_t n;

	while ((n = recv(reader, got + at, SIZE - at > PIECE ? PIECE : SIZE - at, MSG_WAITALL)) > 0) {
		CHECK_INT(n, SIZE - at > PIECE ? PIECE : SIZE - at);
		at += (size_t)n;
	}
	CHECK_INT(n, 0);
	CHECK_INT(at, SIZE);
	CHECK_INT(memcmp(got, data, SIZE), 0);
	thread_join(thread);
	printf("%s: %zu bytes\n", name, at);
	free(got);
	close(writer);
	close(reader);
}

static void *sends_in_parts(void *arg)
{
	int fd = *(int *)arg;

	write_all(fd, "abc", 3);
	sleep_ms(20);
	write_all(fd, "def", 3);
	sleep_ms(20);
	write_all(fd, "gh", 2);
	close(fd);
	return NULL;
}

int main(void)
{
	char text[16] = "";
	pthread_t thread;
	int fd[2];

	data = (unsigned char *)malloc(SIZE);
	for (int i = 0; i < SIZE; i++)
		data[i] = (unsigned char)(i * 13 + i / 509);
	net_pair(fd);
	through("tcp", fd[0], fd[1]);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == -1)
		guest_die("socketpair");
	through("unix", fd[0], fd[1]);

	net_pair(fd);
	thread = thread_start(sends_in_parts, &fd[0]);
	CHECK_INT(recv(fd[1], text, 5, MSG_WAITALL | MSG_PEEK), 5);
	CHECK_STR(text, "abcde");
	CHECK_INT(recv(fd[1], text, 6, MSG_WAITALL), 6);
	CHECK_STR(text, "abcdef");
	CHECK_INT(recv(fd[1], text, 6, MSG_WAITALL), 2); /* the other end closes: what came so far */
	CHECK_INT(recv(fd[1], text, 6, MSG_WAITALL), 0);
	thread_join(thread);
	close(fd[1]);
	return guest_done();
}
