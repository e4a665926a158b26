/* What each thread has for itself: affinity, policy and priority, nice value, I/O priority; set by itself and by
 * others, inherited by threads and children, refused as the kernel does. Each change is followed by what all of them
 * have then. */
#include "guest.h"

#include <sched.h>
#include <semaphore.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define OF_THREAD 1 /* IOPRIO_WHO_PROCESS */
#define RESET     0x40000000

static struct one {
	const char *name;
	pthread_t thread;
	pid_t id;
	sem_t ready, go;
	void (*task)(struct one *);
} first = { .name = "first" }, second = { .name = "second" }, third = { .name = "third" };

static void *serves(void *arg)
{
	struct one *o = (struct one *)arg;

	o->id = gettid();
	for (;;) {
		sem_post(&o->ready);
		while (sem_wait(&o->go) == -1)
			;
		if (!o->task)
			return arg;
		o->task(o);
	}
}

static void begin(struct one *o)
{
	sem_init(&o->ready, 0, 0);
	sem_init(&o->go, 0, 0);
	o->thread = thread_start(serves, o);
	sem_wait(&o->ready);
}

static void tell(struct one *o, void (*task)(struct one *))
{
	o->task = task;
	sem_post(&o->go);
	if (task)
		sem_wait(&o->ready);
	else
		thread_join(o->thread);
}

/* 0, or the name of the error. */
static const char *result(long r)
{
	return r == -1 ? strerrorname_np(errno) : "done";
}

static const char *error(int e)
{
	return e ? strerrorname_np(e) : "done";
}

/* ---- what they have --------------------------------------------------------- */

static cpu_set_t all;

static void show(const struct one *o)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t rest[4];
	} attr;
	struct sched_param param;
	cpu_set_t set;
	int policy = -1;

	memset(&attr, 0, sizeof attr);
	CHECK_OK(pthread_getaffinity_np(o->thread, sizeof set, &set));
	CHECK_OK(pthread_getschedparam(o->thread, &policy, &param));
	CHECK_INT(syscall(SYS_sched_getattr, o->id, &attr, sizeof attr, 0), 0);
	CHECK_INT(attr.policy, policy & ~RESET);
	CHECK_INT(attr.priority, param.sched_priority);
	CHECK_INT(sched_getscheduler(o->id) & ~RESET, policy & ~RESET);
	errno = 0;
	printf("  %s: %s, policy %d%s, priority %d, nice %d, io %ld\n", o->name,
	       CPU_EQUAL(&set, &all)  ? "everywhere"
	       : CPU_COUNT(&set) == 1 ? "on one"
	                              : "on some",
	       attr.policy, sched_getscheduler(o->id) & RESET ? " (not inherited)" : "", param.sched_priority,
	       getpriority(PRIO_PROCESS, (id_t)o->id), syscall(SYS_ioprio_get, OF_THREAD, o->id) >> 13);
	CHECK_INT(errno, 0);
}

static void show_all(const char *what, const char *came)
{
	printf("%s: %s\n", what, came);
	show(&first);
	show(&second);
	show(&third);
}

/* ---- changes ---------------------------------------------------------------- */

static void pin_itself(struct one *o)
{
	cpu_set_t set, got;
	int last = 0;

	for (int i = 0; i < CPU_SETSIZE; i++)
		last = CPU_ISSET(i, &all) ? i : last;
	CPU_ZERO(&set);
	CPU_SET(last, &set);
	CHECK_INT(sched_setaffinity(0, sizeof set, &set), 0);
	CHECK_INT(sched_getaffinity(0, sizeof got, &got), 0);
	CHECK(CPU_EQUAL(&set, &got));
	CHECK_INT(sched_getaffinity(o->id, sizeof got, &got), 0);
	CHECK(CPU_EQUAL(&set, &got));
}

static void be_nicer(struct one *o)
{
	(void)o;
	errno = 0;
	CHECK_INT(nice(2), 2 + (getpriority(PRIO_PROCESS, 0) - 2));
	CHECK_INT(errno, 0);
}

static void *tells_child(void *arg)
{
	struct one *o = (struct one *)arg;

	o->thread = pthread_self();
	o->id = gettid();
	show(o);
	return arg;
}

static void has_a_thread(struct one *o)
{
	static struct one child = { .name = "a thread of it" };

	(void)o;
	thread_join(thread_start(tells_child, &child));
}

static void has_a_child(struct one *o)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		printf(" in a child of it\n");
		tells_child(o);
		_exit(guest_failures ? 1 : 0);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
}

static int policy_of(struct one *o, int policy, int priority)
{
	struct sched_param param = { priority };

	return pthread_setschedparam(o->thread, policy, &param);
}

static void changes(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t rest[3];
	} attr;
	cpu_set_t none;

	show_all("as they begin", "done");
	tell(&second, pin_itself);
	show_all("the second pins itself", "done");
	tell(&third, be_nicer);
	show_all("the third is nicer", "done");
	show_all("the second gets nice 7", result(setpriority(PRIO_PROCESS, (id_t)second.id, 7)));
	show_all("the second becomes a batch", error(policy_of(&second, SCHED_BATCH, 0)));
	show_all("the third becomes idle", error(policy_of(&third, SCHED_IDLE, 0)));
	show_all("the third gets an I/O class", result(syscall(SYS_ioprio_set, OF_THREAD, third.id, 3 << 13)));
	show_all("the first gets nice 1", result(setpriority(PRIO_PROCESS, (id_t)first.id, 1)));
	printf("threads and children\n");
	tell(&second, has_a_thread);
	tell(&third, has_a_thread);
	tell(&second, has_a_child);
	memset(&attr, 0, sizeof attr);
	attr.size = 48;
	attr.policy = SCHED_BATCH;
	attr.flags = 1;
	attr.nice = 9;
	show_all("the second by sched_setattr", result(syscall(SYS_sched_setattr, second.id, &attr, 0)));
	tell(&second, has_a_thread);

	CPU_ZERO(&none);
	printf("an empty set: %s\n", error(pthread_setaffinity_np(second.thread, sizeof none, &none)));
	printf("a set of no bytes: %s\n", result(syscall(SYS_sched_getaffinity, second.id, 0, &none)));
	printf("a set that is nowhere: %s\n", result(syscall(SYS_sched_getaffinity, second.id, 128, guest_nowhere)));
	printf("a priority that is not: %s\n", error(policy_of(&second, SCHED_FIFO, 1000)));
	printf("a policy that is not: %s\n", error(policy_of(&second, 77, 0)));
	attr.size = 20;
	printf("attributes that are too few: %s\n", result(syscall(SYS_sched_setattr, second.id, &attr, 0)));
	attr.size = 48;
	attr.policy = 77;
	printf("attributes with a policy that is not: %s\n", result(syscall(SYS_sched_setattr, second.id, &attr, 0)));
	printf("an I/O class that is not: %s\n", result(syscall(SYS_ioprio_set, OF_THREAD, third.id, 6 << 13)));
	printf("nobody: %s\n", result(sched_setscheduler(0x3ffffff0, SCHED_OTHER, &(struct sched_param){ 0 })));
	show_all("after the errors", "done");
}

/* What only some may. In a child, which may be nobody in particular. */
static void rights(void)
{
	struct rlimit nice_limit = { 15, 15 };

	guest_failures = 0;
	if (getuid() == 0)
		CHECK_INT(setresuid(65534, 65534, 65534), 0);
	printf("limit of nice values: %s\n", result(setrlimit(RLIMIT_NICE, &nice_limit)));
	first.thread = pthread_self();
	first.id = gettid();
	begin(&second);
	begin(&third);
	show_all("nobody in particular", "done");
	show_all("real time", error(policy_of(&second, SCHED_FIFO, 5)));
	show_all("less nice than anybody", result(setpriority(PRIO_PROCESS, (id_t)second.id, -1)));
	show_all("nicer", result(setpriority(PRIO_PROCESS, (id_t)second.id, 12)));
	show_all("less nice than it was", result(setpriority(PRIO_PROCESS, (id_t)second.id, 3)));
	show_all("as nice as its limit allows", result(setpriority(PRIO_PROCESS, (id_t)second.id, 5)));
	show_all("the first nicer still", result(setpriority(PRIO_PROCESS, (id_t)first.id, 15)));
	show_all("the third a little", result(setpriority(PRIO_PROCESS, (id_t)third.id, 4)));
	show_all("idle", error(policy_of(&third, SCHED_IDLE, 0)));
	tell(&second, NULL);
	tell(&third, NULL);
}

int main(void)
{
	int status;
	pid_t pid;

	CHECK_INT(sched_getaffinity(0, sizeof all, &all), 0);
	first.thread = pthread_self();
	first.id = gettid();
	pid = fork();
	if (pid == 0) {
		rights();
		_exit(guest_failures ? 1 : 0);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	begin(&second);
	begin(&third);
	changes();
	tell(&second, NULL);
	tell(&third, NULL);
	return guest_done();
}
