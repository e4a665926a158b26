/* sigqueue.c - signals that have come and are not taken yet.
 *
 * Of the process and of each greenlet, as in the kernel: a mask of numbers, and a
 * list with what is known of each signal, in the order in which they came.
 */
#include <sys/resource.h>
#include "preload/calls/signal.h"

/* How many there are in all queues. */
static unsigned long queued;

bool gp__sigqueue_room(void)
{
	struct rlimit limit;

	return gp__raw(SYS_getrlimit, RLIMIT_SIGPENDING, &limit) || queued < limit.rlim_cur;
}

/* What the last signal of a timer said, when it was taken. */
static struct {
	bool any;
	int timer, overrun;
} told;

/* A timer has one signal at a time: the next are its overruns. */
static bool overruns(struct gp_list *queue, const siginfo_t *info)
{
	gp__list_each(n, queue) {
		siginfo_t *first = &gp__list_entry(n, struct gp_signal, link)->info;

		if (first->si_code != SI_TIMER || first->si_timerid != info->si_timerid || first->si_signo != info->si_signo)
			continue;
		first->si_overrun = (int)gp__min((long)first->si_overrun + info->si_overrun + 1, (long)INT_MAX);
		return true;
	}
	return false;
}

bool gp__sigqueue_add(struct gp_list *queue, uint64_t *pending, const siginfo_t *info)
{
	struct gp_signal *s;

	if (*pending & GP__SIG(info->si_signo) && (info->si_code == SI_TIMER ? overruns(queue, info) : info->si_signo < 32))
		return true;
	s = gp__alloc(sizeof *s);
	if (!s)
		return false;
	s->info = *info;
	queued++;
	gp__list_append(queue, &s->link);
	*pending |= GP__SIG(info->si_signo);
	return true;
}

bool gp__sigqueue_take(struct gp_list *queue, uint64_t *pending, uint64_t set, siginfo_t *out)
{
	uint64_t ready = *pending & set;
	struct gp_signal *found = NULL;
	bool more = false;
	int sig;

	if (!ready)
		return false;
	sig = __builtin_ctzl(ready) + 1;
	gp__list_each(n, queue) {
		struct gp_signal *s = gp__list_entry(n, struct gp_signal, link);

		if (s->info.si_signo != sig)
			continue;
		more = found != NULL;
		if (!found)
			found = s;
	}
	if (!more)
		*pending &= ~GP__SIG(sig);
	if (!found)
		return false;
	*out = found->info;
	gp__list_del(&found->link);
	gp__free(found);
	queued--;
	return true;
}

bool gp__signal_next(struct gp_guest *me, uint64_t set, siginfo_t *out)
{
	if (!gp__sigqueue_take(&me->sigqueue, &me->pending, set, out) &&
	    !gp__sigqueue_take(&gp__shim.sigqueue, &gp__shim.pending, set, out))
		return false;
	if (out->si_code == SI_TIMER) {
		told.any = true;
		told.timer = out->si_timerid;
		told.overrun = out->si_overrun;
	}
	return true;
}

bool gp__signal_overrun(int timer, int *overrun)
{
	*overrun = told.overrun;
	return told.any && told.timer == timer;
}

void gp__signal_timer_set(int timer)
{
	told.any &= told.timer != timer;
}

static void drop(struct gp_list *queue)
{
	gp__list_each(n, queue) {
		gp__list_del(n);
		gp__free(gp__list_entry(n, struct gp_signal, link));
		queued--;
	}
}

void gp__signal_forget(struct gp_guest *g)
{
	drop(&g->sigqueue);
	g->pending = 0;
}

void gp__sigqueue_forked(struct gp_guest *me)
{
	drop(&gp__shim.sigqueue);
	gp__shim.pending = 0;
	gp__signal_forget(me);
	queued = 0; /* the others are gone, and theirs */
}
