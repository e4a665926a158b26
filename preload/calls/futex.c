/* futex.c - futex(2) among greenlets.
 *
 * All greenlets are one kernel thread, so looking at a word and joining its
 * queue cannot be interrupted by another one: no lock is needed. Queues hang
 * in a table by the word's address, first in, first out. A waiter's entry lies
 * on its stack; one that a deadline or a signal has woken and that has not run
 * yet is still in it, and is passed over.
 *
 * A word in memory that is shared with other processes (mem.c knows those
 * mappings; the FUTEX_PRIVATE flag does not say it, pthread_join waits without
 * it) can be woken from outside: futex_shared.c watches it, and a wake goes to
 * the kernel too.
 *
 * futex_pi.c has priority inheritance and what is left by owners that die,
 * futex_waitv.c the wait for several words.
 *
 * Semantics: futex(2), and kernel/futex/{waitwake,requeue}.c.
 */
#include <linux/futex.h>
#include <sys/mman.h>
#include <time.h>
#include "preload/calls/futex.h"
#include "preload/calls/mem.h"
#include "preload/calls/offload.h"
#include "preload/calls/signal.h"
#include "preload/calls/thread.h"
#include "preload/calls/time.h"

#define BUCKETS     65536UL
#define BY_HELPERS  2 /* waits for shared words that helpers make where they cannot be watched */

static unsigned by_helpers;
static struct gp_list *buckets; /* reserved; a bucket is made when first used */

int gp__futex_start(void)
{
	long p;

	if (buckets)
		return 0;
	p = gp__raw(SYS_mmap, 0, BUCKETS * sizeof *buckets, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (gp__is_err(p))
		return (int)p;
	buckets = (struct gp_list *)p;
	return 0;
}

struct gp_list *gp__futex_queue(unsigned long addr)
{
	struct gp_list *b = &buckets[(addr >> 2 ^ addr >> 18) % BUCKETS];

	if (!b->next)
		gp__list_init(b);
	return b;
}

void gp__futex_forked(void)
{
	if (buckets)
		gp__raw(SYS_madvise, buckets, BUCKETS * sizeof *buckets, MADV_DONTNEED);
	by_helpers = 0;
	gp__futex_shared_forked();
}

/* Takes an entry out and wakes who waits. False: something else has woken it. */
static bool wake_entry(struct gp_futex_wait *w)
{
	bool woken = gp__wake(&w->g->g, 0);

	w->woken = woken;
	gp__list_del(&w->link);
	return woken;
}

long gp__futex_wake(unsigned long addr, int n, uint32_t bits)
{
	struct gp_list *b = gp__futex_queue(addr);
	long woken = 0;

	gp__list_each(node, b) {
		struct gp_futex_wait *w = gp__list_entry(node, struct gp_futex_wait, link);

		if (woken >= n)
			break;
		if (w->addr != addr || w->g->g.state != GP__PARKED)
			continue;
		if (!w->bits)
			return -EINVAL;
		if (w->bits & bits)
			woken += wake_entry(w);
	}
	return woken;
}

long gp__futex_look(unsigned long addr, unsigned flag, uint32_t *value)
{
	uint32_t was;
	long none[2] = { 0, 0 };

	if (gp__load32(value, (uint32_t *)addr))
		return -EFAULT;
	if (flag || gp__likely(!gp__cas32((uint32_t *)addr, *value, *value, &was)))
		return 0;
	/* Of a page that cannot be written to the kernel knows what it is. */
	return gp__raw(SYS_futex, addr, FUTEX_WAIT, ~*value, none) == -EFAULT ? -EFAULT : 0;
}

bool gp__futex_outside(unsigned long addr, unsigned flag)
{
	return gp__unlikely(gp__shim.foreign) || (!flag && gp__mem_shared(addr));
}

long gp__futex_wake_everywhere(unsigned long addr, int n, uint32_t bits, unsigned flag)
{
	long woken = gp__futex_wake(addr, n, bits), r;

	if (woken >= 0 && woken < n && gp__futex_outside(addr, flag)) {
		r = gp__raw(SYS_futex, addr, FUTEX_WAKE_BITSET | flag, n - woken, 0, 0, bits);
		woken += r > 0 ? r : 0;
	}
	return woken;
}

void gp__futex_enter(struct gp_futex_wait *w, struct gp_guest *me, unsigned long addr, uint32_t bits)
{
	*w = (struct gp_futex_wait){ .g = me, .addr = addr, .bits = bits };
	gp__list_append(gp__futex_queue(addr), &w->link);
}

int gp__futex_park(struct gp_hub *h, struct gp_futex_wait *w, int64_t deadline, bool shared)
{
	if (gp__interrupted(h, w->g))
		return -EINTR;
	return gp__park(h, "futex", w->addr, deadline, GP__INTERRUPTIBLE | (shared ? GP__EXTERNAL : 0));
}

int gp__futex_wait(struct gp_hub *h, struct gp_futex_wait *w, struct gp_guest *me, unsigned long addr, uint32_t bits, int64_t deadline,
                   bool shared)
{
	int r;

	gp__futex_enter(w, me, addr, bits);
	r = gp__futex_park(h, w, deadline, shared);
	gp__list_del(&w->link);
	return r;
}

/* The call itself, by a helper, so that whoever wakes the word counts a waiter.
 * False: enough of them do. */
static bool wait_by_helper(struct gp_hub *h, struct gp_guest *me, const struct gp_frame *f, uint32_t bits, int64_t deadline, int *r)
{
	struct timespec until = { deadline / GP__SEC, deadline % GP__SEC };
	long args[6] = { (long)f->rdi, FUTEX_WAIT_BITSET | (long)(f->rsi & FUTEX_PRIVATE_FLAG), (long)f->rdx,
		         deadline == GP__NEVER ? 0 : (long)&until, 0, (long)bits };
	long was;

	if (by_helpers >= BY_HELPERS)
		return false;
	by_helpers++;
	was = gp__offload_call(h, me, SYS_futex, args);
	by_helpers--;
	*r = gp__is_restart(was) ? -EINTR : (int)was;
	return true;
}

/* Waits until a greenlet, or another process, wakes the word. 0 as well when
 * it has changed and nobody said so: a wait may always end early. */
static int wait_shared(struct gp_hub *h, struct gp_guest *me, const struct gp_frame *f, uint32_t value, uint32_t bits, int64_t deadline)
{
	struct gp_futex_watch watch = { .addr = f->rdi, .value = value, .flag = f->rsi & FUTEX_PRIVATE_FLAG };
	struct gp_futex_wait w;
	uint32_t now;
	int r;

	do {
		bool watched = gp__futex_watch(h, &watch);
		int64_t until = watched ? deadline : gp__min(deadline, gp__deadline_after(GP__FUTEX_LOOK_AGAIN));

		if (!watched && wait_by_helper(h, me, f, bits, deadline, &r))
			return r;
		r = gp__futex_wait(h, &w, me, f->rdi, bits, until, true);
		if (watched) {
			if (gp__futex_unwatch(&watch, w.woken))
				return 0;
			if (r || !watch.fired)
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
	struct gp_futex_wait w;
	uint32_t value;
	int r;

	if (!bits)
		return -EINVAL;
	if (f->rdi & 3)
		return -EINVAL;
	if (gp__futex_look(f->rdi, flag, &value))
		return -EFAULT;
	if (value != (uint32_t)f->rdx)
		return -EAGAIN;
	if (deadline != GP__NEVER && deadline <= gp__now())
		return -ETIMEDOUT;
	if (gp__futex_outside(f->rdi, flag))
		r = wait_shared(h, me, f, value, bits, deadline);
	else
		r = gp__futex_wait(h, &w, me, f->rdi, bits, deadline, false);
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

long gp__futex_bad_word(uint64_t addr, uint64_t op)
{
	uint32_t value;

	if (addr & 3)
		return -EINVAL;
	if (addr >= 1UL << 47)
		return -EFAULT;
	return op & FUTEX_PRIVATE_FLAG ? 0 : gp__futex_look(addr, 0, &value);
}

long gp__futex_bad_words(const struct gp_frame *f)
{
	long r = gp__futex_bad_word(f->rdi, f->rsi);

	return r ? r : gp__futex_bad_word(f->r8, f->rsi);
}

static long requeue(struct gp_frame *f, bool compare)
{
	int nwake = (int)f->rdx, nmove = (int)f->r10;
	struct gp_list *from = gp__futex_queue(f->rdi), *to = gp__futex_queue(f->r8);
	long done;
	uint32_t value;

	if (nwake < 0 || nmove < 0)
		return -EINVAL;
	done = gp__futex_bad_words(f);
	if (done)
		return done;
	if (compare && gp__load32(&value, (uint32_t *)f->rdi))
		return -EFAULT;
	if (compare && value != (uint32_t)f->r9)
		return -EAGAIN;
	done = gp__futex_wake_everywhere(f->rdi, nwake, ~0U, f->rsi & FUTEX_PRIVATE_FLAG);
	if (done < 0)
		return done;
	gp__list_each(node, from) {
		struct gp_futex_wait *w = gp__list_entry(node, struct gp_futex_wait, link);

		if (nmove <= 0)
			break;
		if (w->addr != f->rdi || w->g->g.state != GP__PARKED)
			continue;
		if (!w->bits)
			return -EINVAL;
		if (f->rdi != f->r8) {
			gp__list_del(node);
			w->addr = w->g->g.wait_object = f->r8;
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
	long woken, more;

	woken = gp__futex_bad_words(f);
	if (woken)
		return woken;
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
	woken = gp__futex_wake_everywhere(f->rdi, (int)f->rdx, ~0U, f->rsi & FUTEX_PRIVATE_FLAG);
	if (!hit || woken < 0)
		return woken;
	more = gp__futex_wake_everywhere(f->r8, (int)f->r10, ~0U, f->rsi & FUTEX_PRIVATE_FLAG);
	return more < 0 ? more : woken + more;
}

GP_CALL(futex)
{
	int op = (int)f->rsi & FUTEX_CMD_MASK;
	int64_t deadline;
	long r;

	if (f->rsi & FUTEX_CLOCK_REALTIME && op != FUTEX_WAIT_BITSET && op != FUTEX_WAIT_REQUEUE_PI && op != FUTEX_LOCK_PI2)
		return -ENOSYS;
	switch (op) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
	case FUTEX_WAIT_REQUEUE_PI:
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		r = deadline_of(f, op, &deadline);
		if (r)
			return r;
		if (op == FUTEX_LOCK_PI || op == FUTEX_LOCK_PI2)
			return gp__futex_lock_pi(h, me, f, deadline, false);
		if (op == FUTEX_WAIT_REQUEUE_PI)
			return gp__futex_wait_requeue_pi(h, me, f, deadline);
		return wait(h, me, f, op == FUTEX_WAIT ? ~0U : (uint32_t)f->r9, deadline);
	case FUTEX_WAKE:
	case FUTEX_WAKE_BITSET:
		if (op == FUTEX_WAKE_BITSET && !(uint32_t)f->r9)
			return -EINVAL;
		r = gp__futex_bad_word(f->rdi, f->rsi);
		if (r)
			return r;
		/* The kernel wakes one where none was asked for. */
		return gp__futex_wake_everywhere(f->rdi, gp__max((int)f->rdx, 1), op == FUTEX_WAKE ? ~0U : (uint32_t)f->r9,
		                       f->rsi & FUTEX_PRIVATE_FLAG);
	case FUTEX_REQUEUE: return requeue(f, false);
	case FUTEX_CMP_REQUEUE: return requeue(f, true);
	case FUTEX_CMP_REQUEUE_PI: return gp__futex_requeue_pi(h, f);
	case FUTEX_WAKE_OP: return wake_op(f);
	case FUTEX_TRYLOCK_PI: return gp__futex_lock_pi(h, me, f, GP__NEVER, true);
	case FUTEX_UNLOCK_PI: return gp__futex_unlock_pi(me, f);
	default: return -ENOSYS;
	}
}
