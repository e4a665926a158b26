/* idle.c - waiting until nobody else can run.
 *
 * gevent's idle is a watcher that fires in an iteration of the loop in which
 * nothing else did. Here: the queue is empty, a look at the loop, which does
 * not sleep while somebody waits for this, has woken nobody; then all who wait
 * for it go on, the latest first, as libev takes its pending watchers.
 *
 * They count as something that can be woken from outside, since the hub does:
 * nobody else may take the kernel thread to sleep on it, and it is no deadlock.
 */
#include "core/run/hub.h"
#include "greenpatch/greenlet.h"

void gp__idlers_wake(struct gp_hub *h)
{
	while (!gp__list_empty(&h->idlers))
		gp__wake(gp__list_entry(h->idlers.prev, struct gp_greenlet, wait_link), 0);
}

GP_API int gp_idle(int64_t deadline)
{
	struct gp_hub *h = gp__hub_need();
	int r;

	if (!h)
		return -ENOMEM;
	if (deadline <= gp__now())
		return -ETIMEDOUT;
	do {
		gp__list_append(&h->idlers, &h->current->wait_link);
		r = gp__park(h, "idle", 0, deadline, GP__EXTERNAL | GP__INTERRUPTIBLE | GP__CANCELABLE);
		if (r == -EINTR)
			gp__take_signals(h);
	} while (r == -EINTR);
	return r;
}
