/* PUB and SUB over tcp, in step by a REP socket, as the guide's "synchronized publisher".
 *
 *	zmq_pubsub publisher SUBSCRIBERS MESSAGES
 *	zmq_pubsub subscriber PORT SYNC-PORT THREADS
 *
 * The subscriber has a thread for each subscription; the even ones take every topic, the odd ones "weather" only.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { MOST_THREADS = 64 };

static const char *const topics[] = { "news", "sport", "weather" };
static void *context;
static char address[64], sync_address[64];

static const char *port_of(void *socket)
{
	size_t size = sizeof address;

	zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, address, &size);
	return strrchr(address, ':') + 1;
}

static int publisher(int subscribers, int messages)
{
	void *pub = zmq_socket(context, ZMQ_PUB), *sync = zmq_socket(context, ZMQ_REP);
	int unlimited = 0;
	char text[64];

	zmq_setsockopt(pub, ZMQ_SNDHWM, &unlimited, sizeof unlimited);
	if (zmq_bind(pub, "tcp://127.0.0.1:*") || zmq_bind(sync, "tcp://127.0.0.1:*"))
		return perror("zmq_bind"), 1;
	printf("port %s", port_of(pub));
	printf(" %s\n", port_of(sync));
	fflush(stdout);
	for (int i = 0; i < subscribers;) {
		/* "?" asks for a beat, which shows that the subscription has come; "!" says that it has. */
		int n = zmq_recv(sync, text, sizeof text, 0);

		if (n == 1 && text[0] == '!')
			i++;
		zmq_send(sync, "", 0, 0);
		zmq_send(pub, "weather", 7, ZMQ_SNDMORE);
		zmq_send(pub, "beat", 4, 0);
	}
	for (int i = 0; i < messages; i++) {
		zmq_send(pub, topics[i % 3], strlen(topics[i % 3]), ZMQ_SNDMORE);
		zmq_send(pub, text, snprintf(text, sizeof text, "%d", i), 0);
	}
	for (int i = 0; i < 3; i++) {
		zmq_send(pub, topics[i], strlen(topics[i]), ZMQ_SNDMORE);
		zmq_send(pub, "END", 3, 0);
	}
	zmq_close(pub);
	zmq_close(sync);
	zmq_ctx_term(context); /* waits until everything is sent */
	printf("published %d messages to %d subscribers\n", messages, subscribers);
	return 0;
}

struct subscription {
	int number, came, ordered;
	long sum;
};

static void *subscribe(void *arg)
{
	struct subscription *s = arg;
	void *sub = zmq_socket(context, ZMQ_SUB), *sync = zmq_socket(context, ZMQ_REQ);
	const char *topic = s->number % 2 ? "weather" : "";
	int unlimited = 0, brief = 50, forever = -1, last = -1, ends = 0;
	char text[64];

	zmq_setsockopt(sub, ZMQ_RCVHWM, &unlimited, sizeof unlimited);
	zmq_setsockopt(sub, ZMQ_SUBSCRIBE, topic, strlen(topic));
	zmq_connect(sub, address);
	zmq_connect(sync, sync_address);
	zmq_setsockopt(sub, ZMQ_RCVTIMEO, &brief, sizeof brief);
	do {
		zmq_send(sync, "?", 1, 0);
		zmq_recv(sync, text, sizeof text, 0);
	} while (zmq_recv(sub, text, sizeof text, 0) < 0);
	zmq_setsockopt(sub, ZMQ_RCVTIMEO, &forever, sizeof forever);
	zmq_recv(sub, text, sizeof text, 0); /* the beat's second part */
	zmq_send(sync, "!", 1, 0);
	zmq_recv(sync, text, sizeof text, 0);
	s->ordered = 1;
	while (ends < (s->number % 2 ? 1 : 3)) {
		int n, number;

		zmq_recv(sub, text, sizeof text, 0);
		n = zmq_recv(sub, text, sizeof text - 1, 0);
		text[n] = 0;
		if (!strcmp(text, "END"))
			ends++;
		if (!strcmp(text, "END") || !strcmp(text, "beat"))
			continue;
		number = atoi(text);
		if (number <= last)
			s->ordered = 0;
		last = number;
		s->sum += number;
		s->came++;
	}
	zmq_close(sub);
	zmq_close(sync);
	return NULL;
}

static int subscriber(int count)
{
	static struct subscription subscriptions[MOST_THREADS];
	pthread_t threads[MOST_THREADS];

	for (int i = 0; i < count; i++) {
		subscriptions[i].number = i;
		pthread_create(&threads[i], NULL, subscribe, &subscriptions[i]);
	}
	for (int i = 0; i < count; i++) {
		struct subscription *s = &subscriptions[i];

		pthread_join(threads[i], NULL);
		printf("subscriber %d: %d messages, sum %ld, %s\n", i, s->came, s->sum,
		       s->ordered ? "in order" : "OUT OF ORDER");
	}
	zmq_ctx_term(context);
	return 0;
}

int main(int argc, char **argv)
{
	int count = argc > 3 ? atoi(argv[argc == 5 ? 4 : 2]) : 0;

	context = zmq_ctx_new();
	if (count < 1 || count > MOST_THREADS)
		return fputs("zmq_pubsub publisher SUBSCRIBERS MESSAGES | subscriber PORT SYNC-PORT THREADS\n", stderr),
		       2;
	if (!strcmp(argv[1], "publisher"))
		return publisher(count, atoi(argv[3]));
	snprintf(address, sizeof address, "tcp://127.0.0.1:%s", argv[2]);
	snprintf(sync_address, sizeof sync_address, "tcp://127.0.0.1:%s", argv[3]);
	return subscriber(count);
}
