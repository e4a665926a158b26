/* signals.c - signals between threads: see random.h.
 *
 * Standard signals ("poke") interrupt a thread in whatever it does, and must not
 * show there. Queued ones are blocked but in a call that waits for them.
 */
#include "random.h"
#include <poll.h>
#include <sys/signalfd.h>

static void took(int event, int value)
{
	struct worker *w = self;

	if (event < 0 || event >= EVENTS_MAX || w->got[event].n == SIGNAL_VALUES)
		return;
	w->got[event].value[w->got[event].n++] = value;
}

static void on_queued(int sig, siginfo_t *info, void *context)
{
	took(info->si_value.sival_int >> 8, info->si_value.sival_int & 255);
}

static void all_queued(sigset_t *set)
{
	sigemptyset(set);
	for (int sig = SIGRTMIN; sig < SIGRTMIN + 20; sig++)
		sigaddset(set, sig);
}

static void take_one(uint32_t how)
{
	struct timespec second = { 1, 0 };
	struct signalfd_siginfo si;
	struct pollfd none;
	siginfo_t info;
	sigset_t set, open;
	int fd;

	all_queued(&set);
	pthread_sigmask(SIG_SETMASK, NULL, &open);
	for (int sig = SIGRTMIN; sig < SIGRTMIN + 20; sig++)
		sigdelset(&open, sig);
	switch (how) {
	case 0: sigsuspend(&open); return;
	case 1: ppoll(&none, 0, &second, &open); return;
	case 2: pselect(0, NULL, NULL, NULL, &second, &open); return;
	case 6:
		fd = signalfd(-1, &set, SFD_CLOEXEC);
		if (read(fd, &si, sizeof si) == sizeof si)
			took(si.ssi_int >> 8, si.ssi_int & 255);
		close(fd);
		return;
	case 4:
		if (sigtimedwait(&set, &info, &second) > 0)
			took(info.si_value.sival_int >> 8, info.si_value.sival_int & 255);
		return;
	default:
		if (sigwaitinfo(&set, &info) > 0)
			took(info.si_value.sival_int >> 8, info.si_value.sival_int & 255);
	}
}

static void prepare_queue(struct event *e, struct random *r)
{
	struct sigaction act = { .sa_sigaction = on_queued, .sa_flags = SA_SIGINFO };

	/* One handler at a time: several that are let in at once run the last first. */
	all_queued(&act.sa_mask);
	for (int sig = SIGRTMIN; sig < SIGRTMIN + 20; sig++)
		sigaction(sig, &act, NULL);
}

/* Both ends of all these events: one number a signal, so that order is kept. */
static void queue(struct event *e, struct worker *w, int role)
{
	struct random both = drawing(e, ROLES_MAX + 1), r = drawing(e, role);
	int n = 1 + (int)draw(&both, SIGNAL_VALUES), sig = SIGRTMIN + (int)draw(&both, 20);
	char text[128] = "";

	if (!role) {
		for (int i = 0; i < n; i++) {
			union sigval v = { .sival_int = e->nr << 8 | i };
			int failed = pthread_sigqueue(workers[e->who[1]].thread, sig, v);

			if (failed)
				note(w, e, "pthread_sigqueue: %s", named(failed));
			if (draw(&r, 8) == 0)
				usleep(draw(&r, 300));
		}
		return;
	}
	while (w->got[e->nr].n < n)
		take_one(draw(&r, 6));
	for (int i = 0; i < n; i++)
		sprintf(text + strlen(text), " %d", w->got[e->nr].value[i]);
	note(w, e, "took%s", text);
}

static void poke(struct event *e, struct worker *w, int role)
{
	struct random r = drawing(e, role);
	struct worker *to = &workers[draw(&r, (uint32_t)worker_count)];
	uint32_t n = 1 + draw(&r, 10);

	for (uint32_t i = 0; i < n; i++) {
		int before, failed;

		pthread_mutex_lock(&to->poking);
		before = to->pokes;
		failed = pthread_kill(to->thread, SIGUSR1);
		if (failed)
			note(w, e, "pthread_kill: %s", named(failed));
		while (!failed && to->pokes == before)
			if (to != w)
				usleep(50);
		pthread_mutex_unlock(&to->poking);
	}
	note(w, e, "poked");
}

/* To the whole process; whoever has it unblocked may take it. */
static volatile int process_wide;
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static void on_process_wide(int sig)
{
	__atomic_add_fetch(&process_wide, 1, __ATOMIC_SEQ_CST);
}

static void prepare_wide(struct event *e, struct random *r)
{
	struct sigaction act = { .sa_handler = on_process_wide, .sa_flags = SA_RESTART };

	sigaction(SIGUSR2, &act, NULL);
}

static void wide(struct event *e, struct worker *w, int role)
{
	struct random r = drawing(e, role);
	uint32_t n = 1 + draw(&r, 6);
	sigset_t set;
	bool block = draw(&r, 2);

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	if (block)
		pthread_sigmask(SIG_BLOCK, &set, NULL); /* another one has to */
	for (uint32_t i = 0; i < n; i++) {
		int before;

		pthread_mutex_lock(&one_at_a_time);
		before = __atomic_load_n(&process_wide, __ATOMIC_SEQ_CST);
		kill(getpid(), SIGUSR2);
		while (__atomic_load_n(&process_wide, __ATOMIC_SEQ_CST) == before) {
			if (block)
				pthread_sigmask(SIG_UNBLOCK, &set, NULL);
			usleep(100);
		}
		if (block)
			pthread_sigmask(SIG_BLOCK, &set, NULL);
		pthread_mutex_unlock(&one_at_a_time);
	}
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	note(w, e, "%u", n);
}

const struct kind signal_kinds[] = {
	{ "queue", 2, 2, prepare_queue, queue }, { "poke", 1, 1, NULL, poke }, { "wide", 1, 1, prepare_wide, wide }, { 0 }
};
