/* patch_sync.c - threads and greenlets of gp_spawn() share the synchronization objects of a patched program, and signal
 * handlers run while they wait.
 *
 * Prints what happened in words that are the same in every run.
 */
#include <greenpatch.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

enum { EACH = 4, TIMES = 500 };

static struct gp_event *start;
static struct gp_semaphore *places;
static struct gp_lock *lock;
static struct gp_condition *changed;
static struct gp_barrier *barrier;
static struct gp_rwlock *table;

static int inside, most_inside, balance, left, readers, wrong;

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	printf("wrong: %s\n", what);
	wrong = 1;
}

static void *work(void *arg)
{
	int seen, r;

	check(!gp_event_wait(start, GP_NEVER), "event");
	for (int i = 0; i < TIMES; i++) {
		check(!gp_semaphore_acquire(places, GP_NEVER), "semaphore");
		if (++inside > most_inside)
			most_inside = inside;
		usleep(1);
		inside--;
		gp_semaphore_release(places);

		check(!gp_lock_acquire(lock, GP_NEVER), "lock");
		seen = balance;
		gp_yield();
		balance = seen + 1;
		gp_lock_release(lock);

		r = i % 4 ? gp_rwlock_read(table, GP_NEVER) : gp_rwlock_write(table, GP_NEVER);
		check(!r, "rwlock");
		readers += i % 4 ? 1 : 1000;
		check(readers < 1000 || readers == 1000, "a writer is alone");
		gp_yield();
		readers -= i % 4 ? 1 : 1000;
		gp_rwlock_unlock(table);
	}
	check(gp_barrier_wait(barrier, GP_NEVER) >= 0, "barrier");
	gp_lock_acquire(lock, GP_NEVER);
	left--;
	gp_condition_notify(changed, 1);
	gp_lock_release(lock);
	return NULL;
}

static bool all_left(void *arg)
{
	return !left;
}

static volatile sig_atomic_t ticks;

static void tick(int signal)
{
	ticks++;
}

int main(void)
{
	struct itimerval often = { { 0, 2000 }, { 0, 2000 } }, never = { { 0, 0 }, { 0, 0 } };
	struct gp_greenlet *greenlets[EACH];
	pthread_t threads[EACH];

	if (gp_patch_all())
		return 1;
	start = gp_event_new();
	places = gp_semaphore_new_bounded(3);
	lock = gp_lock_new();
	changed = gp_condition_new(lock);
	barrier = gp_barrier_new(2 * EACH, NULL, NULL);
	table = gp_rwlock_new();
	left = 2 * EACH;
	for (int i = 0; i < EACH; i++) {
		greenlets[i] = gp_spawn(work, NULL);
		if (pthread_create(&threads[i], NULL, work, NULL))
			return 1;
	}
	signal(SIGALRM, tick);
	setitimer(ITIMER_REAL, &often, NULL);
	gp_yield();
	gp_event_set(start);
	gp_lock_acquire(lock, GP_NEVER);
	check(!gp_condition_wait_for(changed, all_left, NULL, gp_after(50 * GP_SEC)), "all have left");
	gp_lock_release(lock);
	setitimer(ITIMER_REAL, &never, NULL);
	for (int i = 0; i < EACH; i++) {
		gp_join(greenlets[i], GP_NEVER);
		gp_unref(greenlets[i]);
		pthread_join(threads[i], NULL);
	}
	printf("at most %d inside, balance %d, signals came: %s\n", most_inside, balance, ticks ? "yes" : "no");
	gp_event_free(start);
	gp_semaphore_free(places);
	gp_condition_free(changed);
	gp_barrier_free(barrier);
	gp_rwlock_free(table);
	gp_lock_free(lock);
	return wrong;
}
