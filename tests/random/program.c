/* program.c - draws the events, runs the threads, prints what they noted: see random.h.
 *
 *	program SEED [EVENTS]
 */
#include "random.h"
#include <sys/resource.h>

struct worker workers[WORKERS_MAX];
int worker_count;
__thread struct worker *self;

static struct event events[EVENTS_MAX];
static int event_count;
static pthread_barrier_t begin, finished;

static const struct kind *const families[] = { message_kinds, lock_kinds, signal_kinds, process_kinds, thread_kinds, time_kinds,
	                                       memory_kinds };

/* splitmix64 */
uint32_t draw(struct random *r, uint32_t below)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (uint32_t)((z ^ z >> 31) % below);
}

struct random drawing(const struct event *e, int role)
{
	return (struct random){ e->seed + (uint64_t)role * 0x5851f42d4c957f2d };
}

void note(struct worker *w, const struct event *e, const char *format, ...)
{
	va_list args;

	if (w->room - w->used < 512) {
		w->room = w->room ? 2 * w->room : 4096;
		w->trace = realloc(w->trace, w->room);
		if (!w->trace)
			guest_die("realloc");
	}
	w->used += (size_t)sprintf(w->trace + w->used, "  %d %s ", e->nr, e->kind->name);
	va_start(args, format);
	w->used += (size_t)vsnprintf(w->trace + w->used, 400, format, args);
	va_end(args);
	w->trace[w->used++] = '\n';
}

void *have(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		guest_die("calloc");
	return p;
}

const char *named(int error)
{
	return error ? strerrorname_np(error) : "0";
}

static void draw_events(struct random *r)
{
	for (int i = 0; i < event_count; i++) {
		struct event *e = &events[i];
		const struct kind *family = families[draw(r, sizeof families / sizeof *families)];
		int kinds = 0;

		while (family[kinds].name)
			kinds++;
		e->nr = i;
		e->kind = &family[draw(r, (uint32_t)kinds)];
		e->seed = (uint64_t)draw(r, UINT32_MAX) << 32 | draw(r, UINT32_MAX);
		e->roles = e->kind->least + (int)draw(r, (uint32_t)(e->kind->most - e->kind->least + 1));
		if (e->roles > worker_count)
			e->roles = worker_count;
		for (int k = 0; k < e->roles; k++) {
			bool again;

			do {
				e->who[k] = (int)draw(r, (uint32_t)worker_count);
				again = false;
				for (int j = 0; j < k; j++)
					again |= e->who[j] == e->who[k];
			} while (again);
		}
		pthread_barrier_init(&e->met, NULL, (unsigned)e->roles);
		if (e->kind->prepare) {
			struct random own = drawing(e, ROLES_MAX);

			e->kind->prepare(e, &own);
		}
	}
}

static void *work(void *arg)
{
	self = arg;
	pthread_barrier_wait(&begin);
	for (int i = 0; i < event_count; i++)
		for (int k = 0; k < events[i].roles; k++)
			if (events[i].who[k] == self->id)
				events[i].kind->run(&events[i], self, k);
	pthread_barrier_wait(&finished);
	return NULL;
}

static void on_poke(int sig)
{
	int before = errno;

	if (self)
		self->pokes++;
	errno = before;
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = on_poke, .sa_flags = SA_RESTART };
	struct rlimit no_core = { 0, 0 };
	struct random r;
	sigset_t set;

	if (argc < 2) {
		fprintf(stderr, "usage: program SEED [EVENTS]\n");
		return 2;
	}
	r.state = strtoull(argv[1], NULL, 10);
	worker_count = 2 + (int)draw(&r, WORKERS_MAX - 1);
	event_count = argc > 2 ? atoi(argv[2]) : 10 + (int)draw(&r, 50);
	if (event_count > EVENTS_MAX)
		event_count = EVENTS_MAX;
	setrlimit(RLIMIT_CORE, &no_core);
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGUSR1, &act, NULL);
	sigemptyset(&set);
	for (int sig = SIGRTMIN; sig < SIGRTMAX; sig++)
		sigaddset(&set, sig);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	draw_events(&r);
	pthread_barrier_init(&begin, NULL, (unsigned)worker_count);
	pthread_barrier_init(&finished, NULL, (unsigned)worker_count);
	for (int i = 0; i < worker_count; i++) {
		workers[i].id = i;
		pthread_mutex_init(&workers[i].poking, NULL);
	}
	workers[0].thread = pthread_self();
	for (int i = 1; i < worker_count; i++)
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			guest_die("pthread_create");
	work(&workers[0]);
	for (int i = 1; i < worker_count; i++)
		pthread_join(workers[i].thread, NULL);
	for (int i = 0; i < worker_count; i++)
		printf("thread %d\n%.*s", i, (int)workers[i].used, workers[i].trace ? workers[i].trace : "");
	return guest_done();
}
