/* What the kernel keeps for each thread: names of others, affinity, scheduling, priority, processor clocks, usage. */
#include "guest.h"

#include <dirent.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static sem_t ready, end;
static pid_t id;

static void *waits(void *arg)
{
	id = gettid();
	sem_post(&ready);
	while (sem_wait(&end) == -1)
		;
	return arg;
}

static void *burns(void *arg)
{
	struct timespec before, after;
	struct rusage usage;
	clockid_t clock;

	CHECK_OK(pthread_getcpuclockid(pthread_self(), &clock));
	CHECK_INT(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before), 0);
	for (volatile int i = 0; i < 5000000; i++)
		;
	CHECK_INT(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after), 0);
	CHECK(after.tv_sec > before.tv_sec || after.tv_nsec > before.tv_nsec);
	CHECK_INT(clock_gettime(clock, &after), 0);
	CHECK_INT(getrusage(RUSAGE_THREAD, &usage), 0);
	return arg;
}

/* How often a thread is in the list of all; 0: how many are in it. */
static int tasks(pid_t tid)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int count = 0;

	while (dir && (entry = readdir(dir)))
		count += entry->d_name[0] != '.' && (!tid || atoi(entry->d_name) == tid);
	if (dir)
		closedir(dir);
	return count;
}

int main(void)
{
	struct sched_param param;
	pthread_t thread, other;
	cpu_set_t set;
	char name[32], path[64];
	int policy, fd;

	sem_init(&ready, 0, 0);
	sem_init(&end, 0, 0);
	prctl(PR_SET_NAME, "first");
	thread = thread_start(waits, NULL);
	sem_wait(&ready);
	CHECK_OK(pthread_getname_np(thread, name, sizeof name)); /* of another thread: by /proc/self/task */
	CHECK_STR(name, "first");
	CHECK_OK(pthread_setname_np(thread, "second"));
	CHECK_OK(pthread_getname_np(thread, name, sizeof name));
	CHECK_STR(name, "second");
	CHECK_INT(prctl(PR_GET_NAME, name), 0);
	CHECK_STR(name, "first");
	snprintf(path, sizeof path, "/proc/self/task/%d/comm", id);
	fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	memset(name, 0, sizeof name);
	CHECK_INT(read(fd, name, sizeof name), 7);
	CHECK_STR(name, "second\n");
	close(fd);

	CHECK_OK(pthread_getaffinity_np(thread, sizeof set, &set));
	CHECK(CPU_COUNT(&set) >= 1);
	CHECK_OK(pthread_setaffinity_np(thread, sizeof set, &set));
	CHECK_INT(sched_getaffinity(id, sizeof set, &set), 0);
	CHECK_OK(pthread_getschedparam(thread, &policy, &param));
	CHECK_INT(policy, SCHED_OTHER);
	CHECK_OK(pthread_setschedparam(thread, SCHED_OTHER, &param));
	CHECK_INT(sched_getscheduler(id), SCHED_OTHER);
	errno = 0;
	CHECK_INT(getpriority(PRIO_PROCESS, (id_t)id), getpriority(PRIO_PROCESS, 0));
	CHECK_INT(errno, 0);
	CHECK(sched_getcpu() >= 0);

	other = thread_start(waits, NULL);
	sem_wait(&ready);
	CHECK_INT(prctl(PR_SET_NAME, "third"), 0);
	CHECK_OK(pthread_getname_np(other, name, sizeof name));
	CHECK_STR(name, "first"); /* as the process was called when it began */
	CHECK_INT(tasks(getpid()), 1);
	CHECK_INT(tasks(id), 1);
	CHECK_INT(tasks(0), 3);
	snprintf(path, sizeof path, "/proc/self/task/%d/stat", id);
	fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	CHECK(read(fd, name, sizeof name) > 0);
	close(fd);

	sem_post(&end);
	sem_post(&end);
	thread_join(other);
	thread_join(thread);
	thread_join(thread_start(burns, NULL));
	return guest_done();
}
