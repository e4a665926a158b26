/* A PostgreSQL client with libpq: threads with a connection each, which block in their queries.
 *
 *	pg_threads CONNINFO THREADS
 *
 * Transactions that wait for each other's row locks, prepared statements, COPY both ways, NOTIFY to
 * all, a cancelled query. Prints what every thread got; all of it is the same in every run.
 */
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_THREADS = 90, EACH = 20, ROWS = 200 };

struct worker {
	int number, prepared, notified, copied;
	char cancelled[6]; /* an SQLSTATE */
};

static const char *conninfo;
static pthread_barrier_t barrier;

static PGconn *dial(void)
{
	PGconn *c = PQconnectdb(conninfo);

	if (PQstatus(c) != CONNECTION_OK) {
		fprintf(stderr, "pg_threads: %s", PQerrorMessage(c));
		exit(1);
	}
	return c;
}

static PGresult *must(PGconn *c, PGresult *r, const char *what)
{
	if (r && PQresultStatus(r) != PGRES_FATAL_ERROR)
		return r;
	fprintf(stderr, "pg_threads: %s: %s", what, PQerrorMessage(c));
	exit(1);
}

static void run(PGconn *c, const char *sql)
{
	PQclear(must(c, PQexec(c, sql), sql));
}

static long ask(PGconn *c, const char *sql)
{
	PGresult *r = must(c, PQexec(c, sql), sql);
	long n = atol(PQgetvalue(r, 0, 0));

	PQclear(r);
	return n;
}

/* Everybody increments the same row; its lock is held from one statement to the next. */
static void count_up(PGconn *c)
{
	for (int i = 0; i < EACH; i++) {
		run(c, "BEGIN");
		run(c, "SELECT n FROM counter WHERE id = 1 FOR UPDATE");
		run(c, "UPDATE counter SET n = n + 1 WHERE id = 1");
		run(c, "COMMIT");
	}
}

static void prepared(PGconn *c, struct worker *w)
{
	PQclear(must(c, PQprepare(c, "add", "SELECT $1::int + $2::int, repeat($3, 1000)", 3, NULL), "prepare"));
	for (int i = 0; i < EACH; i++) {
		char a[16], b[16];
		const char *values[] = { a, b, "x" };
		PGresult *r;

		snprintf(a, sizeof a, "%d", w->number);
		snprintf(b, sizeof b, "%d", i);
		r = must(c, PQexecPrepared(c, "add", 3, values, NULL, NULL, 0), "add");
		w->prepared += atoi(PQgetvalue(r, 0, 0)) == w->number + i && PQgetlength(r, 0, 1) == 1000;
		PQclear(r);
	}
}

static void copy(PGconn *c, struct worker *w)
{
	char line[64], sql[128], *row;
	int n;

	PQclear(must(c, PQexec(c, "COPY bulk FROM STDIN"), "copy"));
	for (int i = 0; i < ROWS; i++)
		PQputCopyData(c, line, snprintf(line, sizeof line, "%d\t%d\trow %d\n", w->number, i, i));
	PQputCopyEnd(c, NULL);
	PQclear(must(c, PQgetResult(c), "copy's end"));
	PQclear(PQgetResult(c));
	snprintf(sql, sizeof sql, "COPY (SELECT i FROM bulk WHERE thread = %d ORDER BY i) TO STDOUT", w->number);
	PQclear(must(c, PQexec(c, sql), sql));
	while ((n = PQgetCopyData(c, &row, 0)) > 0) {
		w->copied += atoi(row) == w->copied;
		PQfreemem(row);
	}
	PQclear(must(c, PQgetResult(c), "copy's end"));
	PQclear(PQgetResult(c));
}

/* All listen; the first one tells them when all do. libpq's own documents wait by poll on the socket. */
static void notifications(PGconn *c, struct worker *w)
{
	run(c, "LISTEN news");
	pthread_barrier_wait(&barrier);
	if (w->number == 0)
		run(c, "NOTIFY news, 'it is late'");
	while (!w->notified) {
		struct pollfd p = { .fd = PQsocket(c), .events = POLLIN };
		PGnotify *n;

		PQconsumeInput(c);
		while ((n = PQnotifies(c))) {
			w->notified += !strcmp(n->extra, "it is late");
			PQfreemem(n);
		}
		if (!w->notified)
			poll(&p, 1, -1);
	}
}

struct cancelling {
	PGconn *connection;
	int over;
};

/* Again and again: before the query has begun there is nothing to cancel. */
static void *cancel(void *arg)
{
	struct cancelling *it = arg;
	PGcancel *c = PQgetCancel(it->connection);
	char error[256];

	do {
		if (!PQcancel(c, error, sizeof error))
			fprintf(stderr, "pg_threads: %s", error);
		usleep(50000);
	} while (!__atomic_load_n(&it->over, __ATOMIC_ACQUIRE));
	PQfreeCancel(c);
	return NULL;
}

/* A query that would last for a minute, which another thread cancels; PQcancel blocks as well. */
static void be_cancelled(PGconn *c, struct worker *w)
{
	struct cancelling it = { c, 0 };
	pthread_t t;
	PGresult *r;

	PQsendQuery(c, "SELECT pg_sleep(60)");
	pthread_create(&t, NULL, cancel, &it);
	r = PQgetResult(c);
	__atomic_store_n(&it.over, 1, __ATOMIC_RELEASE);
	pthread_join(t, NULL);
	snprintf(w->cancelled, sizeof w->cancelled, "%s", PQresultErrorField(r, PG_DIAG_SQLSTATE));
	PQclear(r);
	PQclear(PQgetResult(c));
}

static void *work(void *arg)
{
	struct worker *w = arg;
	PGconn *c = dial();

	count_up(c);
	prepared(c, w);
	copy(c, w);
	notifications(c, w);
	be_cancelled(c, w);
	PQfinish(c);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct worker workers[MOST_THREADS];
	static pthread_t threads[MOST_THREADS];
	int count;
	PGconn *c;

	if (argc != 3 || (count = atoi(argv[2])) < 1 || count > MOST_THREADS)
		return fputs("pg_threads CONNINFO THREADS\n", stderr), 2;
	conninfo = argv[1];
	c = dial();
	run(c, "SET client_min_messages = error; DROP TABLE IF EXISTS counter, bulk");
	run(c, "CREATE TABLE counter(id int PRIMARY KEY, n int); INSERT INTO counter VALUES (1, 0);"
	       "CREATE TABLE bulk(thread int, i int, text text)");
	pthread_barrier_init(&barrier, NULL, count);
	for (int i = 0; i < count; i++) {
		workers[i].number = i;
		if (pthread_create(&threads[i], NULL, work, &workers[i]))
			return perror("pthread_create"), 1;
	}
	for (int i = 0; i < count; i++) {
		struct worker *w = &workers[i];

		pthread_join(threads[i], NULL);
		printf("%d: %d prepared, %d copied, %d notified, cancelled with %s\n", i, w->prepared, w->copied,
		       w->notified, w->cancelled);
	}
	printf("counter %ld, bulk %ld of %ld threads\n", ask(c, "SELECT n FROM counter"),
	       ask(c, "SELECT count(*) FROM bulk"), ask(c, "SELECT count(DISTINCT thread) FROM bulk"));
	PQfinish(c);
	return 0;
}
