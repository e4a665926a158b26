/* fault.c - what core does when it gets no memory and no descriptor: the call fails with a clear error, leaves everything
 * as it was, and works when there is enough again. */
#include "unit.h"
#include <sys/resource.h>
#include "core/run/evmem.h"
#include "fault.h"

static void *nothing(void *arg)
{
	return NULL;
}
static void *yield_forever(void *arg)
{
	while (!*(bool *)arg)
		gp_yield();
	return NULL;
}

static int count_lines(const char *file)
{
	FILE *f = fopen(file, "r");
	int n = 0, c;

	NEED(f);
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

static void hub_works(void)
{
	struct gp_greenlet *g = gp_spawn(nothing, NULL);

	NEED(g);
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
	EXPECT_INT(gp_sleep(1000), 0);
}

/* What a call does without a hub when the n-th allocation fails; true: it has failed. */
static bool first_hub_fails(int n)
{
	struct gp_greenlet *g;

	fault_at = n;
	g = gp_self();
	if (fault_at >= 0) {
		fault_at = -1;
		EXPECT(g);
		return false;
	}
	EXPECT(!g);
	fault_at = n;
	EXPECT(!gp_spawn(nothing, NULL));
	fault_at = n;
	EXPECT_INT(gp_sleep(1), -ENOMEM);
	EXPECT_INT(fault_at, -1);
	EXPECT(!gp__hub());
	return true;
}

CASE("a first hub that gets no memory is NULL and leaves nothing behind")
{
	int maps, descriptors, blocks, n = 0;

	free(malloc(1000000));
	maps = count_lines("/proc/self/maps");
	descriptors = fault_descriptors();
	blocks = fault_blocks;
	while (n < FAULT_MOST && first_hub_fails(n)) {
		EXPECT_INT(fault_descriptors(), descriptors);
		EXPECT_INT(fault_blocks, blocks);
		if (!getenv("UNIT_TOOL"))
			EXPECT_INT(count_lines("/proc/self/maps"), maps);
		n++;
	}
	printf("# %d allocations failed\n", n);
	EXPECT(n > 3 && n < FAULT_MOST);
	hub_works();
}

CASE("a first hub that gets no descriptor is NULL and leaves nothing behind")
{
	struct rlimit limit, none;
	int maps = count_lines("/proc/self/maps"), lowest = dup(0), descriptors;

	NEED(lowest >= 0 && !close(lowest));
	descriptors = fault_descriptors();
	NEED(!getrlimit(RLIMIT_NOFILE, &limit));
	for (int more = 0; more < 2; more++) {
		none = limit;
		none.rlim_cur = (rlim_t)(lowest + more);
		NEED(!setrlimit(RLIMIT_NOFILE, &none));
		EXPECT(!gp_self());
		EXPECT(!gp_spawn(nothing, NULL));
		EXPECT_INT(gp_sleep(1), -ENOMEM);
		NEED(!setrlimit(RLIMIT_NOFILE, &limit));
		EXPECT_INT(fault_descriptors(), descriptors);
	}
	/* The heap may have become larger; no stack and no table may be left. A tool maps memory of its own. */
	if (!getenv("UNIT_TOOL"))
		EXPECT(count_lines("/proc/self/maps") <= maps + 2);
	hub_works();
}

CASE("a spawn that gets no memory is NULL and counts nothing")
{
	struct gp_hub *h = gp_self()->hub;
	struct gp_greenlet *g;

	fault_at = 0;
	EXPECT(!gp_spawn(nothing, NULL));
	EXPECT_INT(h->stats.live, 1);
	EXPECT_INT(h->stats.greenlets, 1);
	EXPECT(gp__list_empty(&h->runq));
	g = gp_spawn(nothing, NULL);
	NEED(g);
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
}

CASE("a spawn that gets no stack is NULL and counts nothing")
{
	struct gp_hub *h = gp_self()->hub;
	struct rlimit limit, none;

	if (getenv("UNIT_TOOL"))
		unit_skip("the address space cannot be limited here");
	NEED(!getrlimit(RLIMIT_AS, &limit));
	none = limit;
	none.rlim_cur = 4096;
	NEED(!setrlimit(RLIMIT_AS, &none));
	for (int i = 0; i < 10; i++)
		EXPECT(!gp_spawn(nothing, NULL));
	NEED(!setrlimit(RLIMIT_AS, &limit));
	EXPECT_INT(h->stats.live, 1);
	EXPECT(gp__list_empty(&h->runq));
	hub_works();
}

CASE("a sleep that gets no memory is -ENOMEM at once")
{
	struct gp_hub *h = gp_self()->hub;

	fault_at = 0;
	EXPECT_INT(gp_sleep(GP__SEC), -ENOMEM);
	EXPECT_INT(fault_at, -1);
	EXPECT_INT(h->external, 0);
	EXPECT_INT(h->current->state, GP__RUNNING);
	EXPECT_INT(gp_sleep(1000), 0);
}

CASE("a join that gets no memory is -ENOMEM, and the later end knows nothing of it")
{
	bool end = false;
	struct gp_greenlet *g = gp_spawn(yield_forever, &end);

	fault_at = 0;
	EXPECT_INT(gp_join(g, gp_now() + GP__SEC), -ENOMEM);
	EXPECT_INT(fault_at, -1);
	EXPECT(gp__list_empty(&g->links));
	EXPECT(gp__list_empty(&gp_self()->wait_link));
	end = true;
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
	gp_yield();
	hub_works();
}

CASE("a wait for a descriptor that gets no memory is -ENOMEM, and can be tried again")
{
	struct gp_hub *h = gp_self()->hub;
	int p[2];

	NEED(!pipe(p));
	fault_at = 0; /* for its deadline */
	EXPECT_INT(gp__wait_fd(h, p[0], GP__READ, gp_now() + GP__SEC), -ENOMEM);
	EXPECT_INT(fault_at, -1);
	EXPECT(gp__list_empty(&gp__fd(h, p[0])->waits));
	fault_at = 0; /* for its watcher */
	EXPECT_INT(gp__wait_fd(h, p[0], GP__READ, GP_NEVER), -ENOMEM);
	EXPECT_INT(fault_at, -1);
	EXPECT(gp__list_empty(&gp__fd(h, p[0])->waits));
	EXPECT_INT(gp__wait_fd(h, p[0], GP__READ, gp_now() + GP__MSEC), -ETIMEDOUT);
	NEED(write(p[1], "x", 1) == 1);
	EXPECT_INT(gp__wait_fd(h, p[0], GP__READ, GP_NEVER), GP__READ);
}

/* ---- numbers that libev has no room for yet ------------------------------------------------- */

/* Numbers up to this one are allowed; gives the highest that is, at most the one asked for. */
static int allow_numbers(int highest)
{
	struct rlimit limit;

	NEED(!getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = limit.rlim_max;
	NEED(!setrlimit(RLIMIT_NOFILE, &limit));
	return (int)gp__min(limit.rlim_max - 1, (rlim_t)highest);
}

static int wait_shortly(int fd)
{
	return gp__wait_fd(gp_self()->hub, fd, GP__READ, gp_now() + GP__MSEC);
}

CASE("a wait for a high number: the n-th allocation fails, for each n; -ENOMEM, nothing is changed, and the next try works")
{
	int n = 0, highest = allow_numbers(16000), p[2];

	NEED(!pipe(p));
	for (int fd = 2000; fd <= highest; fd *= 2) {
		int numbers, blocks, r;

		NEED(dup2(p[0], fd) == fd);
		gp_sleep(1);
		numbers = gp__evmem_numbers();
		blocks = fault_blocks;
		for (n = 0; n < FAULT_MOST; n++) {
			fault_at = n;
			r = wait_shortly(fd);
			if (fault_at >= 0)
				break;
			EXPECT_INT(r, -ENOMEM);
			EXPECT_INT(gp__evmem_numbers(), numbers);
			EXPECT_INT(fault_blocks, blocks);
			EXPECT(gp__list_empty(&gp__fd(gp__hub(), fd)->waits));
			EXPECT_INT(gp__hub()->deadlines.count, 0);
		}
		fault_at = -1;
		EXPECT_INT(r, -ETIMEDOUT);
		EXPECT(gp__evmem_numbers() > fd);
	}
	EXPECT(n > 3 && n < FAULT_MOST);
}

static void *wait_for_one(void *arg)
{
	return (void *)(intptr_t)gp__wait_fd(gp__hub(), (int)(intptr_t)arg, GP__READ, GP_NEVER);
}

CASE("after a wait has begun nothing of libev's needs memory: thousands become ready at once")
{
	enum { FIRST = 1024, MOST = 3000 };
	static struct gp_greenlet *g[MOST];
	int count = allow_numbers(FIRST + MOST - 1) - FIRST + 1, p[2];

	NEED(!pipe(p) && count > 1000);
	for (int i = 0; i < count; i++) {
		NEED(dup2(p[0], FIRST + i) == FIRST + i);
		g[i] = gp_spawn(wait_for_one, (void *)(intptr_t)(FIRST + i));
		NEED(g[i]);
	}
	gp_sleep(1); /* all of them are watched */
	fault_at = 0;
	NEED(write(p[1], "x", 1) == 1);
	for (int i = 0; i < count; i++) {
		EXPECT_INT(gp_join(g[i], GP_NEVER), 0);
		EXPECT_INT((intptr_t)gp_value(g[i]), GP__READ);
		gp_unref(g[i]);
	}
	EXPECT_INT(fault_at, 0);
}

CASE("with the address space full waits for new numbers are -ENOMEM at last, and those that are under way go on")
{
	struct rlimit limit, none;
	int r = 0, fd = 1024, highest = allow_numbers(1000000), p[2], q[2];

	if (getenv("UNIT_TOOL"))
		unit_skip("the address space cannot be limited here");
	NEED(!pipe(p) && !pipe(q));
	EXPECT_INT(wait_shortly(p[0]), -ETIMEDOUT);
	NEED(!getrlimit(RLIMIT_AS, &limit));
	none = limit;
	none.rlim_cur = 4096;
	NEED(!setrlimit(RLIMIT_AS, &none));
	for (; fd <= highest && r != -ENOMEM; fd += 997) {
		NEED(dup2(q[0], fd) == fd);
		r = wait_shortly(fd);
		EXPECT(r == -ENOMEM || r == -ETIMEDOUT);
	}
	EXPECT_INT(r, -ENOMEM);
	EXPECT_INT(wait_shortly(p[0]), -ETIMEDOUT);
	NEED(write(p[1], "x", 1) == 1);
	EXPECT_INT(gp__wait_fd(gp__hub(), p[0], GP__READ, GP_NEVER), GP__READ);
	NEED(!setrlimit(RLIMIT_AS, &limit));
	EXPECT_INT(wait_shortly(fd - 997), -ETIMEDOUT);
}

static void linked(struct gp_greenlet *g, void *arg) {}
static void got(void *value, void *arg) {}

static int do_link(struct gp_group *group, struct gp_greenlet *g)
{
	return gp_link(g, linked, NULL);
}
static int do_iwait(struct gp_group *group, struct gp_greenlet *g)
{
	struct gp_iwait it;
	int r = gp_iwait_begin(&it, &g, 1, GP_NEVER);

	if (!r)
		gp_iwait_end(&it);
	return r;
}
static int do_spawn(struct gp_group *group, struct gp_greenlet *g)
{
	return gp_group_spawn(group, nothing, NULL, NULL, GP_NEVER);
}
static int do_add(struct gp_group *group, struct gp_greenlet *g)
{
	return gp_group_add(group, g, GP_NEVER);
}
static int do_async(struct gp_group *group, struct gp_greenlet *g)
{
	return gp_group_apply_async(group, nothing, NULL, got, NULL, NULL);
}
static int do_imap(struct gp_group *group, struct gp_greenlet *g)
{
	struct gp_imap it;
	int r = gp_imap_begin(&it, group, nothing, (void *const[]){ NULL }, 1, 1);

	if (!r)
		gp_imap_end(&it);
	return r;
}
static int do_map(struct gp_group *group, struct gp_greenlet *g)
{
	return gp_group_map(group, nothing, (void *const[]){ NULL, NULL }, 2, NULL, GP_NEVER);
}
static int do_new(struct gp_group *group, struct gp_greenlet *g)
{
	struct gp_group *made = gp_pool_new(1);

	gp_group_free(made);
	return made ? 0 : -ENOMEM;
}
static int do_local(struct gp_group *group, struct gp_greenlet *g)
{
	struct gp_local *slot = gp_local_new(NULL);
	int r = slot ? gp_local_set(slot, "x") : -ENOMEM;

	EXPECT(!slot || gp_local_has(slot) == !r);
	gp_local_free(slot);
	return r;
}

CASE("links, groups and slots: the n-th allocation fails, for each n; nothing is changed, and the next try works")
{
	int (*const calls[])(struct gp_group *, struct gp_greenlet *) = { do_link, do_iwait, do_spawn, do_add, do_async,
		                                                          do_imap, do_map, do_new, do_local };

	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		struct gp_group *group = gp_pool_new(4);
		struct gp_greenlet *g = gp_spawn(nothing, NULL);
		int n = 0, r;

		do {
			fault_at = n++;
			r = calls[i](group, g);
			if (fault_at < 0) { /* it has failed */
				EXPECT_INT(r, -ENOMEM);
				EXPECT(calls[i] == do_map || gp_group_size(group) == 0);
			}
		} while (fault_at < 0 && n < 20);
		fault_at = -1;
		EXPECT_INT(r, 0);
		EXPECT(n > 1 && n < 20);
		EXPECT_INT(gp_group_join(group, GP_NEVER), 0);
		EXPECT_INT(gp_pool_free_count(group), 4);
		gp_join(g, GP_NEVER);
		gp_unref(g);
		gp_group_free(group);
		gp_yield();
		gp_yield();
	}
}
