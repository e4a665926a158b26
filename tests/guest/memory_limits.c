/* Limits of memory and memory that stays: address space and stacks that are small from the start or become so, all
 * memory locked, with and without the right to. A row each; threads come and go in all of them. */
#include "guest.h"

#include <limits.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define KIB 1024UL
#define MIB (1024 * KIB)

static const char *self;

static __attribute__((noinline)) long deep(long depth)
{
	volatile char frame[900];

	frame[depth % 900] = 1;
	return depth ? deep(depth - 1) + frame[depth % 900] : 0;
}

static void *works(void *arg)
{
	char *p = (char *)malloc(30000);

	CHECK(p != NULL);
	sched_yield();
	CHECK_INT(deep((long)arg), (long)arg);
	free(p);
	return arg;
}

/* Threads, four at once, with stacks of that size (0: the default). */
static void threads(size_t size, int rounds)
{
	pthread_attr_t attr;
	pthread_t t[4];

	pthread_attr_init(&attr);
	if (size)
		CHECK_OK(pthread_attr_setstacksize(&attr, size));
	for (int i = 0; i < rounds; i++) {
		for (int k = 0; k < 4; k++)
			CHECK_OK(pthread_create(&t[k], &attr, works, (void *)(long)(size ? size / 2000 : 50)));
		for (int k = 0; k < 4; k++)
			thread_join(t[k]);
	}
	pthread_attr_destroy(&attr);
}

/* A line of /proc/self/status, in KiB. */
static unsigned long status_kib(const char *key)
{
	char line[128];
	unsigned long kib = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, key, strlen(key)))
			kib = strtoul(line + strlen(key), NULL, 10);
	if (f)
		fclose(f);
	return kib;
}

static void limit(int what, unsigned long value)
{
	struct rlimit lim;

	CHECK_INT(getrlimit(what, &lim), 0);
	lim.rlim_cur = lim.rlim_max = lim.rlim_max < value ? lim.rlim_max : value;
	CHECK_INT(setrlimit(what, &lim), 0);
}

/* ---- the rows --------------------------------------------------------------- */

static void again_with(int what, unsigned long value)
{
	limit(what, value);
	execl("/proc/self/exe", self, "under", (char *)NULL);
	guest_die("exec");
}

static void space_from_the_start(void)
{
	again_with(RLIMIT_AS, 128 * MIB);
}
static void stack_from_the_start(void)
{
	again_with(RLIMIT_STACK, 128 * KIB);
}
static void data_from_the_start(void)
{
	again_with(RLIMIT_DATA, 128 * MIB);
}

/* What was reserved before does not count against a limit that comes later. */
static void space_later(void)
{
	void *p;

	threads(256 * KIB, 3);
	limit(RLIMIT_AS, 256 * MIB);
	p = mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	munmap(p, 64 * MIB);
	CHECK(mmap(NULL, 256 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	CHECK_INT(errno, ENOMEM);
	threads(256 * KIB, 20);
	threads(0, 5);
	fork() == 0 ? threads(0, 2), _exit(guest_failures) : wait(NULL);
}

static void locked(int flags)
{
	threads(256 * KIB, 3); /* leaves stacks behind */
	CHECK_INT(mlockall(flags), 0);
	threads(256 * KIB, 3);
	threads(512 * KIB, 3);
	CHECK(status_kib("VmLck:") < 64 * KIB);
	if (flags & MCL_CURRENT)
		CHECK(status_kib("VmLck:") > 0);
	CHECK_INT(munlockall(), 0);
	CHECK_INT(status_kib("VmLck:"), 0);
	threads(0, 3);
}

static void locked_now(void)
{
	locked(MCL_CURRENT);
}
static void locked_future(void)
{
	locked(MCL_CURRENT | MCL_FUTURE);
}
static void locked_later(void)
{
	locked(MCL_FUTURE | MCL_ONFAULT);
}
static void locked_on_fault(void)
{
	locked(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}

static void locked_wrong(void)
{
	CHECK_FAILS(mlockall(0), EINVAL);
	CHECK_FAILS(mlockall(64), EINVAL);
	CHECK_FAILS(mlockall(MCL_ONFAULT), EINVAL);
	threads(0, 2);
}

/* Without the right to lock what it likes: up to the limit, and no more. */
static void locked_by_nobody(void)
{
	void *p;

	threads(128 * KIB, 3);
	limit(RLIMIT_NOFILE, 1024);
	limit(RLIMIT_MEMLOCK, 8 * MIB);
	if (getuid() == 0)
		CHECK_INT(setuid(65534), 0);
	CHECK_INT(mlockall(MCL_CURRENT | MCL_FUTURE), 0);
	p = mmap(NULL, 256 * KIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	CHECK(mmap(NULL, 65 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	CHECK_INT(errno, EAGAIN);
	threads(128 * KIB, 3);
	CHECK_INT(munlockall(), 0);
	limit(RLIMIT_MEMLOCK, 0);
	CHECK_FAILS(mlockall(MCL_CURRENT), EPERM);
}

static void locked_stack_of_its_own(void)
{
	pthread_attr_t attr;
	pthread_t t;

	CHECK_INT(mlockall(MCL_CURRENT | MCL_FUTURE), 0);
	pthread_attr_init(&attr);
	CHECK_OK(pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN));
	CHECK_OK(pthread_attr_setguardsize(&attr, 16 * KIB));
	CHECK_OK(pthread_create(&t, &attr, works, (void *)1));
	thread_join(t);
	CHECK_OK(pthread_attr_setguardsize(&attr, 0));
	CHECK_OK(pthread_create(&t, &attr, works, (void *)1));
	thread_join(t);
}

/* A mapping that grows downward, beside threads. */
static void grows_down(void)
{
	char *hole = (char *)mmap(NULL, 64 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0), *p;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_STACK | MAP_FIXED_NOREPLACE;

	munmap(hole, 64 * MIB);
	p = (char *)mmap(hole + 48 * MIB, 16 * KIB, PROT_NONE, flags, -1, 0);
	CHECK(p == hole + 48 * MIB);
	CHECK_INT(mprotect(p, 16 * KIB, PROT_READ | PROT_WRITE), 0);
	for (unsigned long i = 1; i < 100; i++)
		p[-(long)(i * 4096)] = 1;
	CHECK_INT(mprotect(p, 4096, PROT_READ | PROT_GROWSDOWN), 0);
	threads(0, 2);
	munmap(p - 100 * 4096, 100 * 4096 + 16 * KIB);
}

static void huge_stack(void)
{
	pthread_attr_t attr;
	pthread_t t;

	pthread_attr_init(&attr);
	CHECK_OK(pthread_attr_setstacksize(&attr, 1UL << 30));
	CHECK_OK(pthread_create(&t, &attr, works, (void *)10000));
	thread_join(t);
	CHECK_OK(pthread_attr_setstacksize(&attr, 1UL << 48));
	CHECK_INT(pthread_create(&t, &attr, works, NULL), EAGAIN);
	pthread_attr_destroy(&attr);
}

static const struct row {
	const char *what;
	void (*run)(void);
} rows[] = {
	{ "address space, from the start", space_from_the_start },
	{ "address space, later", space_later },
	{ "stack, from the start", stack_from_the_start },
	{ "data, from the start", data_from_the_start },
	{ "all locked now", locked_now },
	{ "all locked now and later", locked_future },
	{ "all locked later, on fault", locked_later },
	{ "all locked on fault", locked_on_fault },
	{ "locked, wrong flags", locked_wrong },
	{ "locked by nobody", locked_by_nobody },
	{ "locked, small stacks and their guards", locked_stack_of_its_own },
	{ "a mapping that grows", grows_down },
	{ "huge stacks", huge_stack },
};

int main(int argc, char **argv)
{
	int status;

	self = argv[0];
	mallopt(M_ARENA_MAX, 1); /* each reserves 64 MiB, natively as well */
	if (argc > 1) {
		threads(0, 3);
		CHECK(malloc(2 * MIB) != NULL);
		return guest_failures ? 1 : 0;
	}
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			guest_failures = 0;
			rows[i].run();
			_exit(guest_failures ? 1 : 0);
		}
		CHECK_INT(waitpid(pid, &status, 0), pid);
		printf("%s: %x\n", rows[i].what, status);
		guest_failures += status != 0;
	}
	return guest_done();
}
