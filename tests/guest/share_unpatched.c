/* Objects in shared memory between this process with threads and one that it starts with an empty environment: mutexes,
 * robust ones whose owner dies there, condition variables, read-write locks, barriers, semaphores with and without a
 * name. */
#include "guest.h"

#include <semaphore.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define ROUNDS 300

struct shared {
	pthread_mutex_t mutex, robust;
	pthread_cond_t cond;
	pthread_rwlock_t rwlock;
	pthread_barrier_t barrier;
	sem_t there, here;
	int turn, count[2]; /* under the mutex, under the read-write lock */
};

static struct shared *shared;
static char name[32];
static int stop;

static void make(void)
{
	pthread_mutexattr_t mutexattr;
	pthread_condattr_t condattr;
	pthread_rwlockattr_t rwlockattr;
	pthread_barrierattr_t barrierattr;

	pthread_mutexattr_init(&mutexattr);
	pthread_mutexattr_setpshared(&mutexattr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&shared->mutex, &mutexattr);
	pthread_mutexattr_setrobust(&mutexattr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&shared->robust, &mutexattr);
	pthread_condattr_init(&condattr);
	pthread_condattr_setpshared(&condattr, PTHREAD_PROCESS_SHARED);
	pthread_cond_init(&shared->cond, &condattr);
	pthread_rwlockattr_init(&rwlockattr);
	pthread_rwlockattr_setpshared(&rwlockattr, PTHREAD_PROCESS_SHARED);
	pthread_rwlock_init(&shared->rwlock, &rwlockattr);
	pthread_barrierattr_init(&barrierattr);
	pthread_barrierattr_setpshared(&barrierattr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&shared->barrier, &barrierattr, 2);
	sem_init(&shared->there, 1, 0);
	sem_init(&shared->here, 1, 0);
}

static void wait_for(sem_t *sem)
{
	while (sem_wait(sem) == -1)
		;
}

/* In turns by a condition variable; then each adds under every kind of lock. */
static void play(int me)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&shared->mutex);
		while (shared->turn != me)
			pthread_cond_wait(&shared->cond, &shared->mutex);
		shared->turn = !me;
		pthread_cond_broadcast(&shared->cond);
		pthread_mutex_unlock(&shared->mutex);
	}
	pthread_barrier_wait(&shared->barrier);
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&shared->mutex);
		shared->count[0]++;
		pthread_mutex_unlock(&shared->mutex);
		pthread_rwlock_wrlock(&shared->rwlock);
		shared->count[1]++;
		if (i % 50 == 0)
			sched_yield();
		pthread_rwlock_unlock(&shared->rwlock);
		pthread_rwlock_rdlock(&shared->rwlock);
		pthread_rwlock_unlock(&shared->rwlock);
	}
	pthread_barrier_wait(&shared->barrier);
}

static void *breathes(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	return arg;
}

static void *plays(void *arg)
{
	play((int)(long)arg);
	return NULL;
}

static sem_t *named(void)
{
	sem_t *sem = sem_open(name, 0);

	if (sem == SEM_FAILED)
		guest_die("sem_open");
	return sem;
}

static int other_side(int fd)
{
	sem_t *sem;

	shared = (struct shared *)mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	snprintf(name, sizeof name, "/guest-%d", getppid());
	sem = named();
	wait_for(sem);
	play(1);
	/* The owner ends, and with it its process. */
	wait_for(&shared->there);
	CHECK_OK(pthread_mutex_lock(&shared->robust));
	sem_post(&shared->here);
	wait_for(&shared->there);
	sleep_ms(20); /* somebody waits for it by now; if not, no harm */
	_exit(guest_failures ? 1 : 0);
}

static pid_t start_other(char *program, int fd)
{
	char number[16];
	char *args[] = { program, (char *)"other", number, NULL }, *none[] = { NULL };
	pid_t pid;

	snprintf(number, sizeof number, "%d", fd);
	pid = fork();
	if (pid == 0) {
		execve("/proc/self/exe", args, none);
		_exit(127);
	}
	return pid;
}

static void *inherits(void *arg)
{
	int r = pthread_mutex_lock(&shared->robust);

	(void)arg;
	CHECK_OK(pthread_mutex_consistent(&shared->robust));
	CHECK_OK(pthread_mutex_unlock(&shared->robust));
	return (void *)(long)r;
}

/* The other way round: the owner is the first thread of a child like us, which ends in each way. */
static void owner_ends(int how)
{
	int status;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		CHECK_OK(pthread_mutex_lock(&shared->robust));
		sem_post(&shared->here);
		wait_for(&shared->there);
		if (how == 0)
			_exit(0);
		if (how == 1)
			*(volatile int *)guest_nowhere = 1;
		for (;;)
			pause();
	}
	wait_for(&shared->here);
	sem_post(&shared->there);
	if (how == 2)
		kill(pid, SIGTERM);
	if (how == 3)
		kill(pid, SIGKILL);
	CHECK_INT((long)inherits(NULL), EOWNERDEAD);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	printf("its owner ended with %x\n", (unsigned)status & 0x7f);
}

int main(int argc, char **argv)
{
	pthread_t breath, player, heir;
	sem_t *sem;
	int fd, status;
	pid_t pid;

	if (argc > 2)
		return other_side(atoi(argv[2]));
	fd = memfd_create("guest", 0);
	if (fd == -1 || ftruncate(fd, sizeof *shared) == -1)
		guest_die("memfd_create");
	shared = (struct shared *)mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	make();
	snprintf(name, sizeof name, "/guest-%d", getpid());
	sem = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
	CHECK(sem != SEM_FAILED);
	CHECK(sem_open(name, O_CREAT | O_EXCL, 0600, 0) == SEM_FAILED && errno == EEXIST);
	CHECK(named() == sem);
	CHECK_INT(sem_close(sem), 0);
	breath = thread_start(breathes, NULL);
	pid = start_other(argv[0], fd);
	player = thread_start(plays, (void *)0);
	sem_post(sem);
	thread_join(player);
	printf("counted %d %d\n", shared->count[0], shared->count[1]);
	sem_post(&shared->there);
	wait_for(&shared->here);
	heir = thread_start(inherits, NULL);
	sem_post(&shared->there);
	CHECK_INT((long)thread_join(heir), EOWNERDEAD);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	for (int how = 0; how < 4; how++)
		owner_ends(how);
	CHECK_INT(sem_close(sem), 0);
	CHECK_INT(sem_unlink(name), 0);
	CHECK(sem_open(name, 0) == SEM_FAILED && errno == ENOENT);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	thread_join(breath);
	return guest_done();
}
