/* hub.c - the hub's descriptors, its hooks, and the one call in which it sleeps. */
#include "unit.h"
#include <pthread.h>
#include <sys/time.h>
#include <poll.h>
#include "core/raw.h"
#include "core/run/hub.h"
#include "core/run/offload.h"
#include "core/run/ownfd.h"
#include "greenpatch.h"

/* ---- our own descriptors --------------------------------------------------------- */

static int own_number(int i)
{
	for (int fd = 0; fd < 65536; fd++)
		if (gp__fd_is_ours(fd) && !i--)
			return fd;
	return -1;
}

CASE("the hub's descriptors are at the top of the table and close-on-exec; the lowest number stays free")
{
	int lowest = dup(0), next, a, b;

	NEED(lowest >= 0 && !close(lowest));
	EXPECT(gp_self());
	EXPECT_INT(gp_sleep(1), 0);
	next = dup(0);
	EXPECT_INT(next, lowest);
	a = own_number(0);
	b = own_number(1);
	EXPECT(a > 500 && b > 500);
	EXPECT_INT(own_number(2), -1);
	EXPECT_INT(fcntl(a, F_GETFD), FD_CLOEXEC);
	EXPECT_INT(fcntl(b, F_GETFD), FD_CLOEXEC);
	EXPECT(!gp__fd_is_ours(-1) && !gp__fd_is_ours(0) && !gp__fd_is_ours(next));
}

CASE("a descriptor is hidden, known as ours, and forgotten")
{
	int fd = dup(0), hidden;

	hidden = gp__fd_hide(fd);
	EXPECT(hidden > fd);
	EXPECT_INT(fcntl(fd, F_GETFD), -1);
	EXPECT_INT(fcntl(hidden, F_GETFD), FD_CLOEXEC);
	EXPECT(gp__fd_is_ours(hidden));
	gp__fd_unhide(hidden);
	EXPECT(!gp__fd_is_ours(hidden));
	EXPECT_INT(gp__fd_hide(-EMFILE), -EMFILE);
}

CASE("with a low limit, hidden descriptors are as high as it allows")
{
	struct rlimit limit;
	int hidden;

	NEED(!getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = 32;
	NEED(!setrlimit(RLIMIT_NOFILE, &limit));
	hidden = gp__fd_hide(dup(0));
	EXPECT(hidden >= 16 && hidden < 32);
	EXPECT(gp__fd_is_ours(hidden));
}

CASE("a range of numbers is cut before the next one of ours")
{
	int a = gp__fd_hide(dup(0)), b;

	NEED(a > 100);
	b = gp__fd_hide(dup(0));
	NEED(b == a + 1);
	EXPECT_INT(gp__fd_next_own(3, 50), 50);
	EXPECT_INT(gp__fd_next_own(3, UINT_MAX), a - 1);
	EXPECT_INT(gp__fd_next_own((unsigned)b + 1, UINT_MAX), UINT_MAX);
}

static long twice(void *arg)
{
	return 2 * *(long *)arg;
}

CASE("a number of the hub's that the program wants is given up, and the hub works on")
{
	int p[2];
	long n = 4;

	NEED(gp_self() && !pipe(p));
	for (int i = 0; i < 2; i++)
		for (int which = 0; which < 2; which++) {
			int wanted = own_number(which);

			gp__fd_move(gp__hub(), wanted);
			EXPECT(!gp__fd_is_ours(wanted));
			EXPECT_INT(fcntl(wanted, F_GETFD), -1);
			NEED(dup2(0, wanted) == wanted);
			EXPECT_INT(own_number(1) >= 0, 1);
			EXPECT_INT(gp__wait_fd(gp__hub(), p[0], GP__READ, gp_now() + GP__MSEC), -ETIMEDOUT);
			NEED(write(p[1], "x", 1) == 1);
			EXPECT_INT(gp__wait_fd(gp__hub(), p[0], GP__READ, gp_now() + GP__SEC), GP__READ);
			NEED(read(p[0], &(char){ 0 }, 1) == 1);
			EXPECT_INT(gp__offload(gp__hub(), twice, &n), 8); /* needs the kick */
			EXPECT(fcntl(wanted, F_GETFD) >= 0);
			close(wanted);
		}
}

/* ---- hooks ------------------------------------------------------------------------------ */

static unsigned long seen[16];
static int switches, polls;

static void on_switch(struct gp_hub *h, struct gp_greenlet *g)
{
	EXPECT(h->current == g);
	EXPECT_INT(g->state, GP__RUNNING);
	seen[switches++ % 16] = gp_id(g);
}

static void on_poll(struct gp_hub *h)
{
	EXPECT(h->current == NULL);
	polls++;
}

static void *yield_once(void *arg)
{
	gp_yield();
	return NULL;
}

CASE("hooks see every greenlet that begins to run, and every look at the loop")
{
	static const struct gp_hooks hooks = { .switched = on_switch, .before_poll = on_poll };
	static struct gp_greenlet record;
	struct gp_hub *h;
	struct gp_greenlet *g;

	EXPECT_INT(gp__hub_make(&h, &record, &hooks), 0);
	gp__hub_set(h);
	EXPECT(gp_self() == &record);
	g = gp_spawn(yield_once, NULL);
	EXPECT_INT(gp_join(g, GP_NEVER), 0);
	/* Its yield finds nobody else, and is no switch. */
	EXPECT_INT(switches, 2);
	EXPECT_INT(seen[0], 2);
	EXPECT_INT(seen[1], 1);
	EXPECT_INT(polls, 0);
	EXPECT_INT(gp_sleep(1000), 0);
	EXPECT(polls > 0);
	gp_unref(g);
}

/* ---- the sleep in the kernel ------------------------------------------------------------------ */

CASE("a blocking call is not made when it is told to stop, and made when it is not")
{
	volatile uint32_t stop = 1;
	struct pollfd f = { .fd = -1 };
	int64_t began = unit_now();

	EXPECT_INT(gp__raw_block(SYS_poll, (long[]){ (long)&f, 1, 3600000, 0, 0, 0 }, &stop), GP__RAW_STOPPED);
	stop = 0;
	EXPECT_INT(gp__raw_block(SYS_poll, (long[]){ (long)&f, 1, 1, 0, 0, 0 }, &stop), 0);
	EXPECT(unit_now() - began >= GP__MSEC);
	EXPECT_INT(gp__raw_block(SYS_close, (long[]){ -1, 0, 0, 0, 0, 0 }, &stop), -EBADF);
	EXPECT(&gp__raw_block_begin[0] < &gp__raw_block_end[0]);
}

static void nothing(int signo) {}

CASE("a signal that the program takes does not end a sleep early")
{
	struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, off = { { 0, 0 }, { 0, 0 } };
	int64_t began = gp_now();

	signal(SIGVTALRM, nothing);
	signal(SIGUSR1, nothing);
	signal(SIGALRM, nothing);
	NEED(!setitimer(ITIMER_REAL, &often, NULL));
	EXPECT_INT(gp_sleep(30 * GP__MSEC), 0);
	EXPECT(gp_now() - began >= 30 * GP__MSEC);
	NEED(!setitimer(ITIMER_REAL, &off, NULL));
}

static void *kick_later(void *hub)
{
	usleep(5000);
	*(volatile int *)&polls = 1000;
	gp__loop_kick(hub);
	return NULL;
}

static bool told_quiet(struct gp_hub *h)
{
	return true;
}

static struct gp_greenlet *sleeper;

static void wake_when_kicked(struct gp_hub *h)
{
	if (polls == 1000)
		gp__wake(sleeper, 7);
}

CASE("a kick from another thread makes a sleeping hub look")
{
	static const struct gp_hooks hooks = { .before_poll = wake_when_kicked, .may_wake = told_quiet };
	pthread_t t;

	sleeper = gp_self();
	gp__hub()->hooks = &hooks;
	NEED(!pthread_create(&t, NULL, kick_later, gp__hub()));
	EXPECT_INT(gp__park(gp__hub(), "test", 0, GP__NEVER, 0), 7);
	pthread_join(t, NULL);
}
