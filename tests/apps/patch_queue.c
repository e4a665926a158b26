/* patch_queue.c - threads and greenlets of gp_spawn() put into the same queues and channels of a patched program, get from
 * them and ask an actor, while signal handlers run.
 *
 * Prints what happened in words that are the same in every run.
 */
#include <greenpatch.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

enum { EACH = 3, TIMES = 400 };

static struct gp_queue *queue;
static struct gp_channel *channel;
static struct gp_actor adder;
static long sum, got, answered;
static volatile sig_atomic_t ticks;

static void tick(int signal)
{
	ticks++;
}

static int add(struct gp_actor *self, void *message)
{
	sum += (intptr_t)message;
	if (sum % 5 == 0)
		gp_yield();
	return gp_actor_reply(self, message);
}

static void *put(void *arg)
{
	for (intptr_t i = 1; i <= TIMES; i++) {
		struct gp_case either[] = { gp_case_queue_put(queue, (void *)i), gp_case_channel_put(channel, (void *)i) };

		switch (i % 4) {
		case 0: gp_queue_put(queue, (void *)i, GP_NEVER); break;
		case 1: gp_channel_put(channel, (void *)i, GP_NEVER); break;
		default: gp_select(either, 2, GP_NEVER);
		}
		if (i % 16 == 0)
			usleep(200);
	}
	return NULL;
}

static void *get(void *arg)
{
	struct gp_case either[] = { gp_case_queue_get(queue), gp_case_channel_get(channel) };
	int r;

	while ((r = gp_select(either, 2, GP_NEVER)) >= 0 && !either[r].error) {
		void *reply = NULL;

		got++;
		if (!gp_actor_ask(&adder, either[r].item, &reply, GP_NEVER) && reply == either[r].item)
			answered++;
	}
	return NULL;
}

int main(void)
{
	struct itimerval often = { { 0, 2000 }, { 0, 2000 } }, never = { { 0, 0 }, { 0, 0 } };
	pthread_t putters[EACH], getters[EACH];
	struct gp_greenlet *green[2 * EACH];
	void *item;

	if (gp_patch_all())
		return 1;
	queue = gp_queue_new(2);
	channel = gp_channel_new();
	if (gp_actor_init(&adder, add, NULL) || gp_actor_start(&adder))
		return 1;
	signal(SIGALRM, tick);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < EACH; i++) {
		if (pthread_create(&getters[i], NULL, get, NULL) || pthread_create(&putters[i], NULL, put, NULL))
			return 1;
		green[i] = gp_spawn(put, NULL);
		green[EACH + i] = gp_spawn(get, NULL);
	}
	for (int i = 0; i < EACH; i++) {
		pthread_join(putters[i], NULL);
		gp_join(green[i], GP_NEVER);
	}
	while (!ticks)
		usleep(100);
	setitimer(ITIMER_REAL, &never, NULL);
	while (!gp_queue_empty(queue))
		gp_yield();
	gp_queue_close(queue);
	gp_channel_close(channel);
	for (int i = 0; i < EACH; i++) {
		pthread_join(getters[i], NULL);
		gp_join(green[EACH + i], GP_NEVER);
	}
	gp_actor_stop(&adder, GP_NEVER);
	printf("%ld got, %ld answered, sum %ld, left %d\n", got, answered, sum, gp_queue_try_get(queue, &item) == 0);
	gp_actor_destroy(&adder);
	gp_queue_free(queue);
	gp_channel_free(channel);
	for (int i = 0; i < 2 * EACH; i++)
		gp_unref(green[i]);
	return 0;
}
