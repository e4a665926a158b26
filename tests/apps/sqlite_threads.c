/* SQLite in several threads: writers and readers with a connection each, which wait for each other's locks, and eight
 * threads that share one connection.
 *
 *	sqlite_threads FILE
 */
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WRITERS = 6, READERS = 6, SHARERS = 8, EACH = 40 };

static const char *file;
static sqlite3 *shared;
static int done;

static void check(sqlite3 *db, int status, const char *what)
{
	if (status == SQLITE_OK || status == SQLITE_DONE || status == SQLITE_ROW)
		return;
	fprintf(stderr, "sqlite_threads: %s: %s\n", what, sqlite3_errmsg(db));
	exit(1);
}

static sqlite3 *open_file(void)
{
	sqlite3 *db;

	check(db, sqlite3_open(file, &db), "open");
	sqlite3_busy_timeout(db, 60000);
	return db;
}

static long ask(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s;
	long n;

	check(db, sqlite3_prepare_v2(db, sql, -1, &s, NULL), sql);
	check(db, sqlite3_step(s), sql);
	n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return n;
}

/* Moves money from one account to the next. */
static void *write_some(void *arg)
{
	sqlite3 *db = open_file();
	long me = (long)arg;

	for (int i = 0; i < EACH; i++) {
		char *sql = sqlite3_mprintf("BEGIN IMMEDIATE;"
		                            "UPDATE account SET money = money - %d WHERE id = %d;"
		                            "UPDATE account SET money = money + %d WHERE id = %d;"
		                            "INSERT INTO log(writer, step) VALUES (%d, %d);"
		                            "COMMIT",
		                            i, (int)me, i, (int)(me + 1) % WRITERS, (int)me, i);

		check(db, sqlite3_exec(db, sql, NULL, NULL, NULL), sql);
		sqlite3_free(sql);
	}
	sqlite3_close(db);
	return NULL;
}

/* However the writers stand, no money is lost, and each writer's steps are without a gap. */
static void *read_some(void *arg)
{
	sqlite3 *db = open_file();
	long wrong = 0, rounds = 0;

	(void)arg;
	while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE) || rounds == 0) {
		wrong += ask(db, "SELECT sum(money) FROM account") != WRITERS * 1000;
		wrong += ask(db, "SELECT count(*) FROM (SELECT writer, count(*) AS n, max(step) AS last FROM log "
		                 "GROUP BY writer) WHERE n <> last + 1");
		rounds++;
		usleep(2000);
	}
	sqlite3_close(db);
	return (void *)wrong;
}

static void *share(void *arg)
{
	long me = (long)arg;
	sqlite3_stmt *s;

	check(shared, sqlite3_prepare_v2(shared, "INSERT INTO note(thread, text) VALUES (?, ?)", -1, &s, NULL),
	      "prepare");
	for (int i = 0; i < EACH; i++) {
		char text[32];

		snprintf(text, sizeof text, "note %d", i);
		sqlite3_bind_int64(s, 1, me);
		sqlite3_bind_text(s, 2, text, -1, SQLITE_TRANSIENT);
		check(shared, sqlite3_step(s), "insert");
		sqlite3_reset(s);
	}
	sqlite3_finalize(s);
	return NULL;
}

static void make_tables(sqlite3 *db)
{
	check(db,
	      sqlite3_exec(db,
	                   "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
	                   "CREATE TABLE account(id INTEGER PRIMARY KEY, money INTEGER);"
	                   "CREATE TABLE log(writer INTEGER, step INTEGER);"
	                   "CREATE TABLE note(thread INTEGER, text TEXT);",
	                   NULL, NULL, NULL),
	      "tables");
	for (int i = 0; i < WRITERS; i++) {
		char *sql = sqlite3_mprintf("INSERT INTO account VALUES (%d, 1000)", i);

		check(db, sqlite3_exec(db, sql, NULL, NULL, NULL), sql);
		sqlite3_free(sql);
	}
}

int main(int argc, char **argv)
{
	pthread_t writers[WRITERS], readers[READERS], sharers[SHARERS];
	long wrong = 0;

	if (argc != 2)
		return fputs("sqlite_threads FILE\n", stderr), 2;
	file = argv[1];
	shared = open_file();
	make_tables(shared);
	for (long i = 0; i < READERS; i++)
		pthread_create(&readers[i], NULL, read_some, NULL);
	for (long i = 0; i < WRITERS; i++)
		pthread_create(&writers[i], NULL, write_some, (void *)i);
	for (long i = 0; i < SHARERS; i++)
		pthread_create(&sharers[i], NULL, share, (void *)i);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(writers[i], NULL);
	for (int i = 0; i < SHARERS; i++)
		pthread_join(sharers[i], NULL);
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < READERS; i++) {
		void *came;

		pthread_join(readers[i], &came);
		wrong += (long)came;
	}
	printf("readers saw %ld wrong states\n", wrong);
	printf("money %ld, %ld in account 3\n", ask(shared, "SELECT sum(money) FROM account"),
	       ask(shared, "SELECT money FROM account WHERE id = 3"));
	printf("steps %ld, notes %ld of %ld threads\n", ask(shared, "SELECT count(*) FROM log"),
	       ask(shared, "SELECT count(*) FROM note"), ask(shared, "SELECT count(DISTINCT thread) FROM note"));
	printf("in order: %ld\n",
	       ask(shared, "SELECT count(*) FROM note a WHERE text = 'note ' || (SELECT count(*) FROM note b "
	                   "WHERE b.thread = a.thread AND b.rowid < a.rowid)"));
	sqlite3_close(shared);
	return wrong != 0;
}
