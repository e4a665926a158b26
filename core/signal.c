/* signal.c - signals whose handlers run in greenlets (greenpatch/signal.h).
 *
 * The handler that the kernel calls (or the shim, at a place of its choice)
 * notes the number and kicks the hub, nothing else. The hub makes a greenlet
 * for each that was noted, when it looks at its descriptors: gevent's order,
 * where a signal is an event like any other.
 *
 * The table is the process's, as dispositions are. Which hub runs a handler is
 * in its entry.
 */
#include <signal.h>
#include "core/io.h"
#include "greenpatch/greenlet.h"
#include "greenpatch/signal.h"

#define SIGNALS 65

static struct handler {
	void (*volatile fn)(int signo, void *arg); /* NULL: none of ours */
	void *arg;
	struct gp_hub *volatile hub;
	volatile uint8_t came;   /* and its greenlet was not made yet */
	bool kept;               /* `before` is what was there first */
	struct sigaction before;
} handlers[SIGNALS];

/* In a signal handler. */
static void on_signal(int signo)
{
	struct gp_hub *h = handlers[signo].hub;

	if (!h)
		return;
	__atomic_store_n(&handlers[signo].came, 1, __ATOMIC_SEQ_CST);
	gp__loop_kick(h);
}

static void *run_handler(void *arg)
{
	int signo = (int)(intptr_t)arg;

	if (handlers[signo].fn)
		handlers[signo].fn(signo, handlers[signo].arg);
	return NULL;
}

/* On the hub's stack. */
void gp__handlers_collect(struct gp_hub *h)
{
	if (!h->handlers)
		return;
	for (int signo = 1; signo < SIGNALS; signo++) {
		struct handler *s = &handlers[signo];

		if (s->hub != h || !s->fn || !__atomic_exchange_n(&s->came, 0, __ATOMIC_SEQ_CST))
			continue;
		if (gp_go(run_handler, (void *)(intptr_t)signo))
			s->came = 1; /* no memory: when the hub is kicked next */
	}
}

static int set(int signo, void (*action)(int signo))
{
	struct sigaction new = { .sa_flags = SA_RESTART };
	struct handler *s = &handlers[signo];

	new.sa_handler = action;
	if (sigaction(signo, &new, s->kept ? NULL : &s->before))
		return -errno;
	s->kept = true;
	return 0;
}

static void give_up(struct handler *s)
{
	if (s->fn)
		s->hub->handlers--;
	s->fn = NULL;
	s->came = 0;
}

static bool valid(int signo)
{
#ifdef GP_SHIM
	if (signo == SIGSYS)
		return false;
#endif
	return signo > 0 && signo < SIGNALS;
}

GP_API int gp_signal_handler(int signo, void (*fn)(int signo, void *arg), void *arg)
{
	struct handler *s;
	struct gp_hub *h;
	int r = gp__desc_enter(&h, -1);

	if (r || !fn || !valid(signo))
		return r ? r : -EINVAL;
	s = &handlers[signo];
	if (s->fn)
		s->hub->handlers--;
	s->hub = h;
	s->arg = arg;
	s->fn = fn;
	h->handlers++;
	r = set(signo, on_signal);
	if (r) /* one that cannot be caught: it had no handler before either */
		give_up(s);
	return r;
}

GP_API int gp_signal_ignore(int signo)
{
	int r;

	if (!valid(signo))
		return -EINVAL;
	r = set(signo, SIG_IGN);
	if (!r)
		give_up(&handlers[signo]);
	return r;
}

GP_API int gp_signal_restore(int signo)
{
	struct handler *s;

	if (!valid(signo))
		return -EINVAL;
	s = &handlers[signo];
	if (!s->kept)
		return 0;
	if (sigaction(signo, &s->before, NULL))
		return -errno;
	s->kept = false;
	give_up(s);
	return 0;
}
