/* random.h - programs made from a number (scripts/compare-random).
 *
 * A program is a list of events, drawn from a seed; each has one to four of the
 * threads as its participants, and all that it does is drawn from the seed too.
 * Every thread goes through the events that it takes part in, in the order of
 * the list. So it cannot deadlock: the first event that is not over has all its
 * participants in it, or on the way to it through events that are over. What a thread
 * notes must not depend on the order in which the scheduler runs them; the notes
 * are printed at the end, thread by thread, and are the same in each run.
 */
#ifndef RANDOM_H
#define RANDOM_H

#include "../guest/guest.h"
#include <stdbool.h>

#define WORKERS_MAX 8
#define EVENTS_MAX  256
#define ROLES_MAX   4
#define SIGNAL_VALUES 16 /* that one event sends to one thread */

struct random {
	uint64_t state;
};

struct worker {
	int id;
	pthread_t thread;
	char *trace;                 /* what it noted */
	size_t used, room;
	volatile int pokes;          /* SIGUSR1 that its handler took */
	pthread_mutex_t poking;      /* one poke at a time: equal signals would merge */
	struct {
		int n;
		int value[SIGNAL_VALUES];
	} got[EVENTS_MAX];           /* queued signals, by the event that sent them */
};

struct event {
	int nr;
	const struct kind *kind;
	uint64_t seed;
	int who[ROLES_MAX];          /* workers */
	int roles;                   /* how many of them */
	pthread_barrier_t met;       /* of its participants, for kinds that use it */
	void *state;                 /* of the kind */
};

struct kind {
	const char *name;
	int least, most;             /* participants */
	void (*prepare)(struct event *e, struct random *r); /* by the first thread, before the others are there */
	void (*run)(struct event *e, struct worker *w, int role);
};

extern struct worker workers[WORKERS_MAX];
extern int worker_count;
extern __thread struct worker *self;

uint32_t draw(struct random *r, uint32_t below);
struct random drawing(const struct event *e, int role);
__attribute__((format(printf, 3, 4))) void note(struct worker *w, const struct event *e, const char *format, ...);
void *have(size_t size);
const char *named(int error);
/* Takes what is queued for this thread into its record, until `event` has sent it n. */
void take_signals(struct worker *w, int event, int n);

extern const struct kind message_kinds[], lock_kinds[], signal_kinds[], process_kinds[], thread_kinds[], time_kinds[],
	memory_kinds[];

#endif
