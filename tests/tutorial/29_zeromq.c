/* Request and reply over ZeroMQ, both ends in one process. */
#include <stdio.h>
#include <zmq.h>
#include <greenpatch-web.h>
#include <greenpatch.h>

static struct gp_zmq *asking, *answering;

static void *asker(void *arg)
{
	char word[32];

	for (int number = 1; number < 10; number++) {
		gp_zmq_send(asking, "question", 8, 0, GP_NEVER);
		printf("asker: sent %d\n", number);
		word[gp_zmq_recv(asking, word, sizeof word - 1, NULL, GP_NEVER)] = 0;
		printf("asker: %s %d came back\n", word, number);
	}
	return NULL;
}

static void *answerer(void *arg)
{
	char word[32];

	for (int number = 1; number < 10; number++) {
		word[gp_zmq_recv(answering, word, sizeof word - 1, NULL, GP_NEVER)] = 0;
		printf("answerer: %s %d arrived\n", word, number);
		gp_zmq_send(answering, "answer", 6, 0, GP_NEVER);
	}
	return NULL;
}

int main(void)
{
	void *context = zmq_ctx_new(), *req = zmq_socket(context, ZMQ_REQ), *rep = zmq_socket(context, ZMQ_REP);
	struct gp_greenlet *both[2];
	char endpoint[64];
	size_t size = sizeof endpoint;

	zmq_bind(req, "tcp://127.0.0.1:*");
	zmq_getsockopt(req, ZMQ_LAST_ENDPOINT, endpoint, &size);
	zmq_connect(rep, endpoint);
	asking = gp_zmq_new(req);
	answering = gp_zmq_new(rep);

	both[0] = gp_spawn(asker, NULL);
	both[1] = gp_spawn(answerer, NULL);
	gp_join_all(both, 2, GP_NEVER);
	gp_unref(both[0]);
	gp_unref(both[1]);
	gp_zmq_close(asking);
	gp_zmq_close(answering);
	zmq_ctx_term(context);
	printf("done\n");
	return 0;
}
