/* hub.c - the context that runs when no greenlet does.
 *
 * It runs the queue to its end, functions on its own stack, then looks at the
 * loop; it sleeps there when nothing is runnable. gevent looks at timers after
 * 5 ms of callbacks; so does a hub with poll_after, one without counts 10,000
 * turns, which is the same in every run.
 */
#include "core/alloc.h"
#include "core/print.h"
#include "core/raw.h"
#include "core/run/hub.h"
#include "core/run/offload.h"
#include "core/run/ownfd.h"

#ifndef GP_SHIM
#include <pthread.h>
#endif

#define HUB_STACK   (64 * 1024UL)
#define TURNS_COUNT 10000 /* between two looks at the loop, deterministic */

void gp__hub_entry(void);

#ifdef GP_SHIM
#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002

uint8_t gp__gs;
const struct gp_hub gp__nobody;
_Static_assert(offsetof(struct gp_hub, self) == 16, "gp__hub(), entry.S");

void gp__hub_set(struct gp_hub *h)
{
	if (gp__gs == GP__GS_INSN)
		__asm__ volatile("wrgsbase %0" : : "r"(h));
	else
		gp__raw(SYS_arch_prctl, ARCH_SET_GS, h ? h : &gp__nobody);
}

void gp__fs_set(struct gp_hub *h, unsigned long fs)
{
	if (!fs)
		fs = h->fs;
	if (fs == h->fs_now)
		return;
	h->fs_now = fs;
	if (gp__likely(gp__gs == GP__GS_INSN))
		__asm__ volatile("wrfsbase %0" : : "r"(fs));
	else
		gp__raw(SYS_arch_prctl, ARCH_SET_FS, fs);
}
#else
static GP__PER_THREAD struct gp_hub *thread_hub;

struct gp_hub GP_NOINLINE *gp__hub(void) { return thread_hub; }
void GP_NOINLINE gp__hub_set(struct gp_hub *h) { thread_hub = h; }

/* In the child, called by fork(), whoever called that. It may never use the
 * hub: nothing here can fail. */
static void forked(void)
{
	gp__fds_drop_own();
	if (thread_hub && thread_hub->current)
		gp__hub_forked(thread_hub);
}

int gp__fork_watch(void)
{
	static int done; /* of the process */

	if (__atomic_exchange_n(&done, 1, __ATOMIC_SEQ_CST) || !pthread_atfork(NULL, NULL, forked))
		return 0;
	done = 0;
	return -ENOMEM;
}
#endif

static const struct gp_hooks no_hooks;

int (*gp__hub_maker)(void); /* of the process */

int gp__hub_make(struct gp_hub **out, struct gp_greenlet *main, const struct gp_hooks *hooks)
{
	struct gp_hub *h = gp__alloc(sizeof *h);
	int r = -ENOMEM;

	if (!h)
		return -ENOMEM;
	h->self = h;
	gp__list_init(&h->runq);
	gp__list_init(&h->fd_changes);
	gp__list_init(&h->all);
	gp__list_init(&h->idlers);
	gp__list_init(&h->dead);
	h->hooks = hooks ? hooks : &no_hooks;
	h->turns_max = TURNS_COUNT;
	h->wanted_fd = -1;
#ifndef GP_SHIM
	h->shared_errno = &errno;
#endif
	h->pid = (int)gp__raw(SYS_getpid);
	h->tid = (int)gp__raw(SYS_gettid);
	h->polled = gp__now();
	r = gp__stacks_make(h);
	if (r)
		goto fail_hub;
	r = gp__stack_map(&h->stack, HUB_STACK);
	if (r)
		goto fail_stacks;
	r = gp__fds_make(h);
	if (r)
		goto fail_stack;
	r = gp__loop_make(h);
	if (r)
		goto fail_fds;
	h->sp = gp__context_prepare((char *)h->stack.base + h->stack.size - 16, gp__hub_entry);
	if (!main)
		main = &h->main_greenlet;
	gp__greenlet_init(h, main);
	main->name = "main";
	main->state = GP__RUNNING;
	gp__list_append(&h->all, &main->all);
	h->stats.greenlets = h->stats.live = h->stats.peak = 1;
	h->current = h->main = main;
	*out = h;
	return 0;
fail_fds:
	gp__raw(SYS_munmap, h->fds, (size_t)h->fds_max * sizeof *h->fds);
fail_stack:
	gp__stack_unmap(&h->stack);
fail_stacks:
	gp__free(h->stacks);
fail_hub:
	gp__free(h);
	return r;
}

struct gp_hub *gp__hub_need(void)
{
	struct gp_hub *h = gp__hub();

	if (h)
		return h;
	if (gp__hub_maker)
		return gp__hub_maker() ? NULL : gp__hub();
#ifndef GP_SHIM
	if (gp__fork_watch())
		return NULL;
#endif
	if (gp__hub_make(&h, NULL, NULL))
		return NULL;
	gp__hub_set(h);
	return h;
}

static void run_turns(struct gp_hub *h)
{
	while (!h->poll_now && !gp__list_empty(&h->runq)) {
		struct gp_turn *t = gp__list_first(&h->runq, struct gp_turn, link);

		gp__list_del(&t->link);
		if (t->run)
			t->run(h, t);
		else
			gp__resume(h, gp__container_of(t, struct gp_greenlet, turn));
	}
}

void gp__hub_main(void)
{
	struct gp_hub *h = gp__hub();

	for (;;) {
		run_turns(h);
		gp__greenlet_reap(h);
		gp__loop_poll(h, gp__list_empty(&h->idlers));
		if (gp__list_empty(&h->runq))
			gp__idlers_wake(h);
	}
}

/* The greenlets that are gone have no turn any more. Functions keep theirs: an
 * object whose notifier was asked for would otherwise believe it for ever. */
static void drop_turns(struct gp_hub *h)
{
	gp__list_each(n, &h->runq) {
		struct gp_turn *t = gp__list_entry(n, struct gp_turn, link);

		if (!t->run)
			gp__list_del(&t->link);
	}
}

void gp__hub_forked(struct gp_hub *h)
{
	struct gp_greenlet *self = h->current;

	h->pid = (int)gp__raw(SYS_getpid);
	h->tid = (int)gp__raw(SYS_gettid);
	gp__list_each(n, &h->all) {
		struct gp_greenlet *g = gp__list_entry(n, struct gp_greenlet, all);

		if (g == self)
			continue;
		gp__list_init(&g->all);
		gp__list_init(&g->links);
		g->state = GP__DEAD;
	}
	gp__list_init(&h->all);
	gp__list_append(&h->all, &self->all);
	gp__list_init(&self->links);
	drop_turns(h);
	gp__list_init(&h->dead);
	gp__list_init(&h->idlers);
	for (int i = 0; i < h->deadlines.count; i++)
		h->deadlines.heap[i].t->slot = -1;
	h->deadlines.count = 0;
	gp__timeouts_forked(h, self);
	h->main = self;
	h->external = 0;
	h->stats = (struct gp_stats){ .greenlets = 1, .live = 1, .peak = 1 };
	h->deadlock_told = false;
	gp__fds_forked(h);
	gp__offload_forked(h);
	h->forked = true;
}
