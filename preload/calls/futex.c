/* futex.c - futex(2) among greenlets.
 *
 * All greenlets are one kernel thread, so looking at a word and joining its
 * queue cannot be interrupted by another one: no lock is needed. Queues hang
 * in a table by the word's address, first in, first out, linked through the
 * greenlet's wait_link, so that a deadline or a signal takes a waiter out.
 *
 * A word in memory that is shared with other processes (mem.c knows those
 * mappings; the FUTEX_PRIVATE flag does not say it, pthread_join waits without
 * it) can be woken from outside: futex_shared.c watches it, and a wake goes to
 * the kernel too.
 *
 * Semantics: futex(2), and kernel/futex/{waitwake,requeue,pi}.c.
 */
#include <linux/futex.h>
#include <sys/mman.h>
#include <time.h>
#include "preload/calls/futex.h"
#include "preload/calls/mem.h"
#include "preload/calls/signal.h"
#include "preload/calls/thread.h"
#include "preload/calls/time.h"

#define BUCKETS     65536UL
#define LOOK_AGAIN  (2 * GP__MSEC) /* at a word that another process may wake */
#define ROBUST_MAX  2048           /* as the kernel: a list may be a circle */
#define TID_MASK    0x3fffffffU

static struct gp_list *buckets; /* reserved; a bucket is made when first used */

static struct gp_list *bucket_of(unsigned long addr)
{
	struct gp_list *b;

	if (!buckets) {
		long p = gp__raw(SYS_mmap, 0, BUCKETS * sizeof *b, PROT_READ | PROT_WRITE,
		                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (gp__is_err(p))
			return NULL;
		buckets = (struct gp_list *)p;
	}
	b = &buckets[(addr >> 2 ^ addr >> 18) % BUCKETS];
	if (!b->next)
		gp__list_init(b);
	return b;
}

void gp__futex_forked(void)
{
	if (buckets)
		gp__raw(SYS_madvise, buckets, BUCKETS * sizeof *buckets, MADV_DONTNEED);
	gp__futex_shared_forked();
}

static bool waits_for(const struct gp_greenlet *g, unsigned long addr)
{
	return g->wait_object == addr;
}

long gp__futex_wake(unsigned long addr, int n, uint32_t bits)
{
	struct gp_list *b = bucket_of(addr);
	long woken = 0;

	if (!b)
		return 0;
	gp__list_each(node, b) {
		struct gp_greenlet *g = gp__list_entry(node, struct gp_greenlet, wait_link);

		if (woken >= n)
			break;
		if (waits_for(g, addr) && gp__guest(g)->futex_bits & bits)
			woken += gp__wake(g, 0);
	}
	return woken;
}

/* Whether somebody who is no greenlet may wait for the word or wake it: another
 * process, or a kernel thread of this one. flag: FUTEX_PRIVATE_FLAG of the call. */
static bool outside(unsigned long addr, unsigned flag)
{
	return gp__unlikely(gp__shim.foreign) || (!flag && gp__mem_shared(addr));
}

/* flag: FUTEX_PRIVATE_FLAG of the call, which a wake and a wait have in common. */
static long wake_everywhere(unsigned long addr, int n, uint32_t bits, unsigned flag)
{
	long woken = gp__futex_wake(addr, n, bits), r;

	if (woken < n && outside(addr, flag)) {
		r = gp__raw(SYS_futex, addr, FUTEX_WAKE_BITSET | flag, n - woken, 0, 0, bits);
		woken += r > 0 ? r : 0;
	}
	return woken;
}

/* Parks in the queue of addr. 0, -ETIMEDOUT, or -EINTR. */
static int enqueue(struct gp_hub *h, struct gp_guest *me, unsigned long addr, uint32_t bits, int64_t deadline, bool shared)
{
	struct gp_list *b = bucket_of(addr);
	int r;

	if (!b)
		return -ENOMEM;
	if (gp__interrupted(h, me))
		return -EINTR;
	me->futex_bits = bits;
	gp__list_append(b, &me->g.wait_link);
	r = gp__park(h, "futex", addr, deadline, GP__INTERRUPTIBLE | (shared ? GP__EXTERNAL : 0));
	if (r == -ENOMEM)
		gp__list_del(&me->g.wait_link);
	return r;
}

/* Waits until a greenlet, or another process, wakes the word. 0 as well when
 * it has changed and nobody said so: a wait may always end early. */
static int wait_shared(struct gp_hub *h, struct gp_guest *me, const struct gp_frame *f, uint32_t value, uint32_t bits, int64_t deadline)
{
	struct gp_futex_watch w = { .addr = f->rdi, .value = value, .flag = f->rsi & FUTEX_PRIVATE_FLAG };
	uint32_t now;
	int r;

	do {
		bool watched = gp__futex_watch(h, &w);
		int64_t until = watched ? deadline : gp__deadline_after(LOOK_AGAIN);

		if (until > deadline)
			until = deadline;
		r = enqueue(h, me, f->rdi, bits, until, true);
		if (watched) {
			gp__futex_unwatch(&w);
			if (r || !w.fired || w.woken)
				return r;
		} else if (r != -ETIMEDOUT || until == deadline) {
			return r;
		}
	} while (!gp__load32(&now, (uint32_t *)f->rdi) && now == value);
	return 0;
}

static long wait(struct gp_hub *h, struct gp_guest *me, struct gp_frame *f, uint32_t bits, int64_t deadline)
{
	unsigned flag = f->rsi & FUTEX_PRIVATE_FLAG;
	uint32_t value;
	int r;

	if (!bits)
		return -EINVAL;
	if (f->rdi & 3)
		return -EINVAL;
	if (gp__load32(&value, (uint32_t *)f->rdi))
		return -EFAULT;
	if (value != (uint32_t)f->rdx)
		return -EAGAIN;
	if (deadline != GP__NEVER && deadline <= gp__now())
		return -ETIMEDOUT;
	if (outside(f->rdi, flag))
		r = wait_shared(h, me, f, value, bits, deadline);
	else
		r = enqueue(h, me, f->rdi, bits, deadline, false);
	if (r == -EINTR)
		return deadline == GP__NEVER ? GP__RESTART_SYS : GP__RESTART_NEVER;
	return r;
}

/* The deadline in f->r10. Relative for WAIT, absolute otherwise. */
static long deadline_of(const struct gp_frame *f, int op, int64_t *out)
{
	*out = GP__NEVER;
	if (!f->r10)
		return 0;
	return gp__time_deadline((void *)f->r10, f->rsi & FUTEX_CLOCK_REALTIME || op == FUTEX_LOCK_PI ? CLOCK_REALTIME : CLOCK_MONOTONIC,
	                         op != FUTEX_WAIT, out);
}

static long requeue(struct gp_frame *f, bool compare)
{
	int nwake = (int)f->rdx, nmove = (int)f->r10;
	struct gp_list *from = bucket_of(f->rdi), *to = bucket_of(f->r8);
	long done;
	uint32_t value;

	if (nwake < 0 || nmove < 0 || f->rdi & 3 || f->r8 & 3)
		return -EINVAL;
	if (gp__load32(&value, (uint32_t *)f->rdi))
		return -EFAULT;
	if (compare && value != (uint32_t)f->r9)
		return -EAGAIN;
	if (!from || !to)
		return -ENOMEM;
	done = wake_everywhere(f->rdi, nwake, ~0U, f->rsi & FUTEX_PRIVATE_FLAG);
	gp__list_each(node, from) {
		struct gp_greenlet *g = gp__list_entry(node, struct gp_greenlet, wait_link);

		if (nmove <= 0)
			break;
		if (!waits_for(g, f->rdi))
			continue;
		if (f->rdi != f->r8) {
			gp__list_del(node);
			g->wait_object = f->r8;
			gp__list_append(to, node);
		}
		nmove--;
		done++;
	}
	return done;
}

static int sign_extend12(uint32_t v) { return (int)(v << 20) >> 20; }

static long wake_op(struct gp_frame *f)
{
	uint32_t enc = (uint32_t)f->r9, old, new, was;
	int arg = sign_extend12(enc >> 12 & 0xfff), cmp = sign_extend12(enc & 0xfff), hit;
	long woken;

	if (f->rdi & 3 || f->r8 & 3)
		return -EINVAL;
	if (enc >> 28 & FUTEX_OP_OPARG_SHIFT)
		arg = 1 << (arg & 31);
	for (;;) {
		if (gp__load32(&old, (uint32_t *)f->r8))
			return -EFAULT;
		switch (enc >> 28 & 7) {
		case FUTEX_OP_SET: new = (uint32_t)arg; break;
		case FUTEX_OP_ADD: new = old + (uint32_t)arg; break;
		case FUTEX_OP_OR: new = old | (uint32_t)arg; break;
		case FUTEX_OP_ANDN: new = old & ~(uint32_t)arg; break;
		case FUTEX_OP_XOR: new = old ^ (uint32_t)arg; break;
		default: return -ENOSYS;
		}
		if (gp__cas32((uint32_t *)f->r8, old, new, &was))
			return -EFAULT;
		if (was == old)
			break;
	}
	switch (enc >> 24 & 15) {
	case FUTEX_OP_CMP_EQ: hit = (int)old == cmp; break;
	case FUTEX_OP_CMP_NE: hit = (int)old != cmp; break;
	case FUTEX_OP_CMP_LT: hit = (int)old < cmp; break;
	case FUTEX_OP_CMP_LE: hit = (int)old <= cmp; break;
	case FUTEX_OP_CMP_GT: hit = (int)old > cmp; break;
	case FUTEX_OP_CMP_GE: hit = (int)old >= cmp; break;
	default: return -ENOSYS;
	}
	woken = wake_everywhere(f->rdi, (int)f->rdx, ~0U, f->rsi & FUTEX_PRIVATE_FLAG);
	return hit ? woken + wake_everywhere(f->r8, (int)f->r10, ~0U, f->rsi & FUTEX_PRIVATE_FLAG) : woken;
}

/* ---- priority inheritance: the word holds the owner's id ------------------------ */

static struct gp_greenlet *first_waiter(unsigned long addr, bool *more)
{
	struct gp_list *b = bucket_of(addr);
	struct gp_greenlet *first = NULL;

	*more = false;
	gp__list_each(node, b) {
		struct gp_greenlet *g = gp__list_entry(node, struct gp_greenlet, wait_link);

		if (!waits_for(g, addr))
			continue;
		if (first) {
			*more = true;
			break;
		}
		first = g;
	}
	return first;
}

static long lock_pi(struct gp_hub *h, struct gp_guest *me, struct gp_frame *f, int64_t deadline, bool try)
{
	uint32_t *word = (uint32_t *)f->rdi, old, was;
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
		if (!gp__thread_by_tid(h, (int)(old & TID_MASK)) && !gp__mem_shared(f->rdi))
			return -ESRCH;
		if (gp__cas32(word, old, old | FUTEX_WAITERS, &was))
			return -EFAULT;
		if (was != old)
			continue;
		r = enqueue(h, me, f->rdi, ~0U, deadline, gp__mem_shared(f->rdi));
		if (r == 0) /* unlock_pi has made us the owner */
			return 0;
		if (r != -EINTR)
			return r;
		return GP__RESTART_SYS;
	}
}

static long unlock_pi(struct gp_guest *me, struct gp_frame *f)
{
	uint32_t *word = (uint32_t *)f->rdi, old, was, new = 0;
	struct gp_greenlet *next;
	bool more;

	if (gp__load32(&old, word))
		return -EFAULT;
	if ((int)(old & TID_MASK) != me->tid)
		return -EPERM;
	next = first_waiter(f->rdi, &more);
	if (next)
		new = (uint32_t)gp__guest(next)->tid | (more ? FUTEX_WAITERS : 0);
	if (gp__cas32(word, old, new, &was))
		return -EFAULT;
	if (next)
		gp__wake(next, 0);
	return 0;
}

GP_CALL(futex)
{
	int op = (int)f->rsi & FUTEX_CMD_MASK;
	int64_t deadline;
	long r;

	switch (op) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		r = deadline_of(f, op, &deadline);
		if (r)
			return r;
		if (op == FUTEX_LOCK_PI || op == FUTEX_LOCK_PI2)
			return lock_pi(h, me, f, deadline, false);
		return wait(h, me, f, op == FUTEX_WAIT ? ~0U : (uint32_t)f->r9, deadline);
	case FUTEX_WAKE:
	case FUTEX_WAKE_BITSET:
		if (f->rdi & 3 || (op == FUTEX_WAKE_BITSET && !(uint32_t)f->r9))
			return -EINVAL;
		/* The kernel wakes one where none was asked for. */
		return wake_everywhere(f->rdi, gp__max((int)f->rdx, 1), op == FUTEX_WAKE ? ~0U : (uint32_t)f->r9,
		                       f->rsi & FUTEX_PRIVATE_FLAG);
	case FUTEX_REQUEUE: return requeue(f, false);
	case FUTEX_CMP_REQUEUE: return requeue(f, true);
	case FUTEX_WAKE_OP: return wake_op(f);
	case FUTEX_TRYLOCK_PI: return lock_pi(h, me, f, GP__NEVER, true);
	case FUTEX_UNLOCK_PI: return unlock_pi(me, f);
	default: return -ENOSYS;
	}
}

/* ---- robust lists --------------------------------------------------------------- */

static void owner_died(struct gp_guest *me, unsigned long addr)
{
	uint32_t old, was;

	do {
		if (addr & 3 || gp__load32(&old, (uint32_t *)addr) || (int)(old & TID_MASK) != me->tid)
			return;
		if (gp__cas32((uint32_t *)addr, old, (old & FUTEX_WAITERS) | FUTEX_OWNER_DIED, &was))
			return;
	} while (was != old);
	if (old & FUTEX_WAITERS)
		wake_everywhere(addr, 1, ~0U, 0);
}

void gp__futex_wake_joiner(unsigned long addr)
{
	wake_everywhere(addr, 1, ~0U, 0);
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
		if (at != head.pending)
			owner_died(me, (at & ~1UL) + head.offset);
		at = next;
	}
	if (head.pending)
		owner_died(me, (head.pending & ~1UL) + head.offset);
}
