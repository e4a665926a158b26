/* A Redis client with hiredis: 20 threads, a connection each, that block in their commands.
 *
 *	redis_threads PORT THREADS
 *
 * Prints what every thread got; all of it is the same in every run.
 */
#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_THREADS = 200, EACH = 50 };

struct worker {
	int number, stored, pipelined, published, late;
	long popped;
};

static int port, count;
static pthread_barrier_t barrier;

static redisContext *dial(void)
{
	redisContext *c = redisConnect("127.0.0.1", port);

	if (!c || c->err) {
		fprintf(stderr, "redis_threads: %s\n", c ? c->errstr : "no memory");
		exit(1);
	}
	return c;
}

/* Sends a command and takes the number that it answers, or -1. */
static long number(redisContext *c, const char *format, ...)
{
	va_list args;
	redisReply *r;
	long n;

	va_start(args, format);
	r = redisvCommand(c, format, args);
	va_end(args);
	n = r && r->type == REDIS_REPLY_INTEGER ? r->integer : -1;
	freeReplyObject(r);
	return n;
}

static void store(redisContext *c, struct worker *w)
{
	for (int i = 0; i < EACH; i++) {
		redisReply *r;
		char text[32];

		snprintf(text, sizeof text, "value %d of %d", i, w->number);
		freeReplyObject(redisCommand(c, "SET key:%d:%d %s", w->number, i, text));
		r = redisCommand(c, "GET key:%d:%d", w->number, i);
		w->stored += r && r->type == REDIS_REPLY_STRING && !strcmp(r->str, text);
		freeReplyObject(r);
		number(c, "INCR counter");
	}
}

static void pipeline(redisContext *c, struct worker *w)
{
	for (int i = 0; i < 1000; i++)
		redisAppendCommand(c, "INCRBY pipe:%d %d", w->number, i);
	for (int i = 0, sum = 0; i < 1000; i++) {
		void *r;

		sum += i;
		if (redisGetReply(c, &r) == REDIS_OK) {
			w->pipelined += ((redisReply *)r)->integer == sum;
			freeReplyObject(r);
		}
	}
}

/* Even threads wait for what the odd ones push. */
static void pass_on(redisContext *c, struct worker *w)
{
	redisReply *r;

	if (w->number % 2) {
		for (int i = 1; i <= EACH; i++)
			number(c, "RPUSH list:%d %d", w->number - 1, i * i);
		return;
	}
	for (int i = 0; i < EACH && w->number + 1 < count; i++) {
		r = redisCommand(c, "BLPOP list:%d 30", w->number);
		if (r && r->type == REDIS_REPLY_ARRAY && r->elements == 2)
			w->popped += atol(r->element[1]->str);
		freeReplyObject(r);
	}
}

/* All subscribe; the first one publishes when all have. */
static void listen_to(redisContext *c, struct worker *w)
{
	freeReplyObject(redisCommand(c, "SUBSCRIBE all"));
	pthread_barrier_wait(&barrier);
	if (w->number == 0) {
		redisContext *publisher = dial();

		for (int i = 0; i < EACH; i++)
			number(publisher, "PUBLISH all message-%d", i);
		redisFree(publisher);
	}
	for (int i = 0; i < EACH; i++) {
		char text[32];
		void *r = NULL;

		snprintf(text, sizeof text, "message-%d", i);
		if (redisGetReply(c, &r) == REDIS_OK)
			w->published += !strcmp(((redisReply *)r)->element[2]->str, text);
		freeReplyObject(r);
	}
}

/* A time limit of the socket's own: the pop lasts longer than that. */
static void be_late(struct worker *w)
{
	redisContext *c = dial();
	redisReply *r;

	redisSetTimeout(c, (struct timeval){ .tv_usec = 50000 });
	r = redisCommand(c, "BLPOP nothing:%d 30", w->number);
	w->late = !r && c->err == REDIS_ERR_IO;
	freeReplyObject(r);
	redisFree(c);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	redisContext *c = dial();

	store(c, w);
	pipeline(c, w);
	pass_on(c, w);
	be_late(w);
	listen_to(c, w);
	redisFree(c);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct worker workers[MOST_THREADS];
	static pthread_t threads[MOST_THREADS];
	redisContext *c;

	if (argc != 3 || (count = atoi(argv[2])) < 1 || count > MOST_THREADS)
		return fputs("redis_threads PORT THREADS\n", stderr), 2;
	port = atoi(argv[1]);
	c = dial();
	freeReplyObject(redisCommand(c, "FLUSHALL"));
	pthread_barrier_init(&barrier, NULL, count);
	for (int i = 0; i < count; i++) {
		workers[i].number = i;
		if (pthread_create(&threads[i], NULL, work, &workers[i]))
			return perror("pthread_create"), 1;
	}
	for (int i = 0; i < count; i++) {
		struct worker *w = &workers[i];

		pthread_join(threads[i], NULL);
		printf("%d: %d stored, %d pipelined, popped %ld, %d published, %s\n", i, w->stored, w->pipelined,
		       w->popped, w->published, w->late ? "timed out" : "NOT timed out");
	}
	printf("counter %ld, keys %ld\n", number(c, "INCRBY counter 0"), number(c, "DBSIZE"));
	redisFree(c);
	return 0;
}
