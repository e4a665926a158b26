/* What this program does with descriptors that it shares with another process is not seen there: a child looks at their
 * flags all the time, and finds O_NONBLOCK on none. Sockets that are connected and accepted from, a pipe that is read.
 */
#include "guest.h"
#include "net.h"
#include <sys/wait.h>

#define SOCKETS   200
#define DATAGRAMS 2000

static int tcp[SOCKETS], udp, listener, pipes[2];
static struct sockaddr_in to;

/* Until the other end of `stop` is closed. */
static int looked_on(int stop)
{
	int seen = 0;
	char c;

	fcntl(stop, F_SETFL, O_NONBLOCK);
	while (read(stop, &c, 1) < 0) {
		for (int i = 0; i < SOCKETS; i++)
			seen += (fcntl(tcp[i], F_GETFL) & O_NONBLOCK) != 0;
		for (int i = 0; i < 50; i++)
			seen += (fcntl(udp, F_GETFL) & O_NONBLOCK) != 0;
		seen += (fcntl(listener, F_GETFL) & O_NONBLOCK) != 0;
		seen += (fcntl(pipes[0], F_GETFL) & O_NONBLOCK) != 0;
	}
	return seen > 100 ? 100 : seen;
}

static void *accepts(void *arg)
{
	for (int i = 0; i < SOCKETS; i++)
		close(accept(listener, NULL, NULL));
	return arg;
}

static void *reads(void *arg)
{
	char c;

	CHECK_INT(read(pipes[0], &c, 1), 1);
	return arg;
}

int main(void)
{
	socklen_t len = sizeof to;
	pthread_t a, b;
	int stop[2], status;
	pid_t child;

	to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	listener = socket(AF_INET, SOCK_STREAM, 0);
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(listener, (void *)&to, sizeof to) || listen(listener, SOCKETS) ||
	    getsockname(listener, (void *)&to, &len) || pipe(pipes) || pipe(stop))
		guest_die("listen");
	for (int i = 0; i < SOCKETS; i++)
		tcp[i] = socket(AF_INET, SOCK_STREAM, 0);
	child = fork();
	if (!child) {
		close(stop[1]);
		_exit(looked_on(stop[0]));
	}
	CHECK_OK(pthread_create(&a, NULL, accepts, NULL));
	CHECK_OK(pthread_create(&b, NULL, reads, NULL));
	usleep(10000);
	for (int i = 0; i < DATAGRAMS; i++)
		CHECK_INT(connect(udp, (void *)&to, sizeof to), 0);
	for (int i = 0; i < SOCKETS; i++)
		CHECK_INT(connect(tcp[i], (void *)&to, sizeof to), 0);
	CHECK_INT(write(pipes[1], "x", 1), 1);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	close(stop[1]);
	waitpid(child, &status, 0);
	CHECK_INT(WEXITSTATUS(status), 0);
	return guest_done();
}
