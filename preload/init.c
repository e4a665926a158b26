/* init.c - how the shim starts.
 *
 * Preloaded (preloaded.c) it starts in its constructor. What it cannot provide
 * ends the program with one line and status 126: a program that is not patched,
 * although it was asked for, is worse than none.
 * Linked or opened by a program it starts with the first gp_ call that needs
 * it; what it cannot provide is then that call's error.
 *
 * The constructor runs before libc's own initialisation (-z initfirst): nothing
 * of libc is called, environ is not set yet, the environment comes as an
 * argument.
 */
#include <elf.h>
#include <linux/auxvec.h>
#include <sys/auxv.h>
#include "core/clock.h"
#include "preload/calls/cputime.h"
#include "preload/calls/futex.h"
#include "preload/calls/preempt.h"
#include "preload/calls/signal.h"
#include "preload/calls/thread.h"
#include "preload/diag.h"
#include "preload/init.h"
#include "preload/libc.h"
#include "preload/preloaded.h"
#include "preload/trap/patch.h"
#include "preload/trap/sud.h"
#include "preload/unwind.h"

struct gp_shim gp__shim;

extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));
/* glibc 2.35 and later: where the rseq area of a thread lies. */
extern const ptrdiff_t __rseq_offset __attribute__((weak, visibility("default")));
extern const unsigned int __rseq_size __attribute__((weak, visibility("default")));

/* Where errno lies in a TLS; computes an address and nothing else. */
extern int *__errno_location(void) __attribute__((weak, visibility("default")));

static struct {
	char **envp;            /* the environment that the program began with */
	const Elf64_auxv_t *auxv;
} began;

static void give_up(void) GP_NORETURN;
static void give_up(void)
{
	for (;;)
		gp__raw(SYS_exit_group, 126);
}

/* The executable segment of this object: the text that may make calls. */
static void find_text(void)
{
	const char *base = (const char *)&__ehdr_start;
	const Elf64_Phdr *ph = (const void *)(base + __ehdr_start.e_phoff);

	for (int i = 0; i < __ehdr_start.e_phnum; i++)
		if (ph[i].p_type == PT_LOAD && ph[i].p_flags & PF_X) {
			gp__shim.text = (unsigned long)base + ph[i].p_vaddr;
			gp__shim.text_end = gp__shim.text + ph[i].p_memsz;
		}
}

/* ---- the vDSO ------------------------------------------------------------------- */

static unsigned long auxv_of(unsigned long type)
{
	for (const Elf64_auxv_t *a = began.auxv; a->a_type != AT_NULL; a++)
		if (a->a_type == type)
			return a->a_un.a_val;
	return 0;
}

static void *symbol_of(const char *base, const char *name)
{
	const Elf64_Ehdr *eh = (const void *)base;
	const Elf64_Phdr *ph = (const void *)(base + eh->e_phoff);
	const Elf64_Dyn *dyn = NULL;
	const Elf64_Sym *sym = NULL;
	const char *str = NULL;
	const uint32_t *hash = NULL;
	long load = 0;

	for (int i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type == PT_LOAD && !load)
			load = (long)base - (long)ph[i].p_vaddr + (long)ph[i].p_offset;
		if (ph[i].p_type == PT_DYNAMIC)
			dyn = (const void *)(base + ph[i].p_offset);
	}
	for (; dyn && dyn->d_tag != DT_NULL; dyn++) {
		const void *at = (const void *)(load + (long)dyn->d_un.d_ptr);

		if (dyn->d_tag == DT_SYMTAB)
			sym = at;
		else if (dyn->d_tag == DT_STRTAB)
			str = at;
		else if (dyn->d_tag == DT_HASH)
			hash = at;
	}
	for (uint32_t i = 0; sym && str && hash && i < hash[1]; i++) {
		const char *s = str + sym[i].st_name;
		size_t k = 0;

		while (name[k] && s[k] == name[k])
			k++;
		if (name[k] == s[k] && sym[i].st_shndx)
			return (void *)(load + (long)sym[i].st_value);
	}
	return NULL;
}

/* Takes the vDSO's clock, unless it makes a system call after all: that would
 * be a trap from text that is not ours. */
static void use_vdso(void)
{
	const char *base = (const char *)auxv_of(AT_SYSINFO_EHDR);
	void *gettime = base ? symbol_of(base, "__vdso_clock_gettime") : NULL;
	unsigned long before = gp__shim.traps;

	if (!gettime)
		return;
	gp__clock_use((int (*)(int, struct timespec *))(uintptr_t)gettime);
	gp__clock(1);
	if (gp__shim.traps != before)
		gp__clock_use(NULL);
}

/* ---- what the first thread had registered with the kernel ------------------------- */

static void take_over_thread(struct gp_guest *main)
{
	unsigned long fs = main->g.fs;
	size_t len;

	gp__raw(SYS_get_robust_list, 0, &main->robust, &len);
	gp__raw(SYS_prctl, 40 /* PR_GET_TID_ADDRESS */, &main->clear_tid);
	if (&__rseq_offset && __rseq_size) {
		uint32_t *area = (uint32_t *)(fs + (unsigned long)__rseq_offset);

		gp__raw(SYS_rseq, area, 32, 1 /* RSEQ_FLAG_UNREGISTER */, 0x53053053);
		area[0] = 0;
		area[1] = (uint32_t)-1;
		main->rseq = (uint64_t)area;
		main->rseq_size = 32;
		main->rseq_mark = 0x53053053;
	}
}

static int threads_now(void)
{
	char buf[2048];
	long fd = gp__raw(SYS_open, "/proc/self/task", 0200000 /* O_DIRECTORY */), n, count = 0;

	if (gp__is_err(fd))
		return 1;
	while ((n = gp__raw(SYS_getdents64, fd, buf, sizeof buf)) > 0)
		for (long at = 0; at < n; at += *(unsigned short *)(void *)(buf + at + 16))
			count += buf[at + 19] != '.';
	gp__raw(SYS_close, fd);
	return (int)count;
}

/* ---- hooks of the hub ----------------------------------------------------------------- */

static void before_poll(struct gp_hub *h)
{
	gp__futex_collect();
	gp__attention_lower(h, GP__TICK);
	if (h->attention & GP__ARRIVED)
		gp__signals_collect(h);
}

static void switched(struct gp_hub *h, struct gp_greenlet *g)
{
	if (h->stats.live > 1)
		gp__tick_start(h, gp__guest(g));
	gp__cputime_switched(gp__guest(g));
}

static void describe(struct gp_greenlet *g, char *buf, size_t size)
{
	struct gp_guest *t = gp__guest(g);

	if (t->is_main || t->comm[0])
		gp__format(buf, size, "%s", t->is_main ? "main" : t->comm);
	else if (gp__is_light(t))
		gp__format(buf, size, "greenlet");
	else
		gp__format(buf, size, "thread-%d", t->tid);
}

static void interrupted(struct gp_hub *h)
{
	gp__api_leave();
}

static const struct gp_hooks hooks = {
	.before_poll = before_poll,
	.may_wake = gp__deadlock_denied,
	.switched = switched,
	.describe = describe,
	.explain = gp__list_explain,
	.detail = gp__list_detail,
	.listing = gp__list_next,
	.backtrace = gp__unwind,
	.frames_print = gp__frames_print,
	.ticks = gp__tick_watches,
	.record_size = sizeof(struct gp_guest),
	.spawned = gp__light_spawned,
	.returned = gp__light_returned,
	.carry = gp__carry,
	.uncarry = gp__uncarry,
	.interrupted = interrupted,
};

/* ---- the start ----------------------------------------------------------------------------- */

/* The program's own alternate stack becomes the record's. */
static int take_altstack(stack_t *old)
{
	gp__raw(SYS_sigaltstack, 0, old);
	if (old->ss_flags & SS_ONSTACK)
		return -EPERM;
	return gp__altstack_make();
}

static void say_threads(void)
{
	gp__shim.threads_at_start = threads_now();
	if (gp__shim.threads_at_start <= 1)
		return;
	gp__shim.foreign = true;
	if (!gp__shim.config.quiet)
		gp__say("%d kernel threads were there before us: they stay as they are", gp__shim.threads_at_start - 1);
}

/* Programs that Go's compiler made bear a note of its name. Their stacks begin
 * with 2 KiB, of which a system call may use some hundred bytes: our handlers,
 * which run on the caller's stack, would write over what lies below. */
static bool made_by_go(void)
{
	const Elf64_Phdr *p = (const Elf64_Phdr *)auxv_of(AT_PHDR);
	uint64_t n = auxv_of(AT_PHNUM), bias = 0;

	for (uint64_t i = 0; p && i < n; i++)
		if (p[i].p_type == PT_PHDR)
			bias = (uint64_t)p - p[i].p_vaddr;
	for (uint64_t i = 0; p && i < n; i++) {
		uint64_t at = bias + p[i].p_vaddr, end = at + p[i].p_memsz;

		while (p[i].p_type == PT_NOTE && at + sizeof(Elf64_Nhdr) + 4 <= end) {
			const Elf64_Nhdr *note = (const Elf64_Nhdr *)at;

			if (note->n_type == 4 && note->n_namesz == 4 && !memcmp(note + 1, "Go\0", 4))
				return true;
			at += sizeof *note + gp__align_up((uint64_t)note->n_namesz, 4UL) + gp__align_up((uint64_t)note->n_descsz, 4UL);
		}
	}
	return false;
}

/* 0, or nothing has changed and *what was missing. */
static int start(const char **what)
{
	struct gp_guest *main;
	struct gp_hub *h;
	stack_t old;
	unsigned long fs = 0, shadow = 0;
	bool insn;
	int r;

	*what = "made by Go: its stacks are too small for what runs on them here";
	if (made_by_go())
		return -ENOEXEC;
	insn = auxv_of(AT_HWCAP2) & 2 && gp__shim.config.features & GP__FEATURE_FSGSBASE;
	*what = "FSGSBASE: this kernel has it not (it needs Linux 5.9), and without it no other kernel thread may be there before us";
	if (!insn && threads_now() > 1)
		return -ENOSYS;
	*what = "shadow stacks (CET) are in use: start the program with GLIBC_TUNABLES=glibc.cpu.x86_shstk=off";
	if (!gp__raw(SYS_arch_prctl, 0x5005 /* ARCH_SHSTK_STATUS */, &shadow) && shadow)
		return -EOPNOTSUPP;
	*what = "Syscall User Dispatch: this kernel has none, needed is Linux 5.11 or later";
	if (!gp__sud_there())
		return -ENOSYS;
	*what = "arch_prctl: the FS base cannot be asked for, or the GS base not be set";
	r = (int)gp__raw(SYS_arch_prctl, 0x1003 /* ARCH_GET_FS */, &fs);
	if (!r && !insn)
		r = (int)gp__raw(SYS_arch_prctl, 0x1001 /* ARCH_SET_GS */, 0);
	if (r)
		return r;
	gp__shim.timer = -1;
	gp__shim.flags_epoch = gp__shim.shares = 1;
	find_text();
	gp__vector_init();
	gp__libc_text(&gp__shim.libc, &gp__shim.libc_size);
	*what = "sigaltstack: a stack for signals could not be had";
	r = take_altstack(&old);
	if (r)
		return r;
	*what = "memory: for futexes and a first record it could not be had";
	r = gp__futex_start();
	if (r)
		goto fail_altstack;
	r = -ENOMEM;
	main = gp__thread_first();
	if (!main)
		goto fail_altstack;
	*what = "hub: descriptors and memory for it could not be had";
	r = gp__hub_make(&h, &main->g, &hooks);
	if (r)
		goto fail_main;
	say_threads();
	if (!(old.ss_flags & SS_DISABLE))
		main->altstack = old;
	main->g.fs = h->fs_now = h->fs = fs;
	h->shared_errno = __errno_location ? __errno_location() : NULL;
	h->turns_max = gp__shim.config.slice ? 64 : h->turns_max;
	h->poll_after = gp__shim.config.slice ? 5 * GP__MSEC : 0;
	gp__shim.hub = h;
	gp__shim.main = main;
	gp__gs = insn ? GP__GS_INSN : GP__GS_CALL;
	gp__hub_set(h);
	take_over_thread(main);
	gp__signals_init(main);
	gp__assert(!gp__sud_arm());
	use_vdso();
	gp__diag_start(h);
	return 0;
fail_main:
	gp__free(main);
fail_altstack:
	gp__raw(SYS_sigaltstack, &old, 0);
	return r;
}

int gp__shim_need(void)
{
	const char *what;

	if (gp__shim.hub)
		return gp__hub() == gp__shim.hub ? 0 : -EBUSY;
	if (!gp__config_read(&gp__shim.config, began.envp))
		return -EINVAL;
	gp__shim.config.groups = GP__GROUP_ALWAYS;
	return start(&what);
}

static void __attribute__((constructor)) begin(int argc, char **argv, char **envp)
{
	const char *what;
	char **end = envp;
	int r;

	while (*end)
		end++;
	began.envp = envp;
	began.auxv = (const void *)(end + 1);
	gp__hub_maker = gp__shim_need;
	if (!gp__preloaded(envp))
		return;
	if (!gp__config_read(&gp__shim.config, envp))
		give_up();
	if (gp__shim.config.help) {
		if (gp__shim.config.help == 1)
			gp__config_help();
		else
			gp__out("greenpatch " GP_VERSION);
		gp__raw(SYS_exit_group, 0);
	}
	if (gp__shim.config.ps)
		gp__raw(SYS_exit_group, gp__ps_ask(gp__shim.config.ps));
	r = start(&what);
	if (r) {
		gp__say("%s (errno %d)", what, -r);
		give_up();
	}
}
