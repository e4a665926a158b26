/* errno.c - errno belongs to the greenlet that set it, and core itself never sets it. */
#include "unit.h"
#include "core/run/hub.h"
#include "core/run/offload.h"
#include "greenpatch.h"

static int ends[2];

/* Looks at errno after each way to park, while others set it to something else. */
static void *keeps(void *arg)
{
	int mine = (int)(intptr_t)arg;

	errno = mine;
	for (int i = 0; i < 5; i++) {
		gp_yield();
		EXPECT_INT(errno, mine);
		gp_sleep(1);
		EXPECT_INT(errno, mine);
		gp_sleep(0);
		EXPECT_INT(errno, mine);
		gp__wait_fd(gp__hub(), ends[0], GP__READ, gp_now() + 1000);
		EXPECT_INT(errno, mine);
		gp__yield_poll(gp__hub());
		EXPECT_INT(errno, mine);
	}
	return NULL;
}

CASE("each greenlet keeps its errno over every way to park")
{
	struct gp_greenlet *g[3];

	NEED(!pipe(ends));
	for (intptr_t i = 0; i < 3; i++)
		g[i] = gp_spawn(keeps, (void *)(100 + i));
	errno = 99;
	for (int i = 0; i < 3; i++) {
		EXPECT_INT(gp_join(g[i], GP_NEVER), 0);
		EXPECT_INT(errno, 99);
		gp_unref(g[i]);
	}
}

static long fails(void *arg)
{
	errno = EBADF; /* a helper's own */
	return -EBADF;
}

static void *keeps_over_offload(void *arg)
{
	errno = EXDEV;
	EXPECT_INT(gp__offload(gp__hub(), fails, NULL), -EBADF);
	EXPECT_INT(errno, EXDEV);
	return NULL;
}

CASE("a call on a helper thread leaves errno alone")
{
	struct gp_greenlet *g = gp_spawn(keeps_over_offload, NULL);

	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
}

static void *nothing(void *arg)
{
	return NULL;
}

CASE("no call of the API touches errno, whether it succeeds or fails")
{
	struct gp_greenlet *g;

	errno = EXDEV;
	EXPECT(gp_self()); /* makes the hub */
	EXPECT_INT(errno, EXDEV);
	g = gp_spawn(nothing, NULL);
	gp_spawn(NULL, NULL);
	EXPECT_INT(gp_join(NULL, GP_NEVER), -EINVAL);
	EXPECT_INT(gp_join(gp_self(), GP_NEVER), -EDEADLK);
	EXPECT_INT(gp_join(g, 0), -ETIMEDOUT);
	EXPECT_INT(errno, EXDEV);
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	gp_unref(g);
	gp_now();
	EXPECT_INT(gp_sleep(1000), 0);
	EXPECT_INT(gp__wait_fd(gp__hub(), 900, GP__READ, gp_now() + 1000) != 0, 1);
	EXPECT_INT(errno, EXDEV);
}
