/* REQ and REP over tcp, in the style of the guide's "multithreaded Hello World server".
 *
 *	zmq_reqrep server WORKERS              a ROUTER before WORKERS threads with a REP socket each
 *	zmq_reqrep client PORT THREADS EACH    THREADS REQ sockets, EACH questions
 *
 * SIGTERM interrupts the server's proxy; ending the context then ends the workers.
 */
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { MOST_THREADS = 64 };

static void *context;
static char address[64];
static int answered, each;

static void interrupt(int number)
{
	(void)number;
}

static void *work(void *arg)
{
	void *socket = zmq_socket(context, ZMQ_REP);
	char text[128];
	int n, number;

	(void)arg;
	zmq_connect(socket, "inproc://workers");
	while ((n = zmq_recv(socket, text, sizeof text - 1, 0)) >= 0) {
		text[n] = 0;
		number = atoi(text);
		n = snprintf(text, sizeof text, "%d squared is %d", number, number * number);
		zmq_send(socket, text, n, 0);
		__atomic_add_fetch(&answered, 1, __ATOMIC_RELAXED);
	}
	assert(zmq_errno() == ETERM);
	zmq_close(socket);
	return NULL;
}

static int server(int workers)
{
	void *front = zmq_socket(context, ZMQ_ROUTER), *back = zmq_socket(context, ZMQ_DEALER);
	struct sigaction action = { .sa_handler = interrupt };
	pthread_t threads[MOST_THREADS];
	size_t size = sizeof address;
	sigset_t term;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigaction(SIGTERM, &action, NULL);
	if (zmq_bind(front, "tcp://127.0.0.1:*") || zmq_bind(back, "inproc://workers"))
		return perror("zmq_bind"), 1;
	/* Only the proxy takes the signal. */
	pthread_sigmask(SIG_BLOCK, &term, NULL);
	for (int i = 0; i < workers; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	pthread_sigmask(SIG_UNBLOCK, &term, NULL);
	zmq_getsockopt(front, ZMQ_LAST_ENDPOINT, address, &size);
	printf("port %s\n", strrchr(address, ':') + 1);
	fflush(stdout);
	zmq_proxy(front, back, NULL);
	printf("the proxy ended: %s\n", zmq_strerror(zmq_errno()));
	zmq_close(front);
	zmq_close(back);
	zmq_ctx_term(context);
	for (int i = 0; i < workers; i++)
		pthread_join(threads[i], NULL);
	printf("%d answered by %d workers\n", answered, workers);
	return 0;
}

static void *ask(void *arg)
{
	long me = (long)arg, right = 0;
	void *socket = zmq_socket(context, ZMQ_REQ);
	char text[128], expected[128];

	zmq_connect(socket, address);
	for (int i = 0; i < each; i++) {
		int number = me * 100 + i % 100, n;

		n = snprintf(text, sizeof text, "%d", number);
		zmq_send(socket, text, n, 0);
		n = zmq_recv(socket, text, sizeof text - 1, 0);
		assert(n >= 0);
		text[n] = 0;
		snprintf(expected, sizeof expected, "%d squared is %d", number, number * number);
		right += !strcmp(text, expected);
	}
	zmq_close(socket);
	return (void *)right;
}

static int client(const char *port, int count)
{
	pthread_t threads[MOST_THREADS];

	snprintf(address, sizeof address, "tcp://127.0.0.1:%s", port);
	for (long i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, ask, (void *)i);
	for (int i = 0; i < count; i++) {
		void *right;

		pthread_join(threads[i], &right);
		printf("thread %d: %ld of %d answers right\n", i, (long)right, each);
	}
	zmq_ctx_term(context);
	return 0;
}

int main(int argc, char **argv)
{
	int count = argc > 2 ? atoi(argv[argc == 5 ? 3 : 2]) : 0;

	context = zmq_ctx_new();
	if (count < 1 || count > MOST_THREADS)
		return fputs("zmq_reqrep server WORKERS | client PORT THREADS EACH\n", stderr), 2;
	if (!strcmp(argv[1], "server"))
		return server(count);
	each = atoi(argv[4]);
	return client(argv[2], count);
}
