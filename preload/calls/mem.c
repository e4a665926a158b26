/* mem.c - mmap and its relatives.
 *
 * Stacks of threads are not the kernel's to map, but stacks.c's. Code that goes
 * away, moves or changes is told to trap/patch.c. Shared mappings are
 * remembered, because a futex in one of them can be woken by another process.
 * And where the program limits its address space, or locks all of it into
 * memory, what we have reserved and not used is given back first.
 */
#include <sys/mman.h>
#include <sys/resource.h>
#include "preload/calls/mem.h"
#include "preload/calls/stacks.h"
#include "preload/calls/thread.h"
#include "preload/trap/patch.h"

struct range {
	unsigned long low, high;
};

/* The program's memory, so of the process. */
static struct {
	struct range *shared;
	unsigned shared_count, shared_room;
} mem;

/* ---- shared mappings -------------------------------------------------------------- */

bool gp__mem_shared(unsigned long addr)
{
	for (unsigned i = 0; i < mem.shared_count; i++)
		if (addr >= mem.shared[i].low && addr < mem.shared[i].high)
			return true;
	return false;
}

static void forget_shared(unsigned long low, unsigned long high)
{
	for (unsigned i = 0; i < mem.shared_count; i++) {
		struct range *r = &mem.shared[i];

		if (low <= r->low && high >= r->high)
			*r = mem.shared[--mem.shared_count], i--;
		else if (low <= r->low && high > r->low)
			r->low = high;
		else if (low < r->high && high >= r->high)
			r->high = low;
		/* a hole in the middle stays: at worst a wait looks again too often */
	}
}

static void remember_shared(unsigned long low, unsigned long high)
{
	if (mem.shared_count == mem.shared_room) {
		unsigned room = mem.shared_room ? 2 * mem.shared_room : 16;
		void *p = gp__realloc(mem.shared, room * sizeof *mem.shared);

		if (!p)
			return;
		mem.shared = p;
		mem.shared_room = room;
	}
	mem.shared[mem.shared_count++] = (struct range){ low, high };
}

/* ---- the calls -------------------------------------------------------------------------- */

/* The program wants this place, where it knows of nothing: neither do we. Before the
 * call, which the kernel may refuse all the same; not where it surely does. */
static void vacate(uint64_t low, uint64_t size)
{
	uint64_t high = gp__align_up(low + size, GP__PAGE);

	if (low & (GP__PAGE - 1) || high <= low)
		return;
	gp__stubs_vacate(low, high);
	gp__stacks_vacate(low, high);
}

/* After the call: what was there is gone. */
static void gone(uint64_t low, uint64_t size)
{
	uint64_t high = gp__align_up(low + size, GP__PAGE);

	gp__sites_forget(low, high);
	forget_shared(low, high);
}

GP_CALL(mmap)
{
	bool stack = gp__stack_wanted(f);
	long r;

	if (stack) {
		r = gp__stack_take(f->rsi);
		if (r != -ENOMEM)
			return r;
		if (!gp__stack_may_map(h))
			return -ENOMEM;
	}
	if (f->r10 & (MAP_FIXED | MAP_FIXED_NOREPLACE))
		vacate(f->rdi, f->rsi);
	r = gp__native(f);
	if (gp__is_err(r))
		return r;
	if (f->r10 & MAP_FIXED)
		gone(f->rdi, f->rsi);
	if (f->r10 & MAP_SHARED)
		remember_shared((unsigned long)r, (unsigned long)r + gp__align_up(f->rsi, GP__PAGE));
	return r;
}

GP_CALL(munmap)
{
	long r;

	if (gp__stack_unmap_call(f, &r))
		return r;
	vacate(f->rdi, f->rsi);
	r = gp__native(f);
	if (!r)
		gone(f->rdi, f->rsi);
	return r;
}

GP_CALL(mprotect)
{
	long r;

	if (gp__stack_protect(f, &r))
		return r;
	if (f->rdx & PROT_WRITE)
		gp__sites_restore(f->rdi, f->rdi + f->rsi);
	return gp__native(f);
}

/* Code that moves must not take jumps to our stubs with it. */
GP_CALL(mremap)
{
	uint64_t old = f->rdi, end = old + f->rsi;
	bool shared;
	long r;

	gp__sites_restore(old, end);
	if (f->r10 & MREMAP_FIXED)
		vacate(f->r8, f->rdx);
	r = gp__native(f);
	if (gp__is_err(r))
		return r;
	shared = gp__mem_shared(old);
	if (f->r10 & MREMAP_FIXED)
		gone(f->r8, f->rdx);
	forget_shared(old, gp__align_up(end, GP__PAGE));
	if (shared)
		remember_shared((unsigned long)r, (unsigned long)r + gp__align_up(f->rdx, GP__PAGE));
	return r;
}

GP_CALL(shmat)
{
	long r = gp__native(f);
	struct { long id; char rest[104]; } ds;

	if (gp__is_err(r))
		return r;
	memset(&ds, 0, sizeof ds);
	/* IPC_STAT: shm_segsz follows the 48 bytes of ipc_perm. */
	if (!gp__raw(SYS_shmctl, f->rdi, 2, &ds))
		remember_shared((unsigned long)r, (unsigned long)r + *(unsigned long *)(void *)((char *)&ds + 48));
	return r;
}

/* ---- limits, and memory that stays ------------------------------------------------- */

static void spare_nothing(struct gp_hub *h)
{
	gp__stacks_retire();
	gp__fds_trim(h);
}

/* setrlimit, prlimit64 */
GP_CALL(rlimit)
{
	bool old = f->nr == SYS_setrlimit;
	int pid = old ? 0 : gp__process_of(h, (int)f->rdi);
	bool mine = pid == 0 || pid == h->pid;
	uint64_t what = old ? f->rdi : f->rsi, from = old ? f->rsi : f->rdx;
	long r = old ? gp__native(f) : gp__raw(SYS_prlimit64, pid, f->rsi, f->rdx, f->r10);

	if (!r && mine && from && what == RLIMIT_AS && gp__space_is_limited())
		spare_nothing(h);
	return r;
}

/* The kernel would lock, and make present, what is only reserved; and what is
 * mapped later, stacks of threads too. */
GP_CALL(mlockall)
{
	long r;

	spare_nothing(h);
	r = gp__native(f);
	if (!r)
		gp__stacks_locked((int)f->rdi);
	return r;
}

GP_CALL(munlockall)
{
	gp__stacks_locked(0);
	return gp__native(f);
}
