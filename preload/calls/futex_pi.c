/* futex_pi.c - futexes that know their owner: priority inheritance, and what an
 * owner leaves when it ends.
 *
 * There is one priority, so nothing is inherited; but the word holds the owner's
 * id, and who unlocks it makes the next one the owner. The kernel walks the
 * robust list of the first thread, whose id it knows, when the process is
 * killed; those of the others, and of all when the process ends in a way that
 * comes to us, are walked here. In shared memory, a greenlet that waits looks
 * again from time to time: an unlock in another process tells nobody that the
 * kernel does not know of.
 *
 * FUTEX_WAIT_REQUEUE_PI is a wait for one word that ends as the owner of another:
 * FUTEX_CMP_REQUEUE_PI moves it there. Not in memory that others share, where it
 * is ENOSYS.
 *
 * Semantics: kernel/futex/{pi,requeue,core}.c.
 */
#include <linux/futex.h>
#include "preload/calls/futex.h"
#include "preload/calls/mem.h"
#include "preload/calls/thread.h"

#define ROBUST_MAX 2048 /* as the kernel: a list may be a circle */
#define TID_MASK   0x3fffffffU

static struct gp_futex_wait *first_waiter(unsigned long addr, bool *more)
{
	struct gp_list *q = gp__futex_queue(addr);
	struct gp_futex_wait *first = NULL;

	*more = false;
	gp__list_each(node, q) {
		struct gp_futex_wait *w = gp__list_entry(node, struct gp_futex_wait, link);

		if (w->addr != addr || w->bits || w->lock || w->g->g.state != GP__PARKED)
			continue;
		if (first) {
			*more = true;
			break;
		}
		first = w;
	}
	return first;
}

long gp__futex_lock_pi(struct gp_hub *h, struct gp_guest *me, struct gp_frame *f, int64_t deadline, bool try)
{
	bool shared = gp__mem_shared(f->rdi);
	uint32_t *word = (uint32_t *)f->rdi, old, was;
	struct gp_futex_wait w;
	int64_t until;
	int r;

	if (f->rdi & 3)
		return -EINVAL;
	for (;;) {
		if (gp__load32(&old, word))
			return -EFAULT;
		if ((int)(old & TID_MASK) == me->tid)
			return -EDEADLK;
		if (!(old & TID_MASK)) {
			if (gp__cas32(word, old, (uint32_t)me->tid | (old & FUTEX_OWNER_DIED), &was))
				return -EFAULT;
			if (was == old)
				return 0;
			continue;
		}
		if (try)
			return -EAGAIN;
		if (!gp__thread_by_tid(h, (int)(old & TID_MASK)) && !shared)
			return -ESRCH;
		if (gp__cas32(word, old, old | FUTEX_WAITERS, &was))
			return -EFAULT;
		if (was != old)
			continue;
		until = shared ? gp__min(deadline, gp__deadline_after(GP__FUTEX_LOOK_AGAIN)) : deadline;
		r = gp__futex_wait(h, &w, me, f->rdi, 0, until, shared);
		if (r == -ETIMEDOUT && until != deadline)
			continue;
		/* 0: whoever unlocked it, or ended with it, has made us the owner */
		return r == -EINTR ? GP__RESTART_SYS : r;
	}
}

/* The word goes to who waits longest. `died`: FUTEX_OWNER_DIED, or 0. -EAGAIN:
 * it has changed. */
static long hand_over(unsigned long addr, uint32_t old, uint32_t died)
{
	bool more;
	struct gp_futex_wait *next = first_waiter(addr, &more);
	uint32_t new = next ? (uint32_t)next->g->tid | (more ? FUTEX_WAITERS : 0) : 0, was;

	if (gp__cas32((uint32_t *)addr, old, new | died, &was))
		return -EFAULT;
	if (was != old)
		return -EAGAIN;
	if (next)
		gp__wake(&next->g->g, 0);
	return 0;
}

long gp__futex_unlock_pi(struct gp_guest *me, struct gp_frame *f)
{
	uint32_t old;
	bool more;
	long r;

	do {
		if (gp__load32(&old, (uint32_t *)f->rdi))
			return -EFAULT;
		if ((int)(old & TID_MASK) != me->tid)
			return -EPERM;
		/* Another process waits for the first thread, which the kernel knows. */
		if (me->is_main && gp__mem_shared(f->rdi) && !first_waiter(f->rdi, &more))
			return gp__native(f);
		r = hand_over(f->rdi, old, 0);
	} while (r == -EAGAIN);
	return r;
}

/* ---- condition variables ---------------------------------------------------------- */

long gp__futex_wait_requeue_pi(struct gp_hub *h, struct gp_guest *me, struct gp_frame *f, int64_t deadline)
{
	unsigned flag = f->rsi & FUTEX_PRIVATE_FLAG;
	struct gp_futex_wait w;
	uint32_t value;
	long r;

	if (f->rdi == f->r8 || f->rdi & 3)
		return -EINVAL;
	r = gp__futex_bad_word(f->r8, f->rsi);
	if (r)
		return r;
	if (gp__futex_look(f->rdi, flag, &value))
		return -EFAULT;
	if (gp__futex_outside(f->rdi, flag) || gp__futex_outside(f->r8, flag))
		return -ENOSYS;
	if (value != (uint32_t)f->rdx)
		return -EAGAIN;
	if (deadline != GP__NEVER && deadline <= gp__now())
		return -ETIMEDOUT;
	gp__futex_enter(&w, me, f->rdi, 0);
	w.lock = f->r8;
	r = gp__futex_park(h, &w, deadline, false);
	gp__list_del(&w.link);
	/* Once moved, the call made again would find that the first word has changed. */
	if (r == -EINTR)
		return w.lock ? GP__RESTART_ALWAYS : -EAGAIN;
	return r;
}

/* 1: who waits is the owner now, and awake; 0: it stands in the queue for that. */
static long give_or_queue(struct gp_hub *h, struct gp_futex_wait *w, uint32_t waiters)
{
	uint32_t *word = (uint32_t *)w->lock, old, new, was;

	do {
		if (gp__load32(&old, word))
			return -EFAULT;
		if ((int)(old & TID_MASK) == w->g->tid)
			return -EDEADLK;
		if (old & TID_MASK && !gp__thread_by_tid(h, (int)(old & TID_MASK)))
			return -ESRCH;
		if (old & TID_MASK)
			new = old | FUTEX_WAITERS;
		else
			new = (uint32_t)w->g->tid | (old & FUTEX_OWNER_DIED) | waiters;
		if (gp__cas32(word, old, new, &was))
			return -EFAULT;
	} while (was != old);
	gp__list_del(&w->link);
	w->addr = w->g->g.wait_object = w->lock;
	w->lock = 0;
	if (old & TID_MASK) {
		gp__list_append(gp__futex_queue(w->addr), &w->link);
		return 0;
	}
	gp__wake(&w->g->g, 0);
	return 1;
}

long gp__futex_requeue_pi(struct gp_hub *h, struct gp_frame *f)
{
	int nmove = (int)f->r10;
	uint32_t value;
	long done = 0, r;

	if (f->rdi == f->r8 || (int)f->rdx != 1 || nmove < 0)
		return -EINVAL;
	r = gp__futex_bad_words(f);
	if (r)
		return r;
	if (gp__load32(&value, (uint32_t *)f->rdi))
		return -EFAULT;
	if (value != (uint32_t)f->r9)
		return -EAGAIN;
	gp__list_each(node, gp__futex_queue(f->rdi)) {
		struct gp_futex_wait *w = gp__list_entry(node, struct gp_futex_wait, link);

		if (done > nmove)
			break;
		if (w->addr != f->rdi || w->g->g.state != GP__PARKED)
			continue;
		if (w->bits || w->lock != f->r8)
			return -EINVAL;
		r = give_or_queue(h, w, nmove ? FUTEX_WAITERS : 0);
		if (r < 0)
			return r;
		done++;
	}
	return done;
}

/* ---- robust lists --------------------------------------------------------------- */

static void owner_died(struct gp_guest *me, unsigned long addr, bool pi, bool pending)
{
	uint32_t old, was;

	for (;;) {
		if (addr & 3 || gp__load32(&old, (uint32_t *)addr))
			return;
		if (pending && !pi && !old) /* unlocked, and nobody told yet */
			gp__futex_wake_everywhere(addr, 1, ~0U, 0);
		if ((int)(old & TID_MASK) != me->tid)
			return;
		if (pi && !gp__mem_shared(addr)) {
			if (hand_over(addr, old, FUTEX_OWNER_DIED) != -EAGAIN)
				return;
			continue;
		}
		if (gp__cas32((uint32_t *)addr, old, (old & FUTEX_WAITERS) | FUTEX_OWNER_DIED, &was))
			return;
		if (was == old)
			break;
	}
	if (old & FUTEX_WAITERS && !pi)
		gp__futex_wake_everywhere(addr, 1, ~0U, 0);
}

void gp__futex_wake_joiner(unsigned long addr)
{
	gp__futex_wake_everywhere(addr, 1, ~0U, 0);
}

void gp__robust_exit(struct gp_guest *me)
{
	struct { unsigned long next, offset, pending; } head;
	unsigned long at;

	if (!me->robust || gp__copy(&head, me->robust, sizeof head))
		return;
	at = head.next;
	for (int i = 0; i < ROBUST_MAX && (at & ~1UL) != (unsigned long)me->robust; i++) {
		unsigned long next;

		if (gp__copy(&next, (void *)(at & ~1UL), sizeof next))
			break;
		if ((at & ~1UL) != (head.pending & ~1UL))
			owner_died(me, (at & ~1UL) + head.offset, at & 1, false);
		at = next;
	}
	if (head.pending)
		owner_died(me, (head.pending & ~1UL) + head.offset, head.pending & 1, true);
}

void gp__robust_exit_all(struct gp_hub *h)
{
	gp__list_each(n, &h->all)
		gp__robust_exit(gp__guest(gp__list_entry(n, struct gp_greenlet, all)));
}
