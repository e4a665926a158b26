/* patch_tls.c - greenlets with a TLS of their own, under the library.
 *
 * And first, while libc has never been asked for a thread, a mutex between two
 * that have none.
 *
 * Prints what happened in words that are the same in every run.
 */
#include <pthread.h>
#include <unistd.h>
#include "patch.h"

static __thread int mine;
static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static int inside, most, destroyed, deferred;
static volatile int go;
static pthread_key_t key;

static void count(void *arg) { ++*(int *)arg; }

/* Parks while it holds a lock that knows its owner. */
static void *holder(void *arg)
{
	CHECK(mine == 0);
	mine = (int)(long)arg;
	pthread_setspecific(key, &destroyed);
	CHECK(gp_defer(count, &deferred) == 0);
	pthread_mutex_lock(&lock);
	if (++inside > most)
		most = inside;
	usleep(5000);
	gp_sleep(5 * GP_MSEC);
	inside--;
	pthread_mutex_unlock(&lock);
	CHECK(mine == (int)(long)arg);
	return arg;
}

static pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER;

static void *in_turn(void *arg)
{
	pthread_mutex_lock(&plain);
	gp_sleep(2 * GP_MSEC);
	pthread_mutex_unlock(&plain);
	return arg;
}

static void mutex_without_threads(void)
{
	struct gp_greenlet *g[3];

	for (int i = 0; i < 3; i++)
		CHECK((g[i] = gp_spawn(in_turn, NULL)));
	CHECK(gp_join_all(g, 3, gp_after(10 * GP_SEC)) == 3);
	for (int i = 0; i < 3; i++)
		gp_unref(g[i]);
	printf("a mutex without threads: unlocked for each\n");
}

static void *spinner(void *arg)
{
	while (!go)
		;
	return NULL;
}

static void *failing(void *arg)
{
	gp_defer(count, &deferred);
	pthread_setspecific(key, &destroyed);
	gp_fail(-EIO, "on purpose");
	return NULL;
}

static void *leaving(void *arg)
{
	pthread_setspecific(key, &destroyed);
	gp_exit(arg);
	return NULL;
}

static void *sleeper(void *arg)
{
	*(int *)arg = gp_sleep(100 * GP_SEC);
	return NULL;
}

static void quiet(struct gp_greenlet *g) { printf("reported: %s (%d)\n", gp_message(g), gp_error(g)); }

int main(void)
{
	const struct gp_attr own = { .name = "own", .own_tls = true };
	struct gp_greenlet *g[3], *light;
	int slept = 0;
	void *value;

	CHECK(!gp_spawn_with(&own, holder, NULL)); /* threads are not patched yet */
	CHECK(gp_patch_all() == 0);
	mutex_without_threads();
	CHECK(pthread_key_create(&key, count) == 0);
	for (long i = 0; i < 3; i++)
		CHECK((g[i] = gp_spawn_with(&own, holder, (void *)(i + 1))));
	CHECK(gp_join_all(g, 3, GP_NEVER) == 3);
	for (long i = 0; i < 3; i++) {
		CHECK(gp_value(g[i]) == (void *)(i + 1) && gp_successful(g[i]));
		gp_unref(g[i]);
	}
	gp_sleep(GP_MSEC); /* libc's destructors come behind what join waits for */
	printf("at most %d inside a recursive mutex, %d destructors, %d deferred\n", most, destroyed, deferred);

	CHECK((g[0] = gp_spawn_with(&own, spinner, NULL)));
	gp_sleep(20 * GP_MSEC); /* only preemption lets this come back */
	go = 1;
	CHECK(gp_join(g[0], GP_NEVER) == 0);
	gp_unref(g[0]);
	printf("a spinner was preempted\n");

	gp_set_error_handler(quiet);
	CHECK((g[0] = gp_spawn_with(&own, failing, NULL)));
	CHECK((g[1] = gp_spawn_with(&own, leaving, &slept)));
	CHECK(gp_get(g[0], NULL, GP_NEVER) == -EIO);
	CHECK(gp_get(g[1], &value, GP_NEVER) == 0 && value == &slept);
	gp_unref(g[0]);
	gp_unref(g[1]);
	printf("failed and left early\n");

	CHECK((g[0] = gp_spawn_with(&own, sleeper, &slept)));
	CHECK((light = gp_spawn(sleeper, &slept)));
	gp_yield();
	CHECK(gp_kill(g[0], GP_NEVER) == 0 && slept == -ECANCELED);
	CHECK(gp_value(g[0]) == GP_EXITED);
	CHECK(gp_kill_error(light, -EPIPE, GP_NEVER) == 0 && slept == -EPIPE);
	CHECK(gp_error(light) == -EPIPE);
	gp_unref(g[0]);
	gp_unref(light);
	CHECK((g[0] = gp_new(&own, sleeper, &slept)));
	CHECK(gp_start_later(g[0], GP_MSEC) == -ENOTSUP);
	CHECK(gp_kill(g[0], GP_NEVER) == 0 && gp_ready(g[0]));
	gp_unref(g[0]);
	printf("killed\n");
	return 0;
}
