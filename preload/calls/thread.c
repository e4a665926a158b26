/* thread.c - what clone and exit do with a greenlet.
 *
 * glibc has prepared stack and TLS; we make a greenlet that goes on where its
 * parent made the call, with rax 0, its own rsp and FS base, as the kernel
 * would. Its first frame is a copy of the parent's, below its own rsp. Nothing
 * but this file and init.c makes a struct gp_guest.
 *
 * The first thread has the process's id; the others have ids above the
 * kernel's largest (2^22) and below 2^30 (FUTEX_TID_MASK).
 */
#include <sched.h>
#include <sys/prctl.h>
#include "core/run/ownfd.h"
#include "preload/calls/cputime.h"
#include "preload/calls/futex.h"
#include "preload/calls/preempt.h"
#include "preload/calls/process.h"
#include "preload/calls/schedule.h"
#include "preload/calls/signal.h"
#include "preload/calls/thread.h"
#include "preload/diag.h"


struct gp_guest *gp__thread_first(void)
{
	struct gp_guest *g = gp__alloc(sizeof *g);

	if (!g)
		return NULL;
	gp__list_init(&g->sigqueue);
	g->is_main = true;
	g->tid = (int)gp__raw(SYS_gettid);
	g->g.flags = GP__KEEP_VECTOR | GP__OWN_TLS;
	return g;
}

struct gp_guest *gp__thread_by_tid(struct gp_hub *h, int tid)
{
	gp__list_each(n, &h->all) {
		struct gp_guest *g = gp__guest(gp__list_entry(n, struct gp_greenlet, all));

		if (g->tid == tid)
			return g;
	}
	return NULL;
}

static int new_tid(struct gp_hub *h)
{
	do {
		if (gp__shim.next_tid < GP__TID_FIRST || gp__shim.next_tid == GP__TID_LAST)
			gp__shim.next_tid = GP__TID_FIRST;
		gp__shim.next_tid++;
	} while (h->stats.greenlets > GP__TID_LAST - GP__TID_FIRST && gp__thread_by_tid(h, gp__shim.next_tid));
	return gp__shim.next_tid;
}

/* Of whoever makes it; the hub makes one for a signal: the first thread's. */
static uint64_t mask_to_inherit(const struct gp_guest *from)
{
	if (!from)
		from = gp__shim.main;
	if (!from)
		return 0;
	return from->restore_mask ? from->saved_mask : from->mask;
}

/* The last greenlet has ended, and with it the process; or, where other kernel
 * threads are, this one. */
static void end_process(unsigned long status)
{
	if (gp__shim.foreign)
		gp__raw(SYS_exit, status);
	gp__stats_print();
	gp__fds_end();
	gp__raw(SYS_exit_group, status);
}

/* What is pending for the process may be another thread's now. */
static void offer_pending(struct gp_hub *h)
{
	if (gp__shim.pending)
		gp__list_each(n, &h->all)
			gp__signal_set_mask(gp__guest(gp__list_entry(n, struct gp_greenlet, all)),
			                    gp__guest(gp__list_entry(n, struct gp_greenlet, all))->mask);
}

/* What it has besides its record. */
static void forget(struct gp_guest *g)
{
	gp__signal_forget(g);
	gp__schedule_free(g);
	gp__cputime_ended(g);
}

static long store_tid(uint64_t addr, int tid)
{
	return gp__copy((void *)addr, &tid, sizeof tid);
}

static long clone_thread(struct gp_hub *h, struct gp_guest *me, struct gp_frame *f, const struct gp_clone_args *a)
{
	uint64_t top = a->stack + a->stack_size;
	struct gp_frame *child = (void *)(gp__align_down(top, 16UL) - RED_ZONE - F_SIZE);
	struct gp_frame copy = *f;
	struct gp_guest *g;

	if (!(a->flags & CLONE_VM) || !(a->flags & CLONE_SIGHAND) || !a->stack)
		return -EINVAL;
	copy.rax = 0;
	copy.rsp = top;
	if (gp__copy(child, &copy, sizeof copy))
		return -EFAULT;
	g = me->adopts ? gp__guest(me->adopts) : gp__alloc(sizeof *g);
	if (!g)
		return -EAGAIN;
	if (!me->adopts)
		gp__greenlet_init(h, &g->g);
	gp__list_init(&g->sigqueue);
	g->tid = new_tid(h);
	g->g.flags |= GP__KEEP_VECTOR | GP__OWN_TLS;
	g->g.fs = a->flags & CLONE_SETTLS ? a->tls : me->g.fs;
	g->mask = mask_to_inherit(me);
	memcpy(g->comm, me->comm, sizeof g->comm);
	gp__schedule_inherit(g, me);
	if (((a->flags & CLONE_PARENT_SETTID) && store_tid(a->parent_tid, g->tid)) ||
	    ((a->flags & CLONE_CHILD_SETTID) && store_tid(a->child_tid, g->tid))) {
		gp__schedule_free(g);
		if (!me->adopts)
			gp__free(g);
		return -EFAULT;
	}
	me->adopts = NULL;
	if (a->flags & CLONE_CHILD_CLEARTID)
		g->clear_tid = (uint32_t *)a->child_tid;
	g->frame = child;
	g->g.sp = gp__context_prepare(child, (void (*)(void))(uintptr_t)gp__guest_start);
	gp__greenlet_start(h, &g->g);
	gp__tick_start(h, me);
	return g->tid;
}

static bool patched(void) { return gp__shim.config.groups & GP__GROUP_THREAD; }

GP_CALL(clone)
{
	struct gp_clone_args a = {
		.flags = f->rdi & 0xffffff00UL, .exit_signal = f->rdi & 0xff, .stack = f->rsi,
		.parent_tid = f->rdx, .child_tid = f->r10, .tls = f->r8,
	};

	if (a.flags & CLONE_THREAD && patched())
		return clone_thread(h, me, f, &a);
	return gp__process_clone(h, me, f, &a);
}

GP_CALL(clone3)
{
	struct gp_clone_args a;

	memset(&a, 0, sizeof a);
	if (f->rsi < 64 || f->rsi > GP__PAGE || gp__copy(&a, (void *)f->rdi, gp__min(f->rsi, sizeof a)))
		return gp__native(f); /* the kernel knows what is wrong */
	if (a.flags & CLONE_THREAD && patched()) {
		if (a.set_tid_size || a.exit_signal)
			return -EINVAL;
		return clone_thread(h, me, f, &a);
	}
	return gp__process_clone(h, me, f, &a);
}

void gp__guest_started(struct gp_frame *f)
{
	struct gp_hub *h = gp__hub();

	if (gp__me(h)->g.attention)
		gp__exit_work(f);
}

/* ---- greenlets of gp_spawn -------------------------------------------------- */

/* The first thread may be preempted while nobody else uses its TLS. */
static void first_is_alone(struct gp_hub *h, bool alone)
{
	struct gp_guest *main = gp__shim.main;

	if (!main || main->g.fs != h->fs)
		return;
	main->g.flags &= (uint8_t)~GP__OWN_TLS;
	main->g.flags |= alone ? GP__OWN_TLS : 0;
}

void gp__light_spawned(struct gp_hub *h, struct gp_greenlet *g)
{
	struct gp_guest *t = gp__guest(g);

	gp__list_init(&t->sigqueue);
	t->tid = new_tid(h);
	t->mask = mask_to_inherit(gp__me(h));
	if (h->current)
		gp__schedule_inherit(t, gp__me(h));
	t->g.flags = GP__KEEP_VECTOR; /* it parks in system calls, too */
	gp__shim.light++;
	first_is_alone(h, false);
	if (!h->current)
		return;
	if (gp__shim.watch_ns)
		gp__tick_start(h, gp__me(h)); /* whoever goes on computing keeps this one waiting */
	gp__tell_libc();
}

void gp__light_returned(struct gp_hub *h, struct gp_greenlet *g)
{
	if (h->stats.live == 1)
		end_process(0);
	forget(gp__guest(g));
	gp__guest(g)->mask = ~0UL;
	offer_pending(h);
	if (!--gp__shim.light)
		first_is_alone(h, true);
}

/* ---- the end ------------------------------------------------------------------ */

/* The thread ends; its stack and its record are free when somebody else runs.
 * The values that it has in slots of gp_local_new() are destroyed first, by the
 * program's functions, which may make calls. The order after that is the
 * kernel's: robust list, clear-tid word, gone. */
GP_CALL(exit)
{
	uint32_t zero = 0;

	gp__locals_end(&me->g);
	gp__robust_exit(me);
	if (h->stats.live == 1)
		end_process(f->rdi);
	forget(me);
	if (me == gp__shim.main)
		gp__shim.main = NULL;
	if (me->clear_tid && !gp__copy(me->clear_tid, &zero, sizeof zero))
		gp__futex_wake_joiner((unsigned long)me->clear_tid);
	gp__greenlet_end(h, &me->g);
	if (gp__is_light(me) && !--gp__shim.light)
		first_is_alone(h, true);
	offer_pending(h);
	gp__greenlet_bury(h, &me->g);
	gp__leave(h);
}

GP_CALL(exit_group)
{
	gp__robust_exit_all(h);
	gp__stats_print();
	gp__fds_end();
	return gp__native(f);
}

GP_CALL(gettid) { return me->tid; }

GP_CALL(set_tid_address)
{
	me->clear_tid = (uint32_t *)f->rdi;
	return me->tid;
}

GP_CALL(set_robust_list)
{
	if (f->rsi != 24)
		return -EINVAL;
	me->robust = (void *)f->rdi;
	return me->is_main ? gp__native(f) : 0; /* when the process is killed, the kernel walks it */
}

GP_CALL(get_robust_list)
{
	struct gp_guest *g = f->rdi ? gp__thread_by_tid(h, (int)f->rdi) : me;
	size_t len = 24;

	if (!g)
		return gp__native(f);
	return gp__copy((void *)f->rsi, &g->robust, sizeof g->robust) || gp__copy((void *)f->rdx, &len, sizeof len) ? -EFAULT : 0;
}

/* Registered, and never valid: the kernel would keep one area for the kernel
 * thread, whichever greenlet runs. With cpu_id -1 glibc asks getcpu instead.
 * An error here would make glibc abort, as main's was registered. */
GP_CALL(rseq)
{
	uint32_t words[2] = { 0, (uint32_t)-1 };
	int flags = (int)f->rdx;

	if (flags & ~1)
		return -EINVAL;
	if (me->rseq) {
		if (f->rdi != me->rseq || (uint32_t)f->rsi != me->rseq_size)
			return -EINVAL;
		if ((uint32_t)f->r10 != me->rseq_mark)
			return -EPERM;
		if (!flags)
			return -EBUSY;
		me->rseq = 0;
		return 0;
	}
	if (flags || f->rdi & 31 || (uint32_t)f->rsi < 32)
		return -EINVAL;
	if (gp__copy((void *)f->rdi, words, sizeof words))
		return -EFAULT;
	me->rseq = f->rdi;
	me->rseq_size = (uint32_t)f->rsi;
	me->rseq_mark = (uint32_t)f->r10;
	return 0;
}

GP_CALL(sched_yield)
{
	if (gp__hub_quiet(h))
		return gp__native(f);
	/* Nobody else to run: at least see whether something came. */
	if (gp__list_empty(&h->runq))
		gp__yield_poll(h);
	else
		gp__yield(h);
	return 0;
}

/* Who was called as the process was keeps that name when it gets another. */
static void keep_names(struct gp_hub *h)
{
	char name[16];

	gp__raw(SYS_prctl, PR_GET_NAME, name);
	gp__list_each(n, &h->all) {
		struct gp_guest *g = gp__guest(gp__list_entry(n, struct gp_greenlet, all));

		if (!g->is_main && !g->comm[0])
			memcpy(g->comm, name, sizeof name);
	}
}

/* Those that change what a kernel thread may do. */
static bool restricts(uint64_t option)
{
	switch (option) {
	case PR_SET_SECCOMP: case PR_SET_NO_NEW_PRIVS: case PR_CAPBSET_DROP: case PR_CAP_AMBIENT:
	case PR_SET_SECUREBITS: case PR_SET_KEEPCAPS:
		return true;
	default:
		return false;
	}
}

GP_CALL(prctl)
{
	if (restricts(f->rdi))
		return gp__sys_credentials(h, me, f);
	if (f->rdi == 59) /* PR_SET_SYSCALL_USER_DISPATCH is ours */
		return -EINVAL;
	if (f->rdi == PR_SET_TSC && f->rsi == PR_TSC_SIGSEGV) {
		gp__refused("prctl(PR_SET_TSC)", "the hub could not read the time either");
		return -EINVAL;
	}
	if (f->rdi == PR_GET_TID_ADDRESS) {
		long r = gp__native(f); /* a kernel may not tell it at all */

		return r ? r : gp__copy((void *)f->rsi, &me->clear_tid, sizeof me->clear_tid);
	}
	if (f->rdi == PR_SET_TIMERSLACK || f->rdi == PR_GET_TIMERSLACK)
		return gp__schedule_slack(h, me, f);
	if (f->rdi == PR_SET_NAME && me->is_main)
		keep_names(h);
	if (f->rdi == PR_SET_NAME && !me->is_main) {
		char name[16] = "";

		for (int i = 0; i < 15; i++)
			if (gp__copy(&name[i], (char *)f->rsi + i, 1))
				return -EFAULT;
			else if (!name[i])
				break;
		memcpy(me->comm, name, sizeof name);
		return 0;
	}
	if (f->rdi == PR_GET_NAME && !me->is_main && me->comm[0])
		return gp__copy((void *)f->rsi, me->comm, sizeof me->comm);
	return gp__native(f);
}

GP_CALL(arch_prctl)
{
	unsigned long base;

	switch (f->rdi) {
	case 0x1002: /* ARCH_SET_FS */
		me->g.fs = f->rsi;
		gp__fs_set(h, f->rsi);
		return 0;
	case 0x1003: /* ARCH_GET_FS */
		base = me->g.fs ? me->g.fs : h->fs;
		return gp__copy((void *)f->rsi, &base, sizeof base);
	case 0x1001: /* ARCH_SET_GS: it leads us to the hub */
		gp__refused("arch_prctl(ARCH_SET_GS)", "the GS base is in use");
		return -EPERM;
	case 0x5001: /* ARCH_SHSTK_ENABLE */
		gp__refused("arch_prctl(ARCH_SHSTK_ENABLE)", "a greenlet cannot have a shadow stack of its own");
		return -EOPNOTSUPP;
	case 0x1004: /* ARCH_GET_GS: as if it had never been set */
		base = 0;
		return gp__copy((void *)f->rsi, &base, sizeof base);
	default:
		return gp__native(f);
	}
}
