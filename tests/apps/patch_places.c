/* patch_places.c - threads of a patched program that wait in objects of the core and take signals there: they keep their
 * places, also where the handler itself waits, and nothing that is given meanwhile is lost.
 */
#include <greenpatch.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 4 };

static struct gp_queue *queue;
static struct gp_semaphore *semaphore;
static struct gp_event *event;
static int (*wait_for)(void);
static char order[64];
static volatile sig_atomic_t handling, hold, jumps;
static _Thread_local sigjmp_buf out;

static void on_signal(int sig)
{
	handling++;
	do
		usleep(200); /* others run */
	while (hold);
	handling--;
	if (jumps)
		siglongjmp(out, 1);
}

static int in_queue(void) { return gp_queue_get(queue, NULL, GP_NEVER); }
static int in_semaphore(void) { return gp_semaphore_acquire(semaphore, GP_NEVER); }
static int in_event(void) { return gp_event_wait(event, GP_NEVER); }

static int in_select(void)
{
	struct gp_case cases[] = { gp_case_event(event), gp_case_queue_get(queue) };

	return gp_select(cases, 2, GP_NEVER) == 1 ? 0 : -1;
}

static void *waiter(void *name)
{
	if (!sigsetjmp(out, 1) && wait_for())
		strcat(order, "?");
	strcat(order, name);
	return NULL;
}

static pthread_t threads[THREADS];

/* Until so many threads are parked in one of the objects. */
static void until_waiting(int n)
{
	struct gp_info info[16];
	int waiting;

	do {
		size_t all = gp_list(info, 16);

		waiting = 0;
		usleep(100);
		for (size_t i = 0; i < all; i++)
			waiting += !strcmp(info[i].wait_what, "queue get") || !strcmp(info[i].wait_what, "semaphore") ||
			           !strcmp(info[i].wait_what, "select") || !strcmp(info[i].wait_what, "event");
	} while (waiting != n);
}

static void start(int (*fn)(void))
{
	static char *names[] = { "a", "b", "c", "d" };

	wait_for = fn;
	order[0] = 0;
	for (int i = 0; i < THREADS; i++) {
		pthread_create(&threads[i], NULL, waiter, names[i]);
		until_waiting(i + 1);
	}
}

static void interrupt(int i)
{
	int before = handling;

	hold = 1;
	pthread_kill(threads[i], SIGUSR1);
	while (handling == before)
		usleep(100);
}

static void give(int (*fn)(void), int n)
{
	for (int i = 0; i < n; i++) {
		size_t before = strlen(order);

		if (fn())
			strcat(order, "!");
		while (strlen(order) == before)
			usleep(100);
	}
}

static void finish(const char *name)
{
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("%s: %s\n", name, order);
}

/* Afterwards so many wait. */
static void handlers_end(int n)
{
	hold = 0;
	while (handling)
		usleep(100);
	until_waiting(n);
}

static int put(void) { return gp_queue_try_put(queue, NULL); }
static int release(void) { return gp_semaphore_release(semaphore); }

static void keep(const char *name, int (*fn)(void), int (*giver)(void))
{
	start(fn);
	interrupt(0);
	interrupt(2);
	handlers_end(THREADS);
	give(giver, THREADS);
	finish(name);

	start(fn);
	interrupt(0);
	give(giver, 1); /* goes to the next */
	handlers_end(THREADS - 1);
	give(giver, THREADS - 1);
	finish("  given meanwhile");
}

int main(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	if (gp_patch_all())
		return 1;
	sigaction(SIGUSR1, &sa, NULL);
	queue = gp_queue_new(0);
	semaphore = gp_semaphore_new(0);
	event = gp_event_new();
	keep("queue", in_queue, put);
	keep("semaphore", in_semaphore, release);
	keep("select", in_select, put);

	start(in_event);
	interrupt(1);
	gp_event_set(event);
	gp_event_clear(event);
	until_waiting(0);
	hold = 0;
	finish("an event that was set for a moment");

	jumps = 1;
	start(in_queue);
	interrupt(0);
	handlers_end(THREADS - 1);
	give(put, THREADS - 1);
	finish("a handler that jumps away");
	printf("left in the queue: %zu\n", gp_queue_length(queue));
	return 0;
}
