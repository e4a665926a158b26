/* dispatch.c - from a number to a meaning.
 *
 * The table (syscalls.tbl) says what each call means; this file looks it up,
 * counts, and sees to what must happen between the answer and the program:
 * signals that are to be taken, masks that come back, calls to be made again.
 */
#include "core/run/ownfd.h"
#include "preload/calls/fd.h"
#include "preload/calls/passed.h"
#include "preload/calls/preempt.h"
#include "preload/calls/signal.h"
#include "preload/diag.h"

_Static_assert(offsetof(struct gp_hub, current) == H_CURRENT && offsetof(struct gp_greenlet, attention) == G_ATTENTION, "api.S, frame.h");
_Static_assert(offsetof(struct gp_hub, self) == H_SELF && GS_INSN == GP__GS_INSN && GS_CALL == GP__GS_CALL, "entry.S, api.S");

#define X32_BIT 0x40000000UL

enum { g_socket, g_select, g_time, g_thread, g_io, g_process, g_signal, g_dns, g_always };

struct row {
	gp_handler *handler; /* NULL: passed on */
	const char *name;
	uint8_t verdict;     /* enum gp_verdict */
	uint8_t group;       /* number of its bit in config.groups */
};

#define gp__sys_none NULL
static const struct row rows[512] = {
#define SYS(name, verdict, group, handler) [SYS_##name] = { gp__sys_##handler, #name, GP__##verdict, g_##group },
#include "preload/trap/syscalls.tbl"
#undef SYS
};
#undef gp__sys_none

/* The arguments of each call that are descriptors. */
static const uint8_t fd_args[512] = {
#define FD(name, arguments) [SYS_##name] = arguments,
#include "preload/trap/fdargs.tbl"
#undef FD
};

static bool names_ours(const struct gp_frame *f, unsigned arguments)
{
	for (; arguments; arguments &= arguments - 1) {
		int fd = (int)f->arg[__builtin_ctz(arguments)];

		if (gp__unlikely(fd >= gp__fd_own_low) && gp__fd_is_ours(fd))
			return true;
	}
	return false;
}

const char *gp__call_name(unsigned long nr)
{
	return nr < gp__count(rows) && rows[nr].name ? rows[nr].name : "unknown";
}

unsigned gp__call_fd_args(unsigned long nr)
{
	return nr < gp__count(fd_args) ? fd_args[nr] : 0;
}

long gp__native_block(struct gp_hub *h, struct gp_guest *me, long nr, const long *args)
{
	long r;

	if (gp__interrupted(h, me))
		return -EINTR;
	gp__shim.blocks++;
	h->idle = 1;
	r = gp__raw_block(nr, args, &h->attention);
	h->idle = 0;
	if (r == GP__RAW_STOPPED)
		return -EINTR;
	me->waited = true;
	return r;
}

bool gp__interrupted(struct gp_hub *h, struct gp_guest *me)
{
	if (gp__unlikely(h->attention)) {
		if (h->attention & GP__ARRIVED)
			gp__signals_collect(h);
		gp__attention_lower(h, GP__TICK);
	}
	return me->g.attention;
}

static void restore_mask(struct gp_guest *me)
{
	me->restore_mask = false;
	gp__signal_set_mask(me, me->saved_mask);
}

void gp__exit_work(struct gp_frame *f)
{
	struct gp_hub *h = gp__hub();
	struct gp_guest *me = gp__me(h);
	bool entered = false;

	if (me->restore_mask && !gp__is_restart((long)f->rax) && (long)f->rax != -EINTR) /* restore_saved_sigmask_unless() */
		restore_mask(me);
	do {
		if (h->attention & GP__ARRIVED)
			gp__signals_collect(h);
		if (h->attention & GP__TICK) {
			gp__attention_lower(h, GP__TICK);
			if (gp__tick_wants_switch(h))
				gp__tick_yield(h);
		}
		if (me->g.attention)
			entered |= gp__signal_take_on_call(h, me, f);
		if (me->restore_mask && !me->g.attention)
			restore_mask(me);
	} while (me->g.attention || h->attention & GP__ARRIVED);
	if (!entered && gp__is_restart((long)f->rax)) {
		f->rax = f->nr;
		f->ret = f->target = f->restart; /* ret: a signal that comes now interrupts the call that begins */
	}
}

long gp__pass(struct gp_hub *h, struct gp_guest *me, const struct gp_frame *f)
{
	long r = gp__native(f);

	if (gp__unlikely(r == -EINTR))
		return gp__interrupted(h, me) ? GP__RESTART_SYS : GP__RESTART_NEVER;
	return r;
}

void gp__dispatch(struct gp_frame *f, struct gp_hub *h)
{
	struct gp_guest *me = gp__me(h);
	uint64_t nr = f->nr;
	const struct row *row = &rows[nr < gp__count(rows) ? nr : gp__count(rows) - 1];
	unsigned verdict = row->verdict;
	struct gp_trace trace;

	me->frame = f;
	me->waited = false;
	me->g.sse_only = f->ret - gp__shim.libc < gp__shim.libc_size;
	if (gp__unlikely(gp__shim.tracing))
		gp__trace_enter(&trace, me);
	if (gp__unlikely(!(gp__shim.config.groups >> row->group & 1)))
		verdict = GP__MAYBLOCK;
	if (gp__unlikely(!row->name))
		verdict = GP__MAYBLOCK;
	gp__shim.verdicts[verdict]++;
	if (gp__unlikely(names_ours(f, fd_args[row - rows]))) {
		f->rax = (uint64_t)-EBADF;
	} else if (gp__unlikely(nr - X32_BIT < 1024)) { /* int $0x80 does not come here: sud.c */
		gp__refused("x32", "only the system calls of x86-64 can be had");
		f->rax = (uint64_t)-ENOSYS;
	} else if (verdict == GP__PASS) {
		f->rax = (uint64_t)gp__pass(h, me, f);
	} else if (verdict == GP__MAYBLOCK) {
		gp__shim.passed[nr < 512 ? nr : 511]++;
		f->rax = (uint64_t)gp__pass_blocking(h, me, (long)nr, (const long *)f->arg);
	} else {
		f->rax = (uint64_t)row->handler(h, me, f);
	}
	if (gp__unlikely(me->holds))
		gp__fds_let_go(h, me);
	/* It may have woken somebody, and may now compute for ever. */
	if (gp__unlikely(!gp__shim.ticking) && verdict != GP__PASS && !gp__list_empty(&h->runq))
		gp__tick_start(h, me);
	if (gp__unlikely(gp__shim.tracing))
		gp__trace_leave(&trace, me, f, verdict == GP__MAYBLOCK);
	if (gp__unlikely((long)f->rax == -EMFILE || (long)f->rax == -ENFILE))
		gp__limit_reached(f);
	if (gp__unlikely(me->g.attention | me->restore_mask) || gp__unlikely(gp__is_restart((long)f->rax)))
		gp__exit_work(f);
	me->frame = NULL;
}
