/* fault_start.c - signals, lists, the watch, stacks and the hub itself while the n-th system call fails (fault_calls.h);
 * sigaction() and pthread_create() of libc count as such. */
#include "unit.h"
#include "fault_calls.h"

int pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
	int r = libc_fails(FAULT_THREAD);

	return r ? r : REAL(pthread_create)(t, attr, start, arg);
}

int sigaction(int signo, const struct sigaction *new, struct sigaction *old)
{
	int r = libc_fails(FAULT_SIGACTION);

	if (!r)
		return REAL(sigaction)(signo, new, old);
	errno = r;
	return -1;
}

static int64_t soon(void)
{
	return gp_after(3 * GP_SEC);
}

/* ---- signals, stacks --------------------------------------------------------------------------------- */

static int handled;

static void on_usr1(int signo, void *arg)
{
	handled++;
}

static int do_signal(void)
{
	struct sigaction now;
	int r = gp_signal_handler(SIGUSR1, on_usr1, NULL);

	NEED(!REAL(sigaction)(SIGUSR1, NULL, &now));
	EXPECT((now.sa_handler == SIG_DFL) == !!r);
	EXPECT_INT(gp_self()->hub->handlers, !r);
	if (r)
		return r;
	handled = 0;
	raise(SIGUSR1);
	for (int64_t until = soon(); !handled && !r;)
		r = gp_now() < until ? gp_sleep(0) : -ETIMEDOUT;
	if (gp_signal_restore(SIGUSR1)) /* then it is still the handler's */
		EXPECT_INT(gp_self()->hub->handlers, 1);
	EXPECT_INT(gp_signal_restore(SIGUSR1), 0);
	EXPECT_INT(gp_self()->hub->handlers, 0);
	return r;
}

static int do_ignore(void)
{
	struct sigaction now;
	int r = gp_signal_ignore(SIGUSR1), back;

	NEED(!REAL(sigaction)(SIGUSR1, NULL, &now));
	EXPECT(now.sa_handler == (r ? SIG_DFL : SIG_IGN));
	back = gp_signal_restore(SIGUSR1);
	if (back)
		EXPECT_INT(gp_signal_restore(SIGUSR1), 0);
	NEED(!REAL(sigaction)(SIGUSR1, NULL, &now));
	EXPECT(now.sa_handler == SIG_DFL);
	return r ? r : back;
}

/* A handler that was there stays where the signal cannot be ignored. */
static int do_ignore_handled(void)
{
	int r;

	NEED(!REAL(sigaction)(SIGUSR1, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL));
	r = gp_signal_handler(SIGUSR1, on_usr1, NULL);
	if (r)
		return r;
	r = gp_signal_ignore(SIGUSR1);
	EXPECT_INT(gp_self()->hub->handlers, !!r);
	EXPECT_INT(gp_signal_restore(SIGUSR1) && gp_signal_restore(SIGUSR1), 0);
	EXPECT_INT(gp_self()->hub->handlers, 0);
	return r;
}

static int do_dump(void)
{
	int fd = memfd_create("dump", MFD_CLOEXEC), r = gp_dump(fd);
	char text[64] = "";

	NEED(pread(fd, text, sizeof text - 1, 0) >= 0);
	EXPECT_INT(!strncmp(text, "  #1 main runs\n", 15), !r);
	close(fd);
	return r;
}

static int do_watch(void)
{
	int r = gp_watch_blocking(GP_SEC);

	return r ? r : gp_watch_blocking(0);
}

static void *nothing(void *arg)
{
	return NULL;
}

static int spawn_with_stack(size_t size)
{
	struct gp_attr attr = { .stack_size = size };
	struct gp_greenlet *g = gp_spawn_with(&attr, nothing, NULL);
	int r = g ? gp_join(g, soon()) : -ENOMEM;

	gp_unref(g);
	return r;
}

static int do_large_stack(void) { return spawn_with_stack(1 << 20); }

/* More of one size than stay warm, so that a chunk is made and given back. */
static int do_many_stacks(void)
{
	static struct gp_greenlet *g[40];
	struct gp_attr attr = { .stack_size = 252 * 1024 };
	int n = 0, r = 0;

	for (; n < 40 && !r; n++) {
		g[n] = gp_spawn_with(&attr, nothing, NULL);
		if (!g[n])
			r = -ENOMEM;
	}
	for (int i = 0; i < n; i++) {
		if (g[i])
			EXPECT_INT(gp_join(g[i], soon()), 0);
		gp_unref(g[i]);
	}
	return r;
}

CASE("signals, lists, the watch, stacks")
{
	static const struct fault_call calls[] = {
		{ "signal", do_signal, 0 },
		{ "signal_ignore", do_ignore, 0 },
		{ "signal_ignore, handled", do_ignore_handled, 0 },
		{ "dump", do_dump, 0 },
		{ "watch", do_watch, 0 },
		{ "large stack", do_large_stack, 0 },
		{ "many stacks", do_many_stacks, 0 },
	};

	FAULT_CALLS(calls);
}

/* ---- the hub itself -------------------------------------------------------------------------------------------- */

static void *same(void *arg)
{
	return arg;
}

static void inject_from(int n, int which)
{
	injected.hub = pthread_self();
	injected.left = n;
	injected.which = which;
	injected.nr = -1;
	injected.on = true;
}

/* Whether no call of its was left to fail. */
static bool inject_end(void)
{
	injected.on = false;
	return injected.nr < 0 && injected.left >= 0;
}

/* In a process that has no hub. True: all of its calls have been made. */
static bool start_with(int n, int which)
{
	int before = fault_descriptors(), blocks = fault_blocks, r;
	void *value = NULL;
	bool through;

	inject_from(n, which);
	r = gp_offload(same, &value, &value, soon()); /* needs the hub's descriptors */
	through = inject_end();
	if (!gp__hub()) {
		EXPECT(r < 0);
		EXPECT_INT(fault_descriptors(), before);
		EXPECT_INT(fault_blocks, blocks);
	} else {
		EXPECT_INT(fault_descriptors(), before + 2);
	}
	EXPECT(r == 0 || injected.nr >= 0);
	EXPECT_INT(gp_offload(same, &value, &value, soon()), 0);
	EXPECT_INT(gp_sleep(1000), 0);
	return through;
}

/* In the child of a fork, whose hub makes its descriptors anew: it waits until it gets them. */
static bool renew_with(int n, int which)
{
	void *value = NULL;
	bool through;
	int p[2];

	NEED(!pipe(p) && write(p[1], "x", 1) == 1);
	inject_from(n, which);
	gp__hub_forked(gp__hub());
	EXPECT_INT(gp_wait_read(p[0], soon()), 0);
	through = inject_end();
	EXPECT_INT(gp_offload(same, &value, &value, soon()), 0);
	return through;
}

static void each_process(const char *name, bool (*with)(int n, int which))
{
	int status = 0, failures = 0;

	for (int n = 0; status != 2 && n < 100; n++)
		for (int which = 0; which < 3; which++) {
			pid_t pid = unit_fork();

			if (!pid) {
				alarm(5);
				status = with(n, which) ? 2 : 0;
				if (unit_failures)
					printf("# %s, call %d (system call %ld, error %d)\n", name, n + 1, injected.nr,
					       injected.error);
				fflush(stdout);
				_exit(unit_failures ? 1 : status);
			}
			status = unit_wait(pid);
			if (!WIFEXITED(status) || WEXITSTATUS(status) == 1)
				unit_fail(__FILE__, __LINE__, "%s, call %d, error %d: came %#x", name, n + 1, which, status);
			status = WEXITSTATUS(status);
			failures += status == 0;
		}
	printf("# %s: %d failures\n", name, failures);
	EXPECT_INT(status, 2);
}

CASE("a hub is made and works, or there is none and the next call makes one")
{
	each_process("hub", start_with);
}

CASE("the hub of a fork's child works, whatever fails at first")
{
	NEED(!gp_sleep(1000));
	each_process("child's hub", renew_with);
}
